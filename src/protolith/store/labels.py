"""What people say about a subject: its description and its labels."""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from protolith.errors import MalformedError, NotFoundError, quoted
from protolith.limits import DATA
from protolith.store import audit, statements
from protolith.store.tables import LABELS, SCHEMAS
from protolith.store.values import About
from protolith.tables import check_text

MAX_LABELS = DATA.labels
_MAX_LENGTH = 255

_EXISTS = select(SCHEMAS.c.schema_id).where(SCHEMAS.c.schema_id == bindparam("subject"))
_DESCRIPTION = select(SCHEMAS.c.description).where(SCHEMAS.c.schema_id == bindparam("subject"))
_DROP = delete(LABELS).where(
    LABELS.c.schema_id == bindparam("subject"), LABELS.c.key == bindparam("name")
)


def describe(connection: Connection, subject: str, description: str | None) -> None:
    """Change a subject's description."""
    _check_subject(connection, subject)
    if description is not None:
        check_text(description, "the description")
    row = SCHEMAS.c.schema_id == subject
    values = {"description": description, "last_updated": audit.now()}
    connection.execute(update(SCHEMAS).where(row).values(values))
    audit.record(connection, "describe", subject, description=description)


def change(
    connection: Connection, subject: str, changes: Mapping[str, str | None]
) -> dict[str, str]:
    """Set labels, take away those that are None, and return all that there are then."""
    _check_subject(connection, subject)
    for key, value in changes.items():
        _check(key, value)
        connection.execute(_DROP, {"subject": subject, "name": key})
        if value is not None:
            connection.execute(insert(LABELS), {"schema_id": subject, "key": key, "value": value})
    audit.record(connection, "label", subject, changes=dict(changes))
    found = read(connection, subject)
    if len(found) > MAX_LABELS:
        raise MalformedError(f"{subject} would have {len(found)} labels", hint=f"≤ {MAX_LABELS}")
    return found


def about(connection: Connection, subject: str) -> About:
    """What is said about a subject, whether or not it is softly deleted."""
    _check_subject(connection, subject)
    description = connection.execute(_DESCRIPTION, {"subject": subject}).scalar()
    return About(description, read(connection, subject))


def read(connection: Connection, subject: str) -> dict[str, str]:
    """The labels of a subject."""
    rows = connection.execute(statements.LABELS_OF, {"subject": subject}).all()
    return {row.key: row.value for row in rows}


def _check_subject(connection: Connection, subject: str) -> None:
    if connection.execute(_EXISTS, {"subject": subject}).first() is None:
        raise NotFoundError(f"no schema {quoted(subject)}", hint="protolith subject list")


def _check(key: str, value: str | None) -> None:
    check_text(key, "a label's key")
    check_text(value or "", "a label's value")
    if not key or "=" in key or max(len(key), len(value or "")) > _MAX_LENGTH:
        raise MalformedError(
            f"{quoted(key)} cannot be a label",
            hint=f"a key without =, and key and value of at most {_MAX_LENGTH} characters",
        )
