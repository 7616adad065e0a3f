"""Schemas that import what other subjects have registered, over REST."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from protolith.web.app import create_app

MONEY = 'syntax = "proto3"; package base; message Money { int64 cents = 1; }'
LINE = 'syntax = "proto3"; import "base/money.proto"; message Line { base.Money price = 1; }'


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path / "home")) as opened:
        yield opened


def register(client: TestClient, text: str, table: str, references: str = "") -> Response:
    data = {"table_name": table, "database_name": "d", "references": references}
    return client.post("/schemas/register", files={"proto_file": ("x.proto", text)}, data=data)


def test_an_import_of_another_subject(client: TestClient) -> None:
    assert register(client, MONEY, "money").is_success
    answer = register(client, LINE, "line", "base/money.proto=d.money\n")
    assert answer.json()["version"] == 1, answer.text
    (price,) = client.get("/schemas/d.line").json()["fields"]
    assert price["nested_fields"][0]["name"] == "cents"
    assert client.get("/schemas/d.money@1/referencedby").json() == ["d.line@1"]
    again = register(client, LINE, "line", "base/money.proto=d.money@1")
    assert again.json()["schema_id"] == answer.json()["schema_id"]


def test_what_is_imported_is_not_deleted(client: TestClient) -> None:
    register(client, MONEY, "money")
    register(client, LINE, "line", "base/money.proto=d.money@1")
    for _ in range(2):
        refused = client.delete("/schemas/d.money")
        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
        assert refused.json()["message"] == "d.money@1 is imported by d.line@1"
    assert client.delete("/schemas/d.line").is_success
    assert client.delete("/schemas/d.money").is_success
    # Softly deleted, the user may come back: its import stays until it is gone for good.
    refused = client.delete("/schemas/d.money?for_good=true")
    assert (refused.status_code, refused.json()["message"]) == (
        409,
        "d.money@1 is imported by d.line@1",
    )
    assert client.delete("/schemas/d.line?for_good=true").is_success
    assert client.delete("/schemas/d.money?for_good=true").is_success


@pytest.mark.parametrize(
    ("references", "status", "code"),
    [
        ("", 422, "SCHEMA_INVALID"),
        ("base/money.proto=d.money@9", 404, "NOT_FOUND"),
        ("base/money.proto=d.none", 404, "NOT_FOUND"),
        ("base/money.proto=d.money@0", 400, "MALFORMED_REQUEST"),
        ("base/money.proto", 400, "MALFORMED_REQUEST"),
        ("base/money.proto=d.money\nbase/money.proto=d.money", 400, "MALFORMED_REQUEST"),
        ("../money.proto=d.money", 400, "BUNDLE_INVALID"),
    ],
)
def test_imports_that_cannot_be_resolved(
    client: TestClient, references: str, status: int, code: str
) -> None:
    register(client, MONEY, "money")
    refused = register(client, LINE, "line", references)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["hint"]
    assert client.get("/schemas/d.line").status_code == 404


def test_a_batch_whose_members_import_each_other(client: TestClient) -> None:
    money = {"proto_content": MONEY, "table_name": "money", "database_name": "d"}
    line = {"proto_content": LINE, "table_name": "line", "database_name": "d"}
    line["references"] = [{"name": "base/money.proto", "subject": "d.money"}]  # type: ignore[assignment]
    answers = [client.post("/schemas/register-batch", json={"schemas": [line, money]})] * 2
    assert answers[0].status_code == 200, answers[0].text
    assert answers[0].json() == answers[1].json()
    assert client.get("/schemas/d.money@1/referencedby").json() == ["d.line@1"]


def test_relationships_in_both_directions(client: TestClient) -> None:
    register(client, MONEY, "money")
    register(client, LINE, "line", "base/money.proto=d.money@1")
    register(client, LINE + "// again", "line", "base/money.proto=d.money@1")
    assert client.post("/schemas/d.line/tables", json={"engine": "duckdb"}).is_success
    links = [
        {"importer": f"d.line@{n}", "name": "base/money.proto", "imported": "d.money@1"}
        for n in (1, 2)
    ]
    line = client.get("/schemas/d.line/relationships").json()
    assert (line["imports"], line["imported_by"]) == (links, [])
    assert (line["message"], line["engines_created"]) == ("Line", ["duckdb"])
    assert [(t["deployment_id"], t["version"]) for t in line["tables"]] == [("d.line:duckdb", 2)]
    money = client.get("/schemas/d.money@1/relationships").json()
    assert (money["imports"], money["imported_by"]) == ([], links)
    assert (money["tables"], money["engines_created"]) == ([], [])
    assert client.delete("/schemas/d.line@1").is_success
    assert client.get("/schemas/d.money/relationships").json()["imported_by"] == links[1:]
    assert client.get("/schemas/d.none/relationships").status_code == 404
