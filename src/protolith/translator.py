"""BigQuery JSON schemas as CREATE TABLE statements, by the names of SPEC.md."""

from dataclasses import replace
from typing import Any

from protolith.dialects import dialect
from protolith.dialects.bigquery.schema_json import from_json
from protolith.layout import DEFAULT_DATABASE
from protolith.tables import (
    Boolean,
    Column,
    Date,
    DateTime,
    EnumName,
    Float,
    Integer,
    Json,
    List,
    Map,
    Record,
    String,
    Table,
    Time,
    Timestamp,
    Type,
)


class SchemaTranslator:
    """Writes a BigQuery JSON schema as one CREATE TABLE statement for another engine."""

    def translate_to_duckdb_ddl(
        self, schema_json: Any, table_name: str, database_name: str = DEFAULT_DATABASE
    ) -> str:
        """DuckDB's statement in the json layout: nested and repeated columns are JSON.

        TIMESTAMP and DATETIME are TIMESTAMP, and what has no plain type is VARCHAR. The schema
        `database_name` must exist. `lay_out` and `dialect("duckdb")` write typed nested columns.
        """
        table = with_json_columns(from_json(schema_json, table=table_name, database=database_name))
        return _create_table("duckdb", table)

    def translate_to_clickhouse_ddl(
        self, schema_json: Any, table_name: str, database_name: str = DEFAULT_DATABASE
    ) -> str:
        """ClickHouse's statement: a MergeTree with nested columns as Tuple and Array.

        The database `database_name` must exist.
        """
        table = from_json(schema_json, table=table_name, database=database_name)
        return _create_table("clickhouse", table)


def with_json_columns(table: Table) -> Table:
    """The table in the json layout: nested and repeated values are JSON documents."""
    return replace(table, columns=tuple(_in_json_layout(column) for column in table.columns))


def _in_json_layout(column: Column) -> Column:
    return replace(column, type=_json_layout_type(column.type))


def _json_layout_type(type_: Type) -> Type:
    match type_:
        case Record() | List() | Map():
            return Json()
        case Timestamp() | DateTime():
            return DateTime()
        case Boolean() | Integer() | Float() | EnumName() | Date() | Time():
            return type_
        case _:
            return String()


def _create_table(name: str, table: Table) -> str:
    statements = dialect(name).create(table)
    return next(f"{text};" for text in statements if text.startswith("CREATE TABLE"))
