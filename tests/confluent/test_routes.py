"""The routes that the documentation lists, and what every one of them answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from protolith.web.app import create_app
from protolith.web.confluent.lenient import MEDIA_TYPE, TAG

PAGE = (Path(__file__).parents[2] / "docs" / "confluent.md").read_text()
ONE = 'syntax = "proto3"; package acme; message User { string name = 1; }'
PROTO = {"schemaType": "PROTOBUF"}


@pytest.fixture
def http(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path / "home")) as opened:
        yield opened


def register(http: TestClient, subject: str, text: str = ONE, **more: Any) -> dict[str, Any]:
    answer = http.post(f"/subjects/{subject}/versions", json={"schema": text, **PROTO, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_page_lists_every_route(http: TestClient) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    there = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if TAG in operation.get("tags", ())
    }
    listed = set(
        re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", PAGE.split("## What is left out")[0], re.MULTILINE)
    )
    assert listed == there | {"GET /schemas"}


def test_every_route_says_what_it_answers(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if TAG in operation.get("tags", ()):
                status, answer = next(iter(operation["responses"].items()))
                assert operation["description"], path
                assert status == "204" or all(
                    content["schema"] for content in answer["content"].values()
                ), path
    assert "schema" in document["components"]["schemas"]["SchemaAnswer"]["required"]


def test_what_is_left_out_is_an_error_of_the_usual_shape(http: TestClient) -> None:
    left_out = PAGE.split("## What is left out")[1]
    for method, path in re.findall(r"^\| `(?:([A-Z]+) )?(/[^`]*)` \|", left_out, re.MULTILINE):
        answer = http.request(method or "GET", path.replace("{", "").replace("}", ""), json={})
        assert answer.status_code == 404
        assert set(answer.json()) >= {"error_code", "message"}


def test_answers_have_confluents_type_unless_plain_json_is_asked_for(http: TestClient) -> None:
    assert http.get("/subjects").headers["content-type"] == MEDIA_TYPE
    both = f"{MEDIA_TYPE}, application/vnd.schemaregistry+json, application/json"
    assert http.get("/subjects", headers={"Accept": both}).headers["content-type"] == MEDIA_TYPE
    plain = http.get("/subjects", headers={"Accept": "application/json"})
    assert plain.headers["content-type"] == "application/json"
    assert http.get("/").json() == {}
    assert set(http.get("/v1/metadata/version").json()) == {"version", "commitId"}
    assert http.get("/v1/metadata/id").json()["scope"]["path"] == []


@pytest.mark.parametrize(
    "kind",
    [MEDIA_TYPE, "application/vnd.schemaregistry+json", "application/json; charset=utf-8",
     "application/octet-stream", None],
)  # fmt: skip
def test_bodies_of_every_usual_type(http: TestClient, kind: str | None) -> None:
    body = b'{"schema": "message M { optional int32 a = 1; }", "schemaType": "PROTOBUF", "new": 1}'
    headers = {"Content-Type": kind} if kind else {}
    url = "/subjects/s/versions?normalize=False&unknown=1"
    answer = http.post(url, content=body, headers=headers)
    assert answer.json()["id"] == 1
    assert set(answer.json()) == {"id", "version", "guid"}


def test_requests_that_are_none(http: TestClient) -> None:
    url = "/subjects/s/versions"
    form = http.post(url, data={"schema": ONE})
    assert (form.status_code, form.json()["error_code"]) == (415, 415)
    for body in (b"", b"{", b"\xff", b'{"schema": "\\ud800"}'):
        answer = http.post(url, content=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, 400), body
    for wrong in ([], {"schema": 1}, {"schema": ONE, **PROTO, "references": {}},
                  {"schema": ONE, **PROTO, "references": [{"name": "a"}]},
                  {"schema": ONE, **PROTO, "metadata": "x"}):  # fmt: skip
        answer = http.post(url, json=wrong)
        assert (answer.status_code, answer.json()["error_code"]) == (422, 42201), wrong
    rules = {"domainRules": [{"name": "r", "kind": "NONE"}]}
    answer = http.post(url, json={"schema": ONE, **PROTO, "ruleSet": rules})
    assert answer.json()["error_code"] == 42210
    assert http.put("/subjects/s", json={}).status_code == 405


def test_spellings_of_parameters(http: TestClient) -> None:
    register(http, "a")
    register(http, "b")
    http.delete("/subjects/b")
    for query in (
        "deleted=true",
        "deleted=True",
        "deleted=TRUE&limit=-1&offset=0",
        "deleted=true&limit=x",
    ):
        assert http.get(f"/subjects?{query}").json() == ["a", "b"]
    for query in ("deletedOnly=true", "deleted_only=true&deleted=true"):
        assert http.get(f"/subjects?{query}").json() == ["b"]
    for query in ("deleted=1", "deleted=false", "deleted="):
        assert http.get(f"/subjects?{query}").json() == ["a"]
    assert http.get("/subjects/b/versions?deleted=true&deletedAsNegative=true").json() == [-1]
    assert http.get("/subjects/a/versions/LATEST").json()["version"] == 1
    assert http.get("/subjects/a/versions/-1").json()["version"] == 1
    for wrong in ("0", "-2", "x", "99999999999", "1.0"):
        assert http.get(f"/subjects/a/versions/{wrong}").json()["error_code"] == 42202


def test_a_slash_at_the_end_and_encoded_segments(http: TestClient) -> None:
    url = "/compatibility/subjects/a%2Fb/versions/"
    register(http, "a%2Fb")
    assert http.post(url, json={"schema": ONE, **PROTO}).json() == {"is_compatible": True}
    assert http.get("/subjects/").json() == ["a/b"]
    assert http.get("/subjects/a%252Fb/versions").status_code == 404
    assert http.get("/schemas/a%2Fb/versions").json()[0]["version"] == 1
    register(http, "a+b")
    assert http.get("/subjects/a+b/versions").json() == [1]


def test_answers_by_id(http: TestClient) -> None:
    full = register(http, "a")
    found = http.get("/schemas/ids/1").json()
    assert set(found) == {"guid", "schemaType", "schema", "ts"}
    named = http.get("/schemas/ids/1?subject=a&fetchMaxId=true").json()
    assert (named["subject"], named["version"], named["maxId"]) == ("a", 1, 1)
    assert named["id"] == 1
    assert "subject" not in http.get("/schemas/ids/1?subject=none").json()
    assert http.get(f"/schemas/guids/{full['guid']}/ids").json() == [{"context": ".", "id": 1}]
    for url in ("/schemas/ids/1/schema", "/subjects/a/versions/1/schema"):
        assert http.get(url).text == ONE
    for wrong in ("2", "x", "-1", "99999999999"):
        assert http.get(f"/schemas/ids/{wrong}").json()["error_code"] == 40403


def test_lists_of_schemas_serve_both_kinds_of_clients(http: TestClient) -> None:
    register(http, "b-value")
    register(http, "b-value", ONE.replace("name = 1;", "name = 1; int64 age = 2;"))
    register(http, ":.eu:a")
    all_of_them = http.get("/schemas?offset=0&limit=-1").json()
    assert [(one["subject"], one["version"], one["id"]) for one in all_of_them] == [
        (":.eu:a", 1, 1),
        ("b-value", 1, 1),
        ("b-value", 2, 2),
    ]
    assert all_of_them[1]["schema"] == ONE
    assert [one["id"] for one in http.get("/schemas?latestOnly=true&limit=0").json()] == [1, 2]
    assert len(http.get("/schemas?subjectPrefix=b&offset=1").json()) == 1
    first = http.get("/schemas?limit=1")
    assert [one["subject"] for one in first.json()] == [":.eu:a"]
    following = http.get(first.links["next"]["url"]).json()
    assert [(one["subject"], one["version"]) for one in following] == [("b-value", 2)]
    shared = set(following[0]) & set(all_of_them[2]) - {"created_at"}
    assert shared >= {"schema_id", "table_name", "database_name", "version"}
    assert {key: following[0][key] for key in shared} == {k: all_of_them[2][k] for k in shared}


def test_a_verbose_check_tells_both_verdicts(http: TestClient) -> None:
    register(http, "a")
    url = "/compatibility/subjects/a/versions/latest?verbose=true"
    renamed = {"schema": ONE.replace("name", "full_name"), **PROTO}
    answer = http.post(url, json=renamed).json()
    assert (answer["is_compatible"], answer["messages"]) == (True, [])
    assert answer["policy"] == "confluent"
    assert {(f["rule"], f["level"]) for f in answer["findings"]} >= {("FIELD_SAME_NAME", "source")}
    broken = {"schema": ONE.replace("string", "double"), **PROTO}
    answer = http.post(url, json=broken).json()
    assert answer["is_compatible"] is False
    assert "FIELD_SCALAR_KIND_CHANGED" in answer["messages"][0]
    answer = http.post(url, json={"schema": "message {", **PROTO}).json()
    assert answer["is_compatible"] is False
    assert "1:9" in answer["messages"][0]


def test_our_own_levels_can_decide(http: TestClient) -> None:
    register(http, "a")
    ours = {"policy": None, "levels": ["wire", "json"]}
    body = {"compatibility": "FULL", "protolith": ours}
    assert http.put("/config/a", json=body).json() == body
    assert http.get("/config/a").json() == {"compatibilityLevel": "FULL", "protolith": ours}
    renamed = {"schema": ONE.replace("name", "full_name"), **PROTO}
    refused = http.post("/subjects/a/versions", json=renamed)
    assert (refused.status_code, refused.json()["error_code"]) == (409, 409)
    mode = http.get("/subjects/a/compatibility").json()
    assert (mode["mode"], mode["policy"], mode["levels"]) == ("FULL", None, ["wire", "json"])
    http.put("/subjects/a/compatibility", json={"mode": "NONE"})
    assert http.get("/config/a").json()["compatibilityLevel"] == "NONE"
    assert http.put("/config/a", json={"compatibility": "BACKWARD"}).status_code == 200
    assert http.get("/subjects/a/compatibility").json()["policy"] is None
    assert http.put("/config/a", json={"protolith": None}).json() == {"compatibility": "BACKWARD"}
    assert http.get("/subjects/a/compatibility").json()["policy"] == "confluent"
    assert http.delete("/subjects/a/compatibility").json()["mode"] == "NONE"
    assert http.get("/config/a").json()["error_code"] == 40408
    for wrong in ({"policy": "x"}, {"levels": ["x"]}, {"levels": []}):
        answer = http.put("/config", json={"protolith": wrong})
        assert answer.json()["error_code"] == 42203


def test_nothing_is_set_for_a_subject_that_is_gone_for_good(http: TestClient) -> None:
    register(http, "a")
    http.put("/config/a", json={"compatibility": "FULL"})
    http.put("/mode/a", json={"mode": "READWRITE"})
    http.put("/subjects/a/compatibility", json={"mode": "FORWARD"})
    http.delete("/subjects/a")
    assert http.get("/config/a").json()["compatibilityLevel"] == "FORWARD"
    http.delete("/subjects/a?permanent=true")
    assert http.get("/config/a").json()["error_code"] == 40408
    assert http.get("/mode/a").json()["error_code"] == 40409
    assert register(http, "a")["version"] == 2


def test_what_is_set_is_inherited(http: TestClient) -> None:
    http.put("/config", json={"compatibility": "FORWARD", "normalize": True})
    http.put("/config/:.eu:", json={"compatibility": "NONE"})
    whole = http.get("/config/:.eu:s?defaultToGlobal=true").json()
    assert whole == {"compatibilityLevel": "NONE", "normalize": True}
    assert http.get("/config/s?defaultToGlobal=true").json()["compatibilityLevel"] == "FORWARD"
    assert http.get("/contexts/.eu/config").json()["compatibilityLevel"] == "NONE"
    http.put("/mode/:.eu:", json={"mode": "READONLY"})
    assert http.get("/mode/:.eu:s?defaultToGlobal=true").json() == {"mode": "READONLY"}
    assert register(http, "s")["version"] == 1
    refused = http.post("/contexts/.eu/subjects/s/versions", json={"schema": ONE, **PROTO})
    assert refused.json()["error_code"] == 42205


def test_contexts_before_a_path(http: TestClient) -> None:
    register(http, "s")
    answer = http.post("/contexts/.eu/subjects/a%2Fs/versions", json={"schema": ONE, **PROTO})
    assert answer.json()["version"] == 1
    assert http.get("/contexts/.eu/subjects").json() == [":.eu:a/s"]
    assert http.get("/contexts/.eu/subjects/a%2Fs/versions/1").json()["subject"] == ":.eu:a/s"
    assert http.get("/contexts/.eu/schemas/ids/1?subject=a%2Fs").json()["subject"] == ":.eu:a/s"
    assert http.get("/contexts/:.:/subjects/s/versions").json() == [1]
    assert http.get("/contexts").json() == [".", ".eu"]
    assert http.delete("/contexts/.eu").json()["error_code"] == 42211
    assert http.delete("/contexts/.us").status_code == 204


def test_tables_are_associated(http: TestClient) -> None:
    register(http, "orders-value")
    created = http.post("/schemas/orders-value/tables", json={"engine": "duckdb"}).json()
    assert created["table_name"] == "orders"
    url = "/associations/resources/-/-?resourceType=table"
    found = http.get(url).json()
    assert [(one["subject"], one["resourceNamespace"], one["resourceName"]) for one in found] == [
        ("orders-value", "duckdb", "bigquery_lite.orders")
    ]
    assert http.get("/associations/subjects/orders-value").json() == found
    assert http.get("/associations/resources/-/orders").json() == []
    for url, code in (
        ("/subjects/orders-value", 40904),
        ("/subjects/orders-value/versions/1", 40907),
    ):
        assert http.delete(url).json()["error_code"] == code


def test_many_associations_at_once(http: TestClient) -> None:
    register(http, "s")
    one = {"resourceName": "t", "resourceNamespace": "c", "resourceId": "1",
           "associations": [{"subject": "s"}]}  # fmt: skip
    asked = {"requests": [one, {"resourceName": "t"}]}
    answer = http.post("/associations:batchMutate", json=asked)
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert results[0]["result"]["associations"][0]["associationType"] == "value"
    assert results[1]["error"]["error_code"] == 42212
    found = http.post("/associations:batchGet", json={"requests": [{"resourceId": "1"}]}).json()
    assert found["results"][0]["result"][0]["subject"] == "s"
    changed = http.put("/associations/resources/1", json=one | {"resourceName": "t2"})
    assert changed.json()["resourceName"] == "t2"
    assert http.get("/associations/resources/1").json()[0]["resourceName"] == "t2"


def test_a_subject_is_one_like_any_other(http: TestClient) -> None:
    both = 'syntax = "proto3"; package acme; message First { int32 a = 1; } ' + ONE.split(";", 2)[2]
    setting = {"protolith": {"database": "shop", "table": "people", "message": "acme.User"}}
    http.put("/config/topic-value", json=setting)
    register(http, "topic-value", both)
    details = http.get("/schemas/topic-value").json()
    named = (details["database_name"], details["table_name"], details["message"])
    assert named == ("shop", "people", "acme.User")
    register(http, "imports", 'syntax = "proto3"; enum E { A = 0; }')
    assert http.get("/schemas/imports@1/ddl/duckdb").status_code == 400
    http.post("/schemas/topic-value/tables", json={"engine": "duckdb"})
    loaded = http.post(
        "/schemas/topic-value/ingest?engine=duckdb&framing=single", content=b"\x0a\x03Ann"
    )
    assert loaded.json()["rows"] == 1
    register(http, "topic-value", both.replace("name = 1;", "name = 1; int64 age = 2;"))
    assert http.get("/schemas/topic-value").json()["message"] == "acme.User"
    planned = http.get("/schemas/topic-value/migration/duckdb").json()
    assert planned["steps"]


def test_what_our_own_routes_registered_is_found(http: TestClient) -> None:
    files = [("proto_file", ("a.proto", ONE))]
    made = http.post(
        "/schemas/register", files=files, data={"table_name": "t", "database_name": "d"}
    )
    assert made.status_code == 200
    assert http.get("/subjects").json() == ["d.t"]
    answer = http.post("/subjects/d.t", json={"schema": f"// Words.\n{ONE}", **PROTO})
    assert answer.json()["version"] == 1
    assert register(http, "d.t") == {key: answer.json()[key] for key in ("id", "version", "guid")}
    body = {"schema_json": [{"name": "x", "type": "STRING"}], "table_name": "json"}
    http.post("/schemas/register-json", json=body)
    assert http.get("/subjects").json() == ["d.t"]
