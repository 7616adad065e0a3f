"""Migrations over the command line and REST."""

import json
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from conftest import ORDER, delimited
from protolith import SchemaRegistry
from protolith.cli import main
from protolith.web.app import create_app

NEXT = ORDER.replace("int64 cents = 2;", "int64 amount = 2; string note = 5;")


def _shell(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["protolith", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(str(caught.value.code))


def test_the_command_shows_the_steps_and_runs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with SchemaRegistry(tmp_path / "home") as registry:
        registry.create_table(registry.register_schema(ORDER, "orders"), "duckdb")
        registry.register_schema(NEXT, "orders")
    assert _shell(monkeypatch, "migrate", "bigquery_lite.orders", "--engine", "duckdb") == 100
    shown = capsys.readouterr().out
    assert 'RENAME COLUMN "cents" TO "amount";' in shown
    assert "--apply runs it" in shown
    assert _shell(monkeypatch, "migrate", "bigquery_lite.orders", "--apply") == 0
    assert "moved from version 1 to 2" in capsys.readouterr().out
    assert _shell(monkeypatch, "--format", "json", "migrate", "bigquery_lite.orders") == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert {step["outcome"] for step in steps} == {"nothing"}  # DuckDB adds columns at the end


def test_rest_plans_and_applies(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path / "rest")) as client:
        registry = client.app.state.registry  # type: ignore[attr-defined]
        registry.create_table(registry.register_schema(ORDER, "orders"), "duckdb")
        registry.register_schema(NEXT, "orders")
        planned = client.get("/schemas/bigquery_lite.orders/migration/duckdb").json()
        assert (planned["applied"], planned["risk"]) == (False, "none")
        url = "/schemas/bigquery_lite.orders/migrations"
        done = client.post(url, json={"engine": "duckdb"}).json()
        assert (done["applied"], done["version"]) == (True, 2)
        columns = registry.engine("duckdb").columns("bigquery_lite", "orders")
        assert "amount" in {column.name for column in columns}
        assert client.post(url, json={"engine": "mysql"}).status_code in {400, 404, 422}


NESTED = (
    'syntax = "proto3"; message Order { string id = 1; In in = 2; message In { int64 n = 1; } }'
)
LISTED = NESTED.replace("int64 n", "repeated int64 n")
KEPT = "bigquery_lite.orders__before"


def test_the_command_builds_a_table_anew_when_asked_and_drops_the_kept_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "bigquery_lite.orders"
    with SchemaRegistry(tmp_path / "home") as registry:
        registry.create_table(registry.register_schema(NESTED, "orders"), "duckdb")
        registry.ingest(name, delimited(b"\x0a\x01a\x12\x02\x08\x07"))
        registry.register_schema(LISTED, "orders")
    assert _shell(monkeypatch, "migrate", name) == 100
    shown = capsys.readouterr().out
    assert "at most 1 rows" in shown
    assert "INSERT INTO" in shown
    assert "--apply --rebuild runs it" in shown
    assert _shell(monkeypatch, "migrate", name, "--apply") != 0
    said = capsys.readouterr().err
    assert "built anew: 1 rows" in said
    assert "--rebuild" in said
    assert _shell(monkeypatch, "migrate", name, "--apply", "--rebuild") == 0
    capsys.readouterr()
    with SchemaRegistry(tmp_path / "home") as registry:
        (row,) = registry.query("duckdb", f"SELECT * FROM {name}").to_pylist()
        (kept,) = registry.query("duckdb", f"SELECT * FROM {KEPT}").to_pylist()
    assert (row["in"], kept["in"]) == ({"n": [7]}, {"n": 7})
    assert _shell(monkeypatch, "migrate", name, "--drop-kept") == 0
    assert f"{KEPT}: dropped" in capsys.readouterr().out
    assert _shell(monkeypatch, "migrate", name, "--drop-kept") == 0
    assert f"{KEPT}: there is none" in capsys.readouterr().out


def test_rest_builds_a_table_anew_when_asked_and_drops_the_kept_one(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path / "rest")) as client:
        registry = client.app.state.registry  # type: ignore[attr-defined]
        registry.create_table(registry.register_schema(NESTED, "orders"), "duckdb")
        registry.register_schema(LISTED, "orders")
        planned = client.get("/schemas/bigquery_lite.orders/migration/duckdb").json()
        assert planned["steps"][-1]["outcome"] == "rebuild"
        url = "/schemas/bigquery_lite.orders/migrations"
        assert client.post(url, json={"engine": "duckdb"}).status_code == 409
        assert client.post(url, json={"engine": "duckdb", "rebuild": True}).json()["applied"]
        answers = [client.delete(f"{url}/duckdb/kept").json() for _ in range(2)]
        assert [answer["dropped"] for answer in answers] == [True, False]
        assert answers[0]["table_name"] == "orders__before"
