"""BigQuery JSON schemas that are none, with the path of the field."""

import math
from typing import Any

import pytest

from bad_input.ways import Python, Refusal, Rest, refused
from protolith import SchemaTranslator, compare_schemas

A = {"name": "a", "type": "STRING"}
NO_SCHEMA = "this is not a BigQuery JSON schema"
USUAL = "a list of fields, each with name and type, and perhaps a mode"
MODES = "NULLABLE, REQUIRED or REPEATED"
TEXT = "leave out control characters other than tab and line end, and lone surrogates"


def nested(levels: int) -> dict[str, Any]:
    field: dict[str, Any] = A
    for _ in range(levels):
        field = {"name": "r", "type": "RECORD", "fields": [field]}
    return field


def within(field: Any) -> list[Any]:
    return [
        {"name": "r", "type": "STRUCT", "mode": "REPEATED", "fields": [A | {"name": "b"}, field]}
    ]


# The schema, then the place and the hint.
SCHEMAS: dict[str, tuple[Any, str, str]] = {
    "a text": ("a:STRING", "fields must be a list", USUAL),
    "a number": (5, "fields must be a list", USUAL),
    "null": (None, "fields must be a list", USUAL),
    "an empty object": ({}, "fields must be a list", USUAL),
    "an object without a list": ({"fields": "a"}, "fields must be a list", USUAL),
    "no fields": ([], "no fields", "a record needs at least one"),
    "a field as a text": (["a"], "[0]: a field must be an object", USUAL),
    "a field as a list": (within([A]), "r[1]: a field must be an object", USUAL),
    "no name": ([{"type": "STRING"}], "[0]: name must be a text, not None", USUAL),
    "a number as name": (within(A | {"name": 5}), "r[1]: name must be a text, not 5", USUAL),
    "no type": (within({"name": "a"}), "r.a: type must be a text, not None", USUAL),
    "an object as type": ([A | {"type": {}}], "a: type must be a text, not {}", USUAL),
    "mode": ([A | {"mode": "OPTIONAL"}], "a: 'OPTIONAL' is not a mode", MODES),
    "a list as mode": ([A | {"mode": ["X"]}], "a: mode must be a text, not ['X']", USUAL),
    "a record without fields": ([A | {"type": "RECORD"}], "a: fields must be a list", USUAL),
    "a record with no fields": (
        within({"name": "a", "type": "RECORD", "fields": []}),
        "r.a: no fields",
        "a record needs at least one",
    ),
    "fields of a scalar": (
        [A | {"fields": [A]}],
        "a: a 'STRING' has no fields of its own",
        USUAL,
    ),
    "too deep": (
        [nested(15)],
        f"{'r.' * 14}r: more than 15 levels of records",
        USUAL,
    ),
    "far too deep": ([nested(60)], f"{'r.' * 14}r: more than 15 levels of records", USUAL),
    "the same name twice": (
        within(A | {"name": "B"}),
        "r.B: a second column of this name",
        "names that differ in upper and lower case alone are the same",
    ),
    "unknown key": ([A | {"nullable": True}], "a: unknown key 'nullable'", USUAL),
    "a number as description": (
        [A | {"description": 5}],
        "a: description must be a text, not 5",
        USUAL,
    ),
    "NUL in a description": (
        within(A | {"description": "x\0"}),
        r"r.a: description has the character '\x00' at position 2",
        TEXT,
    ),
    "NUL in a default": (
        [A | {"defaultValueExpression": "\0"}],
        r"a: defaultValueExpression has the character '\x00' at position 1",
        TEXT,
    ),
    "policy tags": ([A | {"policyTags": 5}], 'a: policyTags must be {"names": [text, …]}', USUAL),
    "names of policy tags": (
        [A | {"policyTags": {"names": "x"}}],
        'a: policyTags must be {"names": [text, …]}',
        USUAL,
    ),
    "length": ([A | {"maxLength": "x"}], "a: maxLength must be a whole number, not 'x'", USUAL),
    "negative length": (
        [A | {"maxLength": -1}],
        "a: maxLength must be a whole number, not -1",
        USUAL,
    ),
    "a fraction as length": (
        [A | {"maxLength": 1.5}],
        "a: maxLength must be a whole number, not 1.5",
        USUAL,
    ),
    "true as length": (
        [A | {"maxLength": True}],
        "a: maxLength must be a whole number, not True",
        USUAL,
    ),
    "a length of 5,000 digits": (
        [A | {"maxLength": "9" * 5_000}],
        f"a: maxLength must be a whole number, not '{'9' * 100}…'",
        USUAL,
    ),
    "precision": (
        [{"name": "a", "type": "NUMERIC", "precision": 39}],
        "a: NUMERIC(39, 0) is out of range",
        "at most 29 digits before and 9 after the point",
    ),
    "scale alone": (
        [{"name": "a", "type": "BIGNUMERIC", "scale": 2}],
        "a: scale without precision",
        USUAL,
    ),
    "precision of a timestamp": (
        [{"name": "a", "type": "TIMESTAMP", "timestampPrecision": 9}],
        "a: timestampPrecision must be 6 or 12",
        USUAL,
    ),
    "range without element": (
        [{"name": "a", "type": "RANGE"}],
        "a: rangeElementType must be DATE, DATETIME or TIMESTAMP",
        USUAL,
    ),
}


def every_way(python: Python, rest: Rest, schema: Any) -> list[Refusal]:
    body = {"schema_json": schema, "table_name": "t"}
    found = [
        rest.post("/schemas/register-json", json=body),
        refused(lambda: python.registry.register_json(schema, "t")),
        refused(lambda: SchemaTranslator().translate_to_duckdb_ddl(schema, "t")),
        refused(lambda: SchemaTranslator().translate_to_clickhouse_ddl(schema, "t")),
    ]
    comparisons = [
        refused(lambda: compare_schemas(schema, [A])),
        refused(lambda: python.registry.check_schema_compatibility(schema, [A])),
    ]
    if schema is not None:
        body = {"old_schema": schema, "new_schema": [A]}
        comparisons.append(rest.post("/schemas/compatibility", json=body))
    assert len({*comparisons}) == 1
    assert comparisons[0].message == f"the old schema: {found[0].message}"
    assert comparisons[0].places == found[0].places
    return found


@pytest.mark.parametrize(("schema", "place", "hint"), SCHEMAS.values(), ids=SCHEMAS)
def test_it_is_refused_with_its_path(
    python: Python, rest: Rest, schema: Any, place: str, hint: str
) -> None:
    expected = Refusal("VALIDATION_FAILED", NO_SCHEMA, hint, (place,))
    for refusal in every_way(python, rest, schema):
        assert refusal == expected


@pytest.mark.parametrize("word", ["NOTHING", "VARCHAR", "", "STRING(10)", "ARRAY<STRING>"])
def test_a_type_that_bigquery_has_not(python: Python, rest: Rest, word: str) -> None:
    for refusal in every_way(python, rest, within(A | {"type": word})):
        assert refusal.places == (f"r.a: {word!r} is not a BigQuery type",)
        assert str(refusal.hint).startswith("one of BIGNUMERIC, BOOL, BOOLEAN, BYTES, DATE")


@pytest.mark.parametrize("name", ["", "a b", 'a"; DROP TABLE x', "a.b", "1a", "ä", "x" * 301])
def test_a_column_name_that_is_no_identifier(python: Python, rest: Rest, name: str) -> None:
    shown = ascii(name if len(name) < 301 else name[:40] + "…")
    expected = Refusal(
        "NAME_INVALID",
        f"{shown} is not a column name",
        "letters, digits and _, not starting with a digit, at most 300 characters",
        (f"r[1]: the name {shown}",),
    )
    for refusal in every_way(python, rest, within(A | {"name": name})):
        assert refusal == expected


def test_more_columns_than_a_table_has(python: Python, rest: Rest) -> None:
    schema = [A | {"name": f"c{n}"} for n in range(10_001)]
    for refusal in every_way(python, rest, schema):
        assert refusal.code == "SCHEMA_TOO_COMPLEX"
        assert refusal.message == "10,001 columns; at most 10,000 are accepted"


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ({"description": "\ud800"}, r"a: description has the character '\ud800' at position 1"),
        ({"type": "\ud800"}, r"a: type has the character '\ud800' at position 1"),
        (
            {"policyTags": {"names": ["\udfff"]}},
            r"a: policyTags has the character '\udfff' at position 1",
        ),
        ({"collation": "\ud800"}, "a: collation is not a JSON value"),
        ({"dataPolicies": [{"name": "\ud800"}]}, "a: dataPolicies is not a JSON value"),
        ({"collation": math.nan}, "a: collation is not a JSON value"),
        ({"collation": {1, 2}}, "a: collation is not a JSON value"),
        ({"maxLength": 10**5_000}, "a: maxLength must be a whole number, not a number that long"),
        ({"\ud800": 1}, r"a: unknown key '\ud800'"),
        ({5: 1, "x": 2}, "a: unknown key 'x'"),
    ],
)
def test_values_that_only_python_has(python: Python, field: Any, place: str) -> None:
    """Over REST the body itself is refused: it is no JSON."""
    refusal = refused(lambda: python.registry.register_json([A | field], "t"))
    assert (refusal.code, refusal.places) == ("VALIDATION_FAILED", (place,))


def test_the_new_schema_is_named_too(rest: Rest) -> None:
    body = {"old_schema": [A], "new_schema": [A | {"mode": "X"}]}
    refusal = rest.post("/schemas/compatibility", json=body)
    assert refusal.message == f"the new schema: {NO_SCHEMA}"
    assert refusal.places == ("a: 'X' is not a mode",)


@pytest.mark.parametrize("names", [(), ("old_schema", "schema_id")])
def test_there_is_one_old_schema(rest: Rest, names: tuple[str, ...]) -> None:
    given = {"old_schema": [A], "schema_id": "shop.orders"}
    body = {"new_schema": [A]} | {name: given[name] for name in names}
    refusal = rest.post("/schemas/compatibility", json=body)
    assert refusal.message == "one of old_schema and schema_id is needed"
