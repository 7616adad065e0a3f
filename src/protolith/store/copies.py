"""Copies of a store's file: made while it is in use, and put back."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from protolith.errors import ConflictError, MalformedError, NotFoundError, SchemaRegistryError
from protolith.store.opening import make_home, store_address
from protolith.store.sqlite import FILE, copy
from protolith.store.tables import CONTENTS, FORMAT

_LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = ?"


def back_up(home: Path, target: Path) -> int:
    """Copy the store, as it is at one moment, into a new file, and check the copy; its bytes."""
    _check_sqlite("backed up")
    if not (home / FILE).is_file():
        raise NotFoundError(f"there is no {FILE} in {home}", hint="nothing is registered yet")
    if target.exists():
        raise ConflictError(f"{target} is there already", hint="name a new file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        copy(home / FILE, target)
    except OSError as error:
        raise SchemaRegistryError(f"{target} cannot be written: {error.strerror}") from None
    check_copy(target)
    return target.stat().st_size


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the store is that was there, if one was, and the id that comes next.

    `certain` says whether that is above every id that the store before had given.
    """

    kept: Path | None
    next_id: int
    certain: bool


def put_back(home: Path, source: Path, *, next_id: int = 1) -> Restored:
    """Make a backup the store of a data directory that no process uses.

    The store that is there is kept beside it. Ids that were given since the backup are not given
    again: they go on above those of the store that was there, and from `next_id` at the least.
    """
    _check_sqlite("restored")
    check_copy(source)
    make_home(home)
    part = home / f"{FILE}.part"
    part.unlink(missing_ok=True)
    copy(source, part)
    kept = _set_aside(home)
    given = None if kept is None else _last_id(kept)
    following = _go_on_counting(part, max(given or 0, next_id - 1))
    part.rename(home / FILE)
    return Restored(kept, following, certain=given is not None or next_id > 1)


def _last_id(file: Path) -> int | None:
    """The last id that a store has given; None if that cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            row = connection.execute(_LAST_ID, (CONTENTS.name,)).fetchone()
    except sqlite3.DatabaseError:
        return None
    return row[0] if row else 0


def _go_on_counting(file: Path, last: int) -> int:
    """Let no id up to this one be given by a store; the id that comes next."""
    with closing(sqlite3.connect(file)) as connection, connection:
        row = connection.execute(_LAST_ID, (CONTENTS.name,)).fetchone()
        last = max(last, row[0] if row else 0)
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (CONTENTS.name,))
        connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (CONTENTS.name, last))
    return last + 1


def check_copy(path: Path) -> None:
    """Raise unless a file is a whole store of a format that this Protolith can read."""
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}", hint="protolith backup makes one")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise MalformedError(f"{path} is not a backup: {error}") from None
    if verdict != "ok":
        raise MalformedError(f"{path} is damaged: {verdict}", hint="use another copy")
    if not 0 < found <= FORMAT or not tables:
        raise ConflictError(
            f"{path} has format {found}, this Protolith has {FORMAT}", hint="upgrade Protolith"
        )


def _set_aside(home: Path) -> Path | None:
    file = home / FILE
    if not file.exists():
        return None
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
        try:
            # Everything goes from the log into the file, unless somebody else has it open for it.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise ConflictError(
                    f"{FILE} is in use", hint="stop the server, and try again"
                ) from None
            # a damaged file is why somebody restores: it is set aside as it is
    number = 1
    while (kept := home / f"{FILE}.before-restore-{number}").exists():
        number += 1
    for ending in ("-wal", "-shm"):
        beside = Path(f"{file}{ending}")
        if beside.exists():
            beside.rename(f"{kept}{ending}")
    file.rename(kept)
    return kept


def _check_sqlite(what: str) -> None:
    if store_address() is not None:
        raise ConflictError(
            f"a PostgreSQL database is not {what} here",
            hint="use pg_dump and pg_restore, or protolith export and import",
        )
