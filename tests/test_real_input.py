"""Input that nobody here wrote: OpenTelemetry's own traces, and Google's common protos."""

import io
import json
import zipfile
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from conftest import delimited
from protolith import (
    DescriptorSet,
    SchemaRegistry,
    compile_protos,
    dialect,
    lay_out,
)
from protolith.engines import EMBEDDED
from protolith.web.app import create_app

ROUTES = ["/health", "/schemas", "/schemas/nothing_here", "/openapi.json"]


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory) -> list[ReadableSpan]:
    """The OpenTelemetry SDK watches our own server answer requests."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "protolith", "cpus": 2}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("requests", "1.0")
    with TestClient(create_app(tmp_path_factory.mktemp("traced"))) as client:
        for number, route in enumerate(ROUTES * 5):
            with tracer.start_as_current_span(f"GET {route}") as span:
                answer = client.get(route)
                span.set_attributes(
                    {
                        "http.route": route,
                        "http.status": answer.status_code,
                        "http.ok": answer.is_success,
                        "http.seconds": answer.elapsed.total_seconds(),
                        "http.headers": [*answer.headers],
                        "odd": '"quoted", \\ \' \n\t é 漢 🙂',
                    }
                )
                span.add_event("answered", {"number": number})
    return list(exporter.get_finished_spans())


SPANS = {
    "duckdb": """
        SELECT hex(s.trace_id), hex(s.span_id), s.name, s.start_time_unix_nano,
               s.end_time_unix_nano, s.attributes, s.events
        FROM (SELECT unnest(ss.spans) AS s
              FROM (SELECT unnest(scope_spans) AS ss FROM otel.spans))
    """,
    "clickhouse": """
        SELECT hex(s.trace_id), hex(s.span_id), s.name, s.start_time_unix_nano,
               s.end_time_unix_nano, s.attributes, s.events
        FROM otel.spans ARRAY JOIN scope_spans AS ss ARRAY JOIN ss.spans AS s
    """,
}


def test_traces_of_our_own_server_arrive_whole(
    registry: SchemaRegistry, spans: list[ReadableSpan]
) -> None:
    sent = encode_spans(spans).resource_spans
    data = delimited(*(batch.SerializeToString() for batch in sent))
    schema_id = registry.register_schema(
        DescriptorSet.of(trace_pb2.ResourceSpans.DESCRIPTOR),
        "spans",
        "otel",
        message="opentelemetry.proto.trace.v1.ResourceSpans",
    )
    expected = sorted(
        (
            f"{s.context.trace_id:032X}",
            f"{s.context.span_id:016X}",
            s.name,
            s.start_time,
            s.end_time,
            tuple(sorted((s.attributes or {}).items())),
            tuple(event.name for event in s.events),
        )
        for s in spans
    )
    assert len(expected) == len(ROUTES) * 5
    for engine in EMBEDDED:
        created = registry.create_table(schema_id, engine)
        cut = [note.field_path for note in created.notes if "contains itself" in note.text]
        assert "resource.attributes.value.array_value.values" in cut
        result = registry.ingest(schema_id, data, engine)
        assert (result.rows, result.unknown_fields, result.cut) == (len(sent), {}, {})
        rows = registry.query(engine, SPANS[engine]).to_pylist()
        found = sorted(_span(list(row.values())) for row in rows)
        assert found == expected, engine


def _span(row: list[object]) -> tuple[object, ...]:
    trace, span, name, start, end, attributes, events = row
    assert isinstance(attributes, list)
    assert isinstance(events, list)
    return (
        trace,
        span,
        name,
        start,
        end,
        tuple(sorted((pair["key"], _value(pair["value"])) for pair in attributes)),
        tuple(event["name"] for event in events),
    )


def _value(value: dict[str, object]) -> object:
    """What an AnyValue holds; the values of an array are JSON, since AnyValue contains itself."""
    array = value["array_value"]
    if isinstance(array, dict):
        return tuple(json.loads(item)["string_value"] for item in array["values"])
    return next(v for k, v in value.items() if v is not None and k != "kvlist_value")


def _google_files() -> dict[str, bytes]:
    """Every .proto file of googleapis-common-protos, by the name it is imported under."""
    found = files("googleapis-common-protos") or []
    return {
        str(file): Path(str(file.locate())).read_bytes()
        for file in found
        if file.suffix == ".proto"
    }


GOOGLE = _google_files()


def _with_imports(name: str) -> dict[str, bytes]:
    """A file and all it imports, leaving out what is known without being sent."""
    sent: dict[str, bytes] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in sent or current not in GOOGLE:
            continue
        sent[current] = GOOGLE[current]
        waiting += [
            line.split('"')[1]
            for line in GOOGLE[current].decode().splitlines()
            if line.startswith("import ")
        ]
    return {k: v for k, v in sent.items() if k == name or not k.startswith("google/type/")}


def _zipped(sent: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in sent.items():
            archive.writestr(name, content)
    return out.getvalue()


def _messages() -> Iterator[tuple[str, str]]:
    for name in sorted(GOOGLE):
        descriptors = compile_protos(_with_imports(name), roots=[name])
        for message in descriptors.messages():
            yield name, message.full_name


def test_every_message_of_googles_common_protos_is_a_table(registry: SchemaRegistry) -> None:
    tables: list[str] = []
    for number, (name, message) in enumerate(_messages()):
        sent = _with_imports(name)
        table = f"t{number}"
        registry.register_schema(sent, table, "google", message=message)
        tables.append(table)
        for engine in EMBEDDED:
            assert registry.create_table(f"google.{table}", engine).created, message
    assert len(tables) > 100
    assert {schema.table_name for schema in registry.list_schemas()} == set(tables)
    assert all(len(schema.engines_created) == 2 for schema in registry.list_schemas())


def test_googles_common_protos_over_rest_in_one_zip(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path / "home")) as client:
        answer = client.post(
            "/schemas/register",
            files={"proto_file": ("all.zip", _zipped(GOOGLE))},
            data={"table_name": "audit", "message": "google.api.HttpRule"},
        )
        assert answer.status_code == 200, answer.text
        details = client.get(f"/schemas/{answer.json()['schema_id']}").json()
    assert details["message"] == "google.api.HttpRule"
    assert [note["field_path"] for note in details["notes"]] == ["additional_bindings"]


def test_every_table_of_googles_common_protos_is_written_in_every_dialect() -> None:
    for name, message in _messages():
        table = lay_out(compile_protos(_with_imports(name), roots=[name]), message)
        for engine in ("bigquery", "duckdb", "clickhouse"):
            assert "CREATE TABLE" in dialect(engine).script(table)
