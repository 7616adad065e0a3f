"""Every dialect on the contract's tables, judged by the engines themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dialects.contract import CASES, HOSTILE, SCALARS, Case, in_each_place, table
from googlesql import analyze, refuses_null, shape, shape_of
from protolith import Column, LayoutError, NotFoundError, Table, dialect
from protolith.dialects import _SHARED, names
from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.tables import (
    Integer,
    Json,
    List,
    Map,
    Record,
    String,
    Type,
)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    home = tmp_path_factory.mktemp("engines")
    opened = {name: open_engine(name, home) for name in EMBEDDED}
    yield opened
    for engine in opened.values():
        engine.close()


def _recreated(engine: Engine, wanted: Table) -> None:
    engine.run([f"DROP TABLE IF EXISTS {engine.dialect.qualified(wanted)}"])
    assert engine.create(wanted)
    assert not engine.create(wanted)


def test_the_folder_is_the_list_of_dialects() -> None:
    folder = Path(__file__).parents[2] / "src/protolith/dialects"
    found = {path.stem for path in folder.iterdir() if not path.stem.startswith("_")}
    found -= set(_SHARED)
    assert set(names()) == found
    for name in names():
        assert dialect(name).name == name
    with pytest.raises(NotFoundError, match="no dialect 'base'") as caught:
        dialect("base")
    assert "bigquery" in str(caught.value.hint)


@pytest.mark.parametrize("type_", SCALARS, ids=str)
@pytest.mark.parametrize("name", EMBEDDED)
def test_engines_take_each_type_in_each_place(
    engines: dict[str, Engine], name: str, type_: Type
) -> None:
    _recreated(engines[name], in_each_place(type_))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_googles_analyzer_takes_each_type_in_each_place(case: Case) -> None:
    (statement,) = dialect("bigquery").create(case.table)
    resolved = analyze(statement)
    assert [column.name for column in resolved.column_definition_list] == ["n", "x"]
    shapes = [shape(column.type) for column in resolved.column_definition_list]
    assert shapes == ["INT64", shape_of(dialect("bigquery").as_read(case.column.type))]
    required = [refuses_null(column) for column in resolved.column_definition_list]
    lists = isinstance(case.column.type, List | Map)
    assert required == [True, not case.column.nullable and not lists]


@pytest.mark.parametrize("name", EMBEDDED)
def test_comments_arrive_as_they_were(engines: dict[str, Engine], name: str) -> None:
    engine = engines[name]
    _recreated(engine, table(Column("a", String(), comment=HOSTILE), comment=HOSTILE))
    assert [column.comment for column in engine.columns("shop", "things")] == [HOSTILE]
    source = {"duckdb": "duckdb_tables()", "clickhouse": "system.tables"}[name]
    key = {"duckdb": "table_name", "clickhouse": "name"}[name]
    rows = engine.query(f"SELECT comment FROM {source} WHERE {key} = 'things'").to_pylist()
    assert rows == [{"comment": HOSTILE}]


def test_comments_arrive_in_bigquery_as_they_were() -> None:
    wanted = table(Column("a", String(), comment=HOSTILE), comment=HOSTILE)
    statement = analyze(*dialect("bigquery").create(wanted))
    assert statement.option_list[0].value.value.value.string_value == HOSTILE


@pytest.mark.parametrize("name", EMBEDDED)
@pytest.mark.parametrize(
    "word", ["select", "Order", "a b", "1", "q\"uo`te's", "back\\slash", "ü🙂"]
)
def test_names_are_quoted(engines: dict[str, Engine], name: str, word: str) -> None:
    inner = Record((Column(word, Integer()),))
    _recreated(engines[name], table(Column(word, String()), Column("r", inner)))
    assert engines[name].columns("shop", "things")[0].name == word


@pytest.mark.parametrize("text", ["\\", "'", "\\'", "'; DROP TABLE shop.canary; --", "\\\\'", "\0"])
@pytest.mark.parametrize("name", EMBEDDED)
def test_literals_cannot_end_early(engines: dict[str, Engine], name: str, text: str) -> None:
    canary = Table("shop", "canary", (Column("a", String()),))
    engines[name].create(canary)
    _recreated(engines[name], table(Column("a", String(), comment=text), comment=text))
    assert engines[name].columns("shop", "things")[0].comment == text
    assert not engines[name].create(canary)


def test_googles_analyzer_reads_one_statement_from_hostile_comments() -> None:
    for text in ("\\", "'", "\\'", "'); DROP TABLE x; --", '"""', "\\\\'", "\r\n\0"):
        wanted = table(Column("a", String(), comment=text), comment=text)
        assert analyze(*dialect("bigquery").create(wanted)).name_path == ["shop", "things"]


def test_bigquery_refuses_what_its_grammar_takes_and_the_service_does_not() -> None:
    bigquery = dialect("bigquery")
    with pytest.raises(LayoutError, match="_PARTITIONTIME: BigQuery reserves"):
        bigquery.create(table(Column("_PARTITIONTIME", String())))
    deep: Type = String()
    for _ in range(16):
        deep = Record((Column("x", deep),))
    with pytest.raises(LayoutError, match="at most 15 levels"):
        bigquery.create(table(Column("x", deep)))
    many = [Column(f"c{n}", String()) for n in range(10_001)]
    with pytest.raises(LayoutError, match="at most 10,000 columns"):
        bigquery.create(table(*many))


def test_clickhouse_reserves_null_inside_records() -> None:
    wanted = table(Column("r", Record((Column("null", String()),))))
    with pytest.raises(LayoutError, match=r"r\.null: ClickHouse reserves"):
        dialect("clickhouse").create(wanted)


def test_what_an_engine_does_not_have_is_stored_as_something_else() -> None:
    stored = dialect("bigquery").stored(table(Column("m", Map(String(), Json())))).columns[0].type
    assert isinstance(stored, List)
    assert isinstance(stored.element, Record)
    assert [column.name for column in stored.element.columns] == ["key", "value"]
    assert dialect("clickhouse").stored(table(Column("j", Json()))).columns[0].type == String()
