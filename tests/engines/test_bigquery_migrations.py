"""Migrations run in BigQuery's stand-in, `fake_bigquery.py`; the service was never asked."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conftest import delimited
from engines.fake_bigquery import FakeBigQuery, Refused
from protolith import ConflictError, EngineError, EngineSettings, SchemaRegistry
from protolith.engines import Engine, LiveColumn, open_engine
from protolith.migrations import plan
from protolith.tables import (
    Column,
    Date,
    DateTime,
    Decimal,
    Integer,
    List,
    Record,
    Storage,
    String,
    Table,
)

ONE = """
syntax = "proto3";
message Order {
  string id = 1;
  int64 n = 2;
  string name = 3; // A name.
  In in = 4;
  repeated In many = 5;
  string gone = 6;
  message In { string x = 1; }
}
"""
TWO = """
syntax = "proto3";
message Order {
  string id = 1; // It's the "key".
  optional double n = 2;
  string title = 3; // A title.
  In in = 4;
  repeated In many = 5;
  repeated string tags = 7;
  In other = 8;
  message In {
    string x = 1; // Inner.
    int64 y = 2;
  }
}
"""
NAME = "bigquery_lite.orders"
IN = b"\x0a\x01x"
ROW = delimited(b"\x0a\x01a\x10\x07\x1a\x01n\x22\x03" + IN + b"\x2a\x03" + IN + b"\x32\x01g")


def _settings(bigquery: FakeBigQuery) -> EngineSettings:
    return EngineSettings(bigquery="shop-1/EU", bigquery_endpoint=bigquery.endpoint)


def _live(registry: SchemaRegistry, database: str = "bigquery_lite") -> tuple[LiveColumn, ...]:
    return registry.engine("bigquery").columns(database, "orders")


@pytest.fixture
def registry(tmp_path: Path, bigquery: FakeBigQuery) -> Any:
    with SchemaRegistry(tmp_path / "home", engines=_settings(bigquery)) as opened:
        opened.register_schema(ONE, "orders")
        opened.create_table(NAME, "bigquery")
        opened.ingest(NAME, ROW)
        opened.register_schema(TWO, "orders")
        yield opened


def test_a_table_moves_and_is_as_a_fresh_one(registry: SchemaRegistry) -> None:
    done = registry.migrate(NAME, allow_lossy=True, drop_columns=True)
    assert done.applied
    assert registry.plan_migration(NAME, drop_columns=True).steps == []
    assert registry.drift(NAME).differences == ()
    registry.register_schema(TWO, "orders", "fresh")
    registry.create_table("fresh.orders", "bigquery")
    by_name = [{c.name: c for c in _live(registry, name)} for name in ("bigquery_lite", "fresh")]
    assert by_name[0] == by_name[1]
    (row,) = registry.query("bigquery", f"SELECT * FROM {NAME}").to_pylist()
    inner = {"x": "x", "y": None}
    assert (row["id"], row["n"], row["title"], row["in"]) == ("a", 7.0, "n", inner)
    assert row["many"] == [inner]
    registry.ingest(NAME, delimited(b"\x0a\x01b\x3a\x01t"))
    assert registry.query("bigquery", f"SELECT id FROM {NAME}").num_rows == 2


def test_digits_that_could_go_need_a_word(registry: SchemaRegistry, bigquery: FakeBigQuery) -> None:
    before = bigquery.tables["bigquery_lite", "orders"]["etag"]
    with pytest.raises(ConflictError, match="can lose values") as caught:
        registry.migrate(NAME)
    assert [d.field_path for d in caught.value.details] == ["n"]
    assert bigquery.tables["bigquery_lite", "orders"]["etag"] == before


def test_an_interrupted_migration_is_finished_by_the_same_call(
    registry: SchemaRegistry, bigquery: FakeBigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops before a change of the table, or after one without an answer.

    At some of the changes by default, at each with PROTOLITH_ALL_CRASHES.
    """
    whole = registry.migrate(NAME, allow_lossy=True, drop_columns=True)
    changes = sum(step.outcome == "in place" for step in whole.steps)
    assert changes > 6
    rows = registry.query("bigquery", f"SELECT * FROM {NAME}").to_pylist()
    places = [(0, True), (4, False), (changes - 1, True)]
    if os.environ.get("PROTOLITH_ALL_CRASHES"):
        places = [(number, late) for number in range(changes) for late in (False, True)]
    for number, late in places:
        database = f"d{number}{late}"
        name = f"{database}.orders"
        registry.register_schema(ONE, "orders", database)
        registry.create_table(name, "bigquery")
        registry.ingest(name, ROW)
        registry.register_schema(TWO, "orders", database)
        with monkeypatch.context() as patched:
            _stop(bigquery, patched, number, late=late)
            with pytest.raises(EngineError, match="No more today"):
                registry.migrate(name, allow_lossy=True, drop_columns=True)
        if number + late:
            with pytest.raises(ConflictError, match="the table|live table"):
                registry.migrate(name, allow_lossy=True)  # another one than was begun
        registry.migrate(name, allow_lossy=True, drop_columns=True)
        assert registry.query("bigquery", f"SELECT * FROM {name}").to_pylist() == rows
        assert _live(registry, database) == _live(registry)
        assert registry.plan_migration(name).steps == []


def _stop(bigquery: FakeBigQuery, patched: pytest.MonkeyPatch, number: int, *, late: bool) -> None:
    """Refuse every change after that many."""
    left = number

    def limited(call: Callable[..., Any]) -> Callable[..., Any]:
        def limit(*words: Any) -> Any:
            nonlocal left
            left -= 1
            if left >= 0:
                return call(*words)
            if late and left == -1:
                call(*words)
            raise Refused(403, "accessDenied", "No more today.")

        return limit

    patched.setattr(bigquery, "patch_table", limited(bigquery.patch_table))
    patched.setattr(bigquery, "alter", limited(bigquery.alter))


COLUMNS = (
    Column("id", Integer(), nullable=False, path=(1,)),
    Column("price", Decimal(38, 9), path=(2,), comment="old"),
    Column("day", Date(), path=(3,)),
    Column("r", Record((Column("x", Integer(), nullable=False, path=(1,)),)), path=(4,)),
    Column("name", String(10), path=(5,)),
)


@pytest.fixture
def engine(bigquery: FakeBigQuery, tmp_path: Path) -> Engine:
    return open_engine("bigquery", tmp_path, _settings(bigquery))


def test_required_and_wider_columns_at_any_depth(engine: Engine) -> None:
    old = Table("shop", "things", COLUMNS)
    inner = (
        Column("x", Integer(), path=(1,), comment="may be missing"),
        Column("y", List(String()), nullable=False, path=(2,)),
    )
    new = replace(
        old,
        comment="Things.",
        columns=(
            Column("number", Decimal(38, 9), path=(1,), comment="now a decimal"),
            Column("price", Decimal(76, 38), path=(2,)),
            Column("day", DateTime(), path=(3,), default="CURRENT_DATETIME()"),
            Column("r", Record(inner), path=(4,), comment="a record"),
            Column("name", String(20), path=(5,)),
            Column("more", Record(inner), path=(6,)),
        ),
    )
    engine.create(old)
    migration = plan(old, new, engine.dialect)
    assert engine.migrate(migration) == len(migration.steps)
    assert engine.compare(new) == ()
    engine.create(replace(new, name="fresh"))
    assert engine.columns("shop", "things") == engine.columns("shop", "fresh")
    assert plan(engine.adopt(migration.new), new, engine.dialect).empty


def test_what_has_to_be_built_anew_is_planned_and_not_run(
    engine: Engine, bigquery: FakeBigQuery
) -> None:
    old = Table("shop", "things", COLUMNS)
    engine.create(old)
    record = Record((Column("y", Integer(), nullable=False, path=(1,)),))
    new = replace(old, columns=(*COLUMNS[:3], replace(COLUMNS[3], type=record), COLUMNS[4]))
    migration = plan(old, new, engine.dialect)
    assert migration.rebuild is not None
    before = json.dumps(bigquery.tables["shop", "things"])
    for rebuild in (False, True):
        with pytest.raises(ConflictError, match="planned and not run") as caught:
            engine.migrate(migration, allow_lossy=True, rebuild=rebuild)
        assert caught.value.details[0].field_path == "r.x"
    assert json.dumps(bigquery.tables["shop", "things"]) == before


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("ADD COLUMN `z` INT64 NOT NULL", "Cannot add required columns"),
        ("ADD COLUMN `id` INT64", "already exists"),
        ("DROP COLUMN `day`", "partitioned or clustered"),
        ("RENAME COLUMN `name` TO `title`", "partitioned or clustered"),
        ("RENAME COLUMN `price` TO `day`", "already exists"),
        ("ALTER COLUMN `price` SET DATA TYPE INT64", "is assignable"),
        ("ALTER COLUMN `price` SET DATA TYPE NUMERIC(10, 2)", "is assignable"),
        ("ALTER COLUMN `id` SET DATA TYPE STRING", "is assignable"),
        ("ALTER COLUMN `name` SET DATA TYPE STRING(5)", "is assignable"),
        ("ALTER COLUMN `price` DROP NOT NULL", "does not have NOT NULL"),
        ("DROP COLUMN `none`", "not found"),
    ],
)
def test_what_the_service_is_documented_to_refuse_changes_nothing(
    engine: Engine, bigquery: FakeBigQuery, action: str, text: str
) -> None:
    storage = Storage(partition_by="day", order_by=("name",))
    engine.create(Table("shop", "things", COLUMNS, storage=(("bigquery", storage),)))
    before = json.dumps(bigquery.tables["shop", "things"])
    with pytest.raises(EngineError, match=text):
        engine.run([f"ALTER TABLE `shop`.`things` {action}"])
    assert json.dumps(bigquery.tables["shop", "things"]) == before
