"""Which places of a live table differ, on every engine."""

from dataclasses import replace

import pyarrow as pa
import pytest

from protolith import dialect
from protolith.arrow import arrow_schema
from protolith.engines import Difference, Engine, LiveColumn
from protolith.engines.drift import differences
from protolith.tables import Boolean, Column, Integer, List, Map, Record, String, Table

INNER = Record((Column("x", Integer()), Column("y", String(), comment="why")))
DEEP = Record((Column("r", INNER), Column("l", List(INNER), nullable=False)))
TABLE = Table(
    "shop",
    "nested",
    (
        Column("id", Integer(), nullable=False),
        Column("deep", DEEP),
        Column("m", Map(String(), INNER), nullable=False),
        Column("l", List(INNER), nullable=False),
    ),
)


def _with_inner(*columns: Column) -> Table:
    """The table with another record in each place."""
    inner = Record(columns)
    deep = Record((Column("r", inner), Column("l", List(inner), nullable=False)))
    types = {"deep": deep, "m": Map(String(), inner), "l": List(inner)}
    made = (replace(c, type=types.get(c.name, c.type)) for c in TABLE.columns)
    return replace(TABLE, columns=tuple(made))


def _found(engine: Engine, live: Table) -> set[tuple[str, str]]:
    engine.create(live)
    return {(d.column, d.kind) for d in engine.compare(TABLE)}


def _places(engine: Engine, field: str) -> set[str]:
    in_map = "m.value" if engine.name == "bigquery" else "m"
    return {f"{place}.{field}" for place in ("deep.r", "deep.l", in_map, "l")}


def test_a_field_within_is_named_wherever_it_is(engine: Engine) -> None:
    x, _ = INNER.columns
    found = _found(engine, _with_inner(x, Column("z", Boolean())))
    missing = {(place, "missing") for place in _places(engine, "y")}
    assert found == missing | {(place, "extra") for place in _places(engine, "z")}


def test_a_type_within_is_named(engine: Engine) -> None:
    _, y = INNER.columns
    live = _with_inner(Column("x", Boolean()), y)
    assert _found(engine, live) == {(place, "type") for place in _places(engine, "x")}
    sentences = {d.column: d for d in engine.compare(TABLE)}
    texts = {engine.dialect.type_text(Integer()), engine.dialect.type_text(Boolean())}
    assert {sentences["deep.r.x"].expected, sentences["deep.r.x"].live} == texts


def test_another_order_is_said_and_rows_are_loaded_by_name(engine: Engine) -> None:
    x, y = INNER.columns
    live = _with_inner(y, x)
    live = replace(live, columns=live.columns[::-1])
    engine.create(live)
    found = engine.compare(TABLE)
    assert {d.kind for d in found} == {"order"}
    assert all(d.harmless for d in found)
    assert {d.column for d in found} >= _places(engine, "x") | {"id", "l"}
    engine.verify(TABLE)
    stored = engine.dialect.stored(TABLE)
    record = {"x": 7, "y": "seven"}
    entry = {"key": "k", "value": record} if engine.name == "bigquery" else ("k", record)
    row = {"id": 1, "deep": {"r": record, "l": [record]}, "m": [entry], "l": [record]}
    engine.load(TABLE, pa.Table.from_pylist([row], schema=arrow_schema(stored)))
    (back,) = engine.query("SELECT id, deep, m, l FROM shop.nested").to_pylist()
    assert back == row


def test_a_moved_column_alone(engine: Engine) -> None:
    first, *rest = TABLE.columns
    engine.create(replace(TABLE, columns=(*rest, first)))
    by_name = {d.column: d for d in engine.compare(TABLE)}
    assert by_name["id"] == Difference("id", "order", "1", "4", harmless=True)


def test_null_within_and_around() -> None:
    click = dialect("clickhouse")
    wanted = LiveColumn("r", "Nullable(Tuple(a Int64, b Nullable(String)))")
    live = LiveColumn("r", "Tuple(a Nullable(Int64), b Nullable(String))")
    assert [str(d) for d in differences((wanted,), (live,), click)] == [
        "r: refuses NULL, should allow it",
        "r.a: allows NULL, should not",
    ]


@pytest.mark.parametrize("live", ["Tuple(a FixedString(3))", "Dynamic", "Tuple(a Int64"])
def test_a_type_that_cannot_be_read_is_shown_whole(live: str) -> None:
    wanted = LiveColumn("r", "Tuple(a Int64)")
    (found,) = differences((wanted,), (LiveColumn("r", live),), dialect("clickhouse"))
    assert str(found) == f"r: is {live}, should be Tuple(a Int64)"


def test_comments_within_where_the_engine_has_them() -> None:
    wanted = LiveColumn("r", "STRUCT<`a` INT64>", True, "", (("r.a", "why"),))  # noqa: FBT003
    live = replace(wanted, inner_comments=(("r.a", "mine"),))
    (found,) = differences((wanted,), (live,), dialect("bigquery"))
    assert (found.column, found.kind, found.harmless) == ("r.a", "comment", True)
