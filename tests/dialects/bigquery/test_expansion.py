import json

import pytest
from google.protobuf import descriptor_pb2

from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import parity
from protolith.errors import NotFoundError, SchemaTooComplexError


def fields(*types: str) -> list[descriptor_pb2.FieldDescriptorProto]:
    """Fields named f1, f2, …: strings, or messages of the types given."""
    return [
        descriptor_pb2.FieldDescriptorProto(
            name=f"f{number}",
            number=number,
            label=1,
            type=11 if type_ else 9,
            type_name=type_ or None,
        )
        for number, type_ in enumerate(types, 1)
    ]


def schema(**messages: list[descriptor_pb2.FieldDescriptorProto]) -> DescriptorSet:
    """A file without a package, holding messages of these fields."""
    file = descriptor_pb2.FileDescriptorProto(name="a.proto", syntax="proto3")
    for name, parts in messages.items():
        file.message_type.add(name=name, field=parts)
    files = descriptor_pb2.FileDescriptorSet(file=[file])
    return DescriptorSet.from_bytes(files.SerializeToString())


def chain(length: int, width: int, *last: str) -> DescriptorSet:
    """M0 refers to M1 in `width` fields, M1 to M2, and so on; the last has the fields `last`."""
    links = {f"M{n}": fields(*[f".M{n + 1}"] * width) for n in range(length)}
    return schema(**links, **{f"M{length}": fields(*last)})


def test_a_message_without_package_table_and_comments_has_columns() -> None:
    found = parity.schema_text(schema(M=fields("", ".N"), N=fields("")), "M")
    assert json.loads(found) == [
        {"name": "f1", "type": "STRING", "mode": "NULLABLE"},
        {
            "name": "f2",
            "type": "RECORD",
            "mode": "NULLABLE",
            "fields": [{"name": "f1", "type": "STRING", "mode": "NULLABLE"}],
        },
    ]


def test_a_message_that_is_not_there() -> None:
    with pytest.raises(NotFoundError):
        parity.message_columns(schema(M=fields("")), "Other")


def test_what_has_no_column_is_a_node_with_the_reason() -> None:
    descriptors = schema(M=fields("", ".M", ".E", ".W"), E=[], W=fields(".E", ".M"))
    columns = parity.message_columns(descriptors, "M")
    assert [(path, node.dropped) for path, node in parity.walk(columns)] == [
        ("f1", None),
        ("f2", "recursive"),
        ("f3", "empty"),
        ("f4", "empty"),
        ("f4.f1", "empty"),
        ("f4.f2", "recursive"),
    ]
    assert [column and column["name"] for column in parity.to_json(columns)] == ["f1"]


def test_too_many_columns() -> None:
    budget = parity.Budget(columns=10)
    assert len(parity.message_columns(schema(M=fields(*[""] * 10)), "M", budget=budget)) == 10
    with pytest.raises(SchemaTooComplexError, match="more than 10 columns") as caught:
        parity.message_columns(schema(M=fields(*[""] * 9, ".N"), N=fields("")), "M", budget=budget)
    assert caught.value.details[0].field_path == "f10"
    assert caught.value.hint


def test_a_wide_diamond_is_refused_at_once_and_costs_nothing_if_it_is_empty() -> None:
    with pytest.raises(SchemaTooComplexError, match="more than 100,000 columns") as caught:
        parity.message_columns(chain(60, 2, ""), "M0")
    assert caught.value.details[0].field_path
    assert parity.schema_text(chain(60, 2), "M0") == b"null\n"


def test_the_text_of_a_diamond_is_counted_while_it_is_written() -> None:
    budget = parity.Budget(text=10_000)
    assert parity.message_columns(chain(12, 2, ""), "M0", budget=budget)
    with pytest.raises(SchemaTooComplexError, match="more than 10,000 bytes") as caught:
        parity.schema_text(chain(12, 2, ""), "M0", budget=budget)
    assert str(caught.value.details[0].field_path).startswith("f1.f1.f1")
    exact = len(parity.schema_text(chain(3, 2, ""), "M0"))
    parity.schema_text(chain(3, 2, ""), "M0", budget=parity.Budget(text=exact))
    with pytest.raises(SchemaTooComplexError):
        parity.schema_text(chain(3, 2, ""), "M0", budget=parity.Budget(text=exact - 1))


def test_depth_has_a_limit_that_is_not_pythons() -> None:
    assert parity.message_columns(chain(64, 1, ""), "M0")
    with pytest.raises(SchemaTooComplexError, match="more than 64 records") as caught:
        parity.message_columns(chain(65, 1, ""), "M0")
    assert caught.value.details[0].field_path == ".".join(["f1"] * 65)
    deep = chain(5_000, 1, "")
    with pytest.raises(SchemaTooComplexError):
        parity.message_columns(deep, "M0")
    columns = parity.message_columns(deep, "M0", budget=parity.Budget(depth=5_000))
    assert sum(1 for _ in parity.walk(columns)) == 5_001
    big = parity.Budget(depth=5_000, text=2**30)
    assert parity.schema_text(deep, "M0", budget=big).endswith(b"}\n]\n")


def test_a_shared_message_is_no_way_around_the_depth() -> None:
    descriptors = schema(
        A=fields(".C", ".B"), B=fields(".C"), C=fields(".D"), D=fields("")
    )  # C is expanded first where there is room
    assert parity.message_columns(descriptors, "A", budget=parity.Budget(depth=3))
    with pytest.raises(SchemaTooComplexError) as caught:
        parity.message_columns(descriptors, "A", budget=parity.Budget(depth=2))
    assert caught.value.details[0].field_path == "f2.f1"


@pytest.mark.parametrize("scalars", [0, 1])
def test_recursion_of_all_with_all_ends(scalars: int) -> None:
    names = [f"M{n}" for n in range(24)]
    all_ = fields(*[""] * scalars, *(f".{name}" for name in names))
    with pytest.raises(SchemaTooComplexError):
        parity.message_columns(schema(**dict.fromkeys(names, all_)), "M0")
