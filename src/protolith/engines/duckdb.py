"""DuckDB in a file."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from protolith.dialects import dialect
from protolith.engines.base import Engine, LiveColumn
from protolith.errors import EngineError, EngineUnavailableError
from protolith.tables import Table

FILE = "tables.duckdb"

_COLUMNS = """
SELECT column_name, data_type, is_nullable, coalesce(comment, '')
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = ? AND table_name = ?
ORDER BY column_index
"""
# No statement reaches the network or other files, and none can undo that.
_CLOSED = (
    "SET TimeZone = 'UTC'",
    "SET enable_external_access = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET lock_configuration = true",
)


def connect(home: Path) -> "DuckDBEngine":
    """Open or create the database file under `home`; one process at a time can have it open."""
    try:
        connection = duckdb.connect(str(home / FILE))
    except duckdb.IOException as error:
        raise EngineUnavailableError(
            f"DuckDB cannot open {FILE}: {_reason(error)}",
            hint="another process has it open, perhaps `protolith serve`: stop it or ask it",
        ) from None
    for statement in _CLOSED:
        connection.execute(statement)
    return DuckDBEngine(connection)


class DuckDBEngine(Engine):
    """An open DuckDB database."""

    name = "duckdb"
    dialect = dialect("duckdb")

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__()
        self._connection = connection

    def run(self, statements: Sequence[str]) -> None:
        with self._turn:
            self._ask("BEGIN")
            try:
                for statement in statements:
                    self._ask(statement)
                self._ask("COMMIT")
            except EngineError:
                self._ask("ROLLBACK")
                raise

    def columns(self, database: str, table: str) -> tuple[LiveColumn, ...]:
        with self._turn:
            rows = self._ask(_COLUMNS, [database, table])
        return tuple(LiveColumn(*row) for row in rows)

    def canonical(self, types: Sequence[str]) -> list[str]:
        columns = ", ".join(f"typeof(NULL::{text})" for text in types)
        with self._turn:
            return list(self._ask(f"SELECT {columns}")[0])

    def load(self, table: Table, rows: pa.Table) -> None:
        # A unique name: a Python variable of the table's name would be read instead of the table.
        source = f"_protolith_{secrets.token_hex(8)}"
        with self._turn:
            self._connection.register(source, rows)
            try:
                name = self.dialect.qualified(table)
                self.run([f"INSERT INTO {name} BY NAME SELECT * FROM {source}"])  # noqa: S608
            finally:
                self._connection.unregister(source)

    def query(self, sql: str) -> pa.Table:
        with self._turn:
            try:
                relation = self._connection.sql(sql)
                rows: pa.Table = pa.table({}) if relation is None else relation.to_arrow_table()
            except duckdb.Error as error:
                raise _refused(error) from None
        return rows

    def close(self) -> None:
        with self._turn:
            self._connection.close()

    def _ask(self, sql: str, parameters: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        try:
            # All rows are fetched: an unfinished result blocks the connection.
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        except duckdb.Error as error:
            raise _refused(error) from None
        return rows


def _refused(error: duckdb.Error) -> EngineError:
    return EngineError(f"DuckDB refused: {_reason(error)}")


def _reason(error: duckdb.Error) -> str:
    # The rest shows the statement again, or paths and process numbers of the machine.
    return str(error).partition("\n")[0].partition(" See also ")[0]
