"""The store in one SQLite file, for one process that writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from protolith.errors import BusyError, ConflictError, SchemaRegistryError, StorageFullError
from protolith.store.base import Store
from protolith.store.tables import FORMAT, METADATA

FILE = "registry.db"

_WAIT_SECONDS = 5.0
# FULL: an id that was handed out is a promise, so it must survive a power cut.
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",  # macOS alone: otherwise FULL does not reach the disk
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_size_limit = 67108864",
)


class SQLiteStore(Store):
    """Subjects, versions and deployments in `registry.db` under a data directory."""

    def __init__(self, home: Path) -> None:
        url = URL.create("sqlite", database=str(home / FILE))
        self._lane = Lock()
        self._writer = _engine(url, begin="BEGIN IMMEDIATE", pragmas=_PRAGMAS)
        self._reader = _engine(url, begin=None, pragmas=(*_PRAGMAS, "PRAGMA query_only = ON"))
        try:
            with self.reading() as connection:
                ready = _is_ready(connection)
            if not ready:
                with self.writing() as connection:
                    _make_tables(connection)
        except SchemaRegistryError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _translating(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        if not self._lane.acquire(timeout=_WAIT_SECONDS):
            raise BusyError("the registry is busy writing", hint="try again in a moment")
        try:
            with _translating(), self._writer.begin() as connection:
                yield connection
        finally:
            self._lane.release()

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()


def _engine(url: URL, *, begin: str | None, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # sqlite3 would begin transactions by itself, and begin them deferred: a read that turns
        # into a write then fails at once, whatever the timeout.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma).close()

    if begin is not None:

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

    return engine


def _is_ready(connection: Connection) -> bool:
    found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if found > FORMAT:
        raise ConflictError(
            f"{FILE} was written by a newer Protolith (format {found}, this one has {FORMAT})",
            hint="upgrade Protolith",
        )
    return bool(found == FORMAT)


def _make_tables(connection: Connection) -> None:
    if not _is_ready(connection):  # another process may have been faster
        METADATA.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def _translating() -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise _translated(str(getattr(error, "orig", error))) from error


def _translated(reason: str) -> SchemaRegistryError:
    if "locked" in reason:
        return BusyError("another process is writing to the registry", hint="try again in a moment")
    if "full" in reason:
        return StorageFullError("the disk is full", hint="free space; nothing was changed")
    hints = {
        "not a database": f"{FILE} is something else or damaged: put a copy of it back",
        "malformed": f"{FILE} is damaged: put a copy of it back",
        "unable to open": f"is {FILE} a file, and can its directory be written?",
        "readonly": f"{FILE} and its directory must be writable",
    }
    hint = next((hint for words, hint in hints.items() if words in reason), None)
    return SchemaRegistryError(f"the registry's store failed: {reason}", hint=hint)
