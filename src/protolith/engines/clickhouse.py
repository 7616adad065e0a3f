"""ClickHouse embedded in this process (`chdb`), or a server, through the same client."""

import fcntl
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from protolith.dialects import dialect
from protolith.engines.base import Engine
from protolith.engines.clickhouse_loads import (
    deduplicated,
    forget_loads,
    found_loads,
    load_once,
)
from protolith.engines.clickhouse_mutations import run_alter, settle
from protolith.engines.clickhouse_particulars import particulars
from protolith.engines.live import LiveColumn
from protolith.engines.loads import Load
from protolith.engines.migrating import JOURNAL, Entry, Size, check_rows, columns_text
from protolith.engines.missing_records import without_missing_records
from protolith.engines.particulars import Particular
from protolith.engines.rebuilding import build, check_unloaded
from protolith.engines.settings import EngineSettings, Server
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

FOLDER = "clickhouse"

_LOCK = "status"
_COLUMNS = """
SELECT name, type, comment FROM system.columns
WHERE database = {database:String} AND table = {table:String}
ORDER BY position
"""
_VIEW = """
SELECT engine FROM system.tables
WHERE database = {database:String} AND name = {table:String} AND engine LIKE '%View'
"""
_REMARK = """
SELECT comment FROM system.tables WHERE database = {database:String} AND name = {table:String}
"""
_SIZE = """
SELECT sum(rows), sum(bytes_on_disk) FROM system.parts
WHERE active AND database = {database:String} AND table = {table:String}
"""
_JOURNAL = """
SELECT fingerprint, done, live_columns FROM protolith.migrations
WHERE database_name = {database:String} AND table_name = {table:String}
ORDER BY sequence DESC LIMIT 1
"""
_FORGET = """
DELETE FROM protolith.migrations
WHERE database_name = {database:String} AND table_name = {table:String}
"""
_FULL = ("NOT_ENOUGH_SPACE", "No space left on device")
_LONGEST = 24 * 60 * 60
"""Seconds of one statement: a rebuild copies a whole table, and keeps the connection alive."""
# Without the first, NULL for a column that takes none becomes 0 or '' without a word.
_LOAD = {"input_format_null_as_default": 0}


logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())  # else to standard error


def connect(home: Path, settings: EngineSettings) -> "ClickHouseEngine":
    """Connect to the server of the settings, else open or create the folder under `home`."""
    if settings.clickhouse:
        return _connect(Server.of(settings.clickhouse))
    return _open(home)


def _connect(server: Server) -> "ClickHouseEngine":
    place = f"ClickHouse at {server.host}:{server.port}"
    try:
        client = clickhouse_connect.get_client(
            host=server.host,
            port=server.port,
            interface="https" if server.secure else "http",
            username=server.user,
            password=server.password,
            send_receive_timeout=_LONGEST,
            autogenerate_session_id=False,  # a load balancer may choose another server each time
        )
    except ClickHouseError as error:
        hidden = {server.password: "…"}
        reason = _reason(error, hidden) if "DB::" in str(error) else "no server answers there"
        raise EngineUnavailableError(
            f"{place} cannot be used: {reason}", hint="check PROTOLITH_CLICKHOUSE"
        ) from None
    return ClickHouseEngine(client, {server.password: "…"}, place=place, cluster=server.cluster)


def _open(home: Path) -> "ClickHouseEngine":
    """Open or create the ClickHouse folder under `home`; one process at a time can have it."""
    folder = Path(os.path.realpath(home / FOLDER))  # what chdb calls it in its messages
    if _is_held_elsewhere(folder / _LOCK):  # chdb would also write to standard error
        raise EngineUnavailableError(
            f"the folder {FOLDER} is open in another process",
            hint="perhaps `protolith serve` has it: stop it or ask it",
        )
    try:
        client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    except ClickHouseError as error:
        if "already initialized" in str(error):
            raise EngineUnavailableError(
                "ClickHouse is open on another folder in this process",
                hint="close the other registry first",
            ) from None
        raise EngineUnavailableError(
            f"ClickHouse cannot open the folder {FOLDER}", hint="put a copy back, or move it away"
        ) from None
    return ClickHouseEngine(client, {str(folder): FOLDER}, place="ClickHouse")


def _place(table: Table) -> dict[str, str]:
    return {"database": table.database, "table": table.name}


def _is_held_elsewhere(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return f"PID: {os.getpid()}\n" not in lock.read_text()
    except OSError:  # there is none yet
        return False
    return False


class ClickHouseEngine(Engine):
    """An open ClickHouse; with a cluster, tables are created on all of it."""

    name = "clickhouse"

    def __init__(
        self, client: Any, hidden: Mapping[str, str], *, place: str, cluster: str = ""
    ) -> None:
        super().__init__()
        self.dialect = dialect("clickhouse", version=client.server_version)
        self.cluster = cluster
        self._client = client
        self._hidden = hidden
        self._place = place

    def placed(self, table: Table) -> Table:
        storage = table.stored_in(self.name)
        if storage.cluster or not self.cluster:
            return table
        kept = dict(table.storage) | {self.name: replace(storage, cluster=self.cluster)}
        return replace(table, storage=tuple(kept.items()))

    def run(self, statements: Sequence[str]) -> None:
        with self._turn:
            for statement in statements:
                self._ask(self._client.command, statement)

    def columns(self, database: str, table: str) -> tuple[LiveColumn, ...]:
        parameters = {"database": database, "table": table}
        with self._turn:
            rows = self._ask(self._client.query, _COLUMNS, parameters=parameters).result_rows
        return tuple(LiveColumn(name, type_, comment=comment) for name, type_, comment in rows)

    def check_place(self, table: Table) -> None:
        parameters = {"database": table.database, "table": table.name}
        with self._turn:
            rows = self._ask(self._client.query, _VIEW, parameters=parameters).result_rows
        if rows:
            raise ConflictError(
                f"clickhouse: a {rows[0][0]} is in the place of {table.database}.{table.name}",
                hint="choose another name, or drop the view",
            )

    def canonical(self, types: Sequence[str]) -> list[str]:
        texts = ", ".join(
            f"toTypeName(defaultValueOfTypeName({self.dialect.literal(text)}))" for text in types
        )
        sql = f"SELECT {texts} SETTINGS print_pretty_type_names = 0"
        with self._turn:
            rows = self._ask(self._client.query, sql).result_rows
        return list(rows[0])

    def particulars(self, table: Table) -> Iterable[Particular]:
        return particulars(self, table)

    def load(self, table: Table, rows: pa.Table, load_id: str | None = None) -> bool:
        if self.dialect.version != self.dialect.versions[-1]:
            rows = without_missing_records(rows)
        with self._turn:
            if load_id is not None:
                return load_once(self, table, rows, load_id)
            self.insert(table, rows, deduplicated(self, yes=False))
        return True

    def insert(self, table: Table, rows: pa.Table, settings: Mapping[str, Any]) -> None:
        """Insert rows with settings of the insert."""
        self._ask(
            self._client.insert_arrow,
            self.dialect.quote(table.name),
            rows,
            database=self.dialect.quote(table.database),
            settings={**_LOAD, **settings},
        )

    def has_setting(self, name: str) -> bool:
        """Whether the server has a setting of that name."""
        return name in self._client.server_settings

    def loads(self, table: Table, prefix: str) -> dict[str, Load]:
        with self._turn:
            return found_loads(self, table, prefix)

    def forget_loads(self, table: Table, load_ids: Sequence[str] = ()) -> None:
        with self._turn:
            forget_loads(self, table, load_ids)

    def settle(self, table: Table) -> None:
        with self._turn:
            settle(self, table)

    def run_steps(self, migration: Migration, first: int) -> None:
        if not migration.steps:
            return
        columns = columns_text(self, migration)
        for number, step in enumerate(migration.steps[first:], first):
            self._write_journal(migration, number, columns)
            check_rows(self, step.checks, step)
            for statement in step.statements:
                run_alter(self, statement, step, migration.tables[number])
        self.verify(migration.new)
        self._write_journal(migration, len(migration.steps), columns)

    def run_rebuild(self, migration: Migration, rebuild: Rebuild, *, swapped: bool) -> None:
        columns = columns_text(self, migration)
        self._write_journal(migration, 0, columns)
        if swapped:
            self.run(rebuild.finish)
        else:
            rows = build(self, rebuild, lambda statement: self.run([statement]))
            check_unloaded(self, migration.old, rebuild, rows)
        self.verify(migration.new)
        self._write_journal(migration, len(migration.steps), columns)

    def remark(self, table: Table) -> str | None:
        with self._turn:
            rows = self.select(_REMARK, table)
        return rows[0][0] if rows else None

    def _write_journal(self, migration: Migration, done: int, columns: str) -> None:
        if not self.columns(JOURNAL.database, JOURNAL.name):
            self.run(self.dialect.create(JOURNAL))
        words = [migration.old.database, migration.old.name, migration.fingerprint]
        texts = ", ".join(self.dialect.literal(word) for word in words)
        finished = str(done == len(migration.steps)).lower()
        name = self.dialect.qualified(JOURNAL)
        # A line more each time: the last one counts, and there is no moment without one.
        row = f"{texts}, {done}, {finished}, max(sequence) + 1, {self.dialect.literal(columns)}"
        self.run([f"INSERT INTO {name} SELECT {row} FROM {name}"])  # noqa: S608

    def journal(self, table: Table) -> Entry | None:
        with self._turn:
            if not self.columns(JOURNAL.database, JOURNAL.name):
                return None
            rows = self.select(_JOURNAL, table)
        return Entry(*rows[0]) if rows else None

    def forget_migration(self, table: Table) -> None:
        with self._turn:
            if self.columns(JOURNAL.database, JOURNAL.name):
                self.command(_FORGET, table)

    def size(self, table: Table) -> Size:
        with self._turn:
            rows = self.select(_SIZE, table)
        return Size(*rows[0])

    def select(self, sql: str, table: Table, **parameters: str) -> Any:
        """The rows of a query about a table."""
        parameters |= _place(table)
        return self._ask(self._client.query, sql, parameters=parameters).result_rows

    def command(self, sql: str, table: Table, **parameters: str) -> None:
        """Run a statement about a table."""
        self._ask(self._client.command, sql, parameters=parameters | _place(table))

    def query(self, sql: str) -> pa.Table:
        with self._turn:
            try:
                result: pa.Table = self._ask(self._client.query_arrow, sql)
            except (pa.ArrowInvalid, OSError):  # what Arrow says of an answer that is not one table
                raise EngineError(
                    "ClickHouse answered with no table: one query is needed"
                ) from None
        return result

    @contextmanager
    def read(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        with (
            self._turn,
            self._ask(self._client.query_arrow_stream, sql, use_strings=False) as batches,
        ):
            first = next(batches, None)
            if first is None:  # without rows nothing says what the columns are
                yield self.query(sql).to_reader()
            else:
                yield pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))

    def close(self) -> None:
        with self._turn:
            self._client.close()

    def _ask(self, call: Any, *args: Any, **options: Any) -> Any:
        try:
            return call(*args, **options)
        except OperationalError as error:
            if "DB::" in str(error):
                raise self._refused(error) from None
            raise EngineUnavailableError(
                f"{self._place} does not answer", hint="it did when it was opened: try again"
            ) from None
        except ClickHouseError as error:
            raise self._refused(error) from None

    def _refused(self, error: ClickHouseError) -> SchemaRegistryError:
        reason = _reason(error, self._hidden)
        if any(word in str(error) for word in _FULL):
            return StorageFullError(f"the disk of ClickHouse is full: {reason}", hint="make room")
        return EngineError(f"ClickHouse refused: {reason}")


def _reason(error: ClickHouseError, hidden: Mapping[str, str]) -> str:
    """The engine's own first sentence, without the texts that are hidden."""
    first = str(error).partition("\n")[0].partition(" (for url ")[0]
    reason = re.split(r"DB::\w*Exception: ", first)[-1]
    for text, shown in hidden.items():
        reason = reason.replace(text, shown) if text else reason
    return reason
