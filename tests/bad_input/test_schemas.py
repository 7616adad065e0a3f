"""Schemas that cannot be registered: each refused alike in Python, over REST and by a command."""

import io
import zipfile

import pytest

from bad_input.ways import Command, Files, Refusal, Rest, Way
from protolith import compile_protos

HEAD = b'syntax = "proto3";\n'
OPTIONS = b'syntax = "proto3"; import "bq_field.proto"; import "bq_table.proto";\n'
A = {"a.proto": HEAD + b"message A { int32 x = 1; }"}
B = {"b.proto": HEAD + b"message B { int32 x = 1; }"}


def one(text: bytes) -> Files:
    return {"m.proto": text}


def zipped(**files: bytes) -> Files:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("UP", ".."), content)
    return {"m.zip": out.getvalue()}


def broken_descriptors() -> Files:
    return {"m.binpb": compile_protos(HEAD + b"message M { int32 a = 1; }").data[:-3]}


COMPILES = "m.proto does not compile: 1 error"
TABLE = "the message cannot be a table"
DESCRIPTORS = (
    "these bytes are not a serialized google.protobuf.FileDescriptorSet or FileDescriptorProto"
)

# (name, files, code, message, places, a part of the hint)
CASES: list[tuple[str, Files, str, str, tuple[str, ...], str]] = [
    (
        "syntax",
        one(HEAD + b"message M { string a = ; }"),
        "SCHEMA_INVALID",
        COMPILES,
        ("m.proto:2:24: Expected field number.",),
        "",
    ),
    (
        "import",
        one(HEAD + b'import "acme/no.proto";\nmessage M { string a = 1; }'),
        "SCHEMA_INVALID",
        COMPILES,
        ('m.proto:2:1: Import "acme/no.proto" was not found or had errors.',),
        "send the file acme/no.proto too",
    ),
    (
        "cycle",
        {
            "a.proto": HEAD + b'import "b.proto"; message A { int32 x = 1; }',
            "b.proto": HEAD + b'import "a.proto"; message B { int32 x = 1; }',
        },
        "SCHEMA_INVALID",
        "2 files do not compile: 3 errors",
        (
            "a.proto:2:1: File recursively imports itself: a.proto -> b.proto -> a.proto",
            'b.proto:2:1: Import "a.proto" was not found or had errors.',
            'a.proto:2:1: Import "b.proto" was not found or had errors.',
        ),
        "files cannot import each other in a circle",
    ),
    (
        "type",
        one(HEAD + b"message M { Nothing a = 1; }"),
        "SCHEMA_INVALID",
        COMPILES,
        ('m.proto:2:13: "Nothing" is not defined.',),
        "define the type, or import the file that does",
    ),
    (
        "empty",
        one(b""),
        "LAYOUT_IMPOSSIBLE",
        "m.proto: no message, so there is no table",
        (),
        "a table is made from a top-level message",
    ),
    (
        "no message",
        one(HEAD + b"enum E { ZERO = 0; }"),
        "LAYOUT_IMPOSSIBLE",
        "m.proto: no message, so there is no table",
        (),
        "a table is made from a top-level message",
    ),
    (
        "no field",
        one(HEAD + b"message M {}"),
        "LAYOUT_IMPOSSIBLE",
        "M has no columns",
        (),
        "a table needs at least one field",
    ),
    (
        "not UTF-8",
        one(HEAD + b"// caf\xe9\nmessage M { int32 a = 1; }"),
        "MALFORMED_REQUEST",
        "m.proto is not plain UTF-8 text",
        ("m.proto:2:7: byte 0xe9 is not UTF-8 at byte offset 25",),
        "save it as UTF-8",
    ),
    (
        "control character",
        one(HEAD + b"// \x1b[2J\nmessage M { int32 a = 1; }"),
        "MALFORMED_REQUEST",
        "m.proto is not plain UTF-8 text",
        ("m.proto:2:4: control character 0x1b at byte offset 22",),
        "without control characters",
    ),
    (
        "several files",
        {**A, **B},
        "LAYOUT_IMPOSSIBLE",
        "2 messages could be the table: A, B",
        (),
        "choose one, for example --message A",
    ),
    (
        "several options",
        one(
            OPTIONS + b'message A { option (gen_bq_schema.bigquery_opts).table_name = "a"; }'
            b' message B { option (gen_bq_schema.bigquery_opts).table_name = "b"; }'
        ),
        "LAYOUT_IMPOSSIBLE",
        "2 messages carry the option table_name: A, B",
        (),
        "choose one, for example --message A",
    ),
    (
        "nested too deep",
        one(HEAD + b"message M { option (x) = " + b"{ a " * 40 + b"}" * 40 + b"; }"),
        "SCHEMA_TOO_COMPLEX",
        "m.proto has 41 levels of nested brackets; at most 32 are accepted",
        ("m.proto:2:150: 41 levels of nested brackets",),
        "no schema in use comes near this limit",
    ),
    (
        "too long",
        one(HEAD + b"//" + b"x" * 1024 * 1024),
        "TOO_LARGE",
        "m.proto has more than 1,048,576 bytes",
        (),
        "split the file",
    ),
    (
        "protobuf's own",
        {**A, "google/protobuf/any.proto": HEAD + b"message Any { int32 a = 1; }"},
        "BUNDLE_INVALID",
        "google/protobuf/any.proto is not the file that belongs to protobuf",
        (),
        "leave it out",
    ),
    (
        "no zip",
        {"m.zip": b"PK\x03\x04 and then nothing"},
        "BUNDLE_INVALID",
        "the archive cannot be read: File is not a zip file",
        (),
        "",
    ),
    (
        "empty zip",
        {"m.zip": b""},
        "BUNDLE_INVALID",
        "the archive cannot be read: File is not a zip file",
        (),
        "",
    ),
    (
        "zip without .proto",
        zipped(readme=b"nothing here"),
        "BUNDLE_INVALID",
        "the archive has no .proto file",
        (),
        "",
    ),
    (
        "zip that leads out",
        zipped(**{"UP__m.proto": A["a.proto"]}),
        "BUNDLE_INVALID",
        "../m.proto is not a usable file name",
        (),
        "use a relative path",
    ),
    (
        "zip with an error",
        zipped(**{"acme__m.proto": HEAD + b"message M { int a = 1; }"}),
        "SCHEMA_INVALID",
        "acme/m.proto does not compile: 1 error",
        ('acme/m.proto:2:13: "int" is not defined.',),
        "define the type",
    ),
    ("garbage", {"m.binpb": b"\xff\xfe\x00"}, "SCHEMA_INVALID", DESCRIPTORS, (), "protoc --"),
    ("no descriptors", {"m.binpb": b""}, "SCHEMA_INVALID", DESCRIPTORS, (), "protoc --"),
    ("cut descriptors", broken_descriptors(), "SCHEMA_INVALID", DESCRIPTORS, (), "protoc --"),
    (
        "column name",
        one(
            OPTIONS + b"message M { N n = 1; message N { string a = 1"
            b' [(gen_bq_schema.bigquery).name = "a`; DROP TABLE x"]; } }'
        ),
        "NAME_INVALID",
        "'a`; DROP TABLE x' is not a column name",
        ("n.a: the name 'a`; DROP TABLE x'",),
        "letters, digits and _",
    ),
    (
        "column name in bytes",
        one(
            OPTIONS + b"message M { option (gen_bq_schema.bigquery_opts).use_json_names = true;"
            b' string a = 1 [json_name = "\\xff"]; }'
        ),
        "NAME_INVALID",
        "a column's name is not UTF-8",
        ("M.a: its json_name is not UTF-8",),
        "json_name",
    ),
    (
        "table name",
        one(
            OPTIONS + b'message M { option (gen_bq_schema.bigquery_opts).table_name = "a;b";'
            b" int32 a = 1; }"
        ),
        "NAME_INVALID",
        "'a;b' is not a table name",
        ("M: the name 'a;b'",),
        "letters, digits and _",
    ),
    (
        "the same column twice",
        one(HEAD + b"message M { string Id = 1; string id = 2; }"),
        "LAYOUT_IMPOSSIBLE",
        "two columns are both called id",
        ("Id: the name", "id: the name"),
        "give one of them another name",
    ),
    (
        "type override",
        one(
            OPTIONS
            + b'message M { string a = 1 [(gen_bq_schema.bigquery).type_override = "NIL"]; }'
        ),
        "LAYOUT_IMPOSSIBLE",
        TABLE,
        ("a: 'NIL' is not a column type",),
        "one of STRING, BYTES",
    ),
    (
        "extra field",
        one(
            OPTIONS + b"message M { option (gen_bq_schema.bigquery_opts).extra_fields ="
            b' "x:RECORD:Nothing"; int32 a = 1; }'
        ),
        "LAYOUT_IMPOSSIBLE",
        TABLE,
        ("x: no message 'Nothing'",),
        "messages here: M",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_it_is_refused_with_its_place(
    way: Way, case: tuple[str, Files, str, str, tuple[str, ...], str]
) -> None:
    _, files, code, message, places, hint = case
    refusal = way.register(files)
    assert (refusal.code, refusal.message, refusal.places) == (code, message, places)
    assert hint in str(refusal.hint)


@pytest.mark.parametrize("name", ["Nothing", "a.B", "", "'; DROP TABLE x", "\x1b[2J", "x" * 400])
def test_a_message_that_is_not_there(way: Way, name: str) -> None:
    if name == "" and isinstance(way, Rest):
        name = " "  # an empty part of a form is one that was not filled in
    shown = repr(name if len(name) < 100 else name[:100] + "…")
    refusal = way.register(A, message=name)
    assert refusal == Refusal("NOT_FOUND", f"no message {shown}", "messages here: A", ())


@pytest.mark.parametrize("name", ["nothing.proto", "nothing", "nothing.zip"])
def test_a_path_where_nothing_is(command: Command, name: str) -> None:
    refusal = command.run("register", name)
    assert (refusal.code, refusal.message) == ("NOT_FOUND", f"no file or folder {name}")
    assert command.run("translate", name, "--dialect", "duckdb") == refusal
    assert command.run("bq-schema", name) == refusal


@pytest.mark.parametrize(
    "names", [["../m.proto", "b.proto"], ["/etc/m.proto", "b.proto"], ["-o=x.proto", "b.proto"]]
)
def test_file_names_that_lead_elsewhere(rest: Rest, names: list[str]) -> None:
    refusal = rest.register(dict.fromkeys(names, HEAD + b"message M { int32 a = 1; }"))
    assert (refusal.code, refusal.message) == (
        "BUNDLE_INVALID",
        f"{names[0]} is not a usable file name",
    )
    assert "use a relative path" in str(refusal.hint)


def test_two_files_of_one_name(rest: Rest) -> None:
    parts = [("proto_file", item) for item in [*A.items(), *A.items()]]
    refusal = rest.post("/schemas/register", files=parts)
    assert refusal.message == "two parts have the same file name"
