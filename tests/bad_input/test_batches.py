"""A batch with a bad member: nothing of it is kept, and the index is named."""

from typing import Any

import pytest

from bad_input.ways import Python, Refusal, Rest, refused

HEAD = 'syntax = "proto3";\n'
GOOD = {"proto_content": HEAD + "message M { int32 a = 1; }", "table_name": "m"}
JSON = {"schema_json": [{"name": "a", "type": "STRING"}], "table_name": "j"}
TWO = HEAD + "message A { int32 x = 1; } message B { int32 x = 1; }"
KEYS = (
    "known keys: database_name, description, message, proto_content, references, schema_json,"
    " table_name"
)
ONE = "one of proto_content and schema_json is needed"

# The bad member, then the code, the message, the places and a part of the hint.
MEMBERS: dict[str, tuple[Any, str, str, tuple[str, ...], str]] = {
    "does not compile": (
        GOOD | {"proto_content": {"acme/m.proto": HEAD + "message M { Nothing a = 1; }"}},
        "SCHEMA_INVALID",
        "acme/m.proto does not compile: 1 error",
        ('acme/m.proto:2:13: "Nothing" is not defined.',),
        "define the type",
    ),
    "no message": (
        GOOD | {"proto_content": HEAD},
        "LAYOUT_IMPOSSIBLE",
        "schema.proto: no message, so there is no table",
        (),
        "a table is made from a top-level message",
    ),
    "another message": (
        GOOD | {"message": "N"},
        "NOT_FOUND",
        "no message 'N'",
        (),
        "messages here: M",
    ),
    "table name": (
        GOOD | {"table_name": "a;b"},
        "NAME_INVALID",
        "'a;b' is not a table name",
        (),
        "letters, digits and _",
    ),
    "no table name": (
        {"schema_json": JSON["schema_json"]},
        "NAME_INVALID",
        "'' is not a table name",
        (),
        "letters, digits and _",
    ),
    "JSON schema": (
        JSON | {"schema_json": [{"name": "a", "type": "X"}]},
        "VALIDATION_FAILED",
        "this is not a BigQuery JSON schema",
        ("a: 'X' is not a BigQuery type",),
        "one of BIGNUMERIC",
    ),
    "no files": (
        GOOD | {"proto_content": {}},
        "BUNDLE_INVALID",
        "no .proto file was sent",
        (),
        "send at least one .proto file",
    ),
    "file names": (
        GOOD | {"proto_content": {"../m.proto": HEAD, "b.proto": HEAD}},
        "BUNDLE_INVALID",
        "../m.proto is not a usable file name",
        (),
        "use a relative path",
    ),
    "neither": ({"table_name": "m"}, "MALFORMED_REQUEST", ONE, (), KEYS),
    "both": (GOOD | JSON, "MALFORMED_REQUEST", ONE, (), KEYS),
    "description": (
        GOOD | {"description": "\0"},
        "MALFORMED_REQUEST",
        r"the description has the character '\x00' at position 1",
        (),
        "leave out control characters",
    ),
}


def both_ways(python: Python, rest: Rest, schemas: list[Any]) -> Refusal:
    refusal = refused(lambda: python.registry.register_schemas_batch(schemas))
    assert rest.post("/schemas/register-batch", json={"schemas": schemas}) == refusal
    return refusal


@pytest.mark.parametrize("case", MEMBERS.values(), ids=MEMBERS)
@pytest.mark.parametrize("index", [0, 2])
def test_a_bad_member(
    python: Python, rest: Rest, case: tuple[Any, str, str, tuple[str, ...], str], index: int
) -> None:
    bad, code, message, places, hint = case
    schemas = [GOOD, JSON]
    schemas.insert(index, bad)
    refusal = both_ways(python, rest, schemas)
    assert (refusal.code, refusal.places) == (code, places)
    assert refusal.message == f"schemas[{index}]: {message}"
    assert hint in str(refusal.hint)


def test_members_that_contradict_each_other(python: Python, rest: Rest) -> None:
    """Each alone is good; only the store finds out, and takes back what it has written."""
    one = {"proto_content": TWO, "table_name": "t", "message": "A"}
    refusal = both_ways(python, rest, [GOOD, one, one | {"message": "B"}])
    assert refusal == Refusal(
        "CONFLICT",
        "schemas[2]: bigquery_lite.t@1 has this content already, with the message A",
        "register the message B under another table name",
        (),
    )


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("text", "a schema must be an object"),
        (None, "a schema must be an object"),
        (GOOD | {"tabel_name": "x"}, "unknown key 'tabel_name'"),
        (GOOD | {"table_name": 5}, "table_name must be a text"),
        (GOOD | {"message": ["M"]}, "message must be a text"),
        (GOOD | {"proto_content": 5}, "proto_content has a value of type int"),
        (GOOD | {"proto_content": None}, "proto_content has a value of type NoneType"),
        (GOOD | {"proto_content": ["x"]}, "proto_content has a value of type list"),
        (GOOD | {"proto_content": {"m.proto": 5}}, "proto_content has a value of type int"),
    ],
)
def test_a_member_of_another_form(python: Python, member: Any, message: str) -> None:
    refusal = refused(lambda: python.registry.register_schemas_batch([GOOD, member]))
    assert (refusal.code, refusal.message) == ("MALFORMED_REQUEST", f"schemas[1]: {message}")
    assert refusal.hint


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ("text", "body.schemas.1: "),
        (None, "body.schemas.1: "),
        (GOOD | {"tabel_name": "x"}, "body.schemas.1.tabel_name: "),
        (GOOD | {"table_name": 5}, "body.schemas.1.table_name: "),
        (GOOD | {"proto_content": 5}, "body.schemas.1.proto_content"),
        (GOOD | {"proto_content": {"m.proto": 5}}, "body.schemas.1.proto_content"),
    ],
)
def test_a_member_of_another_form_over_rest(rest: Rest, member: Any, place: str) -> None:
    refusal = rest.post("/schemas/register-batch", json={"schemas": [GOOD, member]})
    assert refusal.code == "MALFORMED_REQUEST"
    assert refusal.places[0].startswith(place)


@pytest.mark.parametrize("schemas", [None, {}, "x", [], [GOOD] * 1_001])
def test_no_list_of_members(rest: Rest, schemas: Any) -> None:
    refusal = rest.post("/schemas/register-batch", json={"schemas": schemas})
    assert refusal.code == "MALFORMED_REQUEST"
    assert refusal.places[0].startswith("body.schemas: ")
