"""Records into rows, through the real runtime."""

import io
from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import message_factory

from conftest import delimited
from protolith import (
    DescriptorSet,
    Layout,
    LayoutError,
    ReferenceDecoder,
    RowsRejectedError,
    compile_protos,
    decode,
    dialect,
    lay_out,
    read_delimited,
)
from protolith.arrow import PATH_KEY, arrow_schema
from protolith.decoding import Decoded, Frame, RecordError, read_single
from protolith.dialects.bigquery.schema_json import from_json

IMPORTS = "".join(
    f'import "google/protobuf/{name}.proto";'
    for name in ("timestamp", "duration", "struct", "wrappers", "any")
)


class Schema:
    """A schema with its message class, to write records and to decode them."""

    def __init__(
        self, body: str, engine: str = "duckdb", syntax: str = "proto3", **layout: Any
    ) -> None:
        imports = f'import "bq_field.proto"; import "bq_table.proto"; {IMPORTS}'
        self.descriptors: DescriptorSet = compile_protos(f'syntax = "{syntax}"; {imports} {body}')
        table = lay_out(self.descriptors, "M", layout=Layout(**layout))
        self.decoder = ReferenceDecoder(self.descriptors, table, dialect(engine))
        self.table = self.decoder.table
        self.cls: Any = message_factory.GetMessageClass(self.descriptors.message("M"))

    def row(self, data: bytes) -> dict[str, Any]:
        values = self.decoder.decode(data).values
        return dict(zip([c.name for c in self.table.columns], values, strict=True))

    def of(self, **fields: Any) -> dict[str, Any]:
        return self.row(self.cls(**fields).SerializeToString())


def test_scalars_at_their_limits() -> None:
    schema = Schema(
        "message M { int32 a = 1; uint32 b = 2; int64 c = 3; uint64 d = 4; sint64 e = 5;"
        " float f = 6; double g = 7; bool h = 8; string i = 9; bytes j = 10; fixed64 k = 11; }"
    )
    low = {"a": -(2**31), "b": 0, "c": -(2**63), "d": 0, "e": -(2**63), "f": -0.0, "k": 0}
    high = {"a": 2**31 - 1, "b": 2**32 - 1, "c": 2**63 - 1, "d": 2**64 - 1, "e": 2**63 - 1}
    high |= {"f": float("inf"), "g": float("-inf"), "h": True, "k": 2**64 - 1}
    high |= {"i": "a\0é🙂", "j": b"\xff\0"}
    empty = {"g": 0.0, "h": False, "i": "", "j": b""}
    assert schema.of(**low) == low | empty
    assert schema.of(**high) == high
    assert str(schema.of(g=float("nan"))["g"]) == "nan"


def test_presence() -> None:
    schema = Schema(
        "message M { int32 a = 1; optional int32 b = 2; oneof o { int32 c = 3; N n = 4; }"
        " N m = 5; repeated int32 r = 6; map<string, int32> x = 7; message N { int32 y = 1; } }"
    )
    unset = {"a": 0, "b": None, "c": None, "n": None, "m": None, "r": [], "x": []}
    assert schema.of() == unset
    assert schema.of(b=0, c=0) == unset | {"b": 0, "c": 0}
    assert schema.of(n={}, m={"y": 2}) == unset | {"n": {"y": 0}, "m": {"y": 2}}
    assert schema.of(r=[1, 2], x={"k": 0}) == unset | {"r": [1, 2], "x": [("k", 0)]}


def test_the_last_member_of_a_oneof_wins_and_messages_merge() -> None:
    schema = Schema(
        "message M { oneof o { int32 a = 1; int32 b = 2; } N n = 3; }"
        " message N { int32 x = 1; int32 y = 2; }"
    )
    first, second = schema.cls(a=1, n={"x": 1}), schema.cls(b=2, n={"y": 2})
    row = schema.row(first.SerializeToString() + second.SerializeToString())
    assert row == {"a": None, "b": 2, "n": {"x": 1, "y": 2}}


def test_enums_are_names_and_unknown_numbers_are_kept() -> None:
    schema = Schema("message M { E e = 1; repeated E l = 2; } enum E { ZERO = 0; NEG = -1; }")
    assert schema.of(e=-1, l=[0, 77, -1]) == {"e": "NEG", "l": ["ZERO", "77", "NEG"]}


def test_well_known_types() -> None:
    schema = Schema(
        "message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2;"
        " google.protobuf.Struct s = 3; google.protobuf.UInt64Value u = 4;"
        " google.protobuf.StringValue w = 5; repeated google.protobuf.BoolValue b = 6; }"
    )
    row = schema.of(
        t={"seconds": -62135596800},
        d={"seconds": -1, "nanos": -5},
        s={"a": [1, None, "ü"]},
        u={"value": 2**64 - 1},
        b=[{"value": True}, {}],
    )
    assert row == {
        "t": -62135596800_000_000,
        "d": -1_000_000_005,
        "s": '{"a": [1.0, null, "ü"]}',
        "u": 2**64 - 1,
        "w": None,
        "b": [True, False],
    }
    assert schema.of(w={"value": ""})["w"] == ""


def test_nanoseconds_that_are_cut_are_counted() -> None:
    schema = Schema(
        "message M { repeated google.protobuf.Timestamp t = 1; N n = 2;"
        " message N { google.protobuf.Timestamp u = 1; } }"
    )
    message = schema.cls(t=[{"nanos": 1001}, {"nanos": 1000}, {"nanos": 999}])
    message.n.u.nanos = 1
    row = schema.decoder.decode(message.SerializeToString())
    assert row.values[0] == [1, 1, 0]
    assert row.cut == {"t": 2, "n.u": 1}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"t": {"seconds": 253402300800}}, "t: 253402300800 s and 0 ns are no valid Timestamp"),
        ({"t": {"nanos": -1}}, "t: 0 s and -1 ns are no valid Timestamp"),
        ({"d": {"seconds": 1, "nanos": -1}}, "d: 1 s and -1 ns are no valid Duration"),
        ({"d": {"seconds": 10**10}}, "d: a duration of 10000000000 s does not fit"),
        ({"v": {"number_value": float("nan")}}, "v: cannot be written as JSON"),
        ({"n": {"x": "abc"}}, "n.x: 'abc' is not a number"),
        ({"j": "{"}, "j: '{' is not a Json"),
        ({"day": 2932897}, "day: day 2932897 is outside the years 0001 to 9999"),
        ({"at": "2024-01-01T00:00:00.1234567"}, "at: .* is finer than a microsecond"),
    ],
)
def test_values_that_no_column_can_hold_are_refused(fields: Any, reason: str) -> None:
    schema = Schema(
        "message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2;"
        " google.protobuf.Value v = 3; N n = 4; optional string j = 5"
        ' [(gen_bq_schema.bigquery).type_override = "JSON"];'
        ' optional int32 day = 6 [(gen_bq_schema.bigquery).type_override = "DATE"];'
        ' optional string at = 7 [(gen_bq_schema.bigquery).type_override = "TIMESTAMP"]; }'
        ' message N { string x = 1 [(gen_bq_schema.bigquery).type_override = "NUMERIC"]; }'
    )
    with pytest.raises(RecordError, match=reason):
        schema.of(**fields)


def test_overridden_types() -> None:
    schema = Schema(
        'message M { string n = 1 [(gen_bq_schema.bigquery).type_override = "NUMERIC"];'
        ' uint64 u = 2 [(gen_bq_schema.bigquery).type_override = "BIGNUMERIC"];'
        ' E e = 3 [(gen_bq_schema.bigquery).type_override = "INTEGER"];'
        ' int64 s = 4 [(gen_bq_schema.bigquery).type_override = "STRING"]; }'
        " enum E { ZERO = 0; }",
        engine="clickhouse",
    )
    row = schema.of(n="-12.5", u=2**64 - 1, e=5, s=-7)
    assert row == {"n": Decimal("-12.5"), "u": Decimal(2**64 - 1), "e": 5, "s": "-7"}
    assert pa.array([row["u"]], arrow_schema(schema.table).field("u").type)[0].as_py() == row["u"]


def test_an_overridden_map_is_a_list_of_documents() -> None:
    schema = Schema(
        'message M { map<string, int32> m = 1 [(gen_bq_schema.bigquery).type_override = "JSON"];'
        ' map<int32, N> n = 2 [(gen_bq_schema.bigquery).type_override = "JSON"]; }'
        " message N { string x = 1; }"
    )
    message = schema.cls(m={"a": 1})
    message.n[7].x = "y"
    assert schema.row(message.SerializeToString()) == {
        "m": ['{"key": "a", "value": 1}'],
        "n": ['{"key": 7, "value": {"x": "y"}}'],
    }


def test_every_choice_of_the_layout_decodes() -> None:
    body = (
        'import "google/type/date.proto"; import "google/type/timeofday.proto";'
        ' import "google/type/latlng.proto"; import "google/type/decimal.proto";'
        " message M { uint32 u = 1; float f = 2; E e = 3; map<string, N> m = 4;"
        " google.protobuf.Timestamp t = 5; google.protobuf.Duration d = 6;"
        " google.protobuf.Int32Value w = 7; google.protobuf.Struct s = 8;"
        " google.protobuf.Any a = 9; google.type.Date day = 10; google.type.TimeOfDay at = 11;"
        " google.type.LatLng place = 12; google.type.Decimal price = 13; M self = 14;"
        " repeated Empty empty = 15; }"
        " message N { int32 x = 1; } enum E { ZERO = 0; ONE = 1; } message Empty {}"
    )
    schema = Schema(
        body,
        integers="exact",
        enums="number",
        maps="entries",
        timestamps="nanos",
        durations="interval",
        wrappers="record",
        structs="bytes",
        any="bytes",
        google_types="value",
        recursion="bytes",
        empty_messages="drop",
    )
    message = schema.cls(u=2**32 - 1, f=0.5, e=9, w={"value": 3}, empty=[{}])
    message.m["k"].x = 1
    message.t.nanos, message.d.seconds, message.d.nanos = 5, -2, -500_000_000
    message.s.update({"a": 1})
    message.a.type_url = "x/y"
    message.day.year, message.day.month, message.day.day = 2024, 2, 29
    message.at.hours, message.at.nanos = 23, 1000
    message.place.latitude, message.place.longitude = 1.5, -2.25
    message.price.value = "-12.50"
    message.self.u = 1
    row = schema.row(message.SerializeToString())
    assert row == {
        "u": 2**32 - 1,
        "f": 0.5,
        "e": 9,
        "m": [{"key": "k", "value": {"x": 1}}],
        "t": 5,
        "d": "-2.500000 seconds",
        "w": {"value": 3},
        "s": message.s.SerializeToString(),
        "a": message.a.SerializeToString(),
        "day": date(2024, 2, 29),
        "at": time(23, 0, 0, 1),
        "place": "POINT(-2.25 1.5)",
        "price": "-12.50000000000000000000000000000000000000",
        "self": message.self.SerializeToString(),
    }
    table = pa.Table.from_pylist([row], schema=arrow_schema(schema.table))
    assert table.num_rows == 1
    message.day.day = 30
    with pytest.raises(RecordError, match="day: 2024-2-30 is no whole date"):
        schema.row(message.SerializeToString())


def test_nanoseconds_end_in_2262() -> None:
    schema = Schema("message M { google.protobuf.Timestamp t = 1; }", timestamps="nanos")
    assert schema.of(t={"seconds": 9_223_372_036}) == {"t": 9_223_372_036_000_000_000}
    with pytest.raises(RecordError, match="outside the years 1677 to 2262"):
        schema.of(t={"seconds": 9_223_372_037})


def test_recursion_becomes_json_with_the_schemas_own_names() -> None:
    schema = Schema("message M { string the_name = 1; M the_next = 2; }")
    row = schema.of(the_name="a", the_next={"the_name": "ü", "the_next": {}})
    assert row == {"the_name": "a", "the_next": '{"the_name": "ü", "the_next": {}}'}


def test_an_empty_message_is_true_where_it_was_there() -> None:
    schema = Schema("message M { N n = 1; repeated N l = 2; } message N {}")
    assert schema.of(n={}, l=[{}, {}]) == {"n": True, "l": [True, True]}
    assert schema.of() == {"n": None, "l": []}


def test_fields_named_like_methods() -> None:
    schema = Schema(
        "message M { int32 ListFields = 1; N HasField = 2; int32 FromString = 3; }"
        " message N { int32 SerializeToString = 1; int32 DESCRIPTOR = 2; }"
    )
    data = b"\x08\x05\x12\x04\x08\x06\x10\x07\x18\x08"
    assert schema.row(data) == {
        "ListFields": 5,
        "HasField": {"SerializeToString": 6, "DESCRIPTOR": 7},
        "FromString": 8,
    }


def test_groups_required_fields_and_closed_enums() -> None:
    schema = Schema(
        "message M { required int32 r = 1; optional group G = 2 { optional int32 x = 1; }"
        " optional E e = 3; repeated int32 p = 4; } enum E { ONE = 1; }",
        syntax="proto2",
    )
    assert schema.of(r=1, g={"x": 2}) == {"r": 1, "g": {"x": 2}, "e": None, "p": []}
    row = schema.decoder.decode(b"\x08\x01\x18\x63")
    assert row.unknown_fields == {"M.3": 1}
    with pytest.raises(RecordError, match="required fields are missing: r"):
        schema.row(b"")


def test_packed_and_unpacked_are_both_right() -> None:
    schema = Schema("message M { repeated int32 p = 1; }")
    assert schema.row(b"\x0a\x02\x01\x02\x08\x03") == {"p": [1, 2, 3]}


def test_unknown_fields_are_counted_wherever_they_are() -> None:
    schema = Schema("message M { N n = 1; map<string, N> m = 2; message N { int32 x = 1; } }")
    data = b"\x0a\x04\x08\x01\x10\x01" + b"\x12\x07\x0a\x01k\x12\x02\x18\x01" + b"\x4a\x00\x4a\x00"
    row = schema.decoder.decode(data)
    assert row.unknown_fields == {"M.N.2": 1, "M.N.3": 1, "M.9": 2}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x0a\x05abc", "not a M: "),
        (b"\x0a\x01\xff", "not a M: "),
        (b"\x08\x01", "M.s: wire type varint does not fit its type"),
        (b"\x12\x02\x0a\x00", "M.N.x: wire type length-delimited does not fit its type"),
        (b"\x48\x01", "no field of M in it: is it another message?"),
    ],
)
def test_records_of_another_schema(data: bytes, reason: str) -> None:
    schema = Schema("message M { string s = 1; N n = 2; message N { int32 x = 1; } }")
    with pytest.raises(RecordError, match=reason):
        schema.row(data)


def test_a_required_column_without_a_value() -> None:
    schema = Schema("message M { optional int32 a = 1 [(gen_bq_schema.bigquery).require = true]; }")
    assert schema.of(a=0) == {"a": 0}
    with pytest.raises(RecordError, match="a: a required column has no value"):
        schema.of()


def test_extra_fields_have_no_value() -> None:
    schema = Schema(
        'message M { option (gen_bq_schema.bigquery_opts) = { extra_fields: "x:INTEGER"'
        ' extra_fields: "y:STRING:REPEATED" }; int32 a = 1; }'
    )
    assert schema.of(a=1) == {"a": 1, "x": None, "y": []}


def test_a_table_without_a_message_cannot_be_decoded_into() -> None:
    schema = [{"name": "a", "type": "STRING"}]
    with pytest.raises(LayoutError, match="was not made from a message"):
        ReferenceDecoder(compile_protos(""), from_json(schema, table="t", database="d"))


def _frames(data: bytes) -> list[tuple[int, int, bytes, bool]]:
    return [(f.index, f.offset, f.data, f.broken is not None) for f in _read(data)]


def _read(data: bytes) -> Iterable[Frame]:
    return read_delimited(io.BytesIO(data))


def test_delimited_framing() -> None:
    long = b"x" * 300
    assert _frames(b"") == []
    assert _frames(delimited(b"", b"ab", long)) == [
        (0, 0, b"", False),
        (1, 1, b"ab", False),
        (2, 4, long, False),
    ]


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"\x05abc", "truncated: 5 bytes announced, 3 left"),
        (b"\x80", "no length of a message here"),
        (b"\xff" * 11, "no length of a message here"),
        (b"\xff\xff\xff\xff\x0f", "a length of 4,294,967,295 bytes"),
    ],
)
def test_what_cannot_be_framed_ends_the_data(tail: bytes, reason: str) -> None:
    first, second = list(_read(delimited(b"ab") + tail))
    assert (first.data, first.broken) == (b"ab", None)
    assert second.broken is not None
    assert reason in second.broken
    assert (second.index, second.offset) == (1, 3)


def test_single_framing() -> None:
    assert list(read_single(io.BytesIO(b"abc"))) == [Frame(0, 0, b"abc")]


def test_a_bad_record_stops_everything_or_is_reported_and_skipped() -> None:
    schema = Schema("message M { int32 a = 1; }")
    good = [schema.cls(a=n).SerializeToString() for n in range(3)]
    data = delimited(good[0], b"\x0a\x00", good[1], b"\xff", good[2]) + b"\x09"
    with pytest.raises(RowsRejectedError, match="nothing was loaded") as caught:
        list(decode(_read(data), schema.decoder))
    assert (caught.value.details[0].record, caught.value.details[0].offset) == (1, 1)
    account = Decoded()
    batches = list(decode(_read(data), schema.decoder, skip_bad=True, account=account))
    assert pa.Table.from_batches(batches).to_pylist() == [{"a": 0}, {"a": 1}, {"a": 2}]
    assert (account.rows, account.rejected_count) == (3, 3)
    assert [(d.record, d.offset) for d in account.rejected] == [(1, 1), (3, 7), (5, 12)]


def test_batches_have_the_tables_schema_with_field_paths() -> None:
    schema = Schema("message M { N n = 4; message N { int32 x = 7; } }")
    frames = _read(delimited(*[schema.cls(n={"x": n}).SerializeToString() for n in range(5)]))
    batches = list(decode(frames, schema.decoder, batch_rows=2))
    assert [batch.num_rows for batch in batches] == [2, 2, 1]
    column = batches[0].schema.field("n")
    assert column.metadata[PATH_KEY] == b"4"
    assert column.type.field("x").metadata[PATH_KEY] == b"7"
    assert batches[0].schema == arrow_schema(schema.table)
