"""DuckDB in a file."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from protolith.dialects import dialect
from protolith.engines.base import Engine
from protolith.engines.duckdb_particulars import particulars
from protolith.engines.live import LiveColumn
from protolith.engines.loads import LOADS, Load, check_same_load
from protolith.engines.migrating import JOURNAL, Entry, Size, check_rows, columns_text
from protolith.engines.particulars import Particular
from protolith.engines.rebuilding import build
from protolith.engines.settings import EngineSettings
from protolith.errors import (
    ConflictError,
    EngineError,
    EngineUnavailableError,
    SchemaRegistryError,
    StorageFullError,
)
from protolith.migrations import Migration
from protolith.migrations.rebuilding import Rebuild
from protolith.tables import Table

FILE = "tables.duckdb"

_MISREAD = frozenset("?\\")  # what follows is taken for options, and for a folder

_COLUMNS = """
SELECT column_name, data_type, is_nullable, coalesce(comment, '')
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = ? AND table_name = ?
ORDER BY column_index
"""
# Names are the same that differ in case alone, but IF NOT EXISTS says nothing about that.
_IN_THE_WAY = """
SELECT 'schema ' || schema_name FROM duckdb_schemas()
WHERE database_name = current_database()
  AND lower(schema_name) = lower($1) AND schema_name <> $1
UNION ALL
SELECT 'table ' || schema_name || '.' || table_name FROM duckdb_tables()
WHERE database_name = current_database() AND lower(schema_name) = lower($1)
  AND lower(table_name) = lower($2) AND table_name <> $2
UNION ALL
SELECT 'view ' || schema_name || '.' || view_name FROM duckdb_views()
WHERE database_name = current_database() AND lower(schema_name) = lower($1)
  AND lower(view_name) = lower($2)
"""
_REMARK = """
SELECT coalesce(comment, '') FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = ? AND table_name = ?
"""
_BLOCKS = """
SELECT count(DISTINCT block_id) FILTER (block_id >= 0) FROM pragma_storage_info(?)
"""
_BATCH_ROWS = 8192
_FULL = "No space left on device"
_MAKE_ROOM = "make room, and try again: a load is there in whole, or not at all"
_OF_TABLE = "WHERE database_name = ? AND table_name = ?"
# No statement reaches the network or other files, and none can undo that.
_CLOSED = (
    "SET GLOBAL TimeZone = 'UTC'",  # for cursors too
    "SET enable_external_access = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET lock_configuration = true",
)


def connect(home: Path, settings: EngineSettings) -> "DuckDBEngine":
    """Open or create a database: the file of the setting, or `:memory:`, or one under `home`.

    One process at a time can have a file open.
    """
    path = settings.duckdb or str(home / FILE)
    if _MISREAD.intersection(path):
        raise EngineUnavailableError(
            "DuckDB misreads the path of the data directory: there is a ? or a backslash in it",
            hint="use another data directory",
        )
    return DuckDBEngine(path, home)


def _connect(path: str, home: Path) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(path)
    except duckdb.Error as error:
        raise _unavailable(error, home) from None
    try:
        for statement in _CLOSED:
            connection.execute(statement)
    except duckdb.Error as error:
        connection.close()
        raise _unavailable(error, home) from None
    return connection


class DuckDBEngine(Engine):
    """An open DuckDB database."""

    name = "duckdb"

    def __init__(self, path: str, home: Path) -> None:
        super().__init__()
        self.dialect = dialect("duckdb", version=duckdb.__version__)
        self._connection = _connect(path, home)
        self._path = path
        self._home = home

    def run(self, statements: Sequence[str]) -> None:
        with self._transaction():
            for statement in statements:
                self._ask(statement)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._turn:
            self._ask("BEGIN")
            try:
                yield
                self._ask("COMMIT")
            except BaseException:
                with suppress(SchemaRegistryError):  # a COMMIT that fails has rolled back already
                    self._ask("ROLLBACK")
                raise

    def check_place(self, table: Table) -> None:
        with self._turn:
            rows = self._ask(_IN_THE_WAY, [table.database, table.name])
        if rows:
            raise ConflictError(
                f"duckdb: the {rows[0][0]} is in the place of {table.database}.{table.name}",
                hint="choose another name: upper and lower case are the same to DuckDB",
            )

    def columns(self, database: str, table: str) -> tuple[LiveColumn, ...]:
        with self._turn:
            rows = self._ask(_COLUMNS, [database, table])
        return tuple(LiveColumn(*row) for row in rows)

    def canonical(self, types: Sequence[str]) -> list[str]:
        columns = ", ".join(f"typeof(NULL::{text})" for text in types)
        with self._turn:
            return list(self._ask(f"SELECT {columns}")[0])

    def particulars(self, table: Table) -> Iterable[Particular]:
        return particulars(self, table)

    def load(self, table: Table, rows: pa.Table, load_id: str | None = None) -> bool:
        # A unique name: a Python variable of the table's name would be read instead of the table.
        source = f"_protolith_{secrets.token_hex(8)}"
        name = self.dialect.qualified(table)
        with self._turn:
            self._connection.register(source, rows)
            try:
                with self._transaction():
                    if load_id is not None and not self._note_load(table, load_id, rows.num_rows):
                        return False
                    self._ask(f"INSERT INTO {name} BY NAME SELECT * FROM {source}")  # noqa: S608
            finally:
                with suppress(duckdb.Error):  # after a fatal error it is another connection
                    self._connection.unregister(source)
        return True

    def _note_load(self, table: Table, load_id: str, rows: int) -> bool:
        """Keep the id of a load, in its transaction; False if it is there already."""
        for statement in self.dialect.create(LOADS)[:2]:
            self._ask(statement)
        name, place = self.dialect.qualified(LOADS), [table.database, table.name, load_id]
        sql = f"SELECT row_count, block_rows, finished FROM {name} {_OF_TABLE} AND load_id = ?"  # noqa: S608
        for found in self._ask(sql, place):
            check_same_load(table, load_id, Load(*found), rows)
            return False
        row = [*place, str(rows), str(rows)]
        self._ask(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?, true)", row)  # noqa: S608
        return True

    def loads(self, table: Table, prefix: str) -> dict[str, Load]:
        with self._turn:
            if not self.columns(LOADS.database, LOADS.name):
                return {}
            name = self.dialect.qualified(LOADS)
            sql = f"SELECT load_id, row_count, block_rows, finished FROM {name} {_OF_TABLE}"  # noqa: S608
            place = [table.database, table.name, prefix]
            rows = self._ask(f"{sql} AND starts_with(load_id, ?)", place)
        return {load_id: Load(*load) for load_id, *load in rows}

    def forget_loads(self, table: Table, load_ids: Sequence[str] = ()) -> None:
        ids = ", ".join(map(self.dialect.literal, load_ids))
        self._forget(LOADS, table, f" AND load_id IN ({ids})" if ids else "")

    def settle(self, table: Table) -> None:
        """Nothing goes on by itself: a transaction that died has left nothing."""

    def run_steps(self, migration: Migration, first: int) -> None:
        if first == len(migration.steps):
            return
        columns = columns_text(self, migration)
        with self._transaction():
            for step in migration.steps[first:]:
                check_rows(self, step.checks, step)
                for statement in step.statements:
                    self._ask(statement)
            self.verify(migration.new)
            self._write_journal(migration, columns)

    def run_rebuild(self, migration: Migration, rebuild: Rebuild, *, swapped: bool) -> None:
        if swapped:  # and so whole: it is one transaction
            return
        columns = columns_text(self, migration)
        with self._transaction():
            build(self, rebuild, self._ask)
            self.verify(migration.new)
            self._write_journal(migration, columns)

    def remark(self, table: Table) -> str | None:
        with self._turn:
            rows = self._ask(_REMARK, [table.database, table.name])
        return rows[0][0] if rows else None

    def _write_journal(self, migration: Migration, columns: str) -> None:
        for statement in self.dialect.create(JOURNAL)[:2]:
            self._ask(statement)
        self.forget_migration(migration.old)
        table, done = migration.old, str(len(migration.steps))
        row = [table.database, table.name, migration.fingerprint, done, columns]
        self._ask(f"INSERT INTO {self._journal_name} VALUES (?, ?, ?, ?, true, 1, ?)", row)  # noqa: S608

    @property
    def _journal_name(self) -> str:
        return self.dialect.qualified(JOURNAL)

    def journal(self, table: Table) -> Entry | None:
        with self._turn:
            if not self.columns(JOURNAL.database, JOURNAL.name):
                return None
            sql = f"SELECT fingerprint, done, live_columns FROM {self._journal_name} {_OF_TABLE}"  # noqa: S608
            rows = self._ask(sql, [table.database, table.name])
        return Entry(*rows[0]) if rows else None

    def forget_migration(self, table: Table) -> None:
        self._forget(JOURNAL, table)

    def _forget(self, own: Table, table: Table, which: str = "") -> None:
        with self._turn:
            if self.columns(own.database, own.name):
                sql = f"DELETE FROM {self.dialect.qualified(own)} {_OF_TABLE}{which}"  # noqa: S608
                self._ask(sql, [table.database, table.name])

    def size(self, table: Table) -> Size:
        with self._turn:
            rows = self._ask(f"SELECT count(*) FROM {self.dialect.qualified(table)}")[0][0]  # noqa: S608
            blocks = self._ask(_BLOCKS, [self.dialect.qualified(table)])[0][0]
            block = self._ask("SELECT block_size FROM pragma_database_size()")[0][0]
        return Size(rows, blocks * block)

    def query(self, sql: str) -> pa.Table:
        with self._turn:
            try:
                relation = self._relation(self._connection, sql)
                rows: pa.Table = pa.table({}) if relation is None else relation.to_arrow_table()
            except duckdb.Error as error:
                raise self._refused(error) from None
        return rows

    @contextmanager
    def read(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        with self._turn:
            cursor = self._connection.cursor()  # it takes no turn from the others
        try:
            relation = self._relation(cursor, sql)
            if relation is None:
                raise EngineError("a query with rows is needed")
            yield relation.to_arrow_reader(_BATCH_ROWS)
        except duckdb.Error as error:
            raise self._refused(error) from None
        finally:
            cursor.close()

    def _relation(self, connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
        count = len(connection.extract_statements(sql))
        if count != 1:
            raise EngineError(f"one query is needed, not {count}")
        return connection.sql(sql)

    def close(self) -> None:
        with self._turn:
            self._connection.close()

    def _ask(self, sql: str, parameters: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        try:
            # All rows are fetched: an unfinished result blocks the connection.
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        except duckdb.Error as error:
            raise self._refused(error) from None
        return rows

    def _refused(self, error: duckdb.Error) -> SchemaRegistryError:
        if isinstance(error, duckdb.FatalException) and self._path != ":memory:":
            # It takes nothing more. Opened again, the file is at its last commit.
            with suppress(duckdb.Error):
                self._connection.close()
            self._connection = _connect(self._path, self._home)
        reason = _reason(error, self._home)
        if _FULL in str(error):
            return StorageFullError(f"the disk of DuckDB is full: {reason}", hint=_MAKE_ROOM)
        return EngineError(f"DuckDB refused: {reason}")


def _unavailable(error: duckdb.Error, home: Path) -> EngineUnavailableError:
    reason = _reason(error, home)
    if "Could not set lock" in reason:
        return EngineUnavailableError(
            f"{FILE} is open in another process",
            hint="perhaps `protolith serve` has it: stop it or ask it",
        )
    if "configuration" in reason:
        return EngineUnavailableError(
            f"{FILE} is open in this process already", hint="close the other registry first"
        )
    return EngineUnavailableError(
        f"DuckDB cannot open {FILE}: {reason}", hint="put a copy of it back, or move it away"
    )


def _reason(error: duckdb.Error, home: Path) -> str:
    # The rest shows the statement again, or paths and process numbers of the machine.
    text = str(error).partition("\n")[0].partition(" See also ")[0]
    return text.replace(str(home / FILE), FILE)
