"""What a table has beside its columns drifts too, and is mended by what is reported."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engines.fake_bigquery import FakeBigQuery
from googlesql import parse_alter
from protolith.engines import EMBEDDED, Engine, EngineSettings, open_engine
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


BIGQUERY = Storage(
    partition_by="DATE(ts)",
    order_by=("a", "b"),
    primary_key=("a",),
    settings=(
        ("partition_expiration_days", "30"),
        ("require_partition_filter", "true"),
        ("labels", '{"team": "shop"}'),
    ),
)
IN_BIGQUERY = replace(TABLE, storage=(("bigquery", BIGQUERY),))
CHANGED: dict[str, tuple[dict[str, object], str]] = {
    "partition_by": ({"partition_by": "DATE_TRUNC(day, MONTH)"}, ""),
    "order_by": ({"order_by": ("a",)}, ""),
    "primary_key": ({"primary_key": ()}, "ADD PRIMARY KEY (`a`) NOT ENFORCED"),
    "settings": (
        {"settings": (*BIGQUERY.settings[1:], ("partition_expiration_days", "7"))},
        "SET OPTIONS (partition_expiration_days=30)",
    ),
}


@pytest.fixture
def opened(bigquery: FakeBigQuery, tmp_path: Path) -> Iterator[Engine]:
    settings = EngineSettings(bigquery="shop-1/EU", bigquery_endpoint=bigquery.endpoint)
    engine = open_engine("bigquery", tmp_path, settings)
    yield engine
    engine.close()


@pytest.mark.parametrize("kind", CHANGED)
def test_what_bigquery_keeps(opened: Engine, kind: str) -> None:
    changes, action = CHANGED[kind]
    other = replace(BIGQUERY, **changes)  # type: ignore[arg-type]
    opened.create(replace(IN_BIGQUERY, storage=(("bigquery", other),)))
    (found,) = opened.drift(IN_BIGQUERY)
    assert (found.kind, found.harmless) == (kind, True)
    (step,) = opened.mend(IN_BIGQUERY)
    assert step.statements == ([f"ALTER TABLE `shop`.`things` {action}"] if action else [])
    for statement in step.statements:
        parse_alter(statement)  # Google's own grammar takes it; nothing here could run it


def test_all_that_is_kept_of_a_new_table(opened: Engine) -> None:
    opened.create(IN_BIGQUERY)
    assert opened.drift(IN_BIGQUERY) == ()
    assert opened.mend(IN_BIGQUERY) == []


def test_defaults_and_the_comment_in_bigquery(opened: Engine) -> None:
    columns = [replace(c, default=None) for c in TABLE.columns if c.name != "x"]
    opened.create(replace(TABLE, columns=tuple(columns), comment=""))
    found = {(d.column, d.kind) for d in opened.drift(TABLE)}
    names = [c.name for c in TABLE.columns if c.default and c.name != "x"]
    assert found >= {("x", "missing"), ("", "comment"), *((name, "default") for name in names)}
    assert ("x", "default") not in found
    for step in opened.mend(TABLE):
        opened.run(step.statements)
    assert [d for d in opened.drift(TABLE) if d.kind != "order"] == []


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
