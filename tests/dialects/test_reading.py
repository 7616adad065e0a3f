"""Type to text, through the engine's own form of it, and back is the same type."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from dialects.contract import CASES, SCALARS, in_each_place, table
from dialects.random_tables import TYPES, as_read, read_back, tables
from protolith import Column, Table, dialect
from protolith.dialects import names
from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.errors import MalformedError
from protolith.tables import EnumName, Integer, Record, Type


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    home = tmp_path_factory.mktemp("engines")
    opened = {name: open_engine(name, home) for name in EMBEDDED}
    yield opened
    for engine in opened.values():
        engine.close()


@pytest.mark.parametrize("type_", SCALARS, ids=str)
@pytest.mark.parametrize("name", names())
def test_a_types_text_reads_back_in_each_place(name: str, type_: Type) -> None:
    writer = dialect(name)
    for column in in_each_place(type_).columns:
        assert writer.read_type(writer.type_text(column.type)) == writer.as_read(column.type)


def _live(engine: Engine, name: str) -> dict[str, str]:
    duck = "SELECT column_name AS name, data_type AS type FROM duckdb_columns()"
    click = "SELECT name, type FROM system.columns"
    source = {"duckdb": f"{duck} WHERE table_name", "clickhouse": f"{click} WHERE table"}[name]
    rows = engine.query(f"{source} = 'things'").to_pylist()
    return {row["name"]: row["type"] for row in rows}


@pytest.mark.parametrize("type_", SCALARS, ids=str)
@pytest.mark.parametrize("name", EMBEDDED)
def test_the_engines_own_text_reads_back(
    engines: dict[str, Engine], name: str, type_: Type
) -> None:
    engine, wanted = engines[name], in_each_place(type_)
    engine.run([f"DROP TABLE IF EXISTS {engine.dialect.qualified(wanted)}"])
    engine.create(wanted)
    live = _live(engine, name)
    for column in wanted.columns:
        read = engine.dialect.read_type(live[column.name])
        assert read == engine.dialect.as_read(column.type)


@pytest.mark.parametrize(
    "word", ["select", "a b", "q\"uo`te's", "back\\slash", "ü🙂", "\\`", "a\nb"]
)
@pytest.mark.parametrize("name", EMBEDDED)
def test_names_read_back(engines: dict[str, Engine], name: str, word: str) -> None:
    engine, wanted = engines[name], table(Column("r", Record((Column(word, Integer()),))))
    engine.run([f"DROP TABLE IF EXISTS {engine.dialect.qualified(wanted)}"])
    engine.create(wanted)
    read = engine.dialect.read_type(_live(engine, name)["r"])
    assert read == wanted.columns[0].type


def test_the_text_says_whether_null_is_possible() -> None:
    assert dialect("clickhouse").read("Nullable(Int64)") == (Integer(), True)
    low = "LowCardinality(Nullable(String))"
    assert dialect("clickhouse").read(low) == (EnumName(), True)
    assert dialect("clickhouse").read("LowCardinality(String)") == (EnumName(), False)
    assert dialect("clickhouse").read("Int64") == (Integer(), False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clickhouse", "DateTime64(3, 'UTC')"),
        ("clickhouse", "DateTime64(6, 'Europe/Berlin')"),
        ("clickhouse", "Tuple(Int64, String)"),
        ("clickhouse", "Tuple()"),
        ("clickhouse", "IntervalDay"),
        ("duckdb", "INTEGER[3]"),
        ("duckdb", "HUGEINT"),
        ("duckdb", "ENUM('a')"),
        ("duckdb", "BIGINT; DROP TABLE x"),
        ("bigquery", "STRUCT<>"),
        ("bigquery", "RANGE<INT64>"),
        ("bigquery", ""),
    ],
)
def test_a_type_that_is_none_of_ours_is_refused(name: str, text: str) -> None:
    with pytest.raises(MalformedError, match="none that a table can have"):
        dialect(name).read_type(text)


@settings(max_examples=50)
@pytest.mark.parametrize("name", names())
@given(type_=TYPES)
def test_any_types_text_reads_back(name: str, type_: Type) -> None:
    writer = dialect(name)
    assert writer.read_type(writer.type_text(type_)) == writer.as_read(type_)


@pytest.mark.parametrize(
    ("name", "version"), [(name, version) for name in names() for version in dialect(name).versions]
)
def test_what_every_version_stores_reads_back(name: str, version: str) -> None:
    writer = dialect(name, version=version)
    for case in CASES:
        (_, column) = writer.stored(case.table).columns
        text = writer.type_text(column.type, nullable=column.nullable)
        assert writer.read_type(text) == writer.as_read(column.type)


COMMENTS = {
    "duckdb": "SELECT comment FROM duckdb_tables() WHERE table_name = 'things'",
    "clickhouse": "SELECT comment FROM system.tables WHERE name = 'things'",
}


@settings(max_examples=60)
@given(wanted=tables())
@pytest.mark.parametrize("name", EMBEDDED)
def test_any_table_comes_back_from_a_live_one(
    engines: dict[str, Engine], name: str, wanted: Table
) -> None:
    engine = engines[name]
    engine.run([f"DROP TABLE IF EXISTS {engine.dialect.qualified(wanted)}"])
    engine.create(wanted)
    rows = engine.query(COMMENTS[name]).to_pylist()
    columns = tuple(
        read_back(engine.dialect, column) for column in engine.columns("shop", "things")
    )
    live = Table("shop", "things", columns, rows[0]["comment"] or "")
    assert live == as_read(engine.dialect, wanted)
