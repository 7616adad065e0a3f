"""The routes that keep a registry in order."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from conftest import ORDER
from protolith import SchemaRegistry
from protolith.web.app import create_app


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path / "home")) as opened:
        for table in ("a", "b", "c"):
            parts = {"proto_file": ("order.proto", ORDER)}
            data = {"table_name": table, "database_name": "shop"}
            assert opened.post("/schemas/register", files=parts, data=data).is_success
        yield opened


def test_a_list_links_to_its_next_page(client: TestClient) -> None:
    answer = client.get("/schemas?limit=2")
    assert [schema["table_name"] for schema in answer.json()] == ["a", "b"]
    assert answer.headers["link"] == '</schemas?limit=2&after=shop.b>; rel="next"'
    last = client.get(answer.links["next"]["url"])
    assert [schema["table_name"] for schema in last.json()] == ["c"]
    assert "link" not in last.headers
    assert "link" not in client.get("/schemas").headers
    for wrong in ("0", "1001", "x"):
        assert client.get(f"/schemas?limit={wrong}").status_code == 400


def test_search(client: TestClient) -> None:
    client.patch("/schemas/shop.b", json={"labels": {"team": "x"}, "description": "Orders."})
    for query in ("label=team%3Dx", "text=orders.", "name=shop.B&field=city"):
        found = client.get(f"/schemas/search?{query}").json()
        assert [schema["table_name"] for schema in found] == ["b"], query
    assert client.get("/schemas/search?type=geography").json() == []
    for wrong in ("", "?words=x"):
        assert client.get(f"/schemas/search{wrong}").json()["code"] == "MALFORMED_REQUEST"


def test_delete_twice_and_undelete(client: TestClient) -> None:
    assert client.delete("/schemas/shop.a").json() == {"versions": [1]}
    assert client.delete("/schemas/shop.a").status_code == 409
    assert client.get("/schemas/shop.a").status_code == 404
    assert len(client.get("/schemas").json()) == 2
    assert len(client.get("/schemas?deleted=true").json()) == 3
    assert client.post("/schemas/shop.a/undelete").json() == {"versions": [1]}
    client.delete("/schemas/shop.a@1")
    assert client.delete("/schemas/shop.a@1?for_good=true").json() == {"versions": [1]}
    assert client.post("/schemas/shop.a/undelete").status_code == 404


def test_labels(client: TestClient) -> None:
    body = {"labels": {"x": "1", "y": "2"}}
    assert client.patch("/schemas/shop.a", json=body).json()["labels"] == {"x": "1", "y": "2"}
    client.patch("/schemas/shop.a", json={"labels": {"x": None}})
    assert client.get("/schemas/shop.a/labels").json() == {"y": "2"}
    assert client.patch("/schemas/shop.a", json={}).status_code == 400
    assert client.patch("/schemas/shop.z", json=body).status_code == 404
    assert client.get("/schemas/shop.a/referencedby").json() == []


def test_the_trail_says_that_it_came_over_rest(client: TestClient) -> None:
    client.delete("/schemas/shop.c")
    found = client.get("/audit?subject=shop.c").json()
    assert [(c["action"], c["actor"]) for c in found] == [
        ("delete", "rest:testclient"),
        ("register", "rest:testclient"),
    ]
    newest = client.get("/audit?limit=1").json()
    rest = client.get(f"/audit?before={newest[0]['sequence']}").json()
    assert [c["object"] for c in rest] == ["shop.c@1", "shop.b@1", "shop.a@1"]


def test_the_server_finishes_what_was_cut_off_before_it_answers(tmp_path: Path) -> None:
    with SchemaRegistry(tmp_path) as registry:
        registry.register_schema(ORDER, "orders", "shop")
        registry._store.keep_deployment("shop.orders", "duckdb", 1, created=False, layout="{}")
    with TestClient(create_app(tmp_path)) as client:
        assert [d["state"] for d in client.get("/doctor").json()] == ["fine"]
        assert client.get("/schemas/shop.orders").json()["engines_created"] == ["duckdb"]
