"""What changed between tables."""

from hypothesis import given, settings

from migrations.tables import pairs
from protolith.changes import (
    ChangeStorage,
    ChangeType,
    RenameColumn,
    apply,
    by_name,
    diff,
)
from protolith.tables import Column, Integer, List, Map, Record, Storage, String, Table


def _table(*columns: Column) -> Table:
    return Table("d", "t", columns)


@given(pairs())
@settings(max_examples=60)
def test_the_changes_between_two_tables_make_one_of_the_other(pair: tuple[Table, Table]) -> None:
    old, new = pair
    assert apply(diff(old, new), old) == new
    assert apply(diff(old, new, same=by_name), old) == new
    assert diff(old, old) == ()


def test_swapped_names_go_through_a_third() -> None:
    a, b = Column("a", Integer(), path=(1,)), Column("b", String(), path=(2,))
    old = _table(a, b)
    new = _table(Column("b", Integer(), path=(1,)), Column("a", String(), path=(2,)))
    assert diff(old, new) == (
        RenameColumn(("a",), "a__1"),
        RenameColumn(("b",), "a"),
        RenameColumn(("a__1",), "b"),
    )


def test_a_name_that_differs_in_case_alone_waits_until_the_other_is_gone() -> None:
    old = _table(Column("a", Integer(), path=(1,)), Column("b", Integer(), path=(2,)))
    new = _table(Column("x", Integer(), path=(1,)), Column("A", Integer(), path=(2,)))
    assert diff(old, new) == (RenameColumn(("a",), "x"), RenameColumn(("b",), "A"))


def test_names_inside_lists_and_maps_are_places() -> None:
    def table(name: str) -> Table:
        inner = Record((Column(name, Integer(), path=(1,)), Column("z", String(), path=(2,))))
        listed = Column("l", List(inner), nullable=False, path=(1,))
        return _table(listed, Column("m", Map(String(), inner), nullable=False, path=(2,)))

    changes = diff(table("x"), table("y"))
    assert changes == (RenameColumn(("l", "x"), "y"), RenameColumn(("m", "x"), "y"))


def test_records_that_share_no_field_are_another_type() -> None:
    old = _table(Column("r", Record((Column("x", Integer(), path=(1,)),)), path=(1,)))
    new = _table(Column("r", Record((Column("x", Integer(), path=(2,)),)), path=(1,)))
    assert diff(old, new) == (ChangeType(("r",), new.columns[0].type),)


def test_storage_is_part_of_a_table() -> None:
    storage = (("clickhouse", Storage(order_by=("a",))),)
    old = _table(Column("a", Integer()))
    new = Table("d", "t", old.columns, storage=storage)
    assert diff(old, new) == (ChangeStorage(storage),)
    assert apply(diff(old, new), old) == new
