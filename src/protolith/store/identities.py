"""Tokens and users as they are kept: never with a secret, only with its hash."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from protolith.errors import ConflictError, NotFoundError, quoted
from protolith.store import audit
from protolith.store.access import Grant, grants_of
from protolith.store.tables import TOKENS, USERS


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token; `used_at` is about when it was used last."""

    name: str
    grants: tuple[Grant, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptUser:
    """A person, with the hash of a password."""

    name: str
    password_hash: str
    grants: tuple[Grant, ...]
    created_at: datetime


def add_token(connection: Connection, token: KeptToken, secret_hash: str) -> None:
    """Keep a token; a name is given once, whatever became of it."""
    row = {
        "name": token.name,
        "secret_hash": secret_hash,
        "grants": _text(token.grants),
        "created_at": _naive(token.created_at),
        "expires_at": _naive(token.expires_at),
    }
    _insert(connection, TOKENS, row, "token")
    about = {"grants": row["grants"], "expires_at": str(row["expires_at"] or "never")}
    audit.record(connection, "create-token", f"token:{token.name}", **about)


def read_token(connection: Connection, secret_hash: str) -> KeptToken | None:
    """The token of a secret, whatever became of it."""
    found = select(TOKENS).where(TOKENS.c.secret_hash == secret_hash)
    row = connection.execute(found).mappings().first()
    return None if row is None else _token(row)


def read_tokens(connection: Connection) -> list[KeptToken]:
    """Every token, by name."""
    rows = connection.execute(select(TOKENS).order_by(TOKENS.c.name)).mappings()
    return [_token(row) for row in rows]


def revoke_token(connection: Connection, name: str) -> None:
    """Let a token allow nothing any more."""
    row = (TOKENS.c.name == name) & TOKENS.c.revoked_at.is_(None)
    _expect(connection, update(TOKENS).where(row).values(revoked_at=audit.now()), "token", name)
    audit.record(connection, "revoke-token", f"token:{name}")


def note_use(connection: Connection, name: str) -> None:
    """Remember that a token was used now."""
    connection.execute(update(TOKENS).where(TOKENS.c.name == name).values(used_at=audit.now()))


def add_user(connection: Connection, user: KeptUser) -> None:
    """Keep a person."""
    row = {"name": user.name, "password_hash": user.password_hash}
    row |= {"grants": _text(user.grants)}
    _insert(connection, USERS, {**row, "created_at": _naive(user.created_at)}, "user")
    audit.record(connection, "add-user", f"user:{user.name}", grants=row["grants"])


def change_password(connection: Connection, name: str, password_hash: str) -> None:
    """Keep another hash for a person."""
    changed = update(USERS).where(USERS.c.name == name).values(password_hash=password_hash)
    _expect(connection, changed, "user", name)
    audit.record(connection, "change-password", f"user:{name}")


def read_user(connection: Connection, name: str) -> KeptUser | None:
    """A person, by name."""
    row = connection.execute(select(USERS).where(USERS.c.name == name)).mappings().first()
    return None if row is None else _user(row)


def read_users(connection: Connection) -> list[KeptUser]:
    """Every person, by name."""
    return [
        _user(row) for row in connection.execute(select(USERS).order_by(USERS.c.name)).mappings()
    ]


def remove_user(connection: Connection, name: str) -> None:
    """Forget a person."""
    _expect(connection, delete(USERS).where(USERS.c.name == name), "user", name)
    audit.record(connection, "remove-user", f"user:{name}")


def _insert(connection: Connection, table: Any, row: dict[str, Any], kind: str) -> None:
    if connection.execute(select(table.c.name).where(table.c.name == row["name"])).first():
        raise ConflictError(f"there is a {kind} {quoted(row['name'])} already", hint="another name")
    try:
        connection.execute(insert(table), row)
    except IntegrityError:  # another process was faster
        raise ConflictError(f"there is a {kind} {quoted(row['name'])} already") from None


def _expect(connection: Connection, statement: Any, kind: str, name: str) -> None:
    if connection.execute(statement).rowcount == 0:
        raise NotFoundError(f"no {kind} {quoted(name)}", hint=f"protolith {kind} list")


def _token(row: RowMapping) -> KeptToken:
    return KeptToken(
        name=row["name"],
        grants=grants_of(row["grants"]),
        created_at=row["created_at"].replace(tzinfo=UTC),
        expires_at=_aware(row["expires_at"]),
        revoked_at=_aware(row["revoked_at"]),
        used_at=_aware(row["used_at"]),
    )


def _user(row: RowMapping) -> KeptUser:
    created = row["created_at"].replace(tzinfo=UTC)
    return KeptUser(row["name"], row["password_hash"], grants_of(row["grants"]), created)


def _text(grants: tuple[Grant, ...]) -> str:
    return "\n".join(map(str, grants))


def _aware(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _naive(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)
