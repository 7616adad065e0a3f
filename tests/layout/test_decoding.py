"""What a load puts into the columns that a layout adds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import message_factory

from conftest import delimited
from protolith import (
    Layout,
    LayoutError,
    ReferenceDecoder,
    SchemaRegistry,
    compile_protos,
    lay_out,
)
from protolith.decoding import RecordError

SCHEMA = """
syntax = "proto3";
import "bq_field.proto";
message M {
  string id = 1; E e = 2; repeated E es = 3; N n = 4;
  oneof pay { string card = 5; int64 cash = 6; }
  repeated N ns = 7; map<string, N> by = 8; optional int32 z = 9;
}
message N {
  string x = 1; bytes raw = 2; uint64 big = 3; D d = 4;
  oneof how { string a = 5; D b = 6; }
  string secret = 7 [(gen_bq_schema.bigquery).ignore = true];
}
message D { repeated int32 ys = 1; double f = 2; D inner = 3; }
enum E { ZERO = 0; ONE = 1; }
"""


class Schema:
    def __init__(self, layout: str, **told: Any) -> None:
        self.descriptors = compile_protos(SCHEMA)
        self.table = lay_out(self.descriptors, "M", layout=Layout.from_text(layout))
        self.decoder = ReferenceDecoder(self.descriptors, self.table, **told)
        self.cls: Any = message_factory.GetMessageClass(self.descriptors.message("M"))

    def of(self, offset: int | None = None, **fields: Any) -> dict[str, Any]:
        row = self.decoder.decode(self.cls(**fields).SerializeToString(), offset)
        return dict(zip([c.name for c in self.table.columns], row.values, strict=True))


def test_flat_columns_of_a_missing_message_are_null_and_lists_are_empty() -> None:
    schema = Schema("flat,recursion_depth=1")
    row = schema.of(id="a", z=1)
    assert {k: v for k, v in row.items() if k.startswith("n_d_")} == {
        "n_d_ys": [],
        "n_d_f": None,
        "n_d_inner_ys": [],
        "n_d_inner_f": None,
        "n_d_inner_inner": None,
    }
    row = schema.of(n={"d": {"ys": [1], "inner": {"f": 2.5, "inner": {"f": 3.5}}}})
    assert (row["n_x"], row["n_d_ys"], row["n_d_f"], row["n_b_f"]) == ("", [1], 0.0, None)
    assert (row["n_d_inner_f"], row["n_d_inner_inner"]) == (2.5, '{"f": 3.5}')
    row = schema.of(ns=[{"d": {"f": 1}}, {}])
    assert [(each["d_f"], each["d_ys"]) for each in row["ns"]] == [(1.0, []), (None, [])]


def test_both_names_and_numbers_of_enums() -> None:
    row = Schema("enums=both").of(e=77, es=[0, 1, 5])
    assert (row["e"], row["e_number"]) == ("77", 77)
    assert (row["es"], row["es_number"]) == (["ZERO", "ONE", "5"], [0, 1, 5])


def test_the_case_of_a_oneof() -> None:
    schema = Schema("oneofs=case")
    assert [schema.of(**f)["pay"] for f in ({}, {"card": ""}, {"cash": 0})] == [
        None,
        "card",
        "cash",
    ]
    assert schema.of(n={"b": {}})["n"]["how"] == "b"
    assert "_z" not in {column.name for column in schema.table.columns}
    flat = Schema("flat,oneofs=case")
    assert [flat.of(**f)["n_how"] for f in ({}, {"n": {}}, {"n": {"a": "x"}})] == [None, None, "a"]


def test_json_by_protobufs_rules_without_what_is_left_out() -> None:
    schema = Schema("json")
    n = {"raw": b"\xff", "big": 2**64 - 1, "d": {"f": float("nan")}, "secret": "s"}
    row = schema.of(n=n, ns=[n, {}], by={"k": n})
    text = '{"raw": "/w==", "big": "18446744073709551615", "d": {"f": "NaN"}}'
    assert (row["n"], row["ns"]) == (text, f"[{text}, {{}}]")
    assert row["by"] == f'{{"k": {text}}}'
    assert schema.of(id="a") | {"id": ""} == schema.of(e=0, z=1) | {"z": None}
    assert [schema.of(id="a")[name] for name in ("n", "ns", "by")] == [None, "[]", "{}"]


def test_where_a_row_came_from() -> None:
    at = datetime(2024, 5, 6, tzinfo=UTC)
    row = Schema("ingestion=columns", schema_version=3, ingested_at=at).of(17, id="a")
    moment = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert (row["_schema_version"], row["_ingested_at"], row["_source_offset"]) == (3, moment, 17)
    assert Schema("ingestion=columns").of(id="a")["_schema_version"] is None


def test_a_required_column_within_a_required_message() -> None:
    schema = Schema(
        '{"style": "flat", "columns": {"n": {"require": true}, "n.a": {"require": true}}}'
    )
    assert not {c.name: c for c in schema.table.columns}["n_a"].nullable
    with pytest.raises(RecordError, match="n_a: a required column has no value"):
        schema.of(id="a")
    assert schema.of(n={"a": ""})["n_a"] == ""


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
def test_a_load_with_bad_records_says_where_each_row_came_from(
    registry: SchemaRegistry, engine: str, tmp_path: Path
) -> None:
    schema = Schema("native")
    registry.register_schema(SCHEMA.replace("id = 1", "ident = 1"), "t", message="M")
    registry.register_schema(SCHEMA, "t", message="M")
    layout = Layout.from_text("flat,ingestion=columns,oneofs=case,enums=both")
    registry.create_table("bigquery_lite.t", engine, layout)
    good = [schema.cls(id=text, cash=1).SerializeToString() for text in ("a", "bb")]
    file = tmp_path / "rows"
    file.write_bytes(delimited(good[0], b"\xff", good[1]))
    began = datetime.now(UTC) - timedelta(seconds=1)
    result = registry.ingest("bigquery_lite.t", file, skip_bad=True)
    assert (result.rows, result.rejected_count, result.rejected[0].offset) == (2, 1, 6)
    sql = "SELECT id, pay, _schema_version, _source_offset, _ingested_at FROM bigquery_lite.t"
    rows = registry.query(engine, f"{sql} ORDER BY id").to_pylist()
    assert [list(row.values())[:4] for row in rows] == [["a", "cash", 2, 0], ["bb", "cash", 2, 8]]
    assert all(began < row["_ingested_at"] <= datetime.now(UTC) for row in rows)


def test_a_table_of_json_has_the_json_style_and_no_other_choice(registry: SchemaRegistry) -> None:
    fields = [{"name": "r", "type": "RECORD", "fields": [{"name": "x", "type": "STRING"}]}]
    registry.register_json(fields, "j")
    assert '"r" JSON' in registry.ddl("bigquery_lite.j", "duckdb", Layout(style="json"))
    for text in ("flat", "enums=number"):
        with pytest.raises(LayoutError, match="says nothing of a table that was not made from"):
            registry.ddl("bigquery_lite.j", "duckdb", Layout.from_text(text))
