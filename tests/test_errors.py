import inspect

from protolith import errors
from protolith.errors import Detail, SchemaRegistryError
from protolith.web.app import STATUS, status_of

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, SchemaRegistryError)
]


def test_every_error_stands_in_the_tree_at_the_top_of_the_file() -> None:
    tree = str(errors.__doc__)
    for cls in CLASSES:
        assert cls.__name__ in tree
        if cls is not SchemaRegistryError and cls.__subclasses__() == []:
            assert cls.code in tree


def test_codes_are_unique() -> None:
    codes = [cls.code for cls in CLASSES]
    assert len(codes) == len(set(codes)) > 15


def test_every_error_has_a_status_of_its_own_kind() -> None:
    for cls in CLASSES:
        error = SchemaRegistryError.__new__(cls)
        assert status_of(error) in STATUS.values()
        assert (status_of(error) == 500) == (cls in (SchemaRegistryError, errors.StoreDamagedError))


def test_a_detail_says_where() -> None:
    assert str(Detail("oops", file="a.proto", line=3, column=7)) == "a.proto:3:7: oops"
    assert str(Detail("oops", file="a.proto")) == "a.proto: oops"
    assert str(Detail("oops", record=2, offset=40)) == "record 2 at byte 40: oops"
    assert str(Detail("oops", field_path="a.b")) == "a.b: oops"
