"""What each engine is told about each kind of change: a test for each, on the level `table`.

A cell says how bad it is for the rows that are there, and how the table is moved.
"""

import pytest
from hypothesis import given, settings

from compatibility.test_check import proto
from migrations.tables import pairs
from protolith import DescriptorSet, Layout, Table, check
from protolith.compatibility.table_plans import Side, plan_tables
from protolith.compatibility.tables import compare_tables

EXACT, NATIVE = Layout.from_text("integers=exact"), Layout()
PROTO3 = 'syntax = "proto3"; package shop; import "google/protobuf/struct.proto";'
PROTO2 = PROTO3.replace("proto3", "proto2", 1)
SAFE, NOTHING = ("safe", "in place"), ("safe", "nothing")
REWRITE, LOSSY = ("safe", "rewrite"), ("lossy", "rewrite")
REBUILD, COPY_LOSSY = ("safe", "rebuild"), ("lossy", "rebuild")
IMPOSSIBLE, UNSEEN = ("error", "impossible"), None
ENGINES = ("duckdb", "clickhouse", "bigquery")

Cell = tuple[str, str] | None
Row = tuple[str, str, str, tuple[Cell, Cell, Cell]]
KEPT = "string kept = 15;"

# The rule, the fields before and after, and what happens in DuckDB, ClickHouse and BigQuery.
CHANGES: dict[str, Row] = {
    "add NULLABLE column": ("COLUMN_ADDED", "", "int32 c = 1;", (SAFE, SAFE, SAFE)),
    "add REPEATED": ("COLUMN_ADDED", "", "repeated int32 c = 1;", (SAFE, SAFE, SAFE)),
    "position of a new column": ("COLUMN_ADDED", "int32 x = 2;", "int32 c = 1; int32 x = 2;",
        (SAFE, SAFE, SAFE)),
    "add struct field": ("COLUMN_ADDED", "R r = 1; message R { int32 a = 1; }",
        "R r = 1; message R { int32 a = 1; int32 c = 2; }", (SAFE, REWRITE, SAFE)),
    "add field in list<struct>": ("COLUMN_ADDED", "repeated R r = 1; message R { int32 a = 1; }",
        "repeated R r = 1; message R { int32 a = 1; int32 c = 2; }", (SAFE, REWRITE, SAFE)),
    "add field in map value": ("COLUMN_ADDED", "map<string, R> r = 1; message R { int32 a = 1; }",
        "map<string, R> r = 1; message R { int32 a = 1; int32 c = 2; }", (SAFE, REWRITE, SAFE)),
    "drop column": ("COLUMN_NO_DELETE", "int32 c = 1;", "reserved 1;", (NOTHING,) * 3),
    "drop struct field": ("COLUMN_NO_DELETE", "R r = 1; message R { int32 a = 1; int32 c = 2; }",
        "R r = 1; message R { int32 a = 1; reserved 2; }", (NOTHING,) * 3),
    "rename column": ("COLUMN_SAME_NAME", "int32 c = 1;", "int32 d = 1;", (SAFE, SAFE, SAFE)),
    "rename struct field": ("COLUMN_SAME_NAME", "R r = 1; message R { int32 c = 1; }",
        "R r = 1; message R { int32 d = 1; }", (SAFE, REWRITE, REBUILD)),
    "int to float": ("COLUMN_SAME_TYPE", "int64 c = 1;", "double c = 1;",
        (LOSSY, LOSSY, ("lossy", "in place"))),
    "anything to string": ("COLUMN_SAME_TYPE", "int64 c = 1;", "string c = 1;",
        (REWRITE, REWRITE, REBUILD)),
    "a cast that can fail": ("COLUMN_SAME_TYPE", "string c = 1;", "int64 c = 1;",
        (LOSSY, LOSSY, COPY_LOSSY)),
    "singular to REPEATED": ("COLUMN_SAME_TYPE", "int32 c = 1;", "repeated int32 c = 1;",
        (REWRITE, REWRITE, REBUILD)),
    "REPEATED to singular": ("COLUMN_SAME_TYPE", "repeated int32 c = 1;", "int32 c = 1;",
        (LOSSY, COPY_LOSSY, COPY_LOSSY)),
    "reorder columns": ("COLUMN_SAME_ORDER", "int32 a = 1; int32 b = 2;",
        "int32 b = 2; int32 a = 1;", (UNSEEN, SAFE, UNSEEN)),
    "reorder struct fields": ("COLUMN_SAME_ORDER",
        "R r = 1; message R { int32 a = 1; int32 b = 2; }",
        "R r = 1; message R { int32 b = 2; int32 a = 1; }", (REWRITE, UNSEEN, UNSEEN)),
    "struct to JSON": ("COLUMN_SAME_TYPE", "R c = 1; message R { int32 a = 1; }",
        "google.protobuf.Struct c = 1; message R { int32 a = 1; }", (IMPOSSIBLE,) * 3),
    "enum member added or removed": ("COLUMN_SAME_TYPE", "E c = 1; enum E { A = 0; B = 1; }",
        "E c = 1; enum E { A = 0; C = 2; }", (UNSEEN, UNSEEN, UNSEEN)),
    "enum member renamed": ("COLUMN_SAME_VALUES", "E c = 1; enum E { A = 0; B = 1; }",
        "E c = 1; enum E { A = 0; C = 1; }", (("lossy", "nothing"),) * 3),
    "column comment": ("COLUMN_SAME_COMMENT", "int32 c = 1;", "\n// New.\nint32 c = 1;",
        (SAFE, SAFE, SAFE)),
}  # fmt: skip
REQUIRED: dict[str, Row] = {
    "add REQUIRED": ("COLUMN_ADDED", "", "required int32 c = 1;", (SAFE, SAFE, SAFE)),
    "REQUIRED to NULLABLE": ("COLUMN_SAME_MODE", "required int32 c = 1;", "optional int32 c = 1;",
        (SAFE, REWRITE, SAFE)),
    "NULLABLE to REQUIRED": ("COLUMN_SAME_MODE", "optional int32 c = 1;", "required int32 c = 1;",
        (("lossy", "in place"), LOSSY, COPY_LOSSY)),
}  # fmt: skip
EXACTLY: dict[str, Row] = {
    "widen": ("COLUMN_SAME_TYPE", "int32 c = 1;", "int64 c = 1;", (REWRITE, REWRITE, NOTHING)),
    "widen inside struct": ("COLUMN_SAME_TYPE", "R r = 1; message R { int32 c = 1; }",
        "R r = 1; message R { int64 c = 1; }", (REWRITE, REWRITE, NOTHING)),
    "int to float that has its digits": ("COLUMN_SAME_TYPE", "int32 c = 1;", "double c = 1;",
        (REWRITE, REWRITE, SAFE)),
    "narrow": ("COLUMN_SAME_TYPE", "int64 c = 1;", "int32 c = 1;", (LOSSY, LOSSY, NOTHING)),
}  # fmt: skip


def version(fields: str, head: str) -> DescriptorSet:
    kept = KEPT if head == PROTO3 else f"optional {KEPT}"
    return proto(f"message M {{ {fields} {kept} }}", head)


def cells(row: Row, head: str, layout: Layout) -> tuple[Cell, ...]:
    rule, old, new, _ = row
    found = check(
        version(new, head), version(old, head), "BACKWARD", levels=("table",), layout=layout
    )
    said = {
        engine: (one.severity, told.partition(":")[0])
        for one in found
        if one.rule == rule
        for engine, told in one.engines
    }
    return tuple(said.get(engine) for engine in ENGINES)


@pytest.mark.parametrize("name", CHANGES)
def test_change(name: str) -> None:
    assert cells(CHANGES[name], PROTO3, NATIVE) == CHANGES[name][3]


@pytest.mark.parametrize("name", REQUIRED)
def test_required(name: str) -> None:
    assert cells(REQUIRED[name], PROTO2, NATIVE) == REQUIRED[name][3]


@pytest.mark.parametrize("name", EXACTLY)
def test_exact_integers(name: str) -> None:
    assert cells(EXACTLY[name], PROTO3, EXACT) == EXACTLY[name][3]


@settings(max_examples=60)
@given(pairs())
def test_findings_and_plan_agree_on_any_two_tables(tables: tuple[Table, Table]) -> None:
    old, new = (Side(None, table) for table in tables)
    found = compare_tables(old, new, "BACKWARD")
    for plan in plan_tables(old, new):
        told = {
            (one.severity, told.partition(":")[0])
            for one in found
            for engine, told in one.engines
            if engine == plan.engine
        }
        assert (plan.outcome == "impossible") == ("impossible" in {what for _, what in told})
        assert plan.risk != "lossy" or {"lossy", "error"} & {severity for severity, _ in told}
