"""BigQuery JSON schemas as tables, and back without loss."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from googlesql import analyze
from protolith import InvalidNameError, SchemaValidationError, dialect
from protolith.dialects.bigquery.schema_json import from_json, to_json
from protolith.tables import Column, Decimal, Range, String, Timestamp
from protolith.tables import Date as DateType

FULL: list[dict[str, Any]] = [
    {
        "name": "s",
        "type": "STRING",
        "mode": "REQUIRED",
        "description": "d",
        "policyTags": {"names": ["projects/p/locations/l/taxonomies/1/policyTags/2"]},
        "maxLength": "10",
        "defaultValueExpression": "'x'",
        "collation": "und:ci",
    },
    {"name": "n", "type": "NUMERIC", "mode": "NULLABLE", "precision": "10", "scale": "2"}
    | {"roundingMode": "ROUND_HALF_EVEN"},
    {"name": "b", "type": "BIGNUMERIC", "mode": "REPEATED"},
    {"name": "t", "type": "TIMESTAMP", "mode": "NULLABLE", "timestampPrecision": "12"},
    {"name": "r", "type": "RANGE", "mode": "NULLABLE", "rangeElementType": {"type": "DATE"}},
    {"name": "y", "type": "BYTES", "mode": "NULLABLE", "maxLength": "5"},
    {
        "name": "rec",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [{"name": "x", "type": "GEOGRAPHY", "mode": "REQUIRED"}],
        "dataPolicies": [{"name": "p"}],
    },
    {"name": "f", "type": "STRING", "mode": "NULLABLE", "foreignTypeDefinition": "text"},
]


def columns(schema: Any) -> tuple[Column, ...]:
    return from_json(schema, table="t", database="d").columns


def test_every_attribute_comes_back() -> None:
    table = from_json(FULL, table="t", database="d")
    assert to_json(table) == FULL
    assert from_json({"fields": FULL}, table="t", database="d") == table


def test_attributes_are_types() -> None:
    found = {column.name: column.type for column in columns(FULL)}
    assert found["s"] == String(10)
    assert found["n"] == Decimal(10, 2)
    assert found["t"] == Timestamp(9)
    assert found["r"] == Range(DateType())


def test_standard_names_are_written_as_the_service_writes_them() -> None:
    names = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
    for standard, legacy in names.items():
        field: dict[str, Any] = {"name": "a", "type": standard}
        if standard == "STRUCT":
            field["fields"] = [{"name": "x", "type": "int64"}]
        assert to_json(from_json([field], table="t", database="d"))[0]["type"] == legacy


def test_an_absent_or_empty_mode_is_nullable() -> None:
    assert columns([{"name": "a", "type": "DATE"}])[0].nullable
    assert columns([{"name": "a", "type": "DATE", "mode": "nullable"}])[0].nullable


def deep(levels: int) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = [{"name": "x", "type": "STRING"}]
    for _ in range(levels - 1):
        fields = [{"name": "x", "type": "RECORD", "fields": fields}]
    return fields


def test_fifteen_levels_are_the_most() -> None:
    assert columns(deep(15))
    with pytest.raises(SchemaValidationError, match="more than 15 levels"):
        columns(deep(16))


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ("[]", "fields must be a list"),
        ({}, "fields must be a list"),
        ([], "no fields"),
        ([1], "a field must be an object"),
        ([{"type": "STRING"}], "name must be a text"),
        ([{"name": "a"}], "type must be a text"),
        ([{"name": "a", "type": 1}], "type must be a text"),
        ([{"name": "a", "type": "TEXT"}], "'TEXT' is not a BigQuery type"),
        ([{"name": "a", "type": "DATE", "mode": "MAYBE"}], "'MAYBE' is not a mode"),
        ([{"name": "a", "type": "DATE", "fields": []}], "has no fields of its own"),
        ([{"name": "a", "type": "RECORD", "fields": []}], "no fields"),
        ([{"name": "a", "type": "RECORD"}], "fields must be a list"),
        ([{"name": "a", "type": "DATE", "nmae": 1}], "unknown key 'nmae'"),
        ([{"name": "a", "type": "STRING", "maxLength": "x"}], "maxLength must be a whole"),
        ([{"name": "a", "type": "STRING", "maxLength": True}], "maxLength must be a whole"),
        ([{"name": "a", "type": "NUMERIC", "precision": "40"}], r"NUMERIC\(40, 0\) is out of"),
        ([{"name": "a", "type": "NUMERIC", "scale": "2"}], "scale without precision"),
        ([{"name": "a", "type": "RANGE"}], "rangeElementType must be"),
        ([{"name": "a", "type": "DATE", "policyTags": []}], None),
        ([{"name": "a", "type": "DATE", "policyTags": {"names": 1}}], "policyTags must be"),
        ([{"name": "a", "type": "DATE"}, {"name": "A", "type": "DATE"}], "a second column"),
        ([{"name": "a", "type": "DATE", "description": 1}], "description must be a text"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(schema: Any, where: str | None) -> None:
    if where is None:
        assert columns(schema)
        return
    with pytest.raises(SchemaValidationError) as caught:
        columns(schema)
    assert re.search(where, str(caught.value)), str(caught.value)


def test_a_nested_mistake_has_the_whole_path() -> None:
    inner = {"name": "b", "type": "RECORD", "fields": [{"name": "c", "type": "NO"}]}
    with pytest.raises(SchemaValidationError, match=r"a\.b\.c"):
        columns([{"name": "a", "type": "RECORD", "fields": [inner]}])
    with pytest.raises(InvalidNameError, match="is not a column"):
        columns([{"name": "a", "type": "RECORD", "fields": [{"name": "a b", "type": "DATE"}]}])


WORDS = ["STRING", "BYTES", "INTEGER", "FLOAT", "BOOLEAN", "TIMESTAMP", "DATE", "TIME"]
WORDS += ["DATETIME", "GEOGRAPHY", "NUMERIC", "BIGNUMERIC", "JSON", "INTERVAL"]
MODES = st.sampled_from(["NULLABLE", "REQUIRED", "REPEATED"])


def _named(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"f{number}", **field} for number, field in enumerate(fields)]


def _optional(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)
LEAF = st.builds(
    lambda word, mode, more: {"type": word, "mode": mode, **more},
    st.sampled_from(WORDS),
    MODES,
    _optional(description=TEXT, defaultValueExpression=st.just("NULL")),
)
SCHEMAS = st.recursive(
    st.lists(LEAF, min_size=1, max_size=5).map(_named),
    lambda inner: st.lists(
        LEAF
        | st.builds(lambda mode, f: {"type": "RECORD", "mode": mode, "fields": f}, MODES, inner),
        min_size=1,
        max_size=4,
    ).map(_named),
    max_leaves=12,
)


@given(SCHEMAS)
def test_any_schema_comes_back_as_it_was(schema: list[dict[str, Any]]) -> None:
    table = from_json(schema, table="t", database="d")
    assert to_json(table) == schema
    assert from_json(to_json(table), table="t", database="d") == table


@settings(max_examples=40)
@given(SCHEMAS)
def test_googles_analyzer_takes_any_schema(schema: list[dict[str, Any]]) -> None:
    for field in schema:
        if field.get("mode") == "REPEATED":  # its default is a list, and is refused if it is not
            field.pop("defaultValueExpression", None)
    analyze(*dialect("bigquery").create(from_json(schema, table="t", database="d")))
