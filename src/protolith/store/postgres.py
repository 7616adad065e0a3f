"""The store in PostgreSQL, for any number of processes that write."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    OperationalError,
)
from sqlalchemy.exc import (
    TimeoutError as PoolTimeoutError,
)

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
from protolith.store.modes import EVERYWHERE
from protolith.store.tables import FORMAT

T = TypeVar("T")

_WAIT_SECONDS = 5
_POOL = 10
_PAUSE_SECONDS = 0.05
# The same promise as FULL in SQLite; and nobody waits for a lock for ever.
_OPTIONS = f"-c synchronous_commit=on -c lock_timeout={_WAIT_SECONDS}s -c timezone=UTC"
_MAX_SINGLE_LOCKS = 32

_ALL = 0x70726F746F6C6974  # one key for everything: "protolit"
_LOCK_ALL = text("SELECT pg_advisory_xact_lock(:all)")
_LOCK = text(
    "SELECT pg_advisory_xact_lock_shared(:all), pg_advisory_xact_lock(hashtextextended(:name, 1))"
)
_ALONE = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 2))")
_FORMAT = text("SELECT to_regclass('alembic_version') IS NOT NULL, to_regclass('schemas') IS NULL")
_REVISION = text("SELECT version_num FROM alembic_version")

# By SQLSTATE: deadlock, serialization; shutting down, crashing, starting up.
_AGAIN = {"40P01", "40001"}
_AWAY = {"57P01", "57P02", "57P03"}
_BUSY = {"55P03", "53300"}
_FULL = "53100"
_UNAVAILABLE = {
    "25006": "the database only reads: is it a standby?",
    "53200": "the database's server is out of memory",
    "58000": "look at the database's server",
    "58030": "look at the disk of the database's server",
}
_DAMAGED = {"XX001", "XX002"}


class PostgresStore(Store):
    """Subjects, versions and deployments in a PostgreSQL database."""

    def __init__(self, url: str, *, checked: bool = True) -> None:
        arguments = {"connect_timeout": _WAIT_SECONDS, "options": _OPTIONS}
        self._engine = create_engine(
            _url(url),
            pool_size=_POOL,
            max_overflow=0,
            pool_timeout=_WAIT_SECONDS,
            pool_pre_ping=True,  # no request meets a connection that a restart cut
            connect_args=arguments,
        )
        self._apart = create_engine(
            _url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=arguments
        )
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            if checked:
                self._check_format()
        except SchemaRegistryError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _translating(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with _translating(), self._engine.begin() as connection:
            yield connection

    def write(self, work: Callable[[Connection], T], *, repeatable: bool = True) -> T:
        end = time.monotonic() + 2 * _WAIT_SECONDS
        while True:
            try:
                with _translating():
                    return self._attempt(work)
            except (_AgainError, _LostError) as error:
                if isinstance(error, _LostError) and error.unknown and not repeatable:
                    raise StoreUnavailableError(
                        "the connection to the database was lost while it committed",
                        hint="look whether it was done before trying again",
                    ) from error
                if time.monotonic() > end:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def _attempt(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection, connection.begin() as transaction:
            value = work(connection)
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise _LostError(error, unknown=True) from error
                raise
            return value

    def close(self) -> None:
        self._engine.dispose()

    def stamp(self) -> object | None:
        return None

    def lock(self, connection: Connection, subjects: Sequence[str]) -> None:
        # The server's table of locks is not large; and everybody's mode concerns every subject.
        if len(subjects) > _MAX_SINGLE_LOCKS or EVERYWHERE in subjects:
            connection.execute(_LOCK_ALL, {"all": _ALL})
            return
        for name in sorted(subjects):  # in one order everywhere: nobody waits in a circle
            connection.execute(_LOCK, {"all": _ALL, "name": name})

    @contextmanager
    def migrating(
        self, subject: str, engine: str, *, seconds: float = _WAIT_SECONDS
    ) -> Iterator[None]:
        end = time.monotonic() + seconds
        # The lock is the connection's, and goes with it.
        with _translating(), self._apart.connect() as connection:
            while not connection.execute(_ALONE, {"name": f"{engine} {subject}"}).scalar():
                if time.monotonic() > end:
                    raise migrated_elsewhere(subject, engine)
                time.sleep(_PAUSE_SECONDS)
            yield

    def upgrade(self) -> tuple[int, int]:
        """Bring the database to this format, from nothing too; the formats before and after."""
        with self.writing() as connection:
            connection.execute(_LOCK_ALL, {"all": _ALL})
            found, empty = self._format(connection)
            if empty:
                schema.create(connection)
            elif found < FORMAT:
                schema.upgrade(connection)
        return found, FORMAT

    def _check_format(self) -> None:
        with self.reading() as connection:
            found, empty = self._format(connection)
        if found < FORMAT:
            what = "has no tables yet" if empty else f"has the older format {found}"
            raise ConflictError(f"the database {what}", hint="protolith db upgrade")

    def _format(self, connection: Connection) -> tuple[int, bool]:
        stamped, empty = connection.execute(_FORMAT).one()
        if not stamped and not empty:
            raise ConflictError(
                "the database has a table named schemas that is not Protolith's",
                hint="give Protolith a database of its own",
            )
        found = int(connection.execute(_REVISION).scalar() or 0) if stamped else 0
        if found > FORMAT:
            raise ConflictError(
                f"the database was written by a newer Protolith (format {found}, this one has"
                f" {FORMAT})",
                hint="upgrade Protolith",
            )
        return found, found == 0


class _AgainError(BusyError):
    """What may go well when done again."""


class _LostError(StoreUnavailableError):
    """The server is away and may come back; `unknown` where it may have done the work."""

    def __init__(self, error: DBAPIError, *, unknown: bool = False) -> None:
        message = f"the database does not answer: {_reason(error)}"
        super().__init__(message, hint="is its server running? try again in a moment")
        self.unknown = unknown


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise SchemaRegistryError(
            "the store's address is not one", hint="postgresql://user@host:5432/database"
        ) from None
    return url.set(drivername="postgresql+psycopg")


@contextmanager
def _translating() -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except PoolTimeoutError as error:
        raise BusyError("the registry is busy", hint="try again in a moment") from error
    except DBAPIError as error:
        raise _translated(error) from error


def _translated(error: DBAPIError) -> SchemaRegistryError:
    state: Any = getattr(error.orig, "sqlstate", None)
    if state in _BUSY:
        return BusyError("the registry is busy writing", hint="try again in a moment")
    if state == _FULL:
        return StorageFullError("the database's disk is full", hint="free space; nothing changed")
    lost = error.connection_invalidated or (isinstance(error, OperationalError) and not state)
    if lost or state in _AWAY:
        return _LostError(error)
    message = f"the registry's store failed: {_reason(error)}"
    if state in _AGAIN:
        return _AgainError(message, hint="try again in a moment")
    if state in _UNAVAILABLE:
        return StoreUnavailableError(message, hint=_UNAVAILABLE[state])
    if state in _DAMAGED:
        return StoreDamagedError(message, hint="restore the database from a backup")
    return SchemaRegistryError(message)


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().split("\n", maxsplit=1)[0]
