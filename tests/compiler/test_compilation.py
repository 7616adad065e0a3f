import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from protolith.compiler import Sources, compile_protos
from protolith.compiler.toolchain import toolchain
from protolith.descriptors import DescriptorSet
from protolith.errors import (
    BundleError,
    CompileError,
    CompilerRejectedError,
    SchemaValidationError,
    TooLargeError,
)
from protolith.limits import MIB
from protolith.options import field_options, message_options

HEAD = 'syntax = "proto3";'
TIMESTAMP = toolchain().known["google/protobuf/timestamp.proto"].read_bytes()


def test_text_is_compiled_with_comments_and_positions() -> None:
    compiled = compile_protos(
        f"{HEAD}\n// An order.\nmessage Order {{\n  string id = 1; // Its id.\n}}"
    )
    assert compiled.roots == ("schema.proto",)
    assert compiled.comments == {"Order": "An order.", "Order.id": "Its id."}


def test_a_usable_name_is_kept() -> None:
    compiled = compile_protos({"acme/orders.proto": f"{HEAD} message M {{}}"})
    assert compiled.roots == ("acme/orders.proto",)


@pytest.mark.parametrize(
    "name", ["../x", "-x.proto", "@/etc/passwd", "--plugin=x", "a b.proto", "x\n"]
)
def test_one_file_compiles_under_any_name(name: str) -> None:
    assert compile_protos({name: f"{HEAD} message M {{}}"}).message("M").file.name == "schema.proto"


def test_several_files_know_each_other_by_name() -> None:
    files = {
        "a.proto": f'{HEAD} import "b/b.proto"; message A {{ B b = 1; }}',
        "b/b.proto": f"{HEAD} message B {{}}",
        "c.proto": f"{HEAD} message C {{}}",
    }
    compiled = compile_protos(files)
    assert compiled.roots == ("a.proto", "c.proto")
    assert [file.name for file in compiled.files] == ["b/b.proto", "a.proto", "c.proto"]
    backwards = compile_protos(dict(reversed(files.items())))
    assert backwards.data == compiled.data
    assert backwards.roots == compiled.roots


def test_roots_that_are_asked_for_are_compiled_alone() -> None:
    files = {
        "a.proto": f'{HEAD} import "b.proto"; message A {{ B b = 1; }}',
        "b.proto": f"{HEAD} message B {{}}",
        "broken.proto": "message {",
    }
    compiled = compile_protos(files, roots=["b.proto"])
    assert compiled.roots == ("b.proto",)
    assert [file.name for file in compiled.files] == ["b.proto"]
    both = compile_protos(files, roots=["b.proto", "a.proto"])
    assert both.roots == ("b.proto", "a.proto")
    with pytest.raises(BundleError, match=r"x\.proto was asked for, but not sent"):
        compile_protos(files, roots=["x.proto"])


def test_known_files_need_not_be_sent() -> None:
    compiled = compile_protos(
        HEAD + 'import "google/protobuf/timestamp.proto"; import "google/type/money.proto";'
        'import "bq_table.proto"; import "bq_field.proto";'
        "message M { option (gen_bq_schema.bigquery_opts).table_name = 'orders';"
        "  google.protobuf.Timestamp at = 1 [(gen_bq_schema.bigquery).require = true];"
        "  google.type.Money total = 2; }"
    )
    message = compiled.message("M")
    assert message_options(message).table_name == "orders"
    assert field_options(message.fields_by_name["at"]).require
    assert compiled.message("google.type.Money").fields_by_name["nanos"].number == 3


@pytest.mark.parametrize(
    "name", ["google/api/http.proto", "opentelemetry/proto/x.proto", "/etc/passwd"]
)
def test_nothing_else_on_this_machine_can_be_imported(name: str) -> None:
    with pytest.raises(CompileError) as caught:
        compile_protos(f'{HEAD} import "{name}";')
    assert f'Import "{name}" was not found' in str(caught.value)


@pytest.mark.parametrize("name", ["google/type/money.proto", "bq_table.proto"])
def test_a_copy_of_ones_own_wins_over_the_known_one(name: str) -> None:
    package = "google.type" if "/" in name else "gen_bq_schema"
    files = {
        "a.proto": f'{HEAD} import "{name}"; message A {{ {package}.Own own = 1; }}',
        name: f"{HEAD} package {package}; message Own {{}}",
    }
    compiled = compile_protos(files)
    assert compiled.roots == ("a.proto",)
    assert compiled.message(f"{package}.Own").file.name == name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("google/protobuf/timestamp.proto", TIMESTAMP.replace(b"nanos = 2", b"nanos = 3")),
        ("google/protobuf/timestamp.proto", TIMESTAMP + b"\n"),
        ("google/protobuf/new.proto", b""),
        ("Google/protobuf/timestamp.proto", TIMESTAMP),
    ],
)
@pytest.mark.parametrize("others", [{}, {"a.proto": f"{HEAD} message A {{}}"}])
def test_nobody_stands_in_for_protobufs_files(
    name: str, content: bytes, others: dict[str, str]
) -> None:
    with pytest.raises(BundleError, match="not the file that belongs to protobuf") as caught:
        compile_protos({name: content, **others})
    assert caught.value.hint == "leave it out: google/protobuf/ is known here"


def test_an_exact_copy_of_protobufs_file_is_ignored() -> None:
    name = "google/protobuf/timestamp.proto"
    compiled = compile_protos({name: TIMESTAMP, "a.proto": f"{HEAD} message A {{}}"})
    assert compiled.roots == ("a.proto",)
    assert [file.name for file in compiled.files] == ["a.proto"]
    assert compile_protos({name: TIMESTAMP}).roots == (name,)


def test_nobody_declares_a_well_known_type() -> None:
    text = f"{HEAD} package google.protobuf; message Timestamp {{ string at = 1; }}"
    with pytest.raises(BundleError, match=r"declares google\.protobuf\.Timestamp"):
        compile_protos(text)
    assert compile_protos(text.replace("Timestamp", "Other")).message("Other")


def test_dependencies_are_imported_as_descriptors() -> None:
    common = compile_protos({"common.proto": f"{HEAD} package c;\n// A thing.\nmessage Thing {{}}"})
    compiled = compile_protos(
        {"a.proto": f'{HEAD} import "common.proto"; message A {{ c.Thing thing = 1; }}'},
        dependencies=[common],
    )
    assert compiled.roots == ("a.proto",)
    assert compiled.message("A").fields_by_name["thing"].message_type.full_name == "c.Thing"
    assert compiled.comments["c.Thing"] == "A thing."
    together = compile_protos(
        {
            "a.proto": f'{HEAD} import "common.proto"; message A {{ c.Thing thing = 1; }}',
            "common.proto": f"{HEAD} package c;\n// A thing.\nmessage Thing {{}}",
        }
    )
    assert compiled.data == together.data


def test_a_file_that_was_sent_wins_over_a_dependency() -> None:
    old = compile_protos({"common.proto": f"{HEAD} message Old {{}}"})
    files = {
        "a.proto": f'{HEAD} import "common.proto"; message A {{ New n = 1; }}',
        "common.proto": f"{HEAD} message New {{}}",
    }
    assert compile_protos(files, dependencies=[old]).message("New")


def test_a_dependencys_copy_of_a_known_file_wins() -> None:
    money = compile_protos(
        {"google/type/money.proto": f"{HEAD} package google.type; message Own {{}}"}
    )
    text = f'{HEAD} import "google/type/money.proto"; message A {{ google.type.Own o = 1; }}'
    assert compile_protos(text, dependencies=[money]).message("google.type.Own")


def test_a_dependency_cannot_shadow_protobufs_files() -> None:
    fake = descriptor_pb2.FileDescriptorSet()
    file = fake.file.add(name="google/protobuf/timestamp.proto", package="google.protobuf")
    file.message_type.add(name="Timestamp").field.add(name="x", number=9, type=9, label=1)
    compiled = compile_protos(
        f'{HEAD} import "google/protobuf/timestamp.proto";'
        "message A { google.protobuf.Timestamp t = 1; }",
        dependencies=[DescriptorSet.from_bytes(fake.SerializeToString())],
    )
    fields = compiled.message("google.protobuf.Timestamp").fields_by_name
    assert list(fields) == ["seconds", "nanos"]


def test_dependencies_that_differ_are_refused() -> None:
    one = compile_protos({"common.proto": f"{HEAD} message One {{}}"})
    same = compile_protos({"common.proto": f"{HEAD} /* a comment */ message One {{}}"})
    two = compile_protos({"common.proto": f"{HEAD} message Two {{}}"})
    text = f'{HEAD} import "common.proto"; message A {{ One o = 1; }}'
    assert compile_protos(text, dependencies=[one, same]).message("A")
    with pytest.raises(BundleError, match=r"different files named common\.proto"):
        compile_protos(text, dependencies=[one, two])


def test_installed_messages_can_be_dependencies() -> None:
    installed = DescriptorSet.of(descriptor_pb2.FieldOptions.DESCRIPTOR)
    text = f'{HEAD} import "google/protobuf/descriptor.proto"; message A {{}}'
    assert compile_protos(text, dependencies=[installed]).message("A")


OPTIONS = """
    syntax = "proto2";
    import "google/protobuf/descriptor.proto";
    message O { repeated O o = 1; optional string s = 2; }
    extend google.protobuf.MessageOptions { optional O o = 50000; }
    message M { option (o) = { o: [{ s: 'x' }, { o <s: '{{{' > }] }; }
"""
KEYWORDS = """
    syntax = "proto3";
    message message {
      string string = 1; int32 reserved = 2; bool option = 3; string syntax = 4;
      string import = 5; string select = 6; string extensions = 7;
    }
"""
ACCEPTED = {
    "nothing": "",
    "a comment": "// nothing",
    "enums only": f"{HEAD} enum E {{ ZERO = 0; }}",
    "a byte order mark": f"\ufeff{HEAD} message M {{}}",
    "CRLF": f"{HEAD}\r\nmessage M {{\r\n  string a = 1; // c\r\n}}\r\n",
    "no syntax": "message M { optional string a = 1; }",
    "groups": 'syntax = "proto2"; message M { repeated group G = 1 { required string a = 1; } }',
    "extensions": 'syntax = "proto2"; message M { extensions 5 to max; }'
    " extend M { optional int32 x = 5; }",
    "edition 2023": 'edition = "2023"; message M {'
    " string a = 1 [features.field_presence = IMPLICIT]; }",
    "edition 2024": 'edition = "2024"; export message M { string a = 1; }',
    "keywords": KEYWORDS,
    "json_name with quotes": HEAD + r""" message M { string a = 1 [json_name = "a\"'`b"]; }""",
    "custom options": OPTIONS,
    "long comments": f"{HEAD} /* {'x' * 20_000} */ message M {{}} // {'y' * 20_000}",
    "a long name": f"{HEAD} message {'M' * 300} {{ string {'a' * 300} = 1; }}",
    "31 levels": HEAD + "message M {" * 31 + "}" * 31,
    "a recursive message": f"{HEAD} message M {{ M m = 1; map<string, M> ms = 2; }}",
    "unprintable text": f"{HEAD} message M {{ string a = 1 [json_name = 'ü😀\u202e']; }}",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_legal_is_accepted_and_kept(text: str) -> None:
    sources = Sources.of(text)
    assert compile_protos(sources).roots == ("schema.proto",)
    assert sources.files[0].content == text.encode()


def test_options_that_only_sources_keep_are_retained() -> None:
    text = (
        'syntax = "proto3"; import "google/protobuf/descriptor.proto";'
        "extend google.protobuf.FieldOptions { string o = 50000 [retention = RETENTION_SOURCE]; }"
        "message M { string a = 1 [(o) = 'kept']; }"
    )
    assert b"kept" in compile_protos(text).data


def test_public_schemas_compile_with_their_imports() -> None:
    # All but the ones under google/type, which are known; those are compiled as imports.
    files = metadata.files("googleapis-common-protos") or []
    sources = {
        file.as_posix(): file.read_binary()
        for file in files
        if file.suffix == ".proto" and file.parts[0] == "google"
    }
    assert len(sources) > 50
    compiled = compile_protos(sources)
    assert {file.name for file in compiled.files} >= set(sources)
    for name in sources:
        assert compile_protos(sources, roots=[name]).roots == (name,)


def test_the_result_is_protocs_own(tmp_path: Path) -> None:
    kit = toolchain()
    text = f'{HEAD} import "google/protobuf/any.proto"; message M {{ google.protobuf.Any a = 1; }}'
    (tmp_path / "m.proto").write_text(text)
    include = kit.known["google/protobuf/any.proto"].parents[2]
    flags = ["--include_imports", "--include_source_info", "--retain_options"]
    command = [
        str(kit.protoc),
        "-I.",
        f"-I{include}",
        *flags,
        "--descriptor_set_out=out",
        "m.proto",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert compile_protos({"m.proto": text}).data == (tmp_path / "out").read_bytes()


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(TooLargeError, match=r"schema\.proto has more than 1,048,576 bytes"):
        compile_protos(" " * (MIB + 1))
    with pytest.raises(TooLargeError, match="more than 8,388,608 bytes together"):
        compile_protos({f"{n}.proto": " " * MIB for n in range(9)})
    with pytest.raises(TooLargeError, match="more than 1,000 files"):
        compile_protos({f"{n}.proto": "" for n in range(1_001)})


def test_a_full_bundle_compiles() -> None:
    files = {f"f{n}.proto": f"{HEAD} message M{n} {{ string a = 1; }}" for n in range(999)}
    imports = "".join(f'import public "f{n}.proto";' for n in range(500))
    compiled = compile_protos({**files, "all.proto": HEAD + imports})
    assert len(compiled.files) == 1_000
    assert len(compiled.roots) == 500


def test_what_the_runtime_cannot_hold_is_refused_at_once() -> None:
    fields = "".join(f"string f{n} = {n};" for n in range(1, 4_200))
    with pytest.raises(CompileError, match="cannot be used by the protobuf runtime"):
        compile_protos(f"{HEAD} message M {{ {fields} }}")


SEED = b"""
    syntax = "proto2"; import "google/protobuf/descriptor.proto"; package a.b;
    message R {
      optional R r = 1; extensions 4 to 9; reserved 10, 12 to 14; enum E { A = 0; }
      repeated group G = 2 { map<string, R> m = 3; }
      oneof o { int64 i = 20 [default = -1]; string s = 21 [(deep) = { r { r <> } }]; }
    }
    extend google.protobuf.FieldOptions { optional R deep = 50000; }
    service S { rpc C (R) returns (R); }
"""
PIECES = [b"", b"{", b"}", b'"', b"/*", b";", b"99999999999", b"\xff", b"= {"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_text_is_refused_and_never_crashes(data: st.DataObject) -> None:
    text = bytearray(SEED)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        piece = data.draw(st.sampled_from(PIECES))
        text[start:end] = piece * data.draw(st.sampled_from([1, 1, 1, 20, 200]))
    with suppress(CompileError, CompilerRejectedError, SchemaValidationError):
        assert compile_protos(bytes(text)).roots == ("schema.proto",)
