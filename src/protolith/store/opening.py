"""Which store it is: SQLite under the data directory, or the one that a setting names."""

import errno
import os
from pathlib import Path

from protolith.errors import SchemaRegistryError, StorageFullError, StoreUnavailableError
from protolith.store.base import Store

STORE_VARIABLE = "PROTOLITH_STORE"


def store_address() -> str | None:
    """The address that the environment variable `PROTOLITH_STORE` gives; None for SQLite."""
    address = os.environ.get(STORE_VARIABLE) or None
    if address is not None and not address.startswith(("postgresql://", "postgres://")):
        raise SchemaRegistryError(
            f"{STORE_VARIABLE} is not the address of a PostgreSQL database",
            hint="postgresql://user@host:5432/database, or nothing for SQLite",
        )
    return address


def make_home(home: Path) -> None:
    """Make the data directory, where it is not there yet."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError("the disk is full", hint="free space") from None
        reason = getattr(error, "strerror", None) or error
        raise StoreUnavailableError(
            f"the data directory cannot be made: {reason}",
            hint="set --home or PROTOLITH_HOME to a directory that can be written",
        ) from None


def open_store(home: Path, *, checked: bool = True) -> Store:
    """Open the store; `checked=False` takes a PostgreSQL database of an older format too."""
    address = store_address()
    if address is None:
        from protolith.store.sqlite import SQLiteStore  # noqa: PLC0415

        return SQLiteStore(home)
    from protolith.store.postgres import PostgresStore  # noqa: PLC0415

    try:
        return PostgresStore(address.replace("postgres://", "postgresql://", 1), checked=checked)
    except ModuleNotFoundError as error:
        raise SchemaRegistryError(
            f"the driver of PostgreSQL is not installed ({error.name})",
            hint="pip install 'protolith[postgresql]'",
        ) from None
