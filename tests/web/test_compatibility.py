"""`POST /compatibility/check`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from protolith.web.app import create_app

OLD = b'syntax = "proto3"; package a; message M { int64 x = 1; }'
NEW = OLD.replace(b"int64", b"int32")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path)) as client:
        yield client


def test_files_are_checked_against_a_subject(client: TestClient) -> None:
    about = {"table_name": "m", "database_name": "d"}
    registered = client.post(
        "/schemas/register", files={"proto_file": ("a.proto", OLD)}, data=about
    )
    assert registered.status_code == 200, registered.text
    data = {"subject": "d.m", "mode": "BACKWARD"}
    answer = client.post(
        "/compatibility/check", files={"proto_file": ("a.proto", NEW)}, data=data
    ).json()
    assert answer["compatible"] == {"wire": False, "json": False, "source": False}
    wire = [one for one in answer["findings"] if one["level"] == "wire"]
    assert [(one["severity"], one["against"]) for one in wire] == [("lossy", 1)]
    same = client.post("/compatibility/check", files={"proto_file": ("a.proto", OLD)}, data=data)
    assert same.json()["findings"] == []
    unknown = client.post(
        "/compatibility/check", files={"proto_file": ("a.proto", OLD)}, data={"subject": "d.no"}
    )
    assert unknown.status_code == 404


def test_levels_engines_and_policies_are_asked_for(client: TestClient) -> None:
    about = {"table_name": "m", "database_name": "d"}
    client.post("/schemas/register", files={"proto_file": ("a.proto", OLD)}, data=about)
    renamed = OLD.replace(b" x =", b" y =")

    def check(**parts: str) -> Any:
        data = {"subject": "d.m", "mode": "FULL"} | parts
        files = {"proto_file": ("a.proto", renamed)}
        return client.post("/compatibility/check", files=files, data=data).json()

    assert check(levels="table") == {"compatible": {"table": True}, "findings": []}
    found = check(levels="wire, table", engines="duckdb")
    assert found["compatible"] == {"wire": True, "table": False}
    assert [one["engines"][0][0] for one in found["findings"]] == ["duckdb", "duckdb"]
    assert [(one["severity"], one["direction"]) for one in found["findings"]] == [
        ("broken", "forward"), ("safe", "backward"),
    ]  # fmt: skip
    policy = check(policy="buf", categories="WIRE_JSON,CSR")
    assert {one["rule"] for one in policy["findings"]} >= {"FIELD_SAME_JSON_NAME"}
    assert check(policy="buf", categories="WIRE")["findings"] == []
    assert check(levels="tables")["code"] == "MALFORMED_REQUEST"
    assert check(levels="table", engines="postgresql")["code"] == "NOT_FOUND"
    assert check(policy="buf", categories="ALL")["code"] == "VALIDATION_FAILED"
