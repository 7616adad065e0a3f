"""Tables that are built anew beside the old one, in real engines with rows in them."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal as Number
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from protolith.arrow import arrow_schema
from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.errors import ConflictError
from protolith.migrations import Migration, plan
from protolith.tables import (
    Bytes,
    Column,
    Decimal,
    Float,
    Integer,
    List,
    Map,
    Record,
    Storage,
    String,
    Table,
)

INNER = Record(
    (
        Column("n", Integer(64), path=(1,)),
        Column("text", Bytes(), path=(2,)),
        Column("many", List(Integer(64)), nullable=False, path=(3,)),
        Column("gone", String(), path=(4,)),
    )
)
WIDER = Record(
    (
        Column("fresh", Float(64), path=(5,)),
        Column("number", Decimal(38, 9), path=(1,)),
        Column("text", String(), path=(2,)),
        Column("many", List(Decimal(20, 0)), nullable=False, path=(3,)),
    )
)
OLD = Table(
    "d",
    "t",
    (
        Column("id", Integer(64), nullable=False, path=(1,), comment="it's a key"),
        Column("in", INNER, path=(2,)),
        Column("list", List(INNER), nullable=False, path=(3,)),
        Column("map", Map(String(), INNER), nullable=False, path=(4,)),
        Column("one", Integer(32), path=(5,)),
        Column("some", List(String()), nullable=False, path=(6,)),
        Column("maybe", String(), path=(7,)),
    ),
    comment="Things.",
)
NEW = replace(
    OLD,
    comment="Other things.",
    columns=(
        Column("key", Integer(64), nullable=False, path=(1,), comment="renamed"),
        Column("some", String(), path=(6,)),
        Column("in", WIDER, path=(2,)),
        Column("list", List(WIDER), nullable=False, path=(3,)),
        Column("map", Map(String(), WIDER), nullable=False, path=(4,)),
        Column("one", List(Integer(64)), nullable=False, path=(5,)),
        Column("maybe", String(), nullable=False, path=(7,)),
        Column("added", List(INNER), nullable=False, path=(8,)),
    ),
)
EXTREME = 2**63 - 1


def _old_inner(number: int, *many: int) -> dict[str, Any]:
    return {"n": number, "text": "é".encode(), "many": list(many), "gone": "g"}


def _new_inner(number: int, *many: int) -> dict[str, Any]:
    return {
        "fresh": None,
        "number": Number(number),
        "text": "é",
        "many": [Number(n) for n in many],
    }


ROWS = [
    {
        "id": -(2**63),
        "in": _old_inner(EXTREME, EXTREME, -(2**63)),
        "list": [_old_inner(1), _old_inner(-(2**63), 0)],
        "map": [("k", _old_inner(7, EXTREME))],
        "one": -(2**31),
        "some": ["\\ 'é"],
        "maybe": "",
    },
    {"id": 0, "in": None, "list": [], "map": [], "one": None, "some": [], "maybe": "x"},
]
MOVED = [
    {
        "key": -(2**63),
        "some": "\\ 'é",
        "in": _new_inner(EXTREME, EXTREME, -(2**63)),
        "list": [_new_inner(1), _new_inner(-(2**63), 0)],
        "map": [("k", _new_inner(7, EXTREME))],
        "one": [-(2**31)],
        "maybe": "",
        "added": [],
    },
    {
        "key": 0,
        "some": None,
        "in": None,
        "list": [],
        "map": [],
        "one": [],
        "maybe": "x",
        "added": [],
    },
]


@pytest.fixture(params=EMBEDDED)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(request.param, tmp_path)
    yield opened
    opened.close()


def _filled(engine: Engine, rows: list[dict[str, Any]], table: Table = OLD) -> Table:
    engine.create(table)
    stored = engine.dialect.stored(table)
    engine.load(stored, pa.Table.from_pylist(rows, schema=arrow_schema(stored)))
    return table


def _migration(engine: Engine) -> Migration:
    return plan(OLD, NEW, engine.dialect, drop_columns=True)


def _rows(engine: Engine, name: str = "t", key: str = "key") -> list[dict[str, Any]]:
    return engine.query(f"SELECT * FROM d.{name} ORDER BY {key}").to_pylist()


def test_a_rebuild_is_asked_for_and_keeps_the_old_table_until_told(engine: Engine) -> None:
    _filled(engine, ROWS)
    migration = _migration(engine)
    assert migration.rebuild is not None
    assert {step.outcome for step in migration.steps} <= {"rebuild", "nothing"}
    before = _rows(engine, key="id")
    with pytest.raises(ConflictError, match="built anew: 2 rows") as caught:
        engine.migrate(migration, allow_lossy=True)
    assert "--rebuild" in str(caught.value.hint)
    with pytest.raises(ConflictError, match="can lose values"):
        engine.migrate(migration, rebuild=True)
    assert engine.migrate(migration, allow_lossy=True, rebuild=True) == len(migration.steps)
    assert _rows(engine) == MOVED
    assert _rows(engine, "t__before", "id") == before
    engine.create(replace(NEW, name="fresh"))
    assert engine.columns("d", "t") == engine.columns("d", "fresh")
    assert engine.remark(NEW) == NEW.comment
    assert plan(migration.new, NEW, engine.dialect).empty
    assert engine.migrate(migration, allow_lossy=True, rebuild=True)  # an answer that was lost
    assert _rows(engine) == MOVED
    engine.forget_migration(NEW)
    again = plan(NEW, OLD, engine.dialect, drop_columns=True)
    with pytest.raises(ConflictError, match="still kept"):
        engine.migrate(again, allow_lossy=True, rebuild=True)
    assert engine.drop_kept(NEW)
    assert not engine.drop_kept(NEW)
    assert _rows(engine) == MOVED


@pytest.mark.parametrize(("column", "value"), [("some", ["a", "b"]), ("maybe", None)])
def test_rows_that_would_lose_something_are_counted_first(
    engine: Engine, column: str, value: Any
) -> None:
    _filled(engine, [*ROWS, ROWS[0] | {"id": 5, column: value}])
    before = _rows(engine, key="id")
    with pytest.raises(ConflictError, match=f"1 rows have what {column} cannot hold"):
        engine.migrate(_migration(engine), allow_lossy=True, rebuild=True)
    assert _rows(engine, key="id") == before
    assert engine.remark(replace(OLD, name="t__before")) is None


@pytest.mark.parametrize("column", ["in", "list", "map"])
def test_bytes_that_are_no_text_are_counted_at_any_depth(tmp_path: Path, column: str) -> None:
    engine = open_engine("duckdb", tmp_path)
    bad: Any = _old_inner(1) | {"text": b"\xff"}
    value = {"in": bad, "list": [_old_inner(2), bad], "map": [("k", bad)]}[column]
    _filled(engine, [*ROWS, ROWS[0] | {"id": 5, column: value}])
    with pytest.raises(ConflictError, match=f"1 rows have what {column} cannot hold"):
        engine.migrate(_migration(engine), allow_lossy=True, rebuild=True)
    engine.verify(OLD)
    engine.close()


def test_narrower_numbers_in_lists_are_held_against_the_rows(engine: Engine) -> None:
    old = replace(
        OLD, columns=(OLD.columns[0], Column("l", List(INNER), nullable=False, path=(3,)))
    )
    narrow = Record((Column("n", List(Integer(32)), nullable=False, path=(1,)),))
    new = replace(
        old, columns=(old.columns[0], Column("l", List(narrow), nullable=False, path=(3,)))
    )
    migration = plan(old, new, engine.dialect, drop_columns=True)
    assert migration.rebuild is not None
    _filled(engine, [{"id": 1, "l": [_old_inner(2**31 - 1), _old_inner(2**31)]}], old)
    with pytest.raises(ConflictError, match="1 rows have what l cannot hold"):
        engine.migrate(migration, allow_lossy=True, rebuild=True)
    engine.run(["DROP TABLE d.t"])
    _filled(engine, [{"id": 1, "l": [_old_inner(2**31 - 1), _old_inner(-(2**31))]}], old)
    engine.migrate(migration, allow_lossy=True, rebuild=True)
    assert _rows(engine, key="id")[0]["l"] == [{"n": [2**31 - 1]}, {"n": [-(2**31)]}]


def test_nothing_of_somebody_else_is_replaced(engine: Engine) -> None:
    _filled(engine, ROWS)
    engine.create(replace(OLD, name="t__before"))
    with pytest.raises(ConflictError, match="a table in the place of d.t__before"):
        engine.migrate(_migration(engine), allow_lossy=True, rebuild=True)
    with pytest.raises(ConflictError, match="not kept by a rebuild"):
        engine.drop_kept(OLD)
    assert engine.columns("d", "t__before")


def test_a_new_table_with_other_rows_is_not_taken(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(engine, ROWS)
    migration = _migration(engine)
    change = "UPDATE d.t__before SET one = [1]"
    if engine.name == "clickhouse":
        one = "UPDATE one = [1] WHERE true SETTINGS mutations_sync = 2"
        change = f"ALTER TABLE d.t__before {one}"
    method = "_ask" if engine.name == "duckdb" else "run"
    plain = getattr(engine, method)

    def spoil(sql: Any, *args: Any) -> Any:
        result = plain(sql, *args)
        if "INSERT INTO" in str(sql) and "t__before" in str(sql):
            plain(change if method == "_ask" else [change])
        return result

    monkeypatch.setattr(engine, method, spoil)
    with pytest.raises(ConflictError, match="does not hold what the old one does"):
        engine.migrate(migration, allow_lossy=True, rebuild=True)
    monkeypatch.undo()
    engine.verify(OLD)
    engine.migrate(migration, allow_lossy=True, rebuild=True)
    assert _rows(engine) == MOVED


KEYED = (
    Column("id", Integer(32), nullable=False, path=(1,)),
    Column("at", String(), nullable=False, path=(2,)),
)


def test_another_key_in_duckdb(tmp_path: Path) -> None:
    engine = open_engine("duckdb", tmp_path)
    old = Table("d", "t", KEYED, storage=(("duckdb", Storage(primary_key=("id",))),))
    new = replace(
        old,
        columns=(replace(KEYED[0], name="key", type=Integer(64)), KEYED[1]),
        storage=(("duckdb", Storage(primary_key=("at", "key"))),),
    )
    _filled(engine, [{"id": n, "at": str(n)} for n in (-(2**31), 2**31 - 1)], old)
    engine.migrate(plan(old, new, engine.dialect), rebuild=True)
    assert [row["key"] for row in _rows(engine)] == [-(2**31), 2**31 - 1]
    sql = "SELECT constraint_column_names AS k FROM duckdb_constraints() WHERE table_name = 't'"
    sql += " AND constraint_type = 'PRIMARY KEY'"
    assert engine.query(sql).to_pylist() == [{"k": ["at", "key"]}]
    engine.load(new, pa.Table.from_pylist([{"key": 1, "at": "x"}], schema=arrow_schema(new)))
    engine.close()


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_column_more_in_a_table_with_a_key(tmp_path: Path, name: str) -> None:
    engine = open_engine(name, tmp_path)
    kept = {"duckdb": Storage(primary_key=("id",)), "clickhouse": Storage(order_by=("id",))}
    old = Table("d", "t", KEYED, storage=tuple(kept.items()))
    new = replace(old, columns=(*KEYED, Column("more", String(), path=(3,))))
    _filled(engine, [{"id": 1, "at": "x"}], old)
    engine.migrate(plan(old, new, engine.dialect))
    assert _rows(engine, key="id") == [{"id": 1, "at": "x", "more": None}]
    engine.close()


def test_another_key_in_clickhouse(tmp_path: Path) -> None:
    engine = open_engine("clickhouse", tmp_path)
    old = Table("d", "t", KEYED, storage=(("clickhouse", Storage(order_by=("id",))),))
    new = replace(
        old,
        columns=(replace(KEYED[0], name="key", type=Integer(64)), KEYED[1]),
        storage=(("clickhouse", Storage(order_by=("at", "key"), partition_by="key % 2")),),
    )
    _filled(engine, [{"id": n, "at": str(n % 3)} for n in (5, -(2**31), 2**31 - 1)], old)
    migration = plan(old, new, engine.dialect)
    assert migration.rebuild is not None
    assert migration.risk == "rewrite"
    engine.migrate(migration, rebuild=True)
    assert [row["key"] for row in _rows(engine)] == [-(2**31), 5, 2**31 - 1]
    sql = "SELECT sorting_key AS k FROM system.tables WHERE database = 'd' AND name = 't'"
    assert engine.query(sql).to_pylist() == [{"k": "at, key"}]
    engine.close()


def test_rows_that_come_while_clickhouse_swaps_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine("clickhouse", tmp_path)
    _filled(engine, ROWS)
    plain = engine.run

    def late(statements: Any) -> None:
        if "EXCHANGE" in statements[0]:
            monkeypatch.setattr(engine, "run", plain)
            engine.load(
                engine.dialect.stored(OLD),
                pa.Table.from_pylist(
                    [ROWS[1] | {"id": 9}], schema=arrow_schema(engine.dialect.stored(OLD))
                ),
            )
        plain(statements)

    monkeypatch.setattr(engine, "run", late)
    with pytest.raises(ConflictError, match="were loaded into d.t"):
        engine.migrate(_migration(engine), allow_lossy=True, rebuild=True)
    assert [row["id"] for row in _rows(engine, key="id")] == [-(2**63), 0, 9]
    assert engine.remark(OLD) == OLD.comment
    engine.migrate(_migration(engine), allow_lossy=True, rebuild=True)
    assert [row["key"] for row in _rows(engine)] == [-(2**63), 0, 9]
    engine.close()


@pytest.mark.parametrize("keyed", [False, True])
def test_another_default_leaves_the_rows_that_are_there(engine: Engine, keyed: bool) -> None:  # noqa: FBT001
    """In ClickHouse they would take it: a column added later has no values of its own."""
    storage = (("clickhouse", Storage(order_by=("id",))),) if keyed else ()
    old = Table("d", "t", KEYED, storage=storage)
    _filled(engine, [{"id": 1, "at": "x"}], old)
    tables = [old]
    for default in (None, "5", "6", None):
        column = Column("n", Integer(64), nullable=False, path=(3,), default=default)
        tables.append(replace(old, columns=(*KEYED, column)))
        engine.migrate(plan(tables[-2], tables[-1], engine.dialect))
        engine.forget_migration(old)
        assert _rows(engine, key="id")[0] == {"id": 1, "at": "x", "n": 0}
        wanted = 0 if default is None else int(default)
        if engine.name == "clickhouse" or default is not None:
            engine.run(["INSERT INTO d.t (id, \"at\") VALUES (2, 'y')"])
            assert _rows(engine, key="id")[-1]["n"] == wanted
            engine.run([f"DELETE FROM d.t WHERE id = {len(KEYED)}"])
