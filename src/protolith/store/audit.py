"""Who changed what when: a row in the same transaction as the change."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from getpass import getuser
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from protolith.store import access
from protolith.store.tables import AUDIT
from protolith.store.values import Change

_ACTOR: ContextVar[str | None] = ContextVar("actor", default=None)

_INSERT = insert(AUDIT)
_PAGE = (
    select(AUDIT)
    .where(AUDIT.c.sequence < bindparam("before"))
    .order_by(AUDIT.c.sequence.desc())
    .limit(bindparam("limit"))
)
_PAGE_OF = _PAGE.where(
    (AUDIT.c.object == bindparam("name"))
    | ((AUDIT.c.object >= bindparam("first")) & (AUDIT.c.object < bindparam("end")))
)
_NEWEST = 2**31 - 1


@contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Changes within the block are those of `actor`, in this thread and those it starts."""
    token = _ACTOR.set(actor)
    try:
        yield
    finally:
        _ACTOR.reset(token)


def record(connection: Connection, action: str, name: str, **details: Any) -> None:
    """Note a change of `name`: a subject, or a version as `database.table@3`."""
    _record(connection, [(action, name, details)])


def record_all(connection: Connection, action: str, changes: dict[str, dict[str, Any]]) -> None:
    """Note a change of each of several, with its details."""
    _record(connection, [(action, name, details) for name, details in changes.items()])


def _record(connection: Connection, changes: list[tuple[str, str, dict[str, Any]]]) -> None:
    head = {"at": now(), "actor": _ACTOR.get() or _user()}
    rows = [
        {**head, "action": action, "object": name, "details": json.dumps(details)}
        for action, name, details in changes
    ]
    if rows:
        connection.execute(_INSERT, rows)


def read(
    connection: Connection, *, name: str | None, before: int | None, limit: int
) -> list[Change]:
    """Changes, the newest first: of a subject and its versions, or of all."""
    values: dict[str, Any] = {"before": before or _NEWEST, "limit": limit}
    statement = _PAGE
    if name is not None:
        statement = _PAGE_OF
        values |= {"name": name, "first": f"{name}@", "end": f"{name}A"}  # "A" follows "@"
    if seen := access.conditions(AUDIT.c.object, "admin"):
        statement = statement.where(*seen)
    return [
        Change(
            sequence=row["sequence"],
            at=row["at"].replace(tzinfo=UTC),
            actor=row["actor"],
            action=row["action"],
            object=row["object"],
            details=json.loads(row["details"]),
        )
        for row in connection.execute(statement, values).mappings()
    ]


def now() -> datetime:
    """The time as the store keeps it: UTC, without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)


@cache
def _user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"
