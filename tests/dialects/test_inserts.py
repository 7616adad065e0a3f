"""Insert templates: run with a real row where there is an engine, analysed where there is none."""

import datetime as dt
from pathlib import Path

import clickhouse_connect
import duckdb

from protolith import Column, Table, dialect
from protolith.tables import (
    Decimal,
    EnumName,
    Integer,
    Json,
    List,
    Map,
    Record,
    String,
    Timestamp,
)

TABLE = Table(
    "shop",
    "orders",
    (
        Column("id", Integer(), nullable=False),
        Column("select", String()),
        Column("status", EnumName()),
        Column("ts", Timestamp()),
        Column("price", Decimal(38, 9)),
        Column("st", Record((Column("a", Integer(), nullable=False), Column("b c", String())))),
        Column("items", List(Record((Column("x", Integer()),))), nullable=False),
        Column("m", Map(String(), Integer()), nullable=False),
        Column("j", Json()),
    ),
)
MOMENT = dt.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)


def test_duckdb_runs_it_with_a_row() -> None:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for statement in dialect("duckdb").create(TABLE):
        connection.execute(statement)
    row = {
        "id": 1,
        "select": "it's",
        "status": None,
        "ts": MOMENT,
        "price": "1.5",
        "st": {"b c": "x", "a": 5},
        "items": [{"x": 1}, {"x": None}],
        "m": {"k": 3},
        "j": '{"a": 1}',
    }
    connection.execute(dialect("duckdb").insert_template(TABLE), row)
    columns = '"id", "select", "ts"::VARCHAR, "price"::VARCHAR, "st", "items", "m", "j"'
    assert connection.execute(f"SELECT {columns} FROM shop.orders").fetchall() == [
        (
            *(1, "it's", "2020-01-02 03:04:05.000006+00", "1.500000000"),
            *({"a": 5, "b c": "x"}, [{"x": 1}, {"x": None}], {"k": 3}, '{"a": 1}'),
        )
    ]


def test_clickhouse_runs_it_with_a_row(tmp_path: Path) -> None:
    client = clickhouse_connect.get_client(interface="chdb", path=str(tmp_path / "ch"))
    for statement in dialect("clickhouse").create(TABLE):
        client.command(statement)
    row = {
        "id": 1,
        "select": "it's",
        "status": None,
        "ts": MOMENT.replace(tzinfo=None),
        "price": "1.5",
        "st": (5, "x"),
        "items": [(1,), (None,)],
        "m": [("k", 3)],
        "j": '{"a": 1}',
    }
    client.command(dialect("clickhouse").insert_template(TABLE), parameters=row)
    columns = "id, `select`, status, toString(ts), toString(price), st.a, items, m, j"
    assert client.query(f"SELECT {columns} FROM shop.orders").result_rows == [
        (
            *(1, "it's", None, "2020-01-02 03:04:05.000006", "1.5", 5),
            *([{"x": 1}, {"x": None}], {"k": 3}, '{"a": 1}'),
        )
    ]
    client.close()


def test_placeholders_are_numbered_where_columns_are_no_identifiers() -> None:
    table = Table("d", "t", (Column("a}'b", Integer()), Column("ok", Integer())))
    assert dialect("bigquery").insert_template(table).endswith("VALUES (@p1, @p2)")
    assert dialect("duckdb").insert_template(table) == (
        'INSERT INTO "d"."t" ("a}\'b", "ok")\nVALUES (CAST($p1 AS BIGINT), CAST($p2 AS BIGINT))'
    )
    assert "{p1:Nullable(Int64)}" in dialect("clickhouse").insert_template(table)
