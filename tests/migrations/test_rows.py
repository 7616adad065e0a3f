"""Migrations of random tables with rows in real engines."""

import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from migrations.tables import alike, moved, pairs, rows
from protolith.arrow import arrow_schema
from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.errors import ConflictError
from protolith.migrations import plan
from protolith.tables import Column, Integer, List, Record, Table

TABLE = "d.t"


@pytest.fixture(scope="module", params=EMBEDDED)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    opened = open_engine(request.param, tmp_path_factory.mktemp("engine"))
    yield opened
    opened.close()


def _content(engine: Engine) -> list[dict[str, Any]]:
    binary = " SETTINGS output_format_arrow_string_as_string = 0"  # its text may be any bytes
    clickhouse = engine.name == "clickhouse"
    return engine.query(f"SELECT * FROM {TABLE}{binary if clickhouse else ''}").to_pylist()


@given(st.data())
@settings(max_examples=int(os.environ.get("PROTOLITH_EXAMPLES", "25")))
def test_random_tables_become_others_and_keep_their_rows(engine: Engine, data: Any) -> None:
    old, new = data.draw(pairs())
    sent = data.draw(rows(old))
    engine.run([f"DROP TABLE IF EXISTS {TABLE}"])
    engine.create(old)
    stored = engine.dialect.stored(old)
    engine.load(stored, pa.Table.from_pylist(sent, schema=arrow_schema(stored)))
    before = engine.columns("d", "t"), _content(engine)
    drop = data.draw(st.booleans())
    engine.run([f"DROP TABLE IF EXISTS {TABLE}__before"])
    try:
        migration = plan(old, new, engine.dialect, drop_columns=drop)
        engine.migrate(migration, allow_lossy=True, rebuild=True)
    except ConflictError as error:
        event(f"refused: {error.message[:40]}")
        assert error.details  # noqa: PT017
        assert "another one" not in error.message  # noqa: PT017 - it is what it should be
        assert (engine.columns("d", "t"), _content(engine)) == before
        return
    event(f"done, {migration.risk}, anew: {migration.rebuild is not None}")
    assert not [d for d in engine.compare(migration.new) if d.kind != "order"]
    content = _content(engine)
    assert len(content) == len(sent)
    for row, found in zip(sent, content, strict=True):
        wanted = moved(row, old.columns, migration.new.columns)
        assert alike(found, wanted), (found, wanted)
    assert plan(migration.new, new, engine.dialect, drop_columns=False).empty


def test_a_record_is_added_where_the_outer_one_is_missing(engine: Engine) -> None:
    inner = Column("inner", Record((Column("x", Integer(), path=(1,)),)), path=(2,))
    a = Column("a", Integer(), path=(1,))
    old, new = (
        Table(
            "d",
            "t",
            (
                Column("r", Record(columns), path=(1,)),
                Column("l", List(Record(columns)), nullable=False, path=(2,)),
            ),
        )
        for columns in ((a,), (a, inner))
    )
    engine.run([f"DROP TABLE IF EXISTS {TABLE}"])
    engine.create(old)
    sent = [{"r": None, "l": [{"a": 1}, {"a": None}]}, {"r": {"a": 2}, "l": []}]
    engine.load(old, pa.Table.from_pylist(sent, schema=arrow_schema(engine.dialect.stored(old))))
    engine.migrate(plan(old, new, engine.dialect))
    assert engine.compare(new) == ()
    assert _content(engine) == [
        {"r": None, "l": [{"a": 1, "inner": None}, {"a": None, "inner": None}]},
        {"r": {"a": 2, "inner": None}, "l": []},
    ]
