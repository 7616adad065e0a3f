"""Text that is written from descriptors compiles to the same; the form of a schema is one."""

import random
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest

from decoding.random_schemas import make_schema
from protolith import compile_protos
from protolith.compiler import without_extensions, written
from protolith.compiler.toolchain import toolchain
from protolith.descriptors import DescriptorSet
from protolith.registry.confluent.forms import form_hash, root_file

EVERYTHING = r"""
syntax = "proto2";
package all.of_it;
import "google/protobuf/descriptor.proto";
import public "google/protobuf/any.proto";
option java_package = "a.\"b\"\n\001";
option optimize_for = CODE_SIZE;
option (file_note) = { text: "x" words: "a" words: "b" inner { n: -1 } [all.of_it.more]: 7 };
message Note { optional string text = 1; repeated string words = 2; optional Inner inner = 3;
  message Inner { optional sint32 n = 1; } extensions 100 to 200; }
extend Note { optional int32 more = 100; repeated group Pack = 101 { optional bytes b = 1; } }
extend google.protobuf.FileOptions { optional Note file_note = 50000; }
extend google.protobuf.FieldOptions { repeated Kind kinds = 50001; optional double d = 50002;
  optional bytes raw = 50003; optional bool yes = 50004; }
extend google.protobuf.OneofOptions { optional string about = 50001; }
extend google.protobuf.EnumValueOptions { optional uint64 big = 50001; }
extend google.protobuf.MethodOptions { optional string path = 50001; }
enum Kind { option allow_alias = true; NONE = 0; SAME = 0; LOW = -5 [(big) = 18446744073709551615];
  TOP = 2147483647 [deprecated = true]; reserved 4, 6 to 9, 100 to 200; reserved "OLD", "OLDER"; }
message M {
  option deprecated = true;
  required string s = 1 [default = "a\"\\\n\377ü", json_name = "other"];
  optional bytes b = 2 [default = "\000\377'"];
  optional double d = 3 [default = inf, (.all.of_it.d) = -1.5e300];
  optional float nan = 4 [default = nan];
  optional float low = 5 [default = -inf];
  optional Kind kind = 6 [default = LOW,
    (.all.of_it.kinds) = TOP, (.all.of_it.kinds) = LOW, (raw) = "\001x", (yes) = true];
  repeated int32 packed = 7 [packed = true];
  repeated group Rows = 8 { optional M up = 1; optional group Deep = 2 { optional int32 n = 1; } }
  map<string, M> by_name = 9;
  map<sfixed64, Kind> kinds = 10 [deprecated = true];
  oneof choice { option (about) = "it"; int32 one = 11; group Two = 12 { optional bool x = 1; } }
  oneof other { google.protobuf.Any any = 13; string text = 14; }
  optional bool t = 15 [default = true];
  optional int64 n = 16 [default = -9223372036854775808];
  message Rest { option message_set_wire_format = true; extensions 4 to max; }
  extend Rest { optional M here = 1000; }
  extensions 500, 600 to 700; extensions 1000 to max;
  reserved 20, 22 to 30; reserved "gone", "lost";
}
message Empty {}
service S { option deprecated = true; rpc A(M) returns (Empty);
  rpc B(stream M) returns (stream Empty) { option deprecated = true; option (path) = "/b"; }
  rpc C(stream M) returns (Empty); }
"""
EDITION = """
edition = "2023";
package e;
option features.field_presence = IMPLICIT;
message M { string s = 1; int32 n = 2 [features.field_presence = EXPLICIT];
  repeated int32 r = 3 [features.repeated_field_encoding = EXPANDED];
  M deep = 4 [features.message_encoding = DELIMITED];
  string must = 5 [features.field_presence = LEGACY_REQUIRED];
  reserved gone, lost; reserved 9;
  enum E { option features.enum_type = CLOSED; A = 1; reserved B; } }
"""
THREE = """
syntax = "proto3";
message message { optional string optional = 1; .message message = 2; package package = 3; }
message package { repeated enum enum = 1; oneof oneof { string string = 2; } string a_b__c_1 = 4; }
enum enum { reserved_ = 0; }
"""


def round_trip(compiled: DescriptorSet) -> None:
    for root in compiled.roots:
        one = DescriptorSet(compiled.data, (root,))
        file = root_file(one)
        others = {f.name: f for f in compiled.files if f.name != root}
        text = written(file)
        again = compile_protos(
            {root: text}, dependencies=[DescriptorSet(compiled.data, tuple(others))]
        )
        assert form_hash(root_file(DescriptorSet(again.data, (root,)))) == form_hash(file), text


@pytest.mark.parametrize("text", [EVERYTHING, EDITION, THREE])
def test_every_construct_is_written(text: str) -> None:
    round_trip(compile_protos(text))


@pytest.mark.parametrize("seed", range(25))
def test_random_schemas_are_written(seed: int) -> None:
    round_trip(make_schema(random.Random(seed)))


def real_files() -> Iterator[Mapping[str, Path]]:
    files = metadata.files("googleapis-common-protos") or []
    yield {
        file.as_posix(): Path(str(file.locate()))
        for file in files
        if file.suffix == ".proto" and not file.as_posix().startswith("google/type/")
    }
    yield {name: path for name, path in toolchain().known.items() if "google/" not in name}


def test_googles_and_confluents_own_files_are_written() -> None:
    for files in real_files():
        assert len(files) >= 6
        texts = {name: path.read_bytes() for name, path in files.items()}
        round_trip(compile_protos(texts, roots=list(texts)))


def test_without_extensions_and_custom_options() -> None:
    text = written(without_extensions(root_file(compile_protos(EVERYTHING))))
    for word in ("extend ", "extensions ", "file_note", ".kinds)", ".about)", ".path)", ".big)"):
        assert word not in text
    assert "deprecated = true" in text
    assert compile_protos(text).message("all.of_it.M")


def test_the_form_knows_no_names_comments_and_defaults() -> None:
    one = compile_protos({"a.proto": 'syntax = "proto3"; message M { int32 a_b = 1; }'})
    other = compile_protos(
        {"b.proto": '// A.\nsyntax = "proto3";\nmessage M { int32 a_b = 1 [json_name = "aB"]; }'}
    )
    assert form_hash(root_file(one)) == form_hash(root_file(other))
    third = compile_protos('syntax = "proto3"; message M { int32 a_b = 1 [json_name = "ab"]; }')
    assert form_hash(root_file(third)) != form_hash(root_file(one))
