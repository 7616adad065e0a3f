"""Expressions from users: what is allowed, and what defaults mean in each engine."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from googlesql import analyze
from protolith import Column, Table, arrow_schema, dialect
from protolith.dialects.expressions import Writer, parse, spellings
from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.errors import ExpressionError
from protolith.tables import (
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    EnumName,
    Float,
    Geography,
    Integer,
    Interval,
    Json,
    List,
    Range,
    Record,
    Storage,
    String,
    Time,
    Timestamp,
    Type,
)

DEFAULTS: list[tuple[Type, str, Any]] = [
    (Integer(), "5", 5),
    (Integer(32), "-5", -5),
    (Integer(), "(7)", 7),
    (Boolean(), "true", True),
    (Float(), "1.5", 1.5),
    (Float(), "-1e3", -1000.0),
    (Decimal(38, 9), "NUMERIC '1.5'", "1.500000000"),
    (Decimal(38, 9), "-0.000000001", "-0.000000001"),
    (String(), "'it\\'s \\\\ \\n\"'", "it's \\ \n\""),
    (String(), '"; DROP TABLE x; --"', "; DROP TABLE x; --"),
    (EnumName(), "'NEW'", "NEW"),
    (Date(), "DATE '2020-01-02'", dt.date(2020, 1, 2)),
    (Date(), "'2020-01-02'", dt.date(2020, 1, 2)),
    (Timestamp(), "TIMESTAMP '2020-01-02 03:04:05.6+00'", "2020-01-02 03:04:05.600000"),
    (Timestamp(), "TIMESTAMP '2020-01-02'", "2020-01-02 00:00:00.000000"),
    (DateTime(), "DATETIME '2020-01-02 03:04:05'", "2020-01-02 03:04:05.000000"),
    (Json(), "JSON '{\"a\": 1}'", '{"a": 1}'),
    (List(Integer()), "[]", []),
]
LEFT_OUT: list[tuple[Type, str]] = [
    (Integer(32), "5000000000"),
    (Integer(32, signed=False), "-1"),
    (Decimal(10, 2), "0.001"),
    (Timestamp(), "TIMESTAMP '2020-01-02 03:04:05 Europe/Berlin'"),
    (Timestamp(), "'2020-1-2'"),
    (Date(), "DATE '2020-02-30'"),
    (Bytes(), "b'ab'"),
    (Float(), "RAND()"),
    (String(), "SESSION_USER()"),
    (Date(), "CURRENT_DATE('Asia/Tokyo')"),
    (List(Integer()), "[1, 2]"),
    (Integer(), "'5'"),
    (Integer(), "1 /* one */"),
    (Integer(), "1; DROP TABLE x"),
    (Geography(), "ST_GEOGPOINT(1, 2)"),
]
OPTIONS = (
    "partition_expiration_days=2.5",
    "require_partition_filter=true",
    "expiration_timestamp=TIMESTAMP '2030-01-01T00:00:00+00:00'",
    "labels=[('team', 'it\\'s')]",
)
GOOGLE: list[tuple[Type, str]] = [
    *((type_, text) for type_, text, _ in DEFAULTS),
    (Bytes(), "'ab'"),
    (Float(), "rand()"),
    (String(), "session_user()"),
    (String(), "generate_uuid()"),
    (String(), "r'a\\d'"),
    (Integer(), "0x1F"),
    (Date(), "CURRENT_DATE('Asia/Tokyo')"),
    (Date(), "current_date"),
    (Timestamp(), "CURRENT_TIMESTAMP"),
    (Time(), "TIME '01:02:03'"),
    (List(Integer()), "ARRAY<INT64>[1, 2]"),
    (Interval(), "INTERVAL 1 DAY"),
    (Range(Date()), "RANGE<DATE> '[2020-01-01, UNBOUNDED)'"),
    (Record((Column("a", Integer()),)), "STRUCT(1)"),
    (Geography(), "ST_GEOGPOINT(1, 2)"),
    (Integer(), "NULL"),
]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    home = tmp_path_factory.mktemp("engines")
    opened = {name: open_engine(name, home) for name in EMBEDDED}
    yield opened
    for engine in opened.values():
        engine.close()


def _table(type_: Type, default: str) -> Table:
    nullable = not isinstance(type_, List)
    return Table(
        "d",
        "t",
        (
            Column("id", Integer(), nullable=False),
            Column("c", type_, nullable=nullable, default=default),
        ),
    )


def _remade(engine: Engine, table: Table) -> None:
    engine.run([f"DROP TABLE IF EXISTS {engine.dialect.qualified(table)}"])
    engine.create(table)
    assert not engine.create(table)


@pytest.mark.parametrize(("type_", "text", "value"), DEFAULTS)
@pytest.mark.parametrize("name", EMBEDDED)
def test_defaults_mean_the_same_in_each_engine(
    engines: dict[str, Engine], name: str, type_: Type, text: str, value: Any
) -> None:
    engine, table = engines[name], _table(type_, text)
    assert engine.dialect.stored(table).notes == ()
    _remade(engine, table)
    engine.run(["INSERT INTO d.t (id) VALUES (1)"])
    shown = "c"
    if isinstance(type_, Timestamp | DateTime):
        shown = "strftime(c, '%Y-%m-%d %H:%M:%S.%f')" if name == "duckdb" else "toString(c)"
    elif isinstance(type_, Decimal):
        shown = "CAST(c AS VARCHAR)" if name == "duckdb" else "toDecimalString(c, 9)"
    assert engine.query(f"SELECT {shown} AS c FROM d.t").to_pylist() == [{"c": value}]


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (Timestamp(), "CURRENT_TIMESTAMP()"),
        (Timestamp(9), "current_timestamp"),
        (DateTime(), "CURRENT_DATETIME()"),
        (Date(), "CURRENT_DATE()"),
        (String(), "GENERATE_UUID()"),
    ],
)
@pytest.mark.parametrize("name", EMBEDDED)
def test_functions_give_a_value_of_their_own(
    engines: dict[str, Engine], name: str, type_: Type, text: str
) -> None:
    engine, table = engines[name], _table(type_, text)
    assert engine.dialect.stored(table).notes == ()
    _remade(engine, table)
    engine.run(["INSERT INTO d.t (id) VALUES (1)"])
    [row] = engine.query("SELECT CAST(c AS VARCHAR) AS c FROM d.t").to_pylist()
    today = dt.datetime.now(dt.UTC).date()
    if isinstance(type_, String):
        assert len(row["c"]) == 36
    else:
        assert row["c"][:10] in {str(today), str(today - dt.timedelta(days=1))}


@pytest.mark.parametrize(("type_", "text"), LEFT_OUT)
@pytest.mark.parametrize("name", EMBEDDED)
def test_other_defaults_are_left_out_with_a_note(name: str, type_: Type, text: str) -> None:
    table = _table(type_, text)
    assert "DEFAULT" not in dialect(name).script(table)
    [note] = dialect(name).stored(table).notes
    assert note.field_path == "c"
    assert note.text.startswith(f"default not written for {name}: ")


@pytest.mark.parametrize("name", ["bigquery", *EMBEDDED])
def test_a_default_inside_a_record_is_left_out_with_a_note(name: str) -> None:
    inner = Record((Column("a", Integer(), default="1"),))
    table = Table("d", "t", (Column("r", inner),))
    assert "DEFAULT" not in dialect(name).script(table)
    [note] = dialect(name).stored(table).notes
    assert (note.field_path, "inside a record" in note.text) == ("r.a", True)


@pytest.mark.parametrize("name", EMBEDDED)
def test_null_that_is_loaded_stays_null(engines: dict[str, Engine], name: str) -> None:
    engine, table = engines[name], _table(Integer(), "5")
    _remade(engine, table)
    schema = arrow_schema(engine.dialect.stored(table))
    rows = pa.table({"id": [1, 2], "c": [None, 7]}).cast(schema)
    engine.load(table, rows)
    found = engine.query("SELECT id, c FROM d.t ORDER BY id").to_pylist()
    assert found == [{"id": 1, "c": None}, {"id": 2, "c": 7}]


@pytest.mark.parametrize(("type_", "text"), GOOGLE)
def test_googles_analyzer_takes_the_defaults(type_: Type, text: str) -> None:
    table = _table(type_, text)
    assert dialect("bigquery").stored(table).notes == ()
    [statement] = dialect("bigquery").create(table)
    assert " DEFAULT " in statement
    analyze(statement)


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (Integer(), "(SELECT 1)"),
        (Integer(), "1; DROP TABLE x"),
        (Integer(), "1) OPTIONS(description='x'"),
        (Integer(), "id + 1"),
        (Integer(), "'5'"),
        (String(), "5"),
        (String(), "FORMAT('%s', 'x')"),
        (String(), "'a' -- b"),
        (Integer(), "@p"),
        (Integer(), ""),
    ],
)
def test_a_bad_default_is_refused_with_its_place(type_: Type, text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        dialect("bigquery").create(_table(type_, text))
    assert caught.value.code == "EXPRESSION_INVALID"
    assert caught.value.details[0].field_path == "c"
    assert [note.field_path for note in dialect("bigquery").stored(_table(type_, text)).notes] == [
        "c"
    ]


@pytest.mark.parametrize(
    ("clauses", "text"),
    [
        ({"partition_by": "day", "order_by": ("ID", "name")}, "`day`\nCLUSTER BY `id`, `name`"),
        ({"partition_by": "date(TS)"}, "DATE(`ts`)"),
        ({"partition_by": "timestamp_trunc(ts, hour)"}, "TIMESTAMP_TRUNC(`ts`, HOUR)"),
        ({"partition_by": "DATE_TRUNC(`day`, YEAR)"}, "DATE_TRUNC(`day`, YEAR)"),
        (
            {"partition_by": "RANGE_BUCKET(id, GENERATE_ARRAY(-10, 100, 10))"},
            "RANGE_BUCKET(`id`, GENERATE_ARRAY(-10, 100, 10))",
        ),
        (
            {
                "partition_by": "day",
                "settings": (
                    ("partition_expiration_days", "2.5"),
                    ("require_partition_filter", "true"),
                    ("expiration_timestamp", '"2030-01-01T00:00:00Z"'),
                    ("labels", '{"team": "it\'s"}'),
                ),
            },
            "`day`\nOPTIONS(description='about', " + ", ".join(OPTIONS) + ")",
        ),
    ],
)
def test_googles_analyzer_takes_the_clauses(clauses: dict[str, Any], text: str) -> None:
    columns = (
        Column("id", Integer(), nullable=False),
        Column("ts", Timestamp()),
        Column("day", Date()),
        Column("name", String()),
    )
    storage = Storage(primary_key=("id",), **clauses)
    table = Table("d", "t", columns, "about", storage=(("bigquery", storage),))
    [statement] = dialect("bigquery").create(table)
    assert "PRIMARY KEY (`id`) NOT ENFORCED" in statement
    assert f"\nPARTITION BY {text}" in statement
    analyze(statement)


def test_partitions_by_time_of_arrival_are_written() -> None:
    storage = Storage(partition_by="_partitiondate")
    table = Table("d", "t", (Column("a", String()),), storage=(("bigquery", storage),))
    assert dialect("bigquery").create(table)[0].endswith(")\nPARTITION BY _PARTITIONDATE")


@pytest.mark.parametrize(
    "text",
    [
        "(SELECT 1)",
        "a FROM system.users",
        "a; DROP TABLE x",
        "a -- x",
        "a /* x */",
        "a # x",
        "a UNION ALL SELECT 1",
        "file('/etc/passwd')",
        "url('http://x')",
        "dictGet('d', 'x', a)",
        "currentUser()",
        "sleep(3)",
        "COLUMNS('.*')",
        "*",
        "a AS b",
        "a, b",
        "{a:Int64}",
        "x -> a",
        "a IN (SELECT 1)",
        "quantile(0.5)(a)",
        "sumIf(a, a)",
        "count() OVER ()",
        "CAST(a AS Nested(x String))",
        "a::Enum8('x' = 1)",
        "INTERVAL a DAY",
        "lower(a) DESC",
        "",
        "'",
        "((((",
        "a" * 20_000,
        "(" * 2_000 + "a" + ")" * 2_000,
    ],
)
def test_nothing_but_what_is_listed_gets_through(text: str) -> None:
    clickhouse = dialect("clickhouse")
    column = Column("a", Integer())

    def find(parts: tuple[str, ...]) -> tuple[str, Column]:
        return clickhouse.quote(".".join(parts)), column

    writer = Writer(clickhouse, text, "here", spellings(("lower",)), find)
    with pytest.raises(ExpressionError) as caught:
        writer.write(parse(clickhouse, text, at="here"))
    assert caught.value.details[0].field_path == "here"
