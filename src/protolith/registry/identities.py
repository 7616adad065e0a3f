"""Who may come in: tokens for programs, users with a password for people.

A token is random and long, so its SHA-256 is kept; a password is not, so Argon2id's hash is.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Any

from protolith.errors import (
    BusyError,
    MalformedError,
    RateLimitedError,
    SchemaRegistryError,
    UnauthenticatedError,
    quoted,
)
from protolith.registry.cache import SchemaCache
from protolith.store import Grant, Store
from protolith.store import identities as kept
from protolith.store.access import Caller
from protolith.store.identities import KeptToken, KeptUser

PREFIX = "protolith_"
"""What every token begins with, so that scanners for secrets find it."""

MIN_PASSWORD = 12
MAX_PASSWORD = 1024
MAX_FAILURES = 5
FAILURE_SECONDS = 60.0
REMEMBER_SECONDS = 60.0
_WAIT_SECONDS = 2.0
_AT_ONCE = 2  # a check takes 19 MiB and some 20 ms of a core
_USE_IS_NOTED = timedelta(hours=1)
_MAX_WATCHED = 10_000


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; nobody can say its `secret` again."""

    name: str
    secret: str
    grants: tuple[Grant, ...]
    expires_at: datetime | None


class Identities:
    """The tokens and users of a registry, and whether somebody is one of them."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._hasher: Any = None
        self._nobody = ""
        self._checking = BoundedSemaphore(_AT_ONCE)
        self._key = secrets.token_bytes(32)
        self._good: SchemaCache[tuple[str, Caller]] = SchemaCache(
            1000, REMEMBER_SECONDS, clock=clock
        )
        self._failures = _Failures(clock)

    # ── tokens ──

    def create_token(
        self, name: str, grants: Sequence[Grant], *, days: int | None = None
    ) -> NewToken:
        """Make a token of 256 random bits; it is good for `days`, or until it is revoked."""
        _check_name(name)
        if not grants:
            raise MalformedError("a token without a scope allows nothing", hint="--scope read")
        if days is not None and not 0 < days <= 36_500:  # noqa: PLR2004 - a century
            raise MalformedError("that is not a number of days", hint="from 1 to 36500")
        secret = PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        expires = None if days is None else now + timedelta(days=days)
        token = KeptToken(name, tuple(grants), now, expires)
        self._store.write(
            lambda conn: kept.add_token(conn, token, _digest(secret)), repeatable=False
        )
        return NewToken(name, secret, token.grants, expires)

    def tokens(self) -> list[KeptToken]:
        """Every token that was ever made, by name."""
        return self._store.ask(kept.read_tokens)

    def revoke_token(self, name: str) -> None:
        """Let a token allow nothing any more."""
        self._store.write(lambda conn: kept.revoke_token(conn, name), repeatable=False)

    def by_token(self, secret: str) -> Caller:
        """Whose token it is; `UnauthenticatedError` if it is none, or no longer good."""
        token = self._store.ask(kept.read_token, _digest(secret))
        now = datetime.now(UTC)
        if token is None or token.revoked_at or (token.expires_at and token.expires_at <= now):
            raise UnauthenticatedError(
                "the token is not known, revoked or too old", hint="protolith token create"
            )
        if token.used_at is None or now - token.used_at > _USE_IS_NOTED:
            with suppress(SchemaRegistryError):  # a full disk is no reason to refuse
                self._store.write(lambda conn: kept.note_use(conn, token.name))
        return Caller(f"token:{token.name}", token.grants)

    # ── people ──

    def add_user(self, name: str, password: str, grants: Sequence[Grant]) -> None:
        """Let a person in with a password."""
        _check_name(name)
        if not grants:
            raise MalformedError("a user without a scope may do nothing", hint="--scope read")
        user = KeptUser(name, self._hash(password), tuple(grants), datetime.now(UTC))
        self._store.write(lambda conn: kept.add_user(conn, user), repeatable=False)

    def change_password(self, name: str, password: str) -> None:
        """Give a person another password."""
        hashed = self._hash(password)
        self._store.write(lambda c: kept.change_password(c, name, hashed), repeatable=False)

    def remove_user(self, name: str) -> None:
        """Forget a person."""
        self._store.write(lambda conn: kept.remove_user(conn, name), repeatable=False)

    def users(self) -> list[KeptUser]:
        """Every person, by name."""
        return self._store.ask(kept.read_users)

    def by_password(self, name: str, password: str, address: str) -> Caller:
        """Who it is; the error is the same for a wrong password as for an unknown name.

        After five failures in a minute, of an address or a name, nobody is looked at for a while.
        """
        user = self._store.ask(kept.read_user, name)
        known = user.password_hash if user else ""
        told = hmac.digest(self._key, f"{name}\0{password}".encode(), "sha256")
        good = self._good.get_schema(told)
        if user is not None and good is not None and hmac.compare_digest(good[0], known):
            return Caller(f"user:{name}", user.grants)
        self._failures.check(address, name)
        if not self._checking.acquire(timeout=_WAIT_SECONDS):
            raise BusyError("too many passwords are being checked", hint="try again in a moment")
        try:
            right = self._verify(known, password)
        finally:
            self._checking.release()
        if user is None or not right:
            self._failures.note(address, name)
            raise UnauthenticatedError(
                "the user is not known, or the password is wrong", hint="protolith user list"
            )
        caller = Caller(f"user:{name}", user.grants)
        self._good.put_schema(told, (known, caller))
        return caller

    def _hash(self, password: str) -> str:
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise MalformedError(
                f"a password has from {MIN_PASSWORD} to {MAX_PASSWORD} characters",
                hint="a few words that do not belong together are a good one",
            )
        return str(self._argon2().hash(password))

    def _verify(self, known: str, password: str) -> bool:
        """With a hash of nobody's password where there is no user, so that it takes as long."""
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

        hasher = self._argon2()
        try:
            hasher.verify(known or self._nobody, password[:MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            return False
        return bool(known) and len(password) <= MAX_PASSWORD

    def _argon2(self) -> Any:
        if self._hasher is None:
            try:
                from argon2 import PasswordHasher  # noqa: PLC0415
            except ModuleNotFoundError as error:
                raise SchemaRegistryError(
                    f"passwords need {error.name}", hint="pip install 'protolith[server]'"
                ) from None
            hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
            self._nobody = hasher.hash(secrets.token_urlsafe(16))
            self._hasher = hasher
        return self._hasher


class _Failures:
    """How often a password was wrong lately, by address and by name."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._times: dict[tuple[str, str], list[float]] = {}

    def check(self, address: str, name: str) -> None:
        with self._lock:
            for key in (("address", address), ("name", name)):
                if len(self._recent(key)) >= MAX_FAILURES:
                    raise RateLimitedError(
                        "too many wrong passwords", hint=f"wait {FAILURE_SECONDS:.0f} seconds"
                    )

    def note(self, address: str, name: str) -> None:
        with self._lock:
            if len(self._times) > _MAX_WATCHED:
                self._times = {
                    key: found for key in list(self._times) if (found := self._recent(key))
                }
            for key in (("address", address), ("name", name)):
                self._times[key] = [*self._recent(key), self._clock()]

    def _recent(self, key: tuple[str, str]) -> list[float]:
        start = self._clock() - FAILURE_SECONDS
        return [at for at in self._times.get(key, ()) if at > start]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}", name):
        raise MalformedError(
            f"{quoted(name)} cannot be the name of a token or a user",
            hint="letters, digits and . _ @ + -, at most 100",
        )
