"""The commands that keep a registry in order."""

import json
import sys
from pathlib import Path

import pytest

from conftest import ORDER
from postgres import PostgresServer, postgres
from protolith import SchemaRegistry
from protolith.cli import main
from protolith.registry.references import reference_of
from protolith.store.tables import FORMAT

__all__ = ["postgres"]


class Shell:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.capsys, self.patch = capsys, patch

    def __call__(self, *words: str, code: int = 0) -> str:
        self.patch.setattr(sys, "argv", ["protolith", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = self.capsys.readouterr()
        assert (caught.value.code or 0) == code, out + err
        return out + err


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    monkeypatch.chdir(tmp_path)
    Path("order.proto").write_text(ORDER)
    return Shell(capsys, monkeypatch)


def test_relationships(run: Shell) -> None:
    run("register", "order.proto", "--table", "orders", "--database", "shop")
    text = 'syntax = "proto3"; import "order.proto"; message Line { int64 n = 1; }'
    Path("line.proto").write_text(text)
    reference = "order.proto=shop.orders"
    with SchemaRegistry() as registry:
        content = {"line.proto": text.encode()}
        registry.register_schema(content, "lines", "shop", references=[reference_of(reference)])
    run("create", "shop.lines", "--engine", "duckdb")
    said = run("subject", "relationships", "shop.lines")
    assert said.splitlines()[0] == "shop.lines: Line"
    assert "shop.lines@1  order.proto  shop.orders@1" in said
    assert "shop.lines:duckdb" in said
    (line,) = run("--format", "json", "subject", "relationships", "shop.orders").splitlines()
    assert json.loads(line)["imported_by"][0]["importer"] == "shop.lines@1"


def test_find_label_delete_and_the_trail(run: Shell) -> None:
    run("register", "order.proto", "--table", "orders", "--database", "shop")
    assert "team   a" in run("subject", "label", "shop.orders", "team=a")
    assert "shop.orders" in run("search", "--label", "team=a", "--field", "city")
    assert "nothing was found" in run("search", "nothing like it")
    assert "deleted: version 1" in run("subject", "delete", "shop.orders")
    assert "shop.orders@1 is deleted already" not in run("subject", "undelete", "shop.orders")
    run("subject", "delete", "shop.orders")
    assert "for good: version 1" in run("subject", "delete", "shop.orders", "--for-good")
    lines = [json.loads(line) for line in run("--format", "json", "audit").splitlines()]
    assert [line["action"] for line in lines][::-1] == [
        "register", "label", "delete", "undelete", "delete", "delete-for-good",
    ]  # fmt: skip
    run("subject", "label", "shop.orders", "nonsense", code=2)


def test_a_list_has_pages_and_shows_the_deleted_when_asked(run: Shell) -> None:
    for table in ("a", "b", "c"):
        run("register", "order.proto", "--table", table, "--database", "d")
    run("subject", "delete", "d.b")
    shown = run("subject", "list", "--limit", "1", "--after", "d.a")
    assert "d.c" in shown
    assert "d.b" not in shown
    assert "d.b" in run("subject", "list", "--deleted")
    run("subject", "list", "--limit", "0", code=2)


def test_an_import_from_another_subject(run: Shell) -> None:
    text = 'syntax = "proto3"; import "x/order.proto"; message A { shop.Order o = 1; }'
    Path("a.proto").write_text(text)
    run("register", "order.proto", "--table", "orders", "--database", "d")
    reference = ("--reference", "x/order.proto=d.orders")
    assert "d.a@1" in run("register", "a.proto", "--database", "d", "--table", "a", *reference)
    run("register", "a.proto", "--database", "d", "--reference", "x/order.proto=d.orders@9", code=1)
    assert "is imported by d.a@1" in run("subject", "delete", "d.orders", code=100)
    assert "not a reference" in run("register", "a.proto", "--reference", "nonsense", code=2)


def test_backup_and_restore(run: Shell) -> None:
    run("register", "order.proto", "--table", "orders")
    assert "bytes" in run("backup", "copy.db")
    run("subject", "delete", "bigquery_lite.orders")
    assert "what was there is now" in run("restore", "copy.db")
    assert "ids from 70 on" in run("restore", "copy.db", "--next-id", "70")
    run("restore", "copy.db", "--next-id", "0", code=2)
    assert "bigquery_lite.orders" in run("subject", "list")


def test_doctor(run: Shell) -> None:
    assert "no tables" in run("doctor")
    run("register", "order.proto", "--table", "orders")
    run("create", "bigquery_lite.orders", "--engine", "duckdb")
    assert "fine" in run("doctor")
    run("query", "ALTER TABLE bigquery_lite.orders DROP COLUMN cents", "--engine", "duckdb")
    assert "cents: is missing" in run("doctor", code=100)


def test_from_sqlite_to_postgresql(
    run: Shell, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("register", "order.proto", "--table", "orders")
    assert "1 versions" in run("export", "out")
    assert "done" in run("db", "upgrade")
    monkeypatch.setenv("PROTOLITH_STORE", postgres.database())
    assert "protolith db upgrade" in run("subject", "list", code=100)
    assert f"format 0 → {FORMAT}" in run("db", "upgrade")
    assert "1 versions imported" in run("import", "out")
    assert "bigquery_lite.orders" in run("subject", "list")
    assert "use pg_dump" in run("backup", "copy.db", code=100)
