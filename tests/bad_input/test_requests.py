"""Requests that are not of the right form: 4xx in the envelope, with what is wrong and where."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bad_input.ways import Refusal, Rest, said
from protolith.web.app import create_app
from protolith.web.requests import MAX_BODY

PROTO = b'syntax = "proto3"; message M { int32 a = 1; }'
FORM = {"content-type": "multipart/form-data; boundary=x"}
JSON = {"content-type": "application/json"}
NO_JSON = "the body is not JSON"
NO_FORM = "the body is not multipart/form-data"
NO_NAME = 'The Content-Disposition header field "name" must be provided.'
TABLES = "/schemas/shop.orders/tables"
REGISTER = "/schemas/register"
FORM_WRONG = "the request to {} is not of the right form"


def part(name: str, content: bytes, file: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
    head = f"--x\r\nContent-Disposition: {disposition}\r\n\r\n".encode("latin-1")
    return head + content + b"\r\n"


FILE = part("proto_file", PROTO, "m.proto")
END = b"--x--\r\n"

# The body, then the message and a part of the hint.
FORMS: dict[str, tuple[bytes, str, str]] = {
    "an unknown part": (
        FILE + part("tabel_name", b"t") + END,
        "the part 'tabel_name' is not known",
        "known parts: proto_file, table_name",
    ),
    "a part twice": (
        FILE + part("table_name", b"t") + part("table_name", b"u") + END,
        "the part 'table_name' is there twice",
        "known parts",
    ),
    "a text for a file": (
        part("proto_file", PROTO) + END,
        "the part proto_file must be a file, with a file name",
        "/docs",
    ),
    "a file for a text": (
        FILE + part("table_name", b"t", "t.txt") + END,
        "the part table_name must be a text, without a file name",
        "/docs",
    ),
    "Latin-1": (
        FILE + part("table_name", b"caf\xe9") + END,
        "the part table_name is not UTF-8",
        "UTF-8",
    ),
    "Latin-1 in a description": (
        FILE + part("description", b"\xff\xfe") + END,
        "the part description is not UTF-8",
        "UTF-8",
    ),
    "Latin-1 in a file name": (
        part("proto_file", PROTO, "caf\xe9.proto") + END,
        "a file name is not UTF-8",
        "UTF-8",
    ),
    "Latin-1 in a name": (
        FILE + part("caf\xe9", b"t") + END,
        "the name of a part is not UTF-8",
        "UTF-8",
    ),
    "no last boundary": (FILE, f"{NO_FORM}: the last boundary is missing", "/docs"),
    "noise": (b"noise", f"{NO_FORM}: Invalid multipart data.", "/docs"),
    "no name": (
        b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END,
        f"{NO_FORM}: {NO_NAME}",
        "/docs",
    ),
    "a text of 2 MiB": (
        FILE + part("description", b"x" * 2 * 1024 * 1024) + END,
        f"{NO_FORM}: Part exceeded maximum size of 1024KB.",
        "/docs",
    ),
}


@pytest.mark.parametrize(("body", "message", "hint"), FORMS.values(), ids=FORMS)
def test_a_form(rest: Rest, body: bytes, message: str, hint: str) -> None:
    refusal = rest.post(REGISTER, content=body, headers=FORM)
    assert (refusal.code, refusal.message) == ("MALFORMED_REQUEST", message)
    assert hint in str(refusal.hint)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", None]
)
def test_no_form(rest: Rest, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    refusal = rest.post(REGISTER, content=b"proto_file=x&table_name=t", headers=headers)
    assert (refusal.code, refusal.message) == ("MALFORMED_REQUEST", NO_FORM)


def test_no_boundary(rest: Rest) -> None:
    headers = {"content-type": "multipart/form-data"}
    refusal = rest.post(REGISTER, content=FILE + END, headers=headers)
    assert refusal.message == f"{NO_FORM}: Missing boundary in multipart."


def test_no_file(rest: Rest) -> None:
    body = part("table_name", b"t") + END
    refusal = rest.post(REGISTER, content=body, headers=FORM)
    assert refusal == Refusal(
        "MALFORMED_REQUEST",
        FORM_WRONG.format(REGISTER),
        "see /docs",
        ("body.proto_file: Field required",),
    )


# The body, then the place.
BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "body:1:1: Expecting value"),
    "half": (b'{"engine": ', "body:1:12: Expecting value"),
    "two values": (b"{} {}", "body:1:4: Extra data"),
    "second line": (b'{\n "engine": duckdb}', "body:2:12: Expecting value"),
    "lone surrogate": (b'{"engine": "\\ud800"}', "body: a lone surrogate in a text"),
    "lone surrogate in a key": (b'{"\\uDFFF": 1}', "body: a lone surrogate in a text"),
    "Latin-1": (b'{"engine": "\xff"}', "body: not UTF-8 at byte 12"),
    "UTF-16": ('{"engine": "duckdb"}'.encode("utf-16"), "body: not UTF-8 at byte 0"),
    "byte order mark": (
        b"\xef\xbb\xbf{}",
        "body:1:1: Unexpected UTF-8 BOM (decode using utf-8-sig)",
    ),
    "control character": (b'{"engine": "\x00"}', "body:1:13: Invalid control character at"),
    "a key twice": (b'{"engine": "a", "engine": "b"}', "body: the key 'engine' is there twice"),
    "NaN": (b'{"engine": NaN}', "body: NaN is not a JSON value"),
    "Infinity": (b'{"engine": -Infinity}', "body: -Infinity is not a JSON value"),
    "100,000 lists": (b"[" * 100_000, "body: nested too deep"),
    "5,000 digits": (
        b'{"engine": ' + b"9" * 5_000 + b"}",
        "body: Exceeds the limit (4300 digits) for integer string conversion",
    ),
}


@pytest.mark.parametrize(("body", "place"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    "path",
    [TABLES, "/schemas/register-json", "/schemas/register-batch", "/schemas/compatibility"],
)
def test_a_body_that_is_no_json(rest: Rest, path: str, body: bytes, place: str) -> None:
    refusal = rest.post(path, content=body, headers=JSON)
    assert refusal == Refusal("MALFORMED_REQUEST", NO_JSON, "see /docs", (place,))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_type(rest: Rest, kind: str) -> None:
    refusal = rest.post(TABLES, content=b'{"engine": "duckdb"}', headers={"content-type": kind})
    assert refusal.code == "MALFORMED_REQUEST"
    assert refusal.message.endswith(", not JSON")
    assert refusal.hint == "send Content-Type: application/json"


FIELDS = [{"name": "a", "type": "STRING"}]


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        (TABLES, 5, "body: Input should be a valid dictionary"),
        (TABLES, [], "body: Input should be a valid dictionary"),
        (TABLES, {}, "body.engine: Field required"),
        (TABLES, {"engine": 5}, "body.engine: Input should be a valid string"),
        (TABLES, {"engine": None}, "body.engine: Input should be a valid string"),
        (
            TABLES,
            {"engine": "duckdb", "colour": "red"},
            "body.colour: Extra inputs are not permitted",
        ),
        ("/schemas/register-json", {"table_name": "t"}, "body.schema_json: Field required"),
        ("/schemas/register-json", {"schema_json": FIELDS}, "body.table_name: Field required"),
        (
            "/schemas/register-json",
            {"schema_json": FIELDS, "table_name": "t", "message": "M"},
            "body.message: Extra inputs are not permitted",
        ),
        (
            "/schemas/register-json",
            {"schema_json": FIELDS, "table_name": ["t"]},
            "body.table_name: Input should be a valid string",
        ),
        ("/schemas/register-batch", {}, "body.schemas: Field required"),
        ("/schemas/compatibility", {"old_schema": FIELDS}, "body.new_schema: Field required"),
    ],
)
def test_a_body_of_another_form(rest: Rest, path: str, body: Any, place: str) -> None:
    refusal = rest.post(path, json=body)
    assert (refusal.code, refusal.message) == ("MALFORMED_REQUEST", FORM_WRONG.format(path))
    assert refusal.places[0].startswith(place)
    assert refusal.hint == "see /docs"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("?skip=true", "the query parameter 'skip' is not known"),
        ("?framing=single&framing=delimited", "the query parameter 'framing' is given twice"),
        ("?framing=lines", "query.framing: Input should be 'delimited', 'single', "),
        ("?skip_bad=perhaps", "query.skip_bad: Input should be a valid boolean"),
        ("?engine=%ff", "the path or the query is not UTF-8"),
    ],
)
def test_query_parameters(rest: Rest, query: str, text: str) -> None:
    refusal = rest.post(f"/schemas/shop.orders/ingest{query}", content=b"")
    assert refusal.code == "MALFORMED_REQUEST"
    assert (refusal.places or (refusal.message,))[0].startswith(text)
    assert refusal.hint


NAMES = "a schema id, database.table, or database.table@version"


@pytest.mark.parametrize("path", ["%ff", "%ED%A0%80", "shop.orders%fe"])
def test_a_path_that_is_no_utf8(rest: Rest, path: str) -> None:
    refusal = said(rest.client.get(f"/schemas/{path}"))
    assert refusal.message == "the path or the query is not UTF-8"


@pytest.mark.parametrize(
    ("target", "status", "code", "hint"),
    [
        ("GET /nothing", 404, "NOT_FOUND", "see /docs"),
        ("GET /schemas/a/b/c/d", 404, "NOT_FOUND", "see /docs"),
        ("GET /schemas/shop%2Forders", 404, "NOT_FOUND", NAMES),
        ("GET /../../etc/passwd", 404, "NOT_FOUND", "see /docs"),
        ("GET /static/docs/..%2f..%2fapp.py", 404, "NOT_FOUND", "see /docs"),
        ("DELETE /schemas", 405, "MALFORMED_REQUEST", "allowed: GET"),
        (f"PUT {REGISTER}", 405, "MALFORMED_REQUEST", "allowed: POST"),
        (f"GET {TABLES}", 405, "MALFORMED_REQUEST", "allowed: POST"),
        ("NOTHING /health", 405, "MALFORMED_REQUEST", "allowed: GET"),
    ],
)
def test_routes_and_methods_that_are_not_there(
    rest: Rest, target: str, status: int, code: str, hint: str
) -> None:
    answer = rest.client.request(*target.split(" "))
    assert answer.status_code == status
    refusal = said(answer)
    assert (refusal.code, refusal.hint) == (code, hint)
    assert answer.headers.get("allow") == (
        hint.removeprefix("allowed: ") if status == 405 else None
    )


def test_a_body_that_is_too_large(rest: Rest) -> None:
    """Refused by its announced length, and counted where there is none."""

    def chunks() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 2**20 + 1):
            yield bytes(2**20)

    message = f"the body has more than {MAX_BODY:,} bytes"
    announced = {"content-length": str(MAX_BODY + 1), **JSON}
    for path in (TABLES, REGISTER, "/schemas/shop.orders/ingest"):
        headers = announced | (FORM if path == REGISTER else {})
        assert rest.post(path, content=b"", headers=headers).message == message
    refusal = rest.post("/schemas/shop.orders/ingest", content=chunks())
    assert (refusal.code, refusal.message) == ("TOO_LARGE", message)


@pytest.mark.usefixtures("closed_world")
def test_what_nobody_foresaw_is_answered_without_a_trace(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    home = tmp_path / "another_home"
    with TestClient(create_app(home)) as client:
        body = {"schema_json": FIELDS, "table_name": "t", "database_name": "d"}
        assert client.post("/schemas/register-json", json=body).status_code == 200
        with closing(sqlite3.connect(home / "registry.db")) as connection, connection:
            connection.execute("UPDATE schema_versions SET schema_json = 'damaged'")
        refusal = said(client.get("/schemas/d.t"))
        assert (refusal.code, refusal.message) == ("INTERNAL", "something went wrong here")
        with closing(sqlite3.connect(home / "registry.db")) as connection, connection:
            connection.execute("ALTER TABLE schemas RENAME COLUMN created_at TO lost")
        refusal = said(client.get("/schemas"))
        assert (refusal.code, refusal.places) == ("INTERNAL", ())
    assert "JSONDecodeError" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "number", ["1_0", "+1", "%201", "1%20", "1.0", "00001", "1e1", "%D9%A1", "", "1" * 19]
)
@pytest.mark.parametrize("path", ["/schemas?limit=", "/audit?before=", "/subjects/a.b/diff?from="])
def test_numbers_are_written_in_one_way(rest: Rest, path: str, number: str) -> None:
    refusal = said(rest.client.get(f"{path}{number}"))
    assert refusal.code == "MALFORMED_REQUEST"
    assert refusal.message.endswith("is not a whole number")


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "none"])
def test_an_encoding_that_is_not_taken(rest: Rest, coding: str) -> None:
    headers = {"content-encoding": coding}
    refusal = rest.post("/schemas/shop.orders/ingest", content=b"", headers=headers)
    assert (refusal.code, refusal.hint) == ("MALFORMED_REQUEST", "send it as it is")
