"""PostgreSQL's dialect on a real PostgreSQL: its tables, its rows, its own type texts."""

import json
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from psycopg.types.range import Range as Span

from dialects.contract import CASES, HOSTILE, VALUES, Case, in_each_place, table
from dialects.live_postgresql import connected, live_table
from dialects.random_tables import NAMES, as_read, tables
from protolith import Column, LayoutError, MalformedError, Table, dialect
from protolith.tables import (
    Date,
    DateTime,
    Float,
    Integer,
    Interval,
    Json,
    List,
    Map,
    Range,
    Record,
    String,
    Time,
    Timestamp,
    Type,
)

POSTGRESQL = dialect("postgresql")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DOCUMENTS = ["null", '""', "[]", '{"a": {"b.c": [1, -0.5, "ü🙂", true]}}']
SPANS = ["1 year 2 mons 3 days 00:00:00.000004", "-1 mons -1 days -00:00:01"]


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection]:
    with connected() as opened:
        yield opened


def _recreate(connection: psycopg.Connection, wanted: Table) -> None:
    connection.execute(f"DROP TABLE IF EXISTS {POSTGRESQL.qualified(wanted)}")
    for _ in range(2):
        for statement in POSTGRESQL.create(wanted):
            connection.execute(statement)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_type_in_each_place_is_created_and_read_back(
    connection: psycopg.Connection, case: Case
) -> None:
    _recreate(connection, case.table)
    assert live_table(connection, case.table) == as_read(POSTGRESQL, case.table)


@settings(max_examples=60)
@given(wanted=tables(NAMES))
def test_any_table_comes_back_from_a_live_one(
    connection: psycopg.Connection, wanted: Table
) -> None:
    _recreate(connection, wanted)
    assert live_table(connection, wanted) == as_read(POSTGRESQL, wanted)


def _python(type_: Type, value: Any) -> Any:
    """A value of the contract as psycopg takes and gives it."""
    match type_:
        case List(element):
            return [_python(element, item) for item in value]
        case _ if value is None:
            return None
        case Timestamp(6):
            return EPOCH + timedelta(microseconds=value)
        case DateTime():
            return EPOCH.replace(tzinfo=None) + timedelta(microseconds=value)
        case Time():
            return (EPOCH + timedelta(microseconds=value)).time()
        case Date():
            return date.fromordinal(value + EPOCH.toordinal())
        case Range(element):
            bounds = (value["start"], value["end"])
            return Span(*(_python(element, bound) for bound in bounds))
        case _:
            return str(value) if isinstance(POSTGRESQL.storable(type_), String) else value


def _exact(type_: Type, value: Any) -> Any:
    match type_, value:
        case _, list():
            return [_exact(type_, item) for item in value]
        case _, None:
            return None
        case Float(bits), _:
            return repr(struct.unpack("f", struct.pack("f", value)) if bits == 32 else value)
        case _:
            return value


def _values(type_: Type) -> list[Any]:
    match type_:
        case Json():
            return DOCUMENTS
        case Interval():
            return SPANS
        case _:
            return [v for v in VALUES[type_] if not (isinstance(v, str) and "\0" in v)]


@pytest.mark.parametrize("type_", VALUES, ids=str)
def test_rows_at_the_limits_come_back(connection: psycopg.Connection, type_: Type) -> None:
    values = [_python(type_, value) for value in _values(type_)]
    wanted = table(
        Column("n", Integer()),
        Column("one", type_),
        Column("required", type_, nullable=False),
        Column("many", List(type_), nullable=False),
    )
    _recreate(connection, wanted)
    one, many = (POSTGRESQL.type_text(t) for t in (type_, List(type_)))
    insert = f"INSERT INTO shop.things VALUES (%s, %s::{one}, %s::{one}, %s::{many})"
    rows = [(None, values[0], []), *((value, value, values) for value in values)]
    for n, row in enumerate(rows):
        connection.execute(insert, (n, *row))
    # psycopg makes months into days, and cannot read spans at all in some forms.
    cast = {Interval(): "::text", Json(): "::text"}.get(type_, "")
    several = f"{cast}[]" if cast else ""
    answer = connection.execute(
        f"SELECT one{cast}, required{cast}, many{several} FROM shop.things ORDER BY n"
    ).fetchall()
    assert [_exact(type_, list(row)) for row in answer] == [
        _exact(type_, list(row)) for row in rows
    ]


def test_records_and_maps_are_kept_as_documents(connection: psycopg.Connection) -> None:
    inner = Record((Column("a", Integer()), Column("b", List(String()), nullable=False)))
    wanted = table(
        Column("record", inner),
        Column("records", List(inner), nullable=False),
        Column("map", Map(String(), inner), nullable=False),
    )
    document = {"a": 2**63 - 1, "b": ["", "ü🙂", HOSTILE], "": {"x" * 200: None}}
    row = [document, [document, document], {"k": document, " ": document}]
    _recreate(connection, wanted)
    connection.execute(
        "INSERT INTO shop.things VALUES (%s::jsonb, %s::jsonb, %s::jsonb), (NULL, '[]', '{}')",
        [json.dumps(value) for value in row],
    )
    answer = connection.execute("SELECT * FROM shop.things").fetchall()
    assert answer == [tuple(row), (None, [], {})]
    path = "SELECT (record->>'a')::bigint FROM shop.things"
    assert connection.execute(path).fetchone() == (2**63 - 1,)


def test_required_columns_refuse_null(connection: psycopg.Connection) -> None:
    _recreate(connection, table(Column("a", Integer(), nullable=False)))
    with pytest.raises(psycopg.errors.NotNullViolation):
        connection.execute("INSERT INTO shop.things VALUES (NULL)")


@pytest.mark.parametrize("conforming", ["on", "off"])
@pytest.mark.parametrize(
    "text", ["\\", "'", "\\'", "'; DROP TABLE shop.canary; --", "\\\\'", "\\047", HOSTILE]
)
def test_literals_cannot_end_early(
    connection: psycopg.Connection, text: str, conforming: str
) -> None:
    wanted = table(Column(text[:50], String(), comment=text), comment=text)
    connection.execute(f"SET standard_conforming_strings = {conforming}")
    try:
        _recreate(connection, wanted)
        assert live_table(connection, wanted) == wanted
    finally:
        connection.execute("RESET standard_conforming_strings")


def test_names_that_would_be_cut_are_refused(connection: psycopg.Connection) -> None:
    fits, cut = "é" * 31 + "x", "é" * 32
    wanted = Table(fits, fits, (Column(fits, String()),))
    _recreate(connection, wanted)
    assert live_table(connection, wanted) == wanted
    assert connection.execute(f'SELECT 1 AS "{cut}x"').description[0].name == cut[:31]
    for refused, place in (
        (Table(cut, "t", wanted.columns), ""),
        (Table("d", cut, wanted.columns), ""),
        (Table("d", "t", (Column(cut, String()),)), f"{cut}: "),
    ):
        with pytest.raises(LayoutError, match=f"{place}the name {cut} has 64 bytes") as caught:
            POSTGRESQL.create(refused)
        assert "63 bytes without a word" in str(caught.value.hint)
    inner = Record((Column(cut, String()),))
    _recreate(connection, table(Column("r", inner)))  # a key of a document has any length


@pytest.mark.parametrize("name", ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"])
def test_its_own_columns_are_refused(connection: psycopg.Connection, name: str) -> None:
    with pytest.raises(LayoutError, match=f"{name}: PostgreSQL has a column {name} of its own"):
        POSTGRESQL.create(table(Column(name, String())))
    with pytest.raises(psycopg.errors.DuplicateColumn):
        connection.execute(f"CREATE TABLE own ({name} TEXT)")
    _recreate(connection, table(Column(name.upper(), String())))


@pytest.mark.parametrize("name", ["pg_catalog", "pg_mine", "information_schema"])
def test_its_own_schemas_are_refused(name: str) -> None:
    with pytest.raises(LayoutError, match=f"the schema {name} is its own"):
        POSTGRESQL.create(Table(name, "t", (Column("a", String()),)))


def test_it_takes_1600_columns(connection: psycopg.Connection) -> None:
    columns = [Column(f"c{n}", String()) for n in range(1601)]
    _recreate(connection, table(*columns[:1600]))
    with pytest.raises(LayoutError, match="at most 1,600 columns are possible, not 1,601"):
        POSTGRESQL.create(table(*columns))


def test_nul_is_refused_where_a_text_would_have_it(connection: psycopg.Connection) -> None:
    for refused in (
        table(Column("a", String()), comment="\0"),
        table(Column("a", Record((Column("b", String(), comment="\0"),)))),
        table(Column("a\0", String())),
    ):
        with pytest.raises(LayoutError, match="no NUL character"):
            POSTGRESQL.create(refused)
    for type_, text in (("text", "\0"), ("jsonb", json.dumps("\0"))):
        with pytest.raises(psycopg.DataError):
            connection.execute(f"SELECT %s::{type_}", [text])


@pytest.mark.parametrize(
    "text", ["timestamp(3) with time zone", "smallint", "money", "int4range", "json", "oid", ""]
)
def test_a_type_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="none that a table can have"):
        POSTGRESQL.read_type(text)


def test_a_script_is_what_the_engine_runs(connection: psycopg.Connection) -> None:
    wanted = in_each_place(Timestamp())
    connection.execute(f"DROP TABLE IF EXISTS {POSTGRESQL.qualified(wanted)}")
    connection.execute(POSTGRESQL.script(wanted))
    assert live_table(connection, wanted) == as_read(POSTGRESQL, wanted)
