"""Mapping files: what is said of single fields and of storage, without an edit of the schema."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from protolith import (
    Choices,
    Layout,
    MalformedError,
    NotFoundError,
    SchemaRegistryError,
    Table,
    compile_protos,
    lay_out,
)
from protolith.dialects import names
from protolith.layout.columns import ENGINES
from protolith.tables import (
    Date,
    EnumName,
    Integer,
    Json,
    List,
    Map,
    Record,
    Storage,
    Timestamp,
    walk,
)

SCHEMA = """
syntax = "proto3";
import "bq_field.proto";
import "google/protobuf/timestamp.proto";
message Order {
  string id = 1; Kind kind = 2; Address to = 3; repeated Line lines = 4;
  map<string, Address> places = 5; string day = 6;
  string gone = 7 [(gen_bq_schema.bigquery).ignore = true];
  google.protobuf.Timestamp at = 8;
}
message Address { string city = 1; Kind kind = 2; }
message Line { string sku = 1; Kind kind = 2; google.protobuf.Timestamp at = 3; Line inner = 4; }
enum Kind { A = 0; }
"""
FILE = """
style = "flat"
enums = "both"

[columns.id]
name = "order_id"
require = true
description = "Unique for ever."
policy_tags = ["a", "b"]
default = "'x'"

[columns."lines.sku"]
ignore = true

[columns.lines]
enums = "number"
timestamps = "nanos"
recursion = "bytes"

[columns."places.value.city"]
name = "town"

[columns.day]
type = "DATE"

[columns.gone]
ignore = false

[storage.clickhouse]
partition_by = "toYYYYMM(at)"
order_by = ["order_id", "at"]
ttl = "at + INTERVAL 1 YEAR"
settings = { index_granularity = 1024, storage_policy = "cold" }

[storage.bigquery]
order_by = "order_id"
"""


def table_of(**layout: Any) -> Table:
    return lay_out(compile_protos(SCHEMA), "Order", layout=Layout.of(layout))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "orders.toml").write_text(FILE)
    return Layout.from_file(tmp_path / "orders.toml")


def test_a_mapping_file_says_what_the_schema_does_not(layout: Layout) -> None:
    table = lay_out(compile_protos(SCHEMA), "Order", layout=layout)
    columns = dict(walk(table.columns))
    order_id = columns["order_id"]
    assert (order_id.nullable, order_id.comment) == (False, "Unique for ever.")
    assert (order_id.policy_tags, order_id.default) == (("a", "b"), "'x'")
    assert "lines.sku" not in columns
    assert columns["lines.kind"].type == Integer()
    assert columns["lines.at"].type == Timestamp(9)
    assert columns["at"].type == Timestamp(6)
    assert (columns["kind"].type, columns["kind_number"].type) == (EnumName(), Integer())
    assert "to_kind_number" in columns
    assert "places.town" in columns
    assert columns["day"].type == Date()
    assert "gone" in columns
    assert table.stored_in("clickhouse") == Storage(
        partition_by="toYYYYMM(at)",
        order_by=("order_id", "at"),
        ttl="at + INTERVAL 1 YEAR",
        settings=(("index_granularity", "1024"), ("storage_policy", '"cold"')),
    )
    assert table.stored_in("bigquery") == Storage(order_by=("order_id",))


def test_a_layout_survives_as_json(layout: Layout) -> None:
    again = Layout.of(json.loads(layout.to_json()))
    assert again == layout
    assert hash(again) == hash(layout)
    assert Layout.from_text(layout.to_json()) == layout
    assert again.choices == layout.choices
    assert layout.choices["columns"]["lines"]["timestamps"] == "nanos"


def test_a_style_is_a_preset_under_the_single_options() -> None:
    assert Layout.of({"style": "exact", "integers": "wide"}).resolved().integers == "wide"
    assert Layout.of({"style": "exact"}).choices == {"style": "exact"}
    assert Layout.of({"style": "json", "lists": "json"}).choices == {"style": "json"}
    assert Layout.of({"style": "json", "lists": "list"}).choices["lists"] == "list"
    assert Layout.from_text("flat, enums=number") == Layout(style="flat", enums="number")
    both = Layout.from_text("flat,enums=number").with_options(Choices(enums="name", maps="json"))
    assert both == Layout(style="flat", enums="name", maps="json")


def test_options_of_a_field_hold_for_what_is_within_it() -> None:
    table = table_of(columns={"to": {"messages": "json"}, "places": {"maps": "entries"}})
    found = {column.name: column.type for column in table.columns}
    assert found["to"] == Json()
    assert isinstance(found["places"], List)
    assert isinstance(found["lines"], List)
    assert isinstance(found["lines"].element, Record)
    inner = table_of(columns={"places.value": {"enums": "number"}}).columns[4].type
    assert isinstance(inner, Map)
    assert isinstance(inner.value, Record)
    assert [column.type for column in inner.value.columns][1] == Integer()


@pytest.mark.parametrize(
    ("columns", "message", "hint"),
    [
        ({"lines.skuu": {"name": "x"}}, "lines.skuu: no such field", "is it lines.sku or "),
        ({"zzz": {"name": "x"}}, "zzz: no such field", "a path is field names with dots"),
        (
            {"to": {"messages": "json"}, "to.postcode.longer": {"ignore": True}},
            "to.postcode.longer: no such field",
            "to is one value in this layout, or has no such field",
        ),
        ({"to.city": {"name": "a b"}}, "to.city", "letters, digits and _"),
        ({"to": {"type": "DATE"}}, "to: a field of type Address cannot be stored as DATE", "JSON"),
        ({"to.city": {"name": "kind"}}, "two columns are both called kind", "mapping file"),
    ],
)
def test_what_a_mapping_cannot_say_of_the_schema(columns: Any, message: str, hint: str) -> None:
    with pytest.raises(SchemaRegistryError, match=message) as caught:
        table_of(columns=columns)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"columns": {"a": {"nme": "x"}}}, "columns.a has no key 'nme'"),
        ({"columns": {"a": {"style": "flat"}}}, "columns.a has no key 'style'"),
        ({"columns": {"a": {"enums": "text"}}}, "enums cannot be 'text'"),
        ({"columns": {"a": {"ignore": 1}}}, "columns.a.ignore must be true or false"),
        ({"columns": {"a": {"name": 1}}}, "columns.a.name must be text"),
        ({"columns": {"a": {"policy_tags": [1]}}}, "columns.a.policy_tags must be a list of texts"),
        ({"columns": {"a": "x"}}, "columns.a must be an object"),
        ({"columns": 1}, "columns must be an object"),
        ({"storage": {"postgres": {}}}, "storage has no key 'postgres'"),
        ({"storage": {"duckdb": {"orderby": "x"}}}, "storage.duckdb has no key 'orderby'"),
        ({"storage": {"duckdb": {"ttl": ["x"]}}}, "storage.duckdb.ttl must be text"),
        ({"storage": {"duckdb": {"settings": 1}}}, "storage.duckdb.settings must be an object"),
        ({"nothing": 1}, "no layout option 'nothing'"),
        ({"style": ["flat"]}, "style cannot be"),
    ],
)
def test_a_mapping_that_is_none(choices: Any, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        Layout.of(choices)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be read"):
        Layout.from_file(tmp_path / "nothing.toml")
    (tmp_path / "bad.toml").write_text("columns = {")
    with pytest.raises(MalformedError, match="is not TOML"):
        Layout.from_file(tmp_path / "bad.toml")
    (tmp_path / "bad.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(MalformedError, match="is not TOML"):
        Layout.from_file(tmp_path / "bad.toml")
    for text in ("{", "columns=x", "flatt"):
        with pytest.raises(MalformedError):
            Layout.from_text(text)


def test_every_dialect_can_have_storage_clauses() -> None:
    assert set(names()) > set(ENGINES)
    assert {part.name for part in fields(Storage)} >= {"partition_by", "settings"}
