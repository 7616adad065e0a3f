"""Who may see and change which subjects: every reading and changing call of a store asks here."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from sqlalchemy import ColumnElement, false, func, or_

from protolith.errors import ForbiddenError, MalformedError, NotFoundError, quoted

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do with some subjects: each scope includes those before it.

    `subjects` is `database.table`, what names begin with (`database.*`, `database.new_*`), or `*`
    for everything, and what is no subject's: the default mode, the audit trail, tokens, users.
    """

    scope: Scope
    subjects: str = EVERYTHING

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise MalformedError(
                f"{quoted(self.scope)} is not a scope", hint=f"one of {', '.join(SCOPES)}"
            )
        if not re.fullmatch(r"[^*\x00-\x1f\x7f]*\*?", self.subjects) or not self.subjects:
            raise MalformedError(
                f"{quoted(self.subjects)} does not say which subjects",
                hint="database.table, database.*, or * for everything",
            )

    def __str__(self) -> str:
        return f"{self.scope}:{self.subjects}"

    def covers(self, scope: Scope, subject: str | None) -> bool:
        """Whether it allows a subject, or with None what is no subject's."""
        if SCOPES.index(self.scope) < SCOPES.index(scope):
            return False
        if self.subjects.endswith("*"):
            start = self.subjects[:-1]
            return not start if subject is None else subject.startswith(start)
        return subject == self.subjects


def grants_of(text: str) -> tuple[Grant, ...]:
    """Grants as they are kept, one a line."""
    parts = (line.partition(":") for line in text.splitlines())
    return tuple(Grant(cast("Scope", scope), subjects) for scope, _, subjects in parts)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the audit trail says it, and what that allows."""

    name: str
    grants: tuple[Grant, ...]


_GRANTS: ContextVar[tuple[Grant, ...] | None] = ContextVar("grants", default=None)


@contextmanager
def limited_to(grants: tuple[Grant, ...] | None) -> Iterator[None]:
    """Within the block nothing but this is allowed, in this thread and those it starts.

    None, and outside of any block, everything is.
    """
    token = _GRANTS.set(grants)
    try:
        yield
    finally:
        _GRANTS.reset(token)


def current() -> tuple[Grant, ...] | None:
    """What is allowed here; None for everything."""
    return _GRANTS.get()


def may(scope: Scope, subject: str | None) -> bool:
    """Whether something is allowed here, for a subject or, with None, for what is no subject's."""
    grants = _GRANTS.get()
    return grants is None or any(grant.covers(scope, subject) for grant in grants)


def check(scope: Scope, subject: str | None) -> None:
    """Raise unless it is allowed here: what cannot be seen looks missing."""
    if may(scope, subject):
        return
    if subject is not None and not may("read", subject):
        raise missing(subject)
    raise forbidden(scope, subject)


def check_new(subject: str, scope: Scope = "write") -> None:
    """Raise unless something may be added: the same, whether the subject exists or not."""
    if not may(scope, subject):
        raise forbidden(scope, subject)


def missing(reference: str) -> NotFoundError:
    """What is said of a schema that is not there, and of one that must look so."""
    return NotFoundError(
        f"no schema {quoted(reference)}",
        hint="a schema id, database.table, or database.table@version",
    )


def forbidden(scope: Scope, subject: str | None) -> ForbiddenError:
    """What is said of what may be seen, but no more."""
    where = "for everything" if subject is None else f"for {subject}"
    return ForbiddenError(
        f"this needs the scope {scope} {where}", hint="ask who gave you the token or the user"
    )


def conditions(name: ColumnElement[Any], scope: Scope = "read") -> list[ColumnElement[bool]]:
    """What a column with subjects, or versions of subjects, must satisfy to be seen here."""
    if may(scope, None):
        return []
    level = SCOPES.index(scope)
    there = [one.subjects for one in _GRANTS.get() or () if SCOPES.index(one.scope) >= level]
    return [or_(false(), *(_begins(name, subjects) for subjects in there))]


def _begins(name: ColumnElement[Any], subjects: str) -> ColumnElement[bool]:
    # LIKE would take upper for lower case in SQLite.
    if subjects.endswith("*"):
        start = subjects[:-1]
        return func.substr(name, 1, len(start)) == start
    version = f"{subjects}@"
    return or_(name == subjects, func.substr(name, 1, len(version)) == version)
