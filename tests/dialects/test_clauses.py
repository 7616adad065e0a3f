"""How rows are kept: what each dialect writes, and what it refuses with a sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protolith import Column, LayoutError, Table, dialect
from protolith.engines import Engine, open_engine
from protolith.errors import ExpressionError
from protolith.tables import (
    Boolean,
    Date,
    Float,
    Integer,
    Json,
    List,
    Record,
    Storage,
    String,
    Timestamp,
)

COLUMNS = (
    Column("id", Integer(), nullable=False),
    Column("ts", Timestamp(), nullable=False),
    Column("maybe", Timestamp()),
    Column("day", Date(), nullable=False),
    Column("name", String(), nullable=False),
    Column("note", String()),
    Column("score", Float(), nullable=False),
    Column("on", Boolean(), nullable=False),
    Column("doc", Json(), nullable=False),
    Column("st", Record((Column("q", Integer(), nullable=False),)), nullable=False),
    Column("tags", List(String()), nullable=False),
)


def kept(name: str, table: str = "t", comment: str = "", **clauses: object) -> Table:
    storage = Storage(**clauses)  # type: ignore[arg-type]
    return Table("d", table, COLUMNS, comment, storage=((name, storage),))


def create(name: str, **clauses: object) -> str:
    return dialect(name).create(kept(name, **clauses))[-1].rpartition("\n)")[2]


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine("clickhouse", tmp_path_factory.mktemp("engine"))
    yield engine
    engine.close()


WRITTEN: list[tuple[dict[str, object], str]] = [
    ({}, "ENGINE = MergeTree\nORDER BY tuple()"),
    (
        {"order_by": ("id",), "partition_by": "toYYYYMM(ts)"},
        "ENGINE = MergeTree()\nPARTITION BY toYYYYMM(`ts`)\nORDER BY `id`",
    ),
    (
        {"order_by": ("st.q", "abs(id) % 9"), "primary_key": ("st.q",)},
        "ENGINE = MergeTree()\nPRIMARY KEY `st`.`q`\nORDER BY tuple(`st`.`q`, (abs(`id`) % 9))",
    ),
    (
        {"partition_by": "(TOYYYYMM(ts), name)", "order_by": ("id",)},
        "ENGINE = MergeTree()\nPARTITION BY tuple(toYYYYMM(`ts`), `name`)\nORDER BY `id`",
    ),
    (
        {"order_by": ("id",), "ttl": "ts + INTERVAL 30 DAY"},
        "ENGINE = MergeTree()\nORDER BY `id`\nTTL (`ts` + INTERVAL 30 DAY)",
    ),
    (
        {"order_by": ("id",), "ttl": "assumeNotNull(maybe) + toIntervalMonth(3)"},
        "ENGINE = MergeTree()\nORDER BY `id`\nTTL (assumeNotNull(`maybe`) + toIntervalMonth(3))",
    ),
    (
        {"order_by": ("note", "id")},
        "ENGINE = MergeTree()\nORDER BY tuple(`note`, `id`)\nSETTINGS allow_nullable_key = true",
    ),
    (
        {"order_by": ("ifNull(note, 'it\\'s')",), "settings": (("index_granularity", "1"),)},
        "ENGINE = MergeTree()\nORDER BY ifNull(`note`, 'it\\'s')\nSETTINGS index_granularity = 1",
    ),
    (
        {"order_by": ("id",), "engine": "ReplacingMergeTree(ts)"},
        "ENGINE = ReplacingMergeTree(`ts`)\nORDER BY `id`",
    ),
    (
        {"order_by": ("name",), "engine": "summingmergetree((id, score))"},
        "ENGINE = SummingMergeTree((`id`, `score`))\nORDER BY `name`",
    ),
    (
        {"order_by": ("CAST(day AS DateTime64(6, 'UTC'))",)},
        "ENGINE = MergeTree()\nORDER BY CAST(`day` AS DateTime64(6, 'UTC'))",
    ),
]


@pytest.mark.parametrize(("clauses", "text"), WRITTEN)
def test_clickhouse_takes_what_is_written(
    clickhouse: Engine, clauses: dict[str, object], text: str
) -> None:
    wanted = kept("clickhouse", "c", "it's", **clauses)
    statement = clickhouse.dialect.create(wanted)[-1]
    assert statement.rpartition("\n)\n")[2] == f"{text}\nCOMMENT 'it\\'s'"
    clickhouse.run([f"DROP TABLE IF EXISTS {clickhouse.dialect.qualified(wanted)}"])
    assert clickhouse.create(wanted)


def test_clusters_are_in_every_statement() -> None:
    table = kept(
        "clickhouse",
        engine="ReplicatedReplacingMergeTree('/tables/{shard}/it''s', '{replica}', id)",
        cluster="it's {cluster}",
        order_by=("id",),
    )
    clickhouse = dialect("clickhouse")
    statements = [*clickhouse.create(table), *clickhouse.view(table).statements]
    assert len(statements) == 4
    for statement in statements:
        assert " ON CLUSTER 'it\\'s {cluster}'" in statement
    assert (
        "ENGINE = ReplicatedReplacingMergeTree('/tables/{shard}/it\\'s', '{replica}', `id`)"
        in statements[1]
    )


def test_clickhouse_knows_the_cluster_clause(clickhouse: Engine) -> None:
    table = kept("clickhouse", engine="ReplicatedMergeTree('/x', 'r')", cluster="c")
    for statement in (
        *clickhouse.dialect.create(table),
        *clickhouse.dialect.view(table).statements,
    ):
        clickhouse.run([f"EXPLAIN AST {statement}"])  # it reads, and runs nothing


REFUSED: list[tuple[str, dict[str, object], str]] = [
    ("clickhouse", {"order_by": ("idd",)}, "idd: ORDER BY: there is no column 'idd'"),
    ("clickhouse", {"order_by": ("ID",)}, "ID: ORDER BY: there is no column 'ID'"),
    ("clickhouse", {"order_by": ("st.x",)}, "st.x: ORDER BY: there is no column"),
    ("clickhouse", {"order_by": ("doc",)}, "doc: ORDER BY: JSON cannot be in a key"),
    ("clickhouse", {"order_by": ("1",)}, "ORDER BY: '1' names no column"),
    ("clickhouse", {"order_by": ("id", "`id`")}, "ORDER BY: an expression stands there twice"),
    ("clickhouse", {"partition_by": "score"}, "score: PARTITION BY: a FLOAT cannot be in it"),
    ("clickhouse", {"order_by": ("concat(name, '\\xe4')",)}, "the escape"),
    ("clickhouse", {"ttl": "id"}, "TTL: it names no column of days or instants"),
    ("clickhouse", {"ttl": "maybe"}, "maybe: TTL: the column may be NULL"),
    (
        "clickhouse",
        {"order_by": ("id",), "primary_key": ("name",)},
        "PRIMARY KEY: it is not how ORDER BY begins",
    ),
    ("clickhouse", {"engine": "CollapsingMergeTree(id)"}, "needs a column of Int8"),
    ("clickhouse", {"engine": "URL('http://x')"}, "'URL' is not one of those that keep rows"),
    ("clickhouse", {"engine": "MergeTree() ORDER BY id"}, "one expression is needed"),
    ("clickhouse", {"engine": "ReplacingMergeTree(note)"}, "note: ENGINE: a version is"),
    ("clickhouse", {"engine": "ReplacingMergeTree(1)"}, "something else than columns"),
    ("clickhouse", {"engine": "ReplicatedMergeTree('/x')"}, "a path and a replica, or neither"),
    ("clickhouse", {"settings": (("x = 1, y", "1"),)}, "is not a name of a setting"),
    ("clickhouse", {"settings": (("x", "[1]"),)}, "x is a text, a number, true or false"),
    ("bigquery", {"ttl": "ts"}, "BigQuery has no TTL"),
    ("bigquery", {"engine": "MergeTree"}, "BigQuery has no ENGINE"),
    ("bigquery", {"cluster": "c"}, "BigQuery has no ON CLUSTER"),
    ("bigquery", {"order_by": ("id", "name", "day", "ts", "on")}, "at most 4 columns"),
    ("bigquery", {"order_by": ("score",)}, "score: ORDER BY: BigQuery does not cluster by FLOAT64"),
    ("bigquery", {"order_by": ("doc",)}, "does not cluster by JSON"),
    ("bigquery", {"order_by": ("tags",)}, "does not cluster by ARRAY"),
    ("bigquery", {"order_by": ("st",)}, "does not cluster by STRUCT"),
    ("bigquery", {"order_by": ("st.q",)}, "st.q: ORDER BY: there is no column"),
    ("bigquery", {"order_by": ("nmae",)}, "nmae: ORDER BY: there is no column"),
    ("bigquery", {"partition_by": "name"}, "name: PARTITION BY: not by STRING"),
    ("bigquery", {"partition_by": "st.q"}, "only a column of the table itself"),
    ("bigquery", {"partition_by": "TIMESTAMP_TRUNC(ts, MINUTE)"}, "TIMESTAMP_TRUNC by 'MINUTE'"),
    ("bigquery", {"partition_by": "RANGE_BUCKET(id, GENERATE_ARRAY(5, 0, 1))"}, "not the ranges"),
    ("bigquery", {"partition_by": "ABS(id)"}, "'ABS(id)' is not a partition"),
    ("bigquery", {"settings": (("partition_expiration_days", "3"),)}, "needs partition_by"),
    ("bigquery", {"settings": (("description", '"x"'),)}, "'description' is not a table option"),
    ("bigquery", {"settings": (("labels", "[1]"),)}, "labels is an object of texts"),
    ("duckdb", {"partition_by": "ts"}, "DuckDB has no PARTITION BY"),
    ("duckdb", {"order_by": ("id",)}, "DuckDB has no ORDER BY"),
    ("duckdb", {"settings": (("x", "1"),)}, "DuckDB has no SETTINGS"),
    ("duckdb", {"primary_key": ("note",)}, "note: PRIMARY KEY: the column may be NULL"),
    ("duckdb", {"primary_key": ("tags",)}, "tags: PRIMARY KEY: not of this type"),
    ("duckdb", {"primary_key": ("i",)}, "i: PRIMARY KEY: there is no column"),
]


@pytest.mark.parametrize(("name", "clauses", "text"), REFUSED)
def test_what_an_engine_would_not_take_is_said(
    name: str, clauses: dict[str, object], text: str
) -> None:
    with pytest.raises((LayoutError, ExpressionError)) as caught:
        create(name, **clauses)
    assert text in str(caught.value)


def test_near_misses_are_named() -> None:
    for wrong, hint in (("nmae", "perhaps name"), ("TS", "perhaps ts"), ("zzzzzz", "there are id")):
        with pytest.raises(LayoutError) as caught:
            create("clickhouse", order_by=(wrong,))
        assert hint in str(caught.value.hint)


def test_todate_is_answered_with_what_to_write() -> None:
    with pytest.raises(ExpressionError, match="'toDate' is not allowed") as caught:
        create("clickhouse", partition_by="toDate(ts)")
    assert str(caught.value.hint).startswith("toDate32")


def test_what_keys_mean_is_noted() -> None:
    table = kept("clickhouse", order_by=("note", "score"))
    assert {note.field_path for note in dialect("clickhouse").stored(table).notes} == {
        "note",
        "score",
    }
    table = kept("duckdb", primary_key=("id",))
    [note] = dialect("duckdb").stored(table).notes
    assert (note.field_path, "cannot be dropped" in note.text) == ("id", True)
    assert dialect("duckdb").stored(kept("clickhouse", order_by=("note",))).notes == ()


def test_duckdb_keeps_a_primary_key(tmp_path: Path) -> None:
    engine = open_engine("duckdb", tmp_path)
    assert engine.create(kept("duckdb", primary_key=("ID", "name")))
    rows = engine.query(
        "SELECT constraint_column_names AS c FROM duckdb_constraints()"
        " WHERE constraint_type = 'PRIMARY KEY'"
    )
    assert rows.to_pylist() == [{"c": ["id", "name"]}]
    engine.close()
