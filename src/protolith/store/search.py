"""Finding subjects by what they are called, hold, or are said to be."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from protolith.errors import MalformedError
from protolith.store import access, statements
from protolith.store.tables import FIELDS, LABELS, SCHEMAS
from protolith.store.values import Subject
from protolith.tables import check_text


@dataclass(frozen=True, slots=True)
class Search:
    """What a subject must have: everything that is given here; upper and lower case are the same.

    `text` is part of its name, its description, or a field's path or description; `name` part of
    its name; `field` of a field's path in the latest version; `type` a field's BigQuery type;
    `description` part of its description or a field's; `tag` of a field's policy tag; `label` a
    label's key, or `key=value`.
    """

    text: str | None = None
    name: str | None = None
    field: str | None = None
    type: str | None = None
    description: str | None = None
    tag: str | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        if not any(given.values()):
            raise MalformedError(
                "nothing to search for is given", hint=f"one of {', '.join(given)}"
            )
        for name, value in given.items():
            check_text(value or "", name)


def find(connection: Connection, wanted: Search, *, limit: int, after: str) -> list[Subject]:
    """A page of the subjects that have all that is wanted, by name."""
    seen = access.conditions(SCHEMAS.c.schema_id)
    statement = (
        statements.LIVE_SUBJECTS.where(SCHEMAS.c.schema_id > after, *_conditions(wanted), *seen)
        .order_by(SCHEMAS.c.schema_id)
        .limit(limit)
    )
    return [statements.subject(row) for row in connection.execute(statement).mappings()]


def _conditions(wanted: Search) -> list[ColumnElement[bool]]:
    name, about = SCHEMAS.c.schema_id, SCHEMAS.c.description
    path, said = FIELDS.c.path, FIELDS.c.description
    found: list[ColumnElement[bool]] = []
    if wanted.text:
        has = _having(_part(path, wanted.text) | _part(said, wanted.text))
        found.append(or_(_part(name, wanted.text), _part(about, wanted.text), has))
    if wanted.name:
        found.append(_part(name, wanted.name))
    if wanted.field:
        found.append(_having(_part(path, wanted.field)))
    if wanted.type:
        found.append(_having(FIELDS.c.type == wanted.type.upper()))
    if wanted.description:
        has = _having(_part(said, wanted.description))
        found.append(_part(about, wanted.description) | has)
    if wanted.tag:
        found.append(_having(_part(FIELDS.c.tags, wanted.tag)))
    if wanted.label:
        found.append(_labelled(wanted.label))
    return found


def _part(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column.icontains(text, autoescape=True)


def _having(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return SCHEMAS.c.schema_id.in_(select(FIELDS.c.schema_id).where(condition))


def _labelled(text: str) -> ColumnElement[bool]:
    key, equals, value = text.partition("=")
    labels: Select[Any] = select(LABELS.c.schema_id).where(LABELS.c.key == key)
    return SCHEMAS.c.schema_id.in_(labels.where(LABELS.c.value == value) if equals else labels)
