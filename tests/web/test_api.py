"""The REST API, through the application itself."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from google.protobuf import descriptor_pb2

from conftest import ORDER, delimited
from protolith import SchemaRegistry, compile_protos
from protolith.layout.choices import OPTIONS, values_of
from protolith.web.app import create_app

RECORDS = delimited(b"\x0a\x01a", b"\x0a\x01b")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path / "home")) as opened:
        yield opened


def register(client: TestClient, *files: tuple[str, str | bytes], **form: str) -> dict[str, Any]:
    parts = [("proto_file", file) for file in files or [("order.proto", ORDER)]]
    answer = client.post("/schemas/register", files=parts, data={"table_name": "orders"} | form)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_register_answers_as_the_specification_says(client: TestClient) -> None:
    answer = register(client, description="All orders")
    assert answer == {
        "schema_id": answer["schema_id"],
        "message": "Schema registered successfully",
        "table_name": "orders",
        "database_name": "bigquery_lite",
        "field_count": 4,
        "version": 1,
        "warnings": [],
    }
    assert answer["schema_id"].startswith("orders_")
    assert register(client) == answer


def test_several_files_a_zip_and_descriptors_are_one_schema(client: TestClient) -> None:
    files = {
        "shop/b.proto": 'syntax = "proto3"; import "shop/a.proto"; message B { A a = 1; }',
        "shop/a.proto": 'syntax = "proto3"; message A { string x = 1; }',
    }
    one = register(client, *files.items(), message="B")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    assert register(client, ("all.zip", out.getvalue()), message="B") == one
    data = compile_protos(files).data
    other = register(client, ("all.binpb", data), message="B", table_name="descriptors")
    fields = [client.get(f"/schemas/{x['schema_id']}").json()["fields"] for x in (one, other)]
    assert fields[0] == fields[1]


def test_the_whole_life_of_a_schema(client: TestClient) -> None:
    schema_id = register(client)["schema_id"]
    listed = client.get("/schemas").json()
    assert [(s["schema_id"], s["version"], s["engines_created"]) for s in listed] == [
        (schema_id, 1, [])
    ]
    for engine in ("duckdb", "clickhouse"):
        created = client.post(f"/schemas/{schema_id}/tables", json={"engine": engine}).json()
        assert (created["created"], created["table_name"]) == (True, "orders")
        again = client.post("/schemas/bigquery_lite.orders/tables", json={"engine": engine})
        assert again.json()["created"] is False
        loaded = client.post(
            f"/schemas/{schema_id}/ingest", params={"engine": engine}, content=RECORDS
        )
        assert (loaded.status_code, loaded.json()["rows"]) == (200, 2)
    one = client.post(
        f"/schemas/{schema_id}/ingest?engine=duckdb&framing=single", content=b"\x0a\x01c"
    )
    assert one.json()["rows"] == 1
    number = client.get(f"/schemas/{schema_id}").json()["id"]
    record = b"\0" + number.to_bytes(4, "big") + b"\0\x0a\x01d"
    framed = f"/schemas/{schema_id}/ingest?engine=duckdb&framing=confluent"
    assert client.post(framed, content=delimited(record)).json()["rows"] == 1
    assert client.post(framed, content=delimited(b"\x0a\x01d")).status_code == 422
    details = client.get("/schemas/bigquery_lite.orders@1").json()
    assert details["schema_id"] == schema_id
    assert details["proto_content"] == ORDER
    assert details["engines_created"] == ["clickhouse", "duckdb"]
    assert [d["engine"] for d in details["deployments"]] == ["clickhouse", "duckdb"]
    assert details["fields"][3]["nested_fields"][0]["name"] == "city"
    history = client.get(f"/schemas/{schema_id}/versions").json()
    assert [(line["version"], line["schema_id"]) for line in history] == [(1, schema_id)]


def test_bad_records_can_be_skipped_and_are_reported(client: TestClient) -> None:
    schema_id = register(client)["schema_id"]
    client.post(f"/schemas/{schema_id}/tables", json={"engine": "duckdb"})
    data = delimited(b"\x0a\x01a", b"\x08\x01", b"\x0a\x01b")
    refused = client.post(f"/schemas/{schema_id}/ingest", content=data)
    assert (refused.status_code, refused.json()["code"]) == (422, "ROWS_REJECTED")
    assert (refused.json()["details"][0]["record"], refused.json()["details"][0]["offset"]) == (
        1,
        4,
    )
    loaded = client.post(f"/schemas/{schema_id}/ingest?skip_bad=true", content=data).json()
    assert (loaded["rows"], loaded["rejected_count"]) == (2, 1)
    assert loaded["rejected"][0]["record"] == 1
    nothing = client.post(
        f"/schemas/{schema_id}/ingest?skip_bad=true", content=delimited(b"\x08\1")
    )
    assert nothing.status_code == 422


@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse", "bigquery"])
def test_ddl_as_json_and_as_text(client: TestClient, dialect: str) -> None:
    schema_id = register(client)["schema_id"]
    url = f"/schemas/{schema_id}/ddl/{dialect}"
    body = client.get(url).json()
    assert body["dialect"] == dialect
    assert "CREATE TABLE IF NOT EXISTS" in body["ddl"]
    text = client.get(url, headers={"Accept": "text/plain"})
    assert (text.text, text.headers["content-type"]) == (body["ddl"], "text/plain; charset=utf-8")


def test_views_inserts_and_notes(client: TestClient) -> None:
    fields = [{"name": "a", "type": "FLOAT", "defaultValueExpression": "RAND()"}]
    body = {"schema_json": fields, "table_name": "t"}
    schema_id = client.post("/schemas/register-json", json=body).json()["schema_id"]
    url = f"/schemas/{schema_id}/ddl/duckdb"
    [note] = client.get(url).json()["notes"]
    assert (note["field_path"], "default not written for duckdb" in note["text"]) == ("a", True)
    assert "t_flat" in client.get(url, params={"write": "views"}).json()["ddl"]
    assert "$a" in client.get(url, params={"write": "insert"}).json()["ddl"]
    assert client.get(url, params={"write": "x"}).status_code in {400, 422}


def test_layout_options(client: TestClient) -> None:
    schema_id = register(client, ("tree.proto", TREE), table_name="trees")["schema_id"]
    url = f"/schemas/{schema_id}"
    text = client.get(f"{url}/ddl/duckdb", params={"layout": "enums=number"}).json()["ddl"]
    assert '"e" BIGINT' in text
    body = {"engine": "duckdb", "layout": {"enums": "number", "recursion_depth": 1}}
    created = client.post(f"{url}/tables", json=body).json()
    assert created["layout"] == {"enums": "number", "recursion_depth": 1}
    assert client.post(f"{url}/tables", json={"engine": "duckdb"}).json()["created"] is False
    for wrong in ({"enums": "text"}, {"nothing": 1}):
        refused = client.post(f"{url}/tables", json={"engine": "duckdb", "layout": wrong})
        assert (refused.status_code, refused.json()["code"]) == (400, "MALFORMED_REQUEST")
        assert refused.json()["hint"]
    assert client.get(f"{url}/ddl/duckdb", params={"layout": "x"}).status_code == 400
    mapped = '{"style": "json", "columns": {"left": {"name": "other"}}}'
    text = client.get(f"{url}/ddl/duckdb", params={"layout": mapped}).json()["ddl"]
    assert '"other" JSON' in text
    layout = {"style": "json", "columns": {"big": {"ignore": True}}}
    body = {"engine": "clickhouse", "layout": layout}
    created = client.post(f"{url}/tables", json=body).json()
    assert (created["layout"], created["notes"][0]["loses"]) == (layout, True)


def test_the_openapi_page_lists_the_layout_options_with_their_values(client: TestClient) -> None:
    bodies = client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("CreateTable", "ApplyMigration"):
        listed = bodies[name]["properties"]["layout"]["properties"]
        assert {key: given.get("enum") for key, given in listed.items()} == {
            part.name: list(values_of(part)) for part in OPTIONS
        } | {"columns": None, "storage": None}


TREE = """syntax = "proto3"; package p; import "bq_table.proto";
message Tree { option (gen_bq_schema.bigquery_opts).table_name = "trees";
  uint64 big = 1; E e = 2; Tree left = 3; }
enum E { ZERO = 0; }
"""


def test_the_bigquery_schema_and_what_is_wrong_with_it(client: TestClient) -> None:
    answer = register(client, ("tree.proto", TREE), table_name="trees")
    found = {(w["rule"], w["severity"], w["field_path"]) for w in answer["warnings"]}
    assert ("recursion-cut", "warning", "left") in found
    assert ("uint64-as-integer", "warning", "big") in found
    url = f"/schemas/{answer['schema_id']}"
    assert client.get(f"{url}/lint").json() == answer["warnings"]
    assert client.get(url).json()["warnings"] == answer["warnings"]
    text = client.get(f"{url}/bq-schema")
    assert text.headers["content-type"] == "application/json"
    assert text.text == (
        '[\n {\n  "name": "big",\n  "type": "INTEGER",\n  "mode": "NULLABLE"\n },\n'
        ' {\n  "name": "e",\n  "type": "INTEGER",\n  "mode": "NULLABLE"\n }\n]\n'
    )
    strings = client.get(f"{url}/bq-schema", params={"parameter": "enum-as-string"}).json()
    assert strings[1]["type"] == "STRING"


def test_the_storage_descriptor(client: TestClient) -> None:
    schema_id = register(client)["schema_id"]
    url = f"/schemas/{schema_id}/storage-descriptor"
    body = client.get(url).json()
    raw = client.get(url, headers={"Accept": "application/x-protobuf"})
    assert base64.b64decode(body["descriptor"]) == raw.content
    made = descriptor_pb2.DescriptorProto.FromString(raw.content)
    assert [field.name for field in made.field] == ["id", "cents", "tags", "to"]


def test_a_json_schema(client: TestClient) -> None:
    schema = [{"name": "a", "type": "INTEGER", "mode": "REQUIRED"}]
    body = {"schema_json": schema, "table_name": "t", "database_name": "d"}
    answer = client.post("/schemas/register-json", json=body)
    assert (answer.status_code, answer.json()["field_count"]) == (200, 1)
    assert client.get("/schemas/d.t").json()["schema_json"] == schema


def test_a_batch_is_all_or_nothing(client: TestClient) -> None:
    good = {"proto_content": ORDER, "table_name": "orders"}
    many = {"proto_content": {"a.proto": ORDER}, "table_name": "many", "message": "shop.Order"}
    answer = client.post("/schemas/register-batch", json={"schemas": [good, many]})
    assert answer.status_code == 200, answer.text
    assert [i.rpartition("_")[0] for i in answer.json()["schema_ids"]] == ["orders", "many"]
    bad = {"proto_content": "nonsense", "table_name": "bad"}
    body = {"schemas": [good | {"table_name": "x"}, bad]}
    refused = client.post("/schemas/register-batch", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "SCHEMA_INVALID")
    assert refused.json()["message"].startswith("schemas[1]: ")
    assert [s["table_name"] for s in client.get("/schemas").json()] == ["many", "orders"]


def test_compatibility(client: TestClient) -> None:
    schema_id = register(client)["schema_id"]
    old = [{"name": "a", "type": "STRING"}]
    new = [{"name": "a", "type": "INTEGER"}]
    both = client.post("/schemas/compatibility", json={"old_schema": old, "new_schema": new}).json()
    assert both["is_compatible"] is False
    assert both["issues"][0]["type"] == "TYPE_CHANGE"
    same = client.get(f"/schemas/{schema_id}").json()["schema_json"]
    body = {"schema_id": schema_id, "new_schema": same}
    assert client.post("/schemas/compatibility", json=body).json() == {
        "is_compatible": True,
        "issues": [],
    }


def test_health_and_the_openapi_page_need_nothing_from_elsewhere(client: TestClient) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["compiler"]
    assert health["jail"]
    assert health["engines"]["duckdb"] == {"installed": True, "mode": "embedded"}
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text
    for part in page.text.split('"'):
        if part.startswith("/static/"):
            assert client.get(part).status_code == 200, part


def test_every_route_says_what_it_answers(client: TestClient) -> None:
    paths = {
        path: own
        for path, methods in client.get("/openapi.json").json()["paths"].items()
        if (own := {method: one for method, one in methods.items() if "tags" not in one})
    }
    assert set(paths) == {
        "/compatibility",
        "/compatibility/check",
        "/subjects/{subject}/compatibility",
        "/subjects/{subject}/diff",
        "/subjects/{subject}/waivers",
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/schemas/{schema_id}/migration/{engine}",
        "/schemas/{schema_id}/migrations",
        "/schemas/{schema_id}/migrations/{engine}/kept",
        "/deployments",
        "/deployments/{deployment_id}/drift",
        "/audit",
        "/doctor",
        "/schemas/search",
        "/schemas/{schema_id}/labels",
        "/schemas/{schema_id}/referencedby",
        "/schemas/{schema_id}/relationships",
        "/schemas/{schema_id}/undelete",
        "/schemas",
        "/schemas/register",
        "/schemas/register-json",
        "/schemas/register-batch",
        "/schemas/compatibility",
        "/schemas/{schema_id}",
        "/schemas/{schema_id}/versions",
        "/schemas/{schema_id}/ddl/{dialect}",
        "/schemas/{schema_id}/bq-schema",
        "/schemas/{schema_id}/lint",
        "/schemas/{schema_id}/storage-descriptor",
        "/schemas/{schema_id}/tables",
        "/schemas/{schema_id}/ingest",
    }
    for path, methods in paths.items():
        for operation in methods.values():
            assert operation["description"], path
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert schema, path
            assert "422" in operation["responses"], path


def test_the_server_and_python_see_one_registry(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with TestClient(create_app(home)) as client:
        schema_id = register(client)["schema_id"]
        with SchemaRegistry(home) as registry:
            assert registry.get_schema_version(schema_id).proto_content == ORDER
            other = registry.register_schema(ORDER, "again")
        assert client.get(f"/schemas/{other}").status_code == 200


def test_answers_are_json_that_others_can_read(client: TestClient) -> None:
    schema_id = register(client)["schema_id"]
    body = json.loads(client.get(f"/schemas/{schema_id}").content)
    assert body["created_at"].endswith("Z")


def test_health_says_where_engines_are_and_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROTOLITH_DUCKDB", ":memory:")
    monkeypatch.setenv("PROTOLITH_CLICKHOUSE", "http://me:secret@127.0.0.1:9/?nothing=1")
    web = create_app(tmp_path / "home")
    with TestClient(web) as client:
        answer = client.get("/health")
        web.state.registry.register_schema(ORDER, "orders", "shop")
        refused = client.post("/schemas/shop.orders/tables", json={"engine": "clickhouse"})
    assert answer.json()["engines"]["duckdb"] == {"installed": True, "mode": "memory"}
    assert answer.json()["engines"]["clickhouse"] == {"installed": True, "mode": "server"}
    assert answer.json()["engines"]["bigquery"] == {"installed": True, "mode": "not set"}
    assert refused.json()["code"] == "ENGINE_UNAVAILABLE"
    assert "secret" not in answer.text + refused.text


def test_a_post_that_is_sent_again_adds_nothing(client: TestClient) -> None:
    schema_id = register(client)["schema_id"]
    client.post(f"/schemas/{schema_id}/tables", json={"engine": "duckdb"})
    for load_id, rows in (("a", 2), ("a", 0), ("content", 2), ("content", 0)):
        path = f"/schemas/{schema_id}/ingest?load_id={load_id}"
        answer = client.post(path, content=RECORDS).json()
        assert (answer["rows"], answer["already_loaded"]) == (rows, rows == 0)
    refused = client.post(f"/schemas/{schema_id}/ingest?load_id=a", content=delimited(b"\x0a\x01c"))
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
