"""Changes that rows stand in the way of leave the table as it was."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.errors import ConflictError, EngineError
from protolith.migrations import Migration, plan
from protolith.tables import Column, Integer, List, Record, String, Table, Type

LISTED = List(Record((Column("x", Integer(64), path=(1,)),)))
NARROW = List(Record((Column("x", Integer(32), path=(1,)),)))


@pytest.fixture(params=EMBEDDED)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(request.param, tmp_path)
    yield opened
    opened.close()


def _table(text: Type, listed: Type) -> Table:
    columns = (
        Column("s", text, nullable=False, path=(1,)),
        Column("l", listed, nullable=False, path=(2,)),
    )
    return Table("d", "t", columns)


def _migration(engine: Engine, new: Table, row: str) -> Migration:
    old = _table(String(), LISTED)
    engine.create(old)
    engine.run([f"INSERT INTO d.t (s, l) VALUES {row}"])
    return plan(old, new, engine.dialect)


def _value(engine: Engine, number: int) -> str:
    made = f"[{{'x': {number}}}]" if engine.name == "duckdb" else f"[tuple({number})]"
    return f"('12', {made})"


def test_values_that_do_not_fit_inside_lists_are_counted_first(engine: Engine) -> None:
    new = _table(String(), NARROW)
    migration = _migration(engine, new, _value(engine, 2**40))
    with pytest.raises(ConflictError, match="1 values do not fit"):
        engine.migrate(migration, allow_lossy=True)
    engine.verify(migration.old)
    assert engine.query("SELECT * FROM d.t").column("l").to_pylist() == [[{"x": 2**40}]]


def test_values_that_fit_are_kept_and_lossy_needs_a_word(engine: Engine) -> None:
    new = _table(Integer(64), NARROW)
    migration = _migration(engine, new, _value(engine, 7))
    with pytest.raises(ConflictError, match="can lose values"):
        engine.migrate(migration)
    engine.migrate(migration, allow_lossy=True)
    assert engine.query("SELECT * FROM d.t").to_pylist() == [{"s": 12, "l": [{"x": 7}]}]


def test_a_cast_that_fails_all_the_same_is_undone(engine: Engine) -> None:
    new = _table(Integer(64), LISTED)
    migration = _migration(engine, new, _value(engine, 7).replace("12", "no number"))
    steps = tuple(replace(step, checks=()) for step in migration.steps)
    with pytest.raises(EngineError, match="refused"):
        engine.migrate(replace(migration, checks=(), steps=steps), allow_lossy=True)
    engine.verify(migration.old)
    assert engine.query("SELECT s FROM d.t").to_pylist() == [{"s": "no number"}]
    engine.settle(migration.old)
