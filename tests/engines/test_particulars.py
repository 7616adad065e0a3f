"""What a table has beside its columns drifts too, and is mended by what is reported."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.migrations import plan
from protolith.tables import (
    Boolean,
    Column,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    List,
    Storage,
    String,
    Table,
    Timestamp,
)

CLICKHOUSE = Storage(
    partition_by="toYYYYMM(day)",
    order_by=("a", "lower(assumeNotNull(b))"),
    primary_key=("a",),
    ttl="ts + INTERVAL 30 DAY",
    engine="ReplacingMergeTree(ts)",
    settings=(("index_granularity", "4096"), ("merge_with_ttl_timeout", "7200")),
)
TABLE = Table(
    "shop",
    "things",
    (
        Column("a", Integer(), nullable=False, default="7"),
        Column("b", String(), default="'it\\'s \\\\ (SETTINGS'", comment="b's"),
        Column("ts", Timestamp(), nullable=False, default="CURRENT_TIMESTAMP()"),
        Column("d", Decimal(), default="NUMERIC '1.5'"),
        Column("f", Boolean(), default="true"),
        Column("l", List(String()), nullable=False, default="[]"),
        Column("j", Json(), default="JSON '{}'"),
        Column("u", String(), default="GENERATE_UUID()"),
        Column("day", Date(), nullable=False, default="DATE '2020-01-01'"),
        Column("x", Float(), default="1.50"),
        Column("plain", Integer()),
    ),
    comment="It's ( a `table`",
    storage=(("clickhouse", CLICKHOUSE), ("duckdb", Storage(primary_key=("a",)))),
)


def _stored(**changes: object) -> Table:
    """The table with other storage in ClickHouse."""
    kept = dict(TABLE.storage) | {"clickhouse": replace(CLICKHOUSE, **changes)}  # type: ignore[arg-type]
    return replace(TABLE, storage=tuple(kept.items()))


def _default(name: str, default: str | None) -> Table:
    columns = (replace(c, default=default) if c.name == name else c for c in TABLE.columns)
    return replace(TABLE, columns=tuple(columns))


@pytest.fixture(params=EMBEDDED)
def embedded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(request.param, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine("clickhouse", tmp_path)
    yield opened
    opened.close()


def _mend(engine: Engine) -> None:
    for step in engine.mend(TABLE):
        assert step.outcome != "impossible"
        engine.run(step.statements)
    assert engine.drift(TABLE) == ()


def test_a_new_table_has_no_drift(engine: Engine) -> None:
    engine.create(TABLE)
    assert engine.drift(TABLE) == ()
    assert engine.mend(TABLE) == []


def test_a_plain_table_has_no_drift(engine: Engine) -> None:
    plain = replace(
        TABLE, columns=tuple(replace(c, default=None) for c in TABLE.columns), storage=()
    )
    engine.create(plain)
    assert engine.drift(plain) == ()


@pytest.mark.parametrize(
    ("name", "default"),
    [("a", "8"), ("a", None), ("b", "'x'"), ("plain", "1"), ("u", None), ("l", None)],
)
def test_a_default(embedded: Engine, name: str, default: str | None) -> None:
    embedded.create(_default(name, default))
    (found,) = embedded.drift(TABLE)
    assert (found.column, found.kind, found.harmless) == (name, "default", True)
    assert not embedded.create(TABLE)  # rows can be loaded all the same
    _mend(embedded)


def test_columns_are_added_and_changed_with_their_defaults(embedded: Engine) -> None:
    columns = [c for c in TABLE.columns if c.name not in {"b", "l", "j", "x", "d"}]
    changed = {
        "ts": Column("ts", Timestamp(), default="CURRENT_TIMESTAMP()"),
        "plain": Column("plain", Integer(), nullable=False),
    }
    made = tuple(changed.get(c.name, c) for c in columns)
    key = Storage(order_by=("a",), primary_key=("a",))
    storage = (("clickhouse", key), ("duckdb", Storage(primary_key=("a",))))
    embedded.create(replace(TABLE, columns=made, storage=storage))
    wanted = replace(TABLE, storage=storage)
    for step in embedded.mend(wanted):
        embedded.run(step.statements)
    assert not [str(d) for d in embedded.drift(wanted) if d.kind != "order"]


def test_the_comment_of_the_table(embedded: Engine) -> None:
    embedded.create(replace(TABLE, comment="mine"))
    (found,) = embedded.drift(TABLE)
    assert (found.column, found.kind, found.live) == ("", "comment", "mine")
    assert str(found).startswith("the table has the comment 'mine', should have")
    _mend(embedded)


@pytest.mark.parametrize(
    "changes",
    [
        {"ttl": ""},
        {"ttl": "ts + INTERVAL 3 DAY"},
        {"settings": (("index_granularity", "4096"),)},
        {"settings": (("index_granularity", "4096"), ("merge_with_ttl_timeout", "60"))},
    ],
    ids=str,
)
def test_clauses_that_clickhouse_can_change(clickhouse: Engine, changes: dict[str, object]) -> None:
    clickhouse.create(_stored(**changes))
    (found,) = clickhouse.drift(TABLE)
    assert found.kind == next(iter(changes))
    _mend(clickhouse)


@pytest.mark.parametrize(
    ("changes", "live"),
    [
        ({"partition_by": ""}, ""),
        ({"partition_by": "toYear(day)"}, "toYear(day)"),
        ({"order_by": ("a", "day")}, "tuple(a, day)"),
        ({"primary_key": ("a", "lower(assumeNotNull(b))")}, ""),
        ({"engine": "MergeTree"}, "MergeTree"),
        ({"settings": (("merge_with_ttl_timeout", "7200"),)}, "index_granularity = 8192"),
    ],
    ids=str,
)
def test_clauses_that_stay(clickhouse: Engine, changes: dict[str, object], live: str) -> None:
    clickhouse.create(_stored(**changes))
    (found,) = clickhouse.drift(TABLE)
    assert (found.kind, found.live) == (next(iter(changes)), live)
    (step,) = clickhouse.mend(TABLE)
    assert (step.outcome, step.statements) == ("impossible", [])
    assert "create it again" in step.why


def test_a_value_that_is_computed(clickhouse: Engine) -> None:
    clickhouse.create(TABLE)
    name = clickhouse.dialect.qualified(TABLE)
    clickhouse.run([f"ALTER TABLE {name} MODIFY COLUMN plain MATERIALIZED a + 1"])
    (found,) = clickhouse.drift(TABLE)
    assert (found.column, found.kind, found.live) == ("plain", "default", "MATERIALIZED a + 1")
    _mend(clickhouse)


def test_a_primary_key_in_duckdb(tmp_path: Path) -> None:
    engine = open_engine("duckdb", tmp_path)
    engine.create(replace(TABLE, storage=()))
    (found,) = engine.drift(TABLE)
    assert str(found) == "the table has no as PRIMARY KEY, should have a"
    _mend(engine)
    (step,) = engine.mend(replace(TABLE, storage=()))
    assert (step.change, step.outcome) == ("ChangeStorage", "impossible")
    engine.close()


def test_a_column_is_added_to_a_table_with_clauses_by_a_migration(embedded: Engine) -> None:
    old = replace(TABLE, columns=tuple(c for c in TABLE.columns if c.name not in {"x", "f"}))
    embedded.create(old)
    assert embedded.migrate(plan(old, TABLE, embedded.dialect)) > 0
    assert not [str(d) for d in embedded.drift(TABLE) if d.kind != "order"]
