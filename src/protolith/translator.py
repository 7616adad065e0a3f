"""BigQuery JSON schemas as CREATE TABLE statements, by the names of SPEC.md."""

from typing import Any

from protolith.dialects import dialect
from protolith.dialects.bigquery.schema_json import from_json
from protolith.layout import DEFAULT_DATABASE, with_json_columns
from protolith.tables import Table


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


def _create_table(name: str, table: Table) -> str:
    statements = dialect(name).create(table)
    return next(f"{text};" for text in statements if text.startswith("CREATE TABLE"))
