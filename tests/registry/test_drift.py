"""A live table against what the registry believes is there."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from conftest import ORDER, delimited
from protolith import ConflictError, NotFoundError, SchemaRegistry
from protolith.cli import app
from protolith.engines import EMBEDDED
from protolith.web.app import create_app

SUBJECT = "bigquery_lite.orders"


def _create(registry: SchemaRegistry, engine: str) -> None:
    registry.register_schema(ORDER, "orders")
    registry.create_table(SUBJECT, engine)


def _break(registry: SchemaRegistry, engine: str) -> None:
    live = registry.engine(engine)
    name = f"{live.dialect.quote('bigquery_lite')}.{live.dialect.quote('orders')}"
    text = "String" if engine == "clickhouse" else "VARCHAR"
    live.run([f"ALTER TABLE {name} DROP COLUMN cents"])
    live.run([f"ALTER TABLE {name} ADD COLUMN more {text}"])
    live.run([f"ALTER TABLE {name} RENAME COLUMN id TO ident"])
    live.run([f"COMMENT ON COLUMN {name}.tags IS 'mine'"] if engine == "duckdb" else [])


@pytest.mark.parametrize("engine", EMBEDDED)
def test_no_drift_after_create(registry: SchemaRegistry, engine: str) -> None:
    _create(registry, engine)
    found = registry.drift(SUBJECT)
    assert (found.deployment_id, found.exists) == (f"{SUBJECT}:{engine}", True)
    assert found.differences == ()
    assert not found.differs
    assert [d.deployment_id for d in registry.deployments()] == [f"{SUBJECT}:{engine}"]


@pytest.mark.parametrize("engine", EMBEDDED)
def test_each_difference_is_named_and_nothing_is_loaded(
    registry: SchemaRegistry, engine: str
) -> None:
    _create(registry, engine)
    _break(registry, engine)
    found = {(d.column, d.kind) for d in registry.drift(SUBJECT).differences if not d.harmless}
    assert found == {
        ("id", "missing"), ("cents", "missing"), ("more", "extra"), ("ident", "extra")
    }  # fmt: skip
    with pytest.raises(ConflictError, match="cents: is missing"):
        registry.ingest(SUBJECT, delimited(b"\x0a\x01a"))
    name = registry.engine(engine).dialect.qualified(registry.table(SUBJECT))
    assert registry.query(engine, f"SELECT count(*) AS n FROM {name}").to_pylist() == [{"n": 0}]


def test_a_comment_is_harmless(registry: SchemaRegistry) -> None:
    _create(registry, "duckdb")
    registry.engine("duckdb").run(["COMMENT ON COLUMN bigquery_lite.orders.tags IS 'mine'"])
    (found,) = registry.drift(SUBJECT).differences
    assert (found.kind, found.live, found.harmless) == ("comment", "mine", True)
    assert registry.ingest(SUBJECT, delimited(b"\x0a\x01a")).rows == 1


def test_a_table_that_is_gone(registry: SchemaRegistry) -> None:
    _create(registry, "duckdb")
    registry.engine("duckdb").run(["DROP TABLE bigquery_lite.orders"])
    found = registry.drift(SUBJECT)
    assert found.differs
    assert not found.exists
    assert [step.change for step in found.mend] == ["CreateTable"]
    registry.engine("duckdb").run(found.mend[0].statements)
    assert not registry.drift(SUBJECT).differs


def test_no_deployment(registry: SchemaRegistry) -> None:
    registry.register_schema(ORDER, "orders")
    with pytest.raises(NotFoundError, match="has no table"):
        registry.drift(SUBJECT)


@pytest.mark.parametrize("engine", EMBEDDED)
def test_what_is_reported_mends_the_table(registry: SchemaRegistry, engine: str) -> None:
    _create(registry, engine)
    registry.ingest(SUBJECT, delimited(b"\x0a\x01a"))
    _break(registry, engine)
    found = registry.drift(SUBJECT)
    live = registry.engine(engine)
    for step in found.mend:
        live.run(step.statements)
    assert all(d.kind == "order" for d in registry.drift(SUBJECT).differences)
    assert registry.ingest(SUBJECT, delimited(b"\x0a\x01b")).rows == 1


def test_the_command_exits_with_100(
    registry: SchemaRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _create(registry, "duckdb")
    registry.close()
    words = ["--home", str(tmp_path / "home"), "drift", SUBJECT]
    assert app.meta(words) == 0
    with SchemaRegistry(tmp_path / "home") as again:
        _break(again, "duckdb")
    assert app.meta(words) == 100
    shown = capsys.readouterr().out
    assert "  cents: is missing\n" in shown
    assert 'ALTER TABLE "bigquery_lite"."orders" ADD COLUMN "cents" BIGINT' in shown


def test_over_rest(tmp_path: Path) -> None:
    web = create_app(tmp_path / "home")
    with TestClient(web) as client:
        registry = web.state.registry
        _create(registry, "duckdb")
        (listed,) = client.get("/deployments").json()
        assert listed["deployment_id"] == f"{SUBJECT}:duckdb"
        path = f"/deployments/{listed['deployment_id']}/drift"
        assert client.get(path).json()["differences"] == []
        _break(registry, "duckdb")
        found = client.get(path).json()
        assert {"missing", "extra", "comment"} <= {d["kind"] for d in found["differences"]}
        statements = [text for step in found["mend"] for text in step["statements"]]
        refused = client.post(f"/schemas/{SUBJECT}/tables", json={"engine": "duckdb"})
        assert refused.status_code == 409
        by_place = {d["field_path"]: d["mend"] for d in refused.json()["details"]}
        assert set(by_place) == {"id", "cents", "more", "ident"}
        assert {text for mend in by_place.values() for text in mend} <= set(statements)
        registry.engine("duckdb").run(statements)
        assert {d["kind"] for d in client.get(path).json()["differences"]} == {"order"}
        assert client.get("/deployments/nothing/drift").status_code == 404
