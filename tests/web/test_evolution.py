"""Modes, refused versions, waivers and differences over REST."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from protolith.web.app import create_app

OLD = b'syntax = "proto3"; package a;\nmessage M {\n  int64 x = 1;\n}\n'
NEW = OLD.replace(b"int64", b"int32")
ABOUT = {"table_name": "m", "database_name": "d"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path)) as client:
        yield client


def register(client: TestClient, text: bytes, **parts: str) -> Any:
    files = {"proto_file": ("a.proto", text)}
    return client.post("/schemas/register", files=files, data=ABOUT | parts)


def test_modes_are_set_read_and_inherited(client: TestClient) -> None:
    assert client.get("/compatibility").json() == {
        "subject": None, "mode": "NONE", "levels": ["wire"], "policy": None, "inherited": True,
    }  # fmt: skip
    assert client.get("/subjects/d.m/compatibility").status_code == 404
    register(client, OLD)
    assert client.put("/compatibility", json={"mode": "FULL"}).json()["inherited"] is False
    assert client.get("/subjects/d.m/compatibility").json()["mode"] == "FULL"
    body = {"mode": "BACKWARD", "levels": ["wire", "json"]}
    assert client.put("/subjects/d.m/compatibility", json=body).json()["levels"] == body["levels"]
    table = {"mode": "BACKWARD", "levels": ["wire", "table"]}
    assert client.put("/subjects/d.m/compatibility", json=table).json()["levels"] == table["levels"]
    assert client.delete("/subjects/d.m/compatibility").json()["mode"] == "FULL"
    for wrong in (
        {"mode": "BACK"},
        {"mode": "FULL", "levels": []},
        {"mode": "FULL", "policy": "x"},
    ):
        assert client.put("/compatibility", json=wrong).status_code == 400


def test_an_incompatible_version_is_a_conflict_that_names_its_findings(client: TestClient) -> None:
    register(client, OLD)
    client.put("/subjects/d.m/compatibility", json={"mode": "BACKWARD"})
    refused = register(client, NEW)
    assert (refused.status_code, refused.json()["code"]) == (409, "INCOMPATIBLE")
    (detail,) = refused.json()["details"]
    assert (detail["file"], detail["line"], detail["column"]) == ("a.proto", 3, 3)
    assert (detail["rule"], detail["field_path"]) == ("FIELD_WIRE_COMPATIBLE_TYPE", "a.M.x")
    batch = {"schemas": [{"proto_content": NEW.decode(), **ABOUT}]}
    assert client.post("/schemas/register-batch", json=batch).json()["code"] == "INCOMPATIBLE"
    waiver = "FIELD_WIRE_COMPATIBLE_TYPE:a.M.x=small numbers"
    assert register(client, NEW, waivers=waiver).status_code == 400
    assert register(client, NEW, waivers=waiver, waived_by="ann").json()["version"] == 2
    (kept,) = client.get("/subjects/d.m/waivers").json()
    assert (kept["version"], kept["reason"], kept["who"]) == (2, "small numbers", "ann")


def test_a_difference_is_asked_for_by_versions(client: TestClient) -> None:
    register(client, OLD)
    register(client, NEW)
    found = client.get("/subjects/d.m/diff", params={"from": 1, "to": 2}).json()
    assert (found["old"], found["new"]) == ("d.m@1", "d.m@2")
    assert "FIELD_WIRE_COMPATIBLE_TYPE" in {one["rule"] for one in found["findings"]}
    assert "-  int64 x = 1;\n+  int32 x = 1;\n" in found["text"]
    assert [(one["engine"], one["outcome"]) for one in found["tables"]] == [
        ("bigquery", "nothing"), ("clickhouse", "nothing"), ("duckdb", "nothing"),
    ]  # fmt: skip
    assert client.get("/subjects/d.m/diff").json() == found
    assert client.get("/subjects/d.m/diff", params={"to": 7}).status_code == 404


def test_waivers_of_a_batch_and_of_a_json_schema(client: TestClient) -> None:
    columns = [{"name": "a", "type": "STRING"}, {"name": "b", "type": "INT64"}]
    register(client, OLD)
    about = {"table_name": "j", "database_name": "d"}
    client.post("/schemas/register-json", json={"schema_json": columns, **about})
    client.put("/compatibility", json={"mode": "BACKWARD"})
    gone = {"schema_json": columns[:1], **about}
    small = {"proto_content": {"a.proto": NEW.decode()}, **ABOUT}
    agreed = {"waivers": ["FIELD_REMOVAL:b=nobody has it"], "waived_by": "ann"}
    small_agreed = {"waivers": ["FIELD_WIRE_COMPATIBLE_TYPE:1=small"], "waived_by": "bob"}

    def batch(*schemas: dict[str, Any]) -> Any:
        return client.post("/schemas/register-batch", json={"schemas": schemas}).json()

    assert batch(small | small_agreed, gone)["code"] == "INCOMPATIBLE"
    assert "schemas[1]" in batch(small | small_agreed, gone)["message"]
    assert "who waives" in batch(small | {"waivers": ["A:b=c"]}, gone | agreed)["message"]
    assert "covers nothing" in batch(small | agreed, gone | agreed)["message"]
    assert batch(small | {"waivers": "A:b=c"}, gone)["code"] == "MALFORMED_REQUEST"
    assert len(batch(small | small_agreed, gone | agreed)["schema_ids"]) == 2
    kept = [client.get(f"/subjects/{name}/waivers").json() for name in ("d.m", "d.j")]
    assert [[(one["who"], one["reason"]) for one in some] for some in kept] == [
        [("bob", "small")], [("ann", "nobody has it")],
    ]  # fmt: skip
    none = {"schema_json": [{"name": "c", "type": "STRING"}], **about}
    refused = client.post("/schemas/register-json", json=none)
    assert (refused.status_code, refused.json()["code"]) == (409, "INCOMPATIBLE")
    waiver = {"waivers": ["FIELD_REMOVAL:a=renamed"], "waived_by": "ann"}
    assert client.post("/schemas/register-json", json=none | waiver).json()["version"] == 3
