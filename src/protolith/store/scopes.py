"""What is set for subjects, contexts and all, and the questions of Kafka's clients."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select

from protolith.store import access, audit
from protolith.store.tables import CONTENTS, REFERENCES, SCHEMAS, SCOPES, VERSIONS

EVERYTHING = ":.__GLOBAL:"
"""The scope of what is set for all contexts."""

Kind = Literal["config", "mode", "association"]

_SETTING = select(SCOPES.c.value).where(
    SCOPES.c.kind == bindparam("kind"), SCOPES.c.scope == bindparam("scope")
)
_SETTINGS = (
    select(SCOPES.c.scope, SCOPES.c.value)
    .where(SCOPES.c.kind == bindparam("kind"))
    .order_by(SCOPES.c.scope)
)
# Subjects that were registered as JSON have no schema that such a client could read.
_MESSAGES = VERSIONS.c.descriptors.is_not(None)
_NEAREST = select(SCOPES.c.scope, SCOPES.c.value).where(
    SCOPES.c.kind == bindparam("kind"), SCOPES.c.scope.in_(bindparam("scopes", expanding=True))
)
_HIGHEST = select(func.max(CONTENTS.c.content_id))
_NUMBERS: Select[Any] = (
    select(VERSIONS.c.version, VERSIONS.c.deleted_at.is_not(None).label("deleted"))
    .where(VERSIONS.c.schema_id == bindparam("subject"), _MESSAGES)
    .order_by(VERSIONS.c.version)
)
_NAMES: Select[Any] = (
    select(VERSIONS.c.schema_id, SCHEMAS.c.latest_version > 0)
    .join(SCHEMAS, SCHEMAS.c.schema_id == VERSIONS.c.schema_id)
    .where(_MESSAGES)
    .distinct()
    .order_by(VERSIONS.c.schema_id)
)
_USERS: Select[Any] = (
    select(VERSIONS.c.content_id, VERSIONS.c.schema_id, VERSIONS.c.deleted_at.is_not(None))
    .join(REFERENCES, REFERENCES.c.version_id == VERSIONS.c.version_id)
    .where(
        REFERENCES.c.subject == bindparam("subject"), REFERENCES.c.version == bindparam("number")
    )
)


def read_setting(connection: Connection, kind: Kind, scope: str) -> dict[str, Any] | None:
    """What is set for a scope itself, if anything is."""
    text = connection.execute(_SETTING, {"kind": kind, "scope": scope}).scalar()
    return None if text is None or not _seen(scope) else json.loads(text)


def scopes_of(name: str) -> tuple[str, ...]:
    """Where what is set for a subject or a context is looked for, the nearest first."""
    found = re.match(r":\.[^:]*:", name)
    context = found[0] if found and found[0] != ":.:" else EVERYTHING
    return tuple(dict.fromkeys((name, context, EVERYTHING)))


def read_nearest(connection: Connection, kind: Kind, name: str) -> list[tuple[str, dict[str, Any]]]:
    """What is set for a subject, its context and all, the nearest first."""
    wanted = scopes_of(name)
    rows = connection.execute(_NEAREST, {"kind": kind, "scopes": wanted})
    found = {scope: json.loads(value) for scope, value in rows if _seen(scope)}
    return [(scope, found[scope]) for scope in wanted if scope in found]


def read_highest_id(connection: Connection) -> int:
    """The highest id that was ever given to a content."""
    return int(connection.execute(_HIGHEST).scalar() or 0)


def read_settings(connection: Connection, kind: Kind) -> dict[str, dict[str, Any]]:
    """Everything of a kind, by scope."""
    rows = connection.execute(_SETTINGS, {"kind": kind})
    return {scope: json.loads(value) for scope, value in rows if _seen(scope)}


def _seen(scope: str) -> bool:
    """What is set for a context or for all holds for everybody."""
    return scope.endswith(":") or access.may("read", scope)


def keep_setting(
    connection: Connection, kind: Kind, scope: str, value: Mapping[str, Any] | None
) -> None:
    """Set something for a scope instead of what was; None forgets it."""
    key = (SCOPES.c.kind == kind) & (SCOPES.c.scope == scope)
    connection.execute(delete(SCOPES).where(key))
    if value is not None:
        row = {"kind": kind, "scope": scope, "value": json.dumps(value, ensure_ascii=False)}
        connection.execute(insert(SCOPES), row)
    audit.record(connection, f"set-{kind}", scope, value=value)


def forget_level(connection: Connection, scope: str) -> None:
    """Forget which level of compatibility a scope's config sets; the rest of it stays."""
    setting = read_setting(connection, "config", scope) or {}
    rest = {key: setting[key] for key in setting if key != "compatibility"}
    if len(rest) < len(setting):
        keep_setting(connection, "config", scope, rest or None)


def read_numbers(connection: Connection, subject: str) -> dict[int, bool]:
    """The numbers of a subject's versions, and whether each is softly deleted."""
    rows = connection.execute(_NUMBERS, {"subject": subject})
    seen = access.may("read", subject)
    return {row.version: bool(row.deleted) for row in rows if seen}


def read_names(connection: Connection) -> dict[str, bool]:
    """The subjects by name, and whether each has a version that is not deleted."""
    rows = connection.execute(_NAMES)
    return {name: bool(live) for name, live in rows if access.may("read", name)}


def read_users(connection: Connection, subject: str, number: int) -> list[tuple[int, str, bool]]:
    """What imports a version: each content's id, its subject, and whether it is deleted."""
    rows = connection.execute(_USERS, {"subject": subject, "number": number})
    seen = (row for row in rows if access.may("read", row[1]))
    return [(id_, name, bool(deleted)) for id_, name, deleted in seen]
