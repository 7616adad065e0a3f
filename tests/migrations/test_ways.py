"""Migrations over the command line and REST."""

import json
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from conftest import ORDER
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
