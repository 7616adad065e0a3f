"""The translator that SPEC.md names, executed by the engines."""

from pathlib import Path

import pytest

from protolith import SchemaTranslator, SchemaValidationError
from protolith.engines import open_engine

SCHEMA = [
    {"name": "s", "type": "STRING", "mode": "REQUIRED"},
    {"name": "i", "type": "INTEGER"},
    {"name": "f", "type": "FLOAT64", "mode": "NULLABLE"},
    {"name": "b", "type": "BOOLEAN"},
    {"name": "t", "type": "TIMESTAMP"},
    {"name": "d", "type": "DATE"},
    {"name": "ti", "type": "TIME"},
    {"name": "dt", "type": "DATETIME"},
    {"name": "r", "type": "RECORD", "fields": [{"name": "x", "type": "STRING"}]},
    {"name": "l", "type": "STRING", "mode": "REPEATED"},
    {"name": "n", "type": "NUMERIC"},
    {"name": "select", "type": "BYTES"},
]


def test_duckdb_has_the_json_layout() -> None:
    ddl = SchemaTranslator().translate_to_duckdb_ddl(SCHEMA, "t", "d")
    assert ddl == (
        'CREATE TABLE IF NOT EXISTS "d"."t" (\n'
        '  "s" VARCHAR NOT NULL,\n'
        '  "i" BIGINT,\n'
        '  "f" DOUBLE,\n'
        '  "b" BOOLEAN,\n'
        '  "t" TIMESTAMP,\n'
        '  "d" DATE,\n'
        '  "ti" TIME,\n'
        '  "dt" TIMESTAMP,\n'
        '  "r" JSON,\n'
        '  "l" JSON NOT NULL,\n'
        '  "n" VARCHAR,\n'
        '  "select" VARCHAR\n'
        ");"
    )


def test_the_engines_take_the_statements(tmp_path: Path) -> None:
    translator = SchemaTranslator()
    duckdb, clickhouse = open_engine("duckdb", tmp_path), open_engine("clickhouse", tmp_path)
    duckdb.run(["CREATE SCHEMA d", translator.translate_to_duckdb_ddl(SCHEMA, "t", "d")])
    statement = translator.translate_to_clickhouse_ddl({"fields": SCHEMA}, "t", "d").rstrip(";")
    clickhouse.run(["CREATE DATABASE d", statement])
    assert [c.type for c in duckdb.columns("d", "t")][8:] == ["JSON", "JSON", "VARCHAR", "VARCHAR"]
    types = {c.name: c.type for c in clickhouse.columns("d", "t")}
    assert types["r"] == "Nullable(Tuple(x Nullable(String)))"
    assert (types["s"], types["l"]) == ("String", "Array(String)")
    duckdb.close()
    clickhouse.close()


def test_the_database_defaults_to_the_registrys() -> None:
    schema = [{"name": "a", "type": "STRING"}]
    assert '"bigquery_lite"."t"' in SchemaTranslator().translate_to_duckdb_ddl(schema, "t")
    assert "`bigquery_lite`.`t`" in SchemaTranslator().translate_to_clickhouse_ddl(schema, "t")


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(SchemaValidationError, match="a: 'NOTHING' is not a BigQuery type"):
        SchemaTranslator().translate_to_duckdb_ddl([{"name": "a", "type": "NOTHING"}], "t")
