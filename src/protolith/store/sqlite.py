"""The store in one SQLite file, for one process that writes."""

import errno
import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, TypeVar

from sqlalchemy import URL, Connection, Engine, Select, create_engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from protolith.errors import (
    BusyError,
    ConflictError,
    SchemaRegistryError,
    StorageFullError,
    StoreDamagedError,
    StoreUnavailableError,
)
from protolith.store import schema
from protolith.store.base import Store
from protolith.store.deployments import migrated_elsewhere
from protolith.store.lane import Job, Lane
from protolith.store.prepared import Readers, Row
from protolith.store.tables import FORMAT

T = TypeVar("T")

FILE = "registry.db"

_WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
# FULL: an id that was handed out is a promise, so it must survive a power cut.
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",  # macOS alone: otherwise FULL does not reach the disk
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_size_limit = 67108864",
)
_AT_ONCE = "BEGIN IMMEDIATE"

_PRIMARY = 0xFF  # of an extended code, the byte that says the kind
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNAVAILABLE = {
    sqlite3.SQLITE_IOERR: "look at the disk, then try again",
    sqlite3.SQLITE_CANTOPEN: f"is {FILE} a file, and can its directory be written?",
    sqlite3.SQLITE_READONLY: f"{FILE} and its directory must be writable",
    sqlite3.SQLITE_PERM: f"{FILE} and its directory must be writable",
    sqlite3.SQLITE_PROTOCOL: "try again in a moment",
}


class SQLiteStore(Store):
    """Subjects, versions and deployments in `registry.db` under a data directory."""

    waits = False

    def __init__(self, home: Path) -> None:
        self._file = home / FILE
        self._lane = Lane(self._commit, seconds=_WAIT_SECONDS)
        self._writer = _engine(self._file, begin=_AT_ONCE, pragmas=_PRAGMAS)
        self._reader = _engine(
            self._file, begin=None, pragmas=(*_PRAGMAS, "PRAGMA query_only = ON")
        )
        self._readers = Readers(self._file, (*_PRAGMAS, "PRAGMA query_only = ON"))
        self._watcher: Any = None
        self._watching = Lock()
        try:
            with self.reading() as connection:
                found = _format(connection)
            if found == 0:
                with self.writing() as connection:
                    _make_tables(connection)
            elif found < FORMAT:
                _upgrade(self._file, found)
        except SchemaRegistryError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _translating(), self._reader.connect() as connection:
            yield connection

    def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> list[Row]:
        with _translating():
            return self._readers.rows(statement, values)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._lane.alone(), _translating(), self._writer.begin() as connection:
            yield connection

    def write(self, work: Callable[[Connection], T], *, repeatable: bool = True) -> T:
        return self._lane.run(work)

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        self._readers.close()
        self._reader.dispose()
        self._writer.dispose()

    def lock(self, connection: Connection, subjects: Sequence[str]) -> None:
        """Nothing to do: there is one writer."""

    @contextmanager
    def migrating(
        self, subject: str, engine: str, *, seconds: float = _WAIT_SECONDS
    ) -> Iterator[None]:
        lock = self._file.with_name(f"{FILE}.{engine}-lock")
        with _opened(lock) as file:
            end = time.monotonic() + seconds
            while not _locked(file):
                if time.monotonic() > end:
                    raise migrated_elsewhere(subject, engine)
                time.sleep(_PAUSE_SECONDS)
            yield

    def stamp(self) -> object | None:
        with self._watching, _translating():
            if self._watcher is None:
                # It differs only for commits of others, so nothing else uses this connection.
                self._watcher = sqlite3.connect(self._file, check_same_thread=False)
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def _commit(self, group: Sequence[Job]) -> None:
        """One transaction for all; where it fails for an unforeseen reason, one for each."""
        outcomes: list[tuple[Any, Exception | None]]
        try:
            with _translating(), self._writer.begin() as connection:
                if len(group) == 1:
                    outcomes = [(group[0].run(connection), None)]
                else:
                    outcomes = [_attempt(connection, job) for job in group]
        except Exception as cause:  # noqa: BLE001
            if _of_the_disk(cause):
                self._writer.dispose()  # a connection that met a failing disk is not used again
            elif len(group) > 1:
                for job in group:
                    self._commit([job])
                return
            outcomes = [(None, cause) for _ in group]
        for job, (value, error) in zip(group, outcomes, strict=True):
            job.value, job.error = value, error


def _opened(lock: Path) -> BinaryIO:
    try:
        return lock.open("wb")
    except OSError as error:
        kind = StorageFullError if error.errno == errno.ENOSPC else StoreUnavailableError
        hint = "is the disk full, or the data directory only for reading?"
        raise kind(f"{lock.name} cannot be written: {error.strerror}", hint=hint) from None


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _attempt(connection: Connection, job: Job) -> tuple[Any, Exception | None]:
    """Only what SQLite is known to survive stays inside the group's transaction.

    A full disk may roll back all of it, and whoever was before would be told "done".
    """
    try:
        with connection.begin_nested():
            return job.run(connection), None
    except SchemaRegistryError as error:
        return None, error
    except IntegrityError as error:
        return None, _translated(error)


def _of_the_disk(error: BaseException) -> bool:
    return isinstance(error.__cause__, OperationalError)


def _engine(file: Path, *, begin: str | None, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(file)))

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


def _format(connection: Connection) -> int:
    found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if found > FORMAT:
        raise ConflictError(
            f"{FILE} was written by a newer Protolith (format {found}, this one has {FORMAT})",
            hint="upgrade Protolith",
        )
    return found


def _make_tables(connection: Connection) -> None:
    if _format(connection) == 0:  # another process may have been faster
        schema.create(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT}")


def _upgrade(file: Path, found: int) -> None:
    """Bring an older file to this format; `registry.db.format-N` keeps it as it was."""
    kept = file.with_name(f"{FILE}.format-{found}")
    # A rebuild of a table drops the old one, which would delete its children by cascade.
    pragmas = (*_PRAGMAS, "PRAGMA foreign_keys = OFF")
    upgrading = _engine(file, begin=_AT_ONCE, pragmas=pragmas)
    try:
        with _translating(), upgrading.begin() as connection:
            if _format(connection) == FORMAT:  # another process was faster
                return
            if not kept.exists():
                copy(file, kept)
            schema.upgrade(connection, stamped=found)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken is not None:
                raise StoreDamagedError(
                    f"{FILE} has a row of {broken[0]} whose {broken[2]} is missing",
                    hint=f"nothing was changed; {kept.name} is a copy",
                )
            connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT}")
    finally:
        upgrading.dispose()


def copy(file: Path, target: Path) -> None:
    """Copy a database, as it is at one moment, into a new file; others may go on writing."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with _translating():
        source = sqlite3.connect(file, isolation_level=None)
        try:
            source.execute("VACUUM INTO ?", (str(part),))
        except sqlite3.DatabaseError:
            with suppress(OSError):
                part.unlink()
            raise
        finally:
            source.close()
    part.rename(target)


@contextmanager
def _translating() -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise _translated(error) from error


def _translated(error: DatabaseError | sqlite3.DatabaseError) -> SchemaRegistryError:
    cause = getattr(error, "orig", error)
    code = getattr(cause, "sqlite_errorcode", 0) & _PRIMARY
    if code in _LOCKED:
        return BusyError("another process is writing to the registry", hint="try again in a moment")
    if code == sqlite3.SQLITE_FULL:
        return StorageFullError("the disk is full", hint="free space; nothing was changed")
    message = f"the registry's store failed: {cause}"
    if code in _UNAVAILABLE:
        return StoreUnavailableError(message, hint=_UNAVAILABLE[code])
    if code in _DAMAGED:
        hint = f"{FILE} is damaged, or something else: protolith restore puts a backup back"
        return StoreDamagedError(message, hint=hint)
    return SchemaRegistryError(message)
