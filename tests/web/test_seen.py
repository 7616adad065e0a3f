"""What an operator sees: health, counts, logs, traces."""

import json
import logging
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from opentelemetry import trace as traces
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from conftest import ORDER, delimited
from protolith import SchemaRegistry, SchemaRegistryError, compile_protos
from protolith.compiler.limits import Limits
from protolith.registry.identities import PREFIX
from protolith.store import Grant
from protolith.store.sqlite import FILE
from protolith.web.app import create_app
from protolith.web.logs import without_secrets
from protolith.web.serving import trace
from web.serving import server


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path / "home")) as opened:
        yield opened


def value(text: str, name: str, **labels: str) -> float:
    """One number of what Prometheus reads; 0 if it is not there."""
    wanted = {f'{key}="{label}"' for key, label in labels.items()}
    for line in text.splitlines():
        found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if found and wanted <= set(re.findall(r'\w+="[^"]*"', found[1] or "")):
            return float(found[2])
    return 0.0


def test_live_and_ready(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    parts = {"store": "ok", "compiler": "ok", "engines": {}, "unfinished": 0}
    assert ready.json() == {"ready": True, **parts}
    client.post(
        "/schemas/register",
        files=[("proto_file", ("o.proto", ORDER))],
        data={"table_name": "orders", "database_name": "shop"},
    )
    client.post("/schemas/shop.orders/tables", json={"engine": "duckdb"})
    assert client.get("/health/ready").json()["engines"] == {"duckdb": "ok"}


def test_a_store_that_fails_is_not_ready_but_lives(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path / "home")) as client:
        client.get("/schemas")
        registry = client.app.state.registry  # type: ignore[attr-defined]
        registry._store._reader.dispose()
        shutil.move(tmp_path / "home" / FILE, tmp_path / "away")
        (tmp_path / "home" / FILE).mkdir()
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["store"]) == (503, "STORE_UNAVAILABLE")
        assert answer.headers["retry-after"] == "5"
        assert client.get("/health/live").status_code == 200


def test_an_engine_that_is_away_and_tables_that_are_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with SchemaRegistry(home) as registry:
        registry.register_schema(ORDER, "orders", "shop")
        store = registry._store
        store.keep_deployment("shop.orders", "clickhouse", 1, created=False, layout="{}")
    monkeypatch.setenv("PROTOLITH_CLICKHOUSE", "http://127.0.0.1:9")
    with SchemaRegistry(home) as registry:
        found = registry.readiness()
    assert not found.ready
    assert (found.store, found.engines) == ("ok", {"clickhouse": "ENGINE_UNAVAILABLE"})
    assert found.unfinished == 1


def test_what_is_counted(client: TestClient) -> None:
    before = client.get("/metrics").text
    parts = [("proto_file", ("o.proto", ORDER))]
    form = {"table_name": "orders", "database_name": "secretdb"}
    assert client.post("/schemas/register", files=parts, data=form).status_code == 200
    bad = [("proto_file", ("o.proto", "nonsense"))]
    assert client.post("/schemas/register", files=bad, data=form).status_code == 422
    client.post("/schemas/secretdb.orders/tables", json={"engine": "duckdb"})
    data = delimited(b"\x0a\x01a", b"\x08\x01", b"\x0a\x01b")
    client.post("/schemas/secretdb.orders/ingest?skip_bad=true", content=data)
    client.get("/schemas/secretdb.orders/labels")
    client.get("/schemas/secretdb.orders/nothing")
    client.request("PURGE", "/schemas")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    after = answer.text

    def grown(name: str, **labels: str) -> float:
        full = f"protolith_{name}"
        return value(after, full, **labels) - value(before, full, **labels)

    route = {"method": "POST", "route": "/schemas/register"}
    assert grown("http_requests_total", status="200", **route) == 1
    assert grown("http_requests_total", status="422", **route) == 1
    assert grown("http_requests_total", method="other", status="405") == 1
    assert grown("http_requests_total", route="/schemas/{schema_id}/labels", status="200") == 1
    assert grown("http_request_seconds_count", route="/schemas/register") == 2
    assert grown("registrations_total") == 1
    assert grown("compiles_total", outcome="done") == 1
    assert grown("compiles_total", outcome="refused") == 1
    assert grown("rows_loaded_total", engine="duckdb") == 2
    assert grown("rows_rejected_total", engine="duckdb") == 1
    assert value(after, "protolith_http_requests_running") == 1
    assert "protolith_threads_waiting 0.0" in after
    assert "secretdb" not in after


def test_a_compiler_that_is_stopped_is_counted_with_the_reason(client: TestClient) -> None:
    with pytest.raises(SchemaRegistryError, match="output size"):
        compile_protos(ORDER, limits=Limits(output_bytes=16))
    text = client.get("/metrics").text
    assert value(text, "protolith_compiles_total", outcome="stopped", reason="output size") >= 1


def test_the_log_is_json_with_request_ids_and_without_secrets(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with SchemaRegistry(home) as registry:
        secret = registry.identities.create_token("ci", (Grant("read"),)).secret
    with server(home, "--log=json", "--log-requests", "--auth") as running:
        headers = {"Authorization": f"Bearer {secret}", "X-Request-ID": "gateway-0001"}
        asked = urllib.request.Request(f"{running.url}/schemas?after=x", headers=headers)  # noqa: S310
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            assert answer.headers["x-request-id"] == "gateway-0001"
        running.stop()
        assert running.process.stderr is not None
        text = running.process.stderr.read()
    [line] = [json.loads(one) for one in text.splitlines()]
    assert line["request_id"] == "gateway-0001"
    assert (line["method"], line["route"], line["status"]) == ("GET", "/schemas", 200)
    assert line["level"] == "info"
    assert secret not in text


def test_what_looks_like_a_secret_is_left_out() -> None:
    text = f"a {PREFIX}{'x' * 43} b Bearer abc.def c http://me:pass@host/ d eyJhbGc.eyJ.sig e"
    assert without_secrets(text) == (f"a {PREFIX}… b Bearer … c http://me:…@host/ d eyJ… e")


def test_an_error_that_nobody_foresaw_is_logged_with_its_request(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    registry = client.app.state.registry  # type: ignore[attr-defined]
    registry.register_json([{"name": "a", "type": "STRING"}], "t", "d")
    with registry._store.writing() as connection:
        connection.exec_driver_sql("UPDATE schema_versions SET schema_json = 'damaged'")
    with caplog.at_level(logging.ERROR):
        answer = client.get("/schemas/d.t")
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "JSONDecodeError" in caplog.text


def test_opentelemetry_follows_requests(tmp_path: Path) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(tmp_path / "home")
    trace(app, provider)
    with TestClient(app) as client:
        client.get("/schemas/no.such")
        client.get("/health/live")
    assert traces.get_tracer_provider() is not provider
    spans = exporter.get_finished_spans()
    names = {span.name.replace(":segment", "") for span in spans}
    assert "GET /schemas/{schema_id}" in names
    assert not any("health" in name for name in names)
    assert "secret" not in str([dict(span.attributes or {}) for span in spans])
