"""Tokens and users: only those who are known come in, and nothing kept lets anybody in."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from postgres import PostgresServer, postgres
from protolith import (
    ConflictError,
    MalformedError,
    NotFoundError,
    RateLimitedError,
    SchemaRegistry,
    UnauthenticatedError,
    acting_as,
)
from protolith.registry.identities import MAX_FAILURES, PREFIX, Identities
from protolith.store import Grant, SQLiteStore
from protolith.store.postgres import PostgresStore

__all__ = ["postgres"]

READ, WRITE = (Grant("read", "shop.*"),), (Grant("write", "shop.*"), Grant("read", "*"))
WORDS = "correct horse battery"
HERE = "127.0.0.1"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(tmp_path: Path, clock: Clock) -> Iterator[Identities]:
    store = SQLiteStore(tmp_path)
    yield Identities(store, clock=clock)
    store.close()


def refused(known: Identities, password: str, *, name: str = "ana", address: str = HERE) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        known.by_password(name, password, address)
    return f"{caught.value} {caught.value.hint}"


def test_a_token_says_who_asks(known: Identities) -> None:
    token = known.create_token("ci", WRITE)
    assert re.fullmatch(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", token.secret)
    caller = known.by_token(token.secret)
    assert (caller.name, caller.grants) == ("token:ci", WRITE)
    assert known.create_token("other", READ).secret != token.secret
    assert [(one.name, one.grants) for one in known.tokens()] == [("ci", WRITE), ("other", READ)]


def test_no_secret_is_kept(known: Identities, tmp_path: Path) -> None:
    secret = known.create_token("ci", READ).secret
    known.add_user("ana", WORDS, READ)
    known.by_token(secret)
    for file in tmp_path.iterdir():
        data = file.read_bytes()
        assert secret.removeprefix(PREFIX).encode() not in data
        assert WORDS.encode() not in data
    with closing(sqlite3.connect(tmp_path / "registry.db")) as connection:
        [(kept,)] = connection.execute("SELECT password_hash FROM access_users").fetchall()
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_tokens_that_are_not_good(known: Identities, tmp_path: Path) -> None:
    token, short = known.create_token("ci", READ), known.create_token("short", READ, days=1)
    for secret in ("", PREFIX, token.secret[:-1], token.secret + "x", token.secret.swapcase()):
        with pytest.raises(UnauthenticatedError):
            known.by_token(secret)
    assert known.by_token(short.secret).name == "token:short"
    with closing(sqlite3.connect(tmp_path / "registry.db")) as connection, connection:
        past = str(datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1))
        connection.execute("UPDATE access_tokens SET expires_at = ? WHERE name = 'short'", (past,))
    known.revoke_token("ci")
    for secret in (token.secret, short.secret):
        with pytest.raises(UnauthenticatedError):
            known.by_token(secret)
    with pytest.raises(NotFoundError):
        known.revoke_token("ci")
    with pytest.raises(ConflictError):  # a name in the audit trail means one token for ever
        known.create_token("ci", READ)


def test_the_use_of_a_token_is_noted(known: Identities) -> None:
    token = known.create_token("ci", READ)
    assert known.tokens()[0].used_at is None
    known.by_token(token.secret)
    used = known.tokens()[0].used_at
    assert used is not None
    assert used <= datetime.now(UTC)


def test_a_user_comes_in_with_a_password(known: Identities) -> None:
    known.add_user("ana", WORDS, WRITE)
    for _ in range(2):  # the second time it is remembered
        caller = known.by_password("ana", WORDS, HERE)
        assert (caller.name, caller.grants) == ("user:ana", WRITE)
    assert refused(known, WORDS + "x") == refused(known, WORDS, name="bob")
    refused(known, WORDS[:-1])
    known.change_password("ana", "another password")
    refused(known, WORDS, address="a")
    assert known.by_password("ana", "another password", HERE).name == "user:ana"
    known.remove_user("ana")
    refused(known, "another password", address="b")


def test_wrong_passwords_are_few_a_minute(known: Identities, clock: Clock) -> None:
    known.add_user("ana", WORDS, READ)
    known.add_user("bob", WORDS, READ)
    known.by_password("ana", WORDS, HERE)
    for index in range(MAX_FAILURES):
        refused(known, "wrong", name="bob", address=f"10.0.0.{index}")
        refused(known, "wrong", name=f"u{index}", address="10.0.0.9")
    for name, address in (("bob", "10.0.1.1"), ("ana", "10.0.0.9")):
        with pytest.raises(RateLimitedError):
            known.by_password(name, WORDS + "!", address)
    with pytest.raises(RateLimitedError):
        known.by_password("bob", WORDS, "10.0.1.1")
    assert known.by_password("ana", WORDS, "10.0.0.9").name == "user:ana"  # remembered
    clock.now += 61
    assert known.by_password("bob", WORDS, "10.0.1.1").name == "user:bob"


def test_many_at_once(known: Identities) -> None:
    known.add_user("ana", WORDS, READ)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: known.by_password("ana", WORDS, HERE), range(16)))
    assert {caller.name for caller in found} == {"user:ana"}


@pytest.mark.parametrize("name", ["", "a b", "ä", "-x", "a" * 101, "a\n", "a:b", "a/b"])
def test_names_that_are_none(known: Identities, name: str) -> None:
    with pytest.raises(MalformedError):
        known.create_token(name, READ)
    with pytest.raises(MalformedError):
        known.add_user(name, WORDS, READ)


def test_what_is_no_token_and_no_user(known: Identities) -> None:
    for days in (0, -1, 36_501):
        with pytest.raises(MalformedError):
            known.create_token("ci", READ, days=days)
    for password in ("short", "x" * 1025):
        with pytest.raises(MalformedError):
            known.add_user("ana", password, READ)
    for call in (lambda: known.create_token("ci", ()), lambda: known.add_user("a", WORDS, ())):
        with pytest.raises(MalformedError, match="without a scope"):
            call()
    known.add_user("ana", WORDS, READ)
    with pytest.raises(ConflictError):
        known.add_user("ana", WORDS, WRITE)
    for gone in (lambda: known.remove_user("bob"), lambda: known.change_password("bob", WORDS)):
        with pytest.raises(NotFoundError):
            gone()


def test_each_change_is_in_the_audit_trail(tmp_path: Path) -> None:
    with SchemaRegistry(tmp_path) as registry, acting_as("ann"):
        known = registry.identities
        secret = known.create_token("ci", READ, days=3).secret
        known.add_user("ana", WORDS, READ)
        known.change_password("ana", WORDS[::-1])
        known.remove_user("ana")
        known.revoke_token("ci")
        trail = registry.audit()
    assert [(change.action, change.object) for change in reversed(trail)] == [
        ("create-token", "token:ci"),
        ("add-user", "user:ana"),
        ("change-password", "user:ana"),
        ("remove-user", "user:ana"),
        ("revoke-token", "token:ci"),
    ]
    assert {change.actor for change in trail} == {"ann"}
    assert secret not in str(trail)
    assert WORDS not in str(trail)


def test_in_postgresql_it_is_the_same(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.database(), checked=False)
    store.upgrade()
    try:
        known = Identities(store)
        token = known.create_token("ci", WRITE, days=1)
        assert known.by_token(token.secret) == known.by_token(token.secret)
        known.add_user("ana", WORDS, READ)
        assert known.by_password("ana", WORDS, HERE).grants == READ
        for again in (
            lambda: known.create_token("ci", READ),
            lambda: known.add_user("ana", WORDS, READ),
        ):
            with pytest.raises(ConflictError):
                again()
        known.revoke_token("ci")
        with pytest.raises(UnauthenticatedError):
            known.by_token(token.secret)
        [kept] = known.tokens()
        assert (kept.name, kept.grants) == ("ci", WRITE)
        assert kept.used_at is not None
    finally:
        store.close()
