"""Names, comments and defaults of any text: one statement, and the same text back."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from googlesql import analyze
from protolith import Column, Table, dialect
from protolith.engines import Engine, open_engine
from protolith.tables import Integer, Record, Storage, String

NASTY = (
    *("\0", "\n", "\r", "\t", "'", '"', "`", "\\", "\\'", '\\"', "''", ";", "--", "/*", "*/", "#"),
    *(
        "🙂",
        "ü",
        "{x:Int64}",
        "%s",
        "%",
        "?",
        "$1",
        ":a",
        "@a",
        "$$",
        "E'",
        "\\x41",
        "\\N",
        "\\u0041",
    ),
    *("); DROP TABLE canary; --", "' OR 1=1", "select", "\u2028", "\ufeff", "\x1a", "\b"),
)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(NASTY), st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
    ),
    max_size=6,
).map("".join)
NAMES = TEXTS.filter(bool).filter(lambda name: len(name) < 60)
EXAMPLES = int(os.environ.get("PROTOLITH_TEXTS", "60"))
HOSTILE = "".join(NASTY)


def _table(name: str, text: str) -> Table:
    """A hostile name everywhere, a hostile comment, and a default that BigQuery's literal holds."""
    quoted = dialect("bigquery").literal(text)
    inner = Record((Column(name, Integer()), Column("other", String())))
    columns = (
        Column(name, String(), comment=text, default=quoted),
        Column("id_", Integer(), nullable=False),
        Column("r_", inner),
    )
    return Table("d", "t", columns, comment=text)


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine("clickhouse", tmp_path_factory.mktemp("engine"))
    yield engine
    engine.close()  # a process can have it open in one directory at a time


def _usable(name: str) -> bool:
    return name.lower() not in {"id_", "r_", "other"}


@settings(max_examples=EXAMPLES)
@example(HOSTILE, HOSTILE)
@example("\\", "\\")
@example("a\0b", "\0")
@given(NAMES.filter(_usable), TEXTS)
def test_duckdb_reads_one_statement_and_the_same_text(name: str, text: str) -> None:
    duck, table = dialect("duckdb"), _table(name, text)
    connection = duckdb.connect()
    views = duck.view(table, name="v").statements
    statements = [*duck.create(table), *views]
    for statement in statements:
        assert len(connection.extract_statements(statement)) == 1
        connection.execute(statement)
    assert len(connection.extract_statements(duck.script(table))) == len(duck.create(table))
    rows = connection.execute(
        "SELECT column_name, coalesce(comment, '') FROM duckdb_columns()"
        " WHERE table_name = 't' ORDER BY column_index"
    ).fetchall()
    assert rows[0] == (name, text)
    found = connection.execute("SELECT coalesce(comment, '') FROM duckdb_tables()").fetchall()
    assert found == [(text,)]
    connection.execute("INSERT INTO d.t (id_) VALUES (1)")
    [row] = connection.execute(f"SELECT {duck.quote(name)} FROM d.t").fetchall()
    assert row == (text,)
    assert len(connection.extract_statements(duck.insert_template(table))) == 1
    described = connection.execute("DESCRIBE d.v").fetchall()
    assert described[0][0] == name


@settings(max_examples=EXAMPLES)
@example(HOSTILE, HOSTILE)
@example("\\", "\\")
@example("a\0b", "\0")
@given(NAMES.filter(_usable), TEXTS)
def test_clickhouse_runs_it_and_has_the_same_text(clickhouse: Engine, name: str, text: str) -> None:
    house, table = clickhouse.dialect, _table(name, text)
    clickhouse.create(Table("d", "canary", (Column("a", String()),)))
    clickhouse.run(["DROP TABLE IF EXISTS d.t", *house.create(table)])
    [column, *_] = clickhouse.columns("d", "t")
    assert (column.name, column.comment) == (name, text)
    clickhouse.run(house.view(table, name="v").statements)
    clickhouse.run(["INSERT INTO d.t (id_) VALUES (1)"])
    [row] = clickhouse.query(f"SELECT {house.quote(name)} AS c FROM d.t").to_pylist()
    assert row == {"c": text}
    assert clickhouse.columns("d", "v")[0].name == name
    assert not clickhouse.create(Table("d", "canary", (Column("a", String()),)))


@settings(max_examples=EXAMPLES)
@example(HOSTILE, HOSTILE)
@example("\\", "\\")
@example("a\0b", "\0")
@given(NAMES.filter(_usable), TEXTS)
def test_googles_analyzer_reads_one_statement_and_the_same_text(name: str, text: str) -> None:
    if name.lower().startswith("_"):
        name = f"x{name}"  # some such names are BigQuery's own
    [statement] = dialect("bigquery").create(_table(name, text))
    found = analyze(statement)
    column = found.column_definition_list[0]
    assert column.name == name
    said = [option for option in found.option_list if option.name == "description"]
    assert [option.value.value.value.string_value for option in said] == ([text] if text else [])


@pytest.mark.parametrize("text", NASTY)
def test_hostile_clauses_are_literals(clickhouse: Engine, text: str) -> None:
    quoted = clickhouse.dialect.literal(text)
    storage = Storage(order_by=(f"concat(a, {quoted})",))
    table = Table(
        "d", "k", (Column("a", String(), nullable=False),), storage=(("clickhouse", storage),)
    )
    clickhouse.run(["DROP TABLE IF EXISTS d.k", *clickhouse.dialect.create(table)])
    [row] = clickhouse.query(
        "SELECT sorting_key AS k FROM system.tables WHERE database = 'd' AND name = 'k'"
    ).to_pylist()
    [back] = clickhouse.query(
        f"SELECT {row['k'].replace('a, ', chr(39) * 2 + ', ', 1)} AS k"
    ).to_pylist()
    assert back == {"k": text}


def test_a_path_of_hostile_names_is_one_file_at_most(tmp_path: Path) -> None:
    engine = open_engine("duckdb", tmp_path)
    table = Table("d", HOSTILE[:50], (Column("a", String()),))
    assert engine.create(table)
    assert {path.name for path in tmp_path.iterdir()} <= {"tables.duckdb", "tables.duckdb.wal"}
    engine.close()
