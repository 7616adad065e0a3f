"""Deleting, first softly and then for good, and taking it back."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, update
from sqlalchemy import delete as delete_from

from protolith.errors import ConflictError, NotFoundError, quoted
from protolith.store import access, audit, statements
from protolith.store.deployments import wanted_by
from protolith.store.registration import index_fields
from protolith.store.tables import (
    DEPLOYMENTS,
    FIELDS,
    FILES,
    REFERENCES,
    SCHEMAS,
    VERSIONS,
    WAIVERS,
)

_MAX_SHOWN = 5

_VERSIONS = (
    select(VERSIONS.c.version_id, VERSIONS.c.version, VERSIONS.c.content_id, VERSIONS.c.deleted_at)
    .where(VERSIONS.c.schema_id == bindparam("subject"))
    .order_by(VERSIONS.c.version)
)
_USERS: Select[Any] = (
    select(REFERENCES.c.version_id, VERSIONS.c.schema_id)
    .join(VERSIONS, VERSIONS.c.version_id == REFERENCES.c.version_id)
    .where(
        REFERENCES.c.subject == bindparam("subject"),
        REFERENCES.c.version == bindparam("number"),
        VERSIONS.c.deleted_at.is_(None) | bindparam("deleted"),
    )
    .order_by(REFERENCES.c.version_id)
)
_LATEST = select(func.max(VERSIONS.c.version)).where(
    VERSIONS.c.schema_id == bindparam("subject"), VERSIONS.c.deleted_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Removal:
    """What to delete: a version, or without a number the whole subject."""

    subject: str
    number: int | None = None
    for_good: bool = False
    force: bool = False


def delete(connection: Connection, wanted: Removal) -> list[int]:
    """Delete softly what is live, or for good what is softly deleted; return the numbers."""
    found = _found(connection, wanted.subject, wanted.number)
    chosen = [row for row in found if (row.deleted_at is not None) == wanted.for_good]
    _check_state(wanted, found, chosen)
    numbers = [row.version for row in chosen]
    _check_unused(connection, wanted, numbers)
    tables = _check_tables(connection, wanted, numbers)
    ids = [row.version_id for row in chosen]
    if wanted.for_good:
        _purge(connection, wanted.subject, ids, numbers)
    else:
        gone = VERSIONS.c.version_id.in_(ids)
        connection.execute(update(VERSIONS).where(gone).values(deleted_at=audit.now()))
        _find_latest(connection, wanted.subject)
    action = "delete-for-good" if wanted.for_good else "delete"
    audit.record_all(connection, action, {id_: {"tables": tables} if tables else {} for id_ in ids})
    return numbers


def restore(connection: Connection, subject: str, number: int | None) -> list[int]:
    """Take back a soft delete, of a version or of all."""
    found = _found(connection, subject, number)
    chosen = [row for row in found if row.deleted_at is not None]
    if not chosen:
        raise ConflictError(f"{_name(subject, number)} is not deleted", hint="nothing was changed")
    everything = _found(connection, subject, None)
    live = {row.content_id: row.version_id for row in everything if row.deleted_at is None}
    for row in chosen:
        other = live.setdefault(row.content_id, row.version_id)
        if other != row.version_id:
            raise ConflictError(
                f"{row.version_id} has the content of {other}, which is there",
                hint="restore the other versions by number",
            )
    ids = [row.version_id for row in chosen]
    back = VERSIONS.c.version_id.in_(ids)
    connection.execute(update(VERSIONS).where(back).values(deleted_at=None))
    _find_latest(connection, subject)
    audit.record_all(connection, "undelete", {version_id: {} for version_id in ids})
    return [row.version for row in chosen]


def _found(connection: Connection, subject: str, number: int | None) -> list[Any]:
    rows = connection.execute(_VERSIONS, {"subject": subject}).all()
    found = [row for row in rows if number in (None, row.version)]
    if not found:
        raise NotFoundError(
            f"no schema {quoted(_name(subject, number))}", hint="protolith subject list --deleted"
        )
    return found


def _name(subject: str, number: int | None) -> str:
    return subject if number is None else f"{subject}@{number}"


def _check_state(wanted: Removal, found: list[Any], chosen: list[Any]) -> None:
    name = _name(wanted.subject, wanted.number)
    if wanted.for_good and len(chosen) < len(found):
        raise ConflictError(f"{name} is not deleted yet", hint="delete it softly first")
    if not chosen:
        raise ConflictError(f"{name} is deleted already", hint="undelete it, or delete it for good")


def _check_unused(connection: Connection, wanted: Removal, numbers: list[int]) -> None:
    """References within a subject do not keep all of it from being deleted."""
    for number in numbers:
        values = {"subject": wanted.subject, "number": number, "deleted": wanted.for_good}
        rows = connection.execute(_USERS, values).all()
        users = [
            row.version_id
            for row in rows
            if wanted.number is not None or row.schema_id != wanted.subject
        ]
        if users:
            seen = [row.version_id for row in rows if access.may("read", row.schema_id)]
            shown = ", ".join([user for user in users if user in seen][:_MAX_SHOWN]) or "others"
            raise ConflictError(
                f"{wanted.subject}@{number} is imported by {shown}",
                hint="delete these first",
            )


def _check_tables(connection: Connection, wanted: Removal, numbers: list[int]) -> list[str]:
    """The engines that have a table of these versions."""
    rows = connection.execute(statements.DEPLOYMENTS_OF, {"subject": wanted.subject}).mappings()
    tables = [row["engine"] for row in rows if not wanted_by(row).isdisjoint(numbers)]
    if tables and not wanted.force:
        raise ConflictError(
            f"{wanted.subject} has a table in {' and '.join(tables)}",
            hint="drop it there first, or say that the table shall stay (--force)",
        )
    return tables


def _purge(connection: Connection, subject: str, ids: list[str], numbers: list[int]) -> None:
    tables = (DEPLOYMENTS.c.schema_id == subject) & DEPLOYMENTS.c.version.in_(numbers)
    connection.execute(delete_from(DEPLOYMENTS).where(tables))
    for table in (FILES, REFERENCES, WAIVERS, VERSIONS):
        connection.execute(delete_from(table).where(table.c.version_id.in_(ids)))


def _find_latest(connection: Connection, subject: str) -> None:
    """Say anew which version is the latest, and make its fields those that a search finds."""
    number = connection.execute(_LATEST, {"subject": subject}).scalar()
    values: dict[str, Any] = {"latest_version": number or 0, "last_updated": audit.now()}
    if number is None:
        connection.execute(delete_from(FIELDS).where(FIELDS.c.schema_id == subject))
    else:
        key = {"subject": subject, "number": number, "deleted": False}
        row = connection.execute(statements.BY_NUMBER, key).mappings().one()
        values["current_version_hash"] = row["version_hash"]
        index_fields(connection, subject, row["schema_json"])
    row_of = SCHEMAS.c.schema_id == subject
    connection.execute(update(SCHEMAS).where(row_of).values(values))
