"""`POST /compatibility/check`."""

from collections.abc import Iterator
from pathlib import Path

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
