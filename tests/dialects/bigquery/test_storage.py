"""The descriptor for the Storage Write API, built with nothing else around it."""

from contextlib import nullcontext, suppress
from itertools import chain
from random import Random
from typing import Any

import pytest
from google.cloud.bigquery_storage_v1 import types, writer
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialects.bigquery.storage_schemas import Schemas, fill
from protolith import LayoutError, SchemaTooComplexError, compile_protos
from protolith.compiler import read_descriptors
from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery.storage import StorageSchema, storage_descriptor, storage_schema
from protolith.tables import Note

PROTO3 = 'syntax = "proto3"; package p.q;'
WELL_KNOWN = (
    'import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";'
    'import "google/protobuf/wrappers.proto"; import "google/protobuf/struct.proto";'
    'import "bq_field.proto"; import "bq_table.proto";'
)


def schema(text: str, message: str | None = None) -> StorageSchema:
    return storage_schema(compile_protos(text), message)


def field(found: StorageSchema, name: str) -> descriptor_pb2.FieldDescriptorProto:
    return next(field for field in found.descriptor.field if field.name == name)


def nested(found: StorageSchema) -> list[str]:
    return [part.name for part in found.descriptor.nested_type]


def alone(descriptor: descriptor_pb2.DescriptorProto) -> type[Any]:
    """The message's class from a pool that holds this descriptor alone, as the service does it."""
    file = descriptor_pb2.FileDescriptorProto(name="BqMessage.proto", message_type=[descriptor])
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    # protoc's own builder, in C++, is stricter than that of the runtime.
    read_descriptors(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(descriptor.name))


def original(descriptors: DescriptorSet, name: str) -> type[Any]:
    return message_factory.GetMessageClass(descriptors.message(name))


def row_values(message: Any, like: Descriptor) -> dict[int, Any]:
    """What the service stores, by field number: NULL for what is not set and has no default.

    `like` says which fields are columns; both messages are read by the same rules, except that the
    original's maps are entries here and its fields without presence have a value.
    """
    found = {}
    for number, column in like.fields_by_number.items():
        part = message.DESCRIPTOR.fields_by_number[number]
        kind = part.message_type
        value = getattr(message, part.name)
        if kind is not None and kind.GetOptions().map_entry:
            entry = message_factory.GetMessageClass(kind)
            pairs = [entry(key=key, value=value[key]) for key in value]
            found[number] = by_key(row_values(pair, column.message_type) for pair in pairs)
        elif kind is not None and part.is_repeated:
            rows = [row_values(inner, column.message_type) for inner in value]
            found[number] = by_key(rows) if column.message_type.name.endswith("Entry") else rows
        elif kind is not None:
            there = message.HasField(part.name)
            found[number] = row_values(value, column.message_type) if there else None
        elif part.is_repeated:
            found[number] = list(value)
        else:
            found[number] = value if is_stored(message, part) else None
    return found


def by_key(entries: Any) -> list[Any]:
    return sorted(entries, key=lambda entry: repr(entry[1]))


def is_stored(message: Any, part: FieldDescriptor) -> bool:
    owner = part.containing_type
    zero = not part.has_presence or (owner is not None and owner.GetOptions().map_entry)
    rebuilt = message.DESCRIPTOR.file.name == "BqMessage.proto"
    return zero or message.HasField(part.name) or (rebuilt and part.has_default_value)


def check_row(descriptors: DescriptorSet, message: Any) -> None:
    rebuilt = alone(storage_descriptor(descriptors, message.DESCRIPTOR.full_name))
    row = rebuilt.FromString(message.SerializeToString())
    assert row_values(row, rebuilt.DESCRIPTOR) == row_values(message, rebuilt.DESCRIPTOR)
    assert row.IsInitialized()


EVERYTHING = (
    PROTO3
    + WELL_KNOWN
    + """
enum Color { NONE = 0; RED = 1; CRIMSON = 1; option allow_alias = true; }
message Row {
  int32 implicit = 1; optional int32 explicit = 2; repeated sint64 packed = 3;
  repeated fixed32 unpacked = 4 [packed = false]; repeated string texts = 5;
  oneof choice { string word = 6; Part part = 7; bool flag = 8; }
  map<string, Part> parts = 9; map<int64, Color> colors = 10;
  Color color = 11; repeated Color all = 12; Row.Inner inner = 13; repeated Inner inners = 14;
  google.protobuf.Timestamp at = 15; google.protobuf.Duration took = 16;
  google.protobuf.StringValue maybe = 17; google.protobuf.UInt64Value large = 18;
  bytes raw = 19; uint64 big = 20;
  message Inner { double x = 1; Part part = 2; enum Kind { A = 0; B = 1; } Kind kind = 3; }
}
message Part { string name = 1; optional bool ok = 2; }
"""
)


@pytest.fixture(scope="module")
def everything() -> DescriptorSet:
    return compile_protos(EVERYTHING)


def test_a_row_of_every_kind_keeps_its_values(everything: DescriptorSet) -> None:
    row = original(everything, "Row")(
        explicit=0,
        packed=[1, -1, 0],
        unpacked=[7, 8],
        texts=["", "a"],
        word="w",
        color=1,
        all=[0, 1, 1],
        inner={"x": 1.5, "part": {"name": "n", "ok": False}, "kind": 1},
        inners=[{}, {"part": {}}],
        at={"seconds": -1, "nanos": 5},
        took={},
        maybe={"value": ""},
        large={"value": 2**64 - 1},
        raw=b"\xff",
        big=2**64 - 1,
    )
    row.parts["k"].name = "v"
    row.parts[""].ok = True
    row.colors[-(2**63)] = 1
    row.colors[0] = 0
    check_row(everything, row)
    rebuilt = alone(storage_descriptor(everything, "Row"))
    read = rebuilt.FromString(row.SerializeToString())
    assert (read.implicit, read.explicit, read.HasField("explicit")) == (0, 0, True)
    assert list(read.packed) == [1, -1, 0]
    assert {entry.key: entry.value.name for entry in read.parts} == {"k": "v", "": ""}
    assert (read.word, read.HasField("part"), read.HasField("flag")) == ("w", False, False)
    assert read.HasField("maybe")
    assert read.SerializeToString() == row.SerializeToString()


def test_the_clients_own_types_take_it_and_have_nothing_to_clean(
    everything: DescriptorSet,
) -> None:
    descriptor = storage_descriptor(everything, "Row")
    row = original(everything, "Row")(word="w", texts=["a"])
    request = types.AppendRowsRequest(
        write_stream="projects/p/datasets/d/tables/t/streams/_default",
        proto_rows=types.AppendRowsRequest.ProtoData(
            writer_schema=types.ProtoSchema(proto_descriptor=descriptor),
            rows=types.ProtoRows(serialized_rows=[row.SerializeToString()]),
        ),
    )
    sent = types.AppendRowsRequest.deserialize(types.AppendRowsRequest.serialize(request))
    assert writer._process_request_template(sent) == sent
    received = descriptor_pb2.DescriptorProto.FromString(
        sent.proto_rows.writer_schema.proto_descriptor.SerializeToString()
    )
    assert received == descriptor
    read = alone(received).FromString(sent.proto_rows.rows.serialized_rows[0])
    assert (read.word, list(read.texts)) == ("w", ["a"])


def test_it_is_flat_and_speaks_proto2(everything: DescriptorSet) -> None:
    found = storage_schema(everything, "Row")
    assert found.descriptor.name == "p_q_Row"
    assert set(nested(found)) == {
        *("p_q_Part", "p_q_Row_PartsEntry", "p_q_Row_ColorsEntry", "p_q_Color_E"),
        *("p_q_Row_Inner", "p_q_Row_Inner_Kind_E", "google_protobuf_Timestamp"),
        *("google_protobuf_Duration", "google_protobuf_StringValue"),
        "google_protobuf_UInt64Value",
    }
    assert field(found, "parts").type_name == "p_q_Row_PartsEntry"
    assert field(found, "color").type_name == "p_q_Color_E.Color"
    messages = [found.descriptor, *found.descriptor.nested_type]
    assert not any(part.oneof_decl or part.nested_type for part in messages[1:])
    assert not found.descriptor.oneof_decl
    assert not any(part.options.ByteSize() for part in messages)
    for part in chain.from_iterable(message.field for message in messages):
        assert not part.HasField("json_name")
        assert not part.HasField("oneof_index")
        assert not part.HasField("proto3_optional")
        assert not part.type_name.startswith(".")


def test_presence_is_kept(everything: DescriptorSet) -> None:
    found = storage_schema(everything, "Row")
    assert field(found, "implicit").default_value == "0"
    assert field(found, "color").default_value == "NONE"
    assert field(found, "raw").HasField("default_value")
    for name in ("explicit", "word", "flag", "inner", "packed", "all", "maybe"):
        assert not field(found, name).HasField("default_value"), name


def test_packed_is_what_the_rows_are(everything: DescriptorSet) -> None:
    found = storage_schema(everything, "Row")
    packed = {part.name for part in found.descriptor.field if part.options.packed}
    assert packed == {"packed", "all"}


def test_it_is_the_same_each_time(everything: DescriptorSet) -> None:
    first = storage_descriptor(everything, "Row").SerializeToString(deterministic=True)
    again = storage_descriptor(compile_protos(EVERYTHING), "p.q.Row")
    assert again.SerializeToString(deterministic=True) == first


def test_imported_types_come_along() -> None:
    files = {
        "a.proto": 'syntax = "proto3"; package a; import "b.proto";'
        " message A { b.B b = 1; b.E e = 2; }",
        "b.proto": 'syntax = "proto3"; package b; message B { C c = 1; message C '
        "{ repeated int32 n = 1; } } enum E { X = 0; }",
    }
    descriptors = compile_protos(files)
    assert nested(storage_schema(descriptors)) == ["b_B_C", "b_B", "b_E_E"]
    check_row(descriptors, original(descriptors, "A")(b={"c": {"n": [1, 2]}}, e=0))


PROTO2 = """syntax = "proto2"; package p;
message Row {
  required int64 id = 1; optional string state = 2 [default = "new"];
  optional int32 count = 3; repeated group Item = 4 { optional string name = 1; }
  optional group Single = 5 { optional Kind kind = 1 [default = B]; }
  repeated int32 loose = 6; repeated int32 tight = 7 [packed = true];
  map<string, Kind> kinds = 8; extensions 100 to 200;
}
enum Kind { A = 0; B = 3; }
"""


def test_proto2_keeps_required_and_groups_and_loses_its_defaults() -> None:
    descriptors = compile_protos(PROTO2)
    found = storage_schema(descriptors)
    assert field(found, "id").label == descriptor_pb2.FieldDescriptorProto.LABEL_REQUIRED
    assert field(found, "item").type == descriptor_pb2.FieldDescriptorProto.TYPE_GROUP
    assert not field(found, "state").HasField("default_value")
    kinds = next(part for part in found.descriptor.nested_type if part.name == "p_Row_KindsEntry")
    assert [part.default_value for part in kinds.field] == ["", "A"]
    lost = "its default is left out: where it is not set, the column is NULL"
    group = "the Storage Write API's documentation does not list group for RECORD"
    assert found.notes == (
        Note("state", lost),
        Note("item", group),
        Note("single.kind", lost),
        Note("single", group),
    )
    row = original(descriptors, "Row")(id=0, item=[{"name": "x"}, {}], single={}, tight=[1])
    row.kinds["k"] = 3
    row.loose.extend([5, 6])
    check_row(descriptors, row)


def test_packed_and_unpacked_rows_can_both_be_read() -> None:
    rebuilt = alone(schema(PROTO2).descriptor)
    loose = b"\x08\x01" + b"\x30\x05\x30\x06" + b"\x38\x07"
    packed = b"\x08\x01" + b"\x32\x02\x05\x06" + b"\x3a\x01\x07"
    for data in (loose, packed):
        row = rebuilt.FromString(data)
        assert (list(row.loose), list(row.tight)) == ([5, 6], [7])


def test_editions_are_read_by_their_features() -> None:
    descriptors = compile_protos(
        'edition = "2023"; package p; option features.field_presence = IMPLICIT;'
        "message Row { int32 a = 1; int32 b = 2 [features.field_presence = EXPLICIT];"
        " int32 c = 3 [features.field_presence = LEGACY_REQUIRED];"
        " Row.In d = 4 [features.message_encoding = DELIMITED];"
        " repeated int32 e = 5; repeated int32 f = 6 [features.repeated_field_encoding = EXPANDED];"
        " message In { string x = 1; } }"
    )
    found = storage_schema(descriptors)
    assert [field(found, name).HasField("default_value") for name in "abc"] == [True, False, False]
    assert field(found, "c").label == descriptor_pb2.FieldDescriptorProto.LABEL_REQUIRED
    assert field(found, "d").type == descriptor_pb2.FieldDescriptorProto.TYPE_GROUP
    assert [field(found, name).options.packed for name in "ef"] == [True, False]
    row = original(descriptors, "Row")(c=0, d={"x": ""}, e=[1, 2], f=[3])
    check_row(descriptors, row)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("message Row { Row again = 1; }", "again"),
        (
            "message Row { A a = 1; } message A { repeated B b = 1; } message B { A a = 1; }",
            "a.b.a",
        ),
        ("message Row { map<string, Row> rows = 1; }", "rows.value"),
        ("message Row { google.protobuf.Struct any = 1; }", "any.fields.value.struct_value"),
    ],
)
def test_a_message_that_contains_itself_is_refused(text: str, path: str) -> None:
    with pytest.raises(LayoutError, match=f"^{path}: .* contains itself") as caught:
        schema(PROTO3 + WELL_KNOWN + text, "Row")
    assert caught.value.details[0].field_path == path
    assert "ignore" in str(caught.value.hint)


def test_the_same_message_twice_is_no_recursion() -> None:
    found = schema(PROTO3 + "message Row { A a = 1; A b = 2; B c = 3; } message B { A a = 1; }"
                   " message A { int32 x = 1; }", "Row")  # fmt: skip
    assert nested(found) == ["p_q_A", "p_q_B"]
    assert alone(found.descriptor)


def test_fields_are_called_like_their_columns() -> None:
    found = schema(
        PROTO3
        + WELL_KNOWN
        + """message Row { option (gen_bq_schema.bigquery_opts).use_json_names = true;
        int32 some_name = 1; int32 other = 2 [(gen_bq_schema.bigquery).name = "renamed"];
        int32 odd = 3 [(gen_bq_schema.bigquery).name = "größe"]; Part a_part = 4; }
        message Part { int32 some_name = 1; }""",
        "Row",
    )
    names = [part.name for part in found.descriptor.field]
    assert names == ["someName", "renamed", "odd", "aPart"]
    assert [part.name for part in found.descriptor.nested_type[0].field] == ["some_name"]
    # (google.cloud.bigquery.storage.v1.column_name), field 454943157 of the options
    assert (
        field(found, "odd").options.SerializeToString()
        == b"\xaa\x9b\xbc\xc7\x0d\x07gr\xc3\xb6\xc3\x9fe"
    )
    assert alone(found.descriptor)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(LayoutError, match="two columns are both called 'b'") as caught:
        schema(
            PROTO3
            + WELL_KNOWN
            + 'message Row { int32 a = 1 [(gen_bq_schema.bigquery).name = "B"]; int32 b = 2; }'
        )
    assert [detail.field_path for detail in caught.value.details] == ["a", "b"]


def test_fields_without_a_column_are_left_out_and_named() -> None:
    found = schema(
        PROTO3
        + WELL_KNOWN
        + """message Row { int32 a = 1; Row again = 2 [(gen_bq_schema.bigquery).ignore = true];
        Empty empty = 3; map<string, Empty> kept = 4; Outer outer = 5; message Empty {} }
        message Outer { Row.Empty inner = 1; }""",
        "Row",
    )
    assert [part.name for part in found.descriptor.field] == ["a", "kept"]
    assert [note.field_path for note in found.notes] == [
        "again", "empty", "kept.value", "outer.inner", "outer",
    ]  # fmt: skip
    assert "Row.Empty has no fields" in found.notes[1].text
    assert alone(found.descriptor)


@pytest.mark.parametrize("text", ["message Row {}", "message Row { Row.E e = 1; message E {} }"])
def test_a_message_without_columns_is_refused(text: str) -> None:
    with pytest.raises(LayoutError, match=r"p\.q\.Row has no columns"):
        schema(PROTO3 + text)


@pytest.mark.parametrize(
    ("type_", "override", "note"),
    [
        *((f"{kind}{bits}", "", "for INTEGER") for kind in ("sint", "sfixed") for bits in (32, 64)),
        ("fixed32", "", "list fixed32 for INTEGER"),
        ("fixed64", "NUMERIC", "list fixed64 for NUMERIC"),
        ("uint64", "", "list uint64 for INTEGER, but for BOOL, NUMERIC, BIGNUMERIC"),
        ("uint64", "NUMERIC", None),
        ("int64", "TIMESTAMP", None),
        ("string", "TIMESTAMP", "list string for TIMESTAMP, but for BYTES, DATE, DATETIME"),
        ("string", "NUMERIC(10, 2)", None),
        ("string", "json", None),
        ("string", "SOMETHING", None),
        ("bool", "BOOLEAN", None),
        ("Part", "JSON", "list message for JSON, but for RECORD"),
        ("Part", "", None),
        ("Color", "", None),
        ("Color", "STRING", None),
        ("google.protobuf.UInt64Value", "", "list google.protobuf.UInt64Value for INTEGER"),
        ("google.protobuf.StringValue", "", None),
        ("google.protobuf.Timestamp", "", None),
        ("google.protobuf.Duration", "", None),
        ("google.protobuf.Duration", "STRING", "list google.protobuf.Duration for STRING"),
        ("google.protobuf.FloatValue", "", None),
        ("google.protobuf.BoolValue", "", None),
        ("google.protobuf.BytesValue", "BIGNUMERIC", None),
        ("map<string, Part>", "", None),
    ],
)
def test_types_that_the_documentation_does_not_list_are_named(
    type_: str, override: str, note: str | None
) -> None:
    option = f' [(gen_bq_schema.bigquery).type_override = "{override}"]' if override else ""
    found = schema(
        PROTO3
        + WELL_KNOWN
        + f"message Row {{ {type_} f = 1{option}; }} message Part {{ string s = 1; }}"
        "enum Color { NONE = 0; }",
        "Row",
    )
    if note is None:
        assert not found.notes
    else:
        assert [one.field_path for one in found.notes] == ["f"]
        assert note in found.notes[0].text
    assert alone(found.descriptor)


def test_flat_names_that_meet_are_told_apart() -> None:
    descriptors = compile_protos(
        'syntax = "proto3";'
        " message Row { a_b one = 1; a two = 2; a.b three = 3; C.K k = 4; int32 C_K_E = 5; }"
        " message a_b { int32 x = 1; } message a { b in = 1; message b { string a_b = 1; } }"
        " message C { enum K { Z = 0; } }"
    )
    found = storage_schema(descriptors, "Row")
    assert len(set(nested(found))) == 4
    assert not {"a_b", "C_K_E"} & set(nested(found))  # those are fields
    row = original(descriptors, "Row")(one={"x": 1}, two={"in": {"a_b": "s"}}, C_K_E=7)
    check_row(descriptors, row)


def test_protobufs_own_types_choose_their_names_first() -> None:
    descriptors = compile_protos(
        'syntax = "proto3"; package google; import "google/protobuf/timestamp.proto";'
        "message Row { protobuf_Timestamp a = 1; google.protobuf.Timestamp b = 2; }"
        " message protobuf_Timestamp { string s = 1; }"
    )
    found = storage_schema(descriptors, "Row")
    assert field(found, "a").type_name == "google_protobuf_Timestamp_2"
    assert field(found, "b").type_name == "google_protobuf_Timestamp"
    check_row(descriptors, original(descriptors, "Row")(a={"s": "x"}, b={"seconds": 3}))


def test_the_depth_has_a_limit_of_its_own() -> None:
    links = "".join(f"message M{n} {{ M{n + 1} m = 1; }}" for n in range(2000))
    with pytest.raises(SchemaTooComplexError, match="nested deeper than 64 messages"):
        schema(f"{PROTO3} {links} message M2000 {{ int32 x = 1; }}", "M0")


def test_a_lattice_costs_what_its_types_cost() -> None:
    links = "".join(f"message M{n} {{ M{n + 1} a = 1; M{n + 1} b = 2; }}" for n in range(50))
    found = schema(f"{PROTO3} {links} message M50 {{ sint32 x = 1; }}", "M0")
    assert len(nested(found)) == 50
    assert len(found.notes) == 1


@given(st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_rows_keep_their_values(random: Random) -> None:
    schemas = Schemas(random)
    descriptors = DescriptorSet.from_bytes(schemas.files.SerializeToString())
    name = random.choice(schemas.messages).removeprefix(".")
    message = original(descriptors, name)()
    fill(message, random)
    with suppress(LayoutError) if not holds_columns(message.DESCRIPTOR) else nullcontext():
        check_row(descriptors, message)


def holds_columns(message: Descriptor) -> bool:
    kinds = (part.message_type for part in message.fields)
    return any(kind is None or holds_columns(kind) for kind in kinds)
