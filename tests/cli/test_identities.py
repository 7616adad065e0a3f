"""The commands that say who may come in."""

import io
import json
from pathlib import Path

import pytest

from cli.test_cli import Shell, run
from protolith import SchemaRegistry, UnauthenticatedError

__all__ = ["run"]

WORDS = "correct horse battery"


def test_tokens(run: Shell, tmp_path: Path) -> None:
    home = f"--home={tmp_path / 'h'}"
    run(
        home, "token", "create", "ci", "--scope", "write", "--database", "shop", "--subject", "a.b*"
    )
    secret = run.out.strip()
    run(home, "--format=json", "token", "create", "all", "--scope=admin", "--days=7")
    made = json.loads(run.out)
    assert made["grants"] == ["admin:*"]
    assert made["expires_at"] is not None
    with SchemaRegistry(tmp_path / "h") as registry:
        caller = registry.identities.by_token(secret)
        assert list(map(str, caller.grants)) == ["write:shop.*", "write:a.b*"]
        assert registry.identities.by_token(made["token"]).name == "token:all"
    run(home, "token", "list")
    assert "write:shop.* write:a.b*" in run.out
    assert secret not in run.out
    run(home, "token", "revoke", "ci")
    with SchemaRegistry(tmp_path / "h") as registry, pytest.raises(UnauthenticatedError):
        registry.identities.by_token(secret)
    run(home, "token", "revoke", "ci", code=1)
    run(home, "token", "create", "x", "--scope", "owner", code=2)
    run(home, "token", "create", "x", "--scope", "read", "--database", "a*", code=2)


def test_users(run: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = f"--home={tmp_path / 'h'}"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{WORDS}\n"))
    run(home, "user", "add", "ana", "--scope", "read")
    with SchemaRegistry(tmp_path / "h") as registry:
        assert registry.identities.by_password("ana", WORDS, "here").name == "user:ana"
    run(home, "--format=json", "user", "list")
    assert json.loads(run.out)["grants"] == "read:*"
    monkeypatch.setattr("sys.stdin", io.StringIO("another password"))
    run(home, "user", "password", "ana")
    with SchemaRegistry(tmp_path / "h") as registry:
        assert registry.identities.by_password("ana", "another password", "here")
    run(home, "user", "remove", "ana")
    run(home, "user", "list")
    assert "ana" not in run.out
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    run(home, "user", "add", "ana", "--scope", "read", code=2)
