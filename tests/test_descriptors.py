import pytest
from google.protobuf import descriptor_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from protolith import CompileError, DescriptorSet, LayoutError, NotFoundError, compile_protos

TWO = 'syntax = "proto3"; package p; message A { string x = 1; } message B { A a = 1; }'


def test_a_generated_message_brings_its_imports() -> None:
    descriptors = DescriptorSet.of(trace_pb2.ResourceSpans.DESCRIPTOR)
    assert descriptors.roots == ("opentelemetry/proto/trace/v1/trace.proto",)
    assert descriptors.message("ResourceSpans").full_name.endswith("trace.v1.ResourceSpans")
    assert next(descriptors.messages()).name == "TracesData"
    again = DescriptorSet.from_bytes(descriptors.data)
    assert again.roots == descriptors.roots


def test_a_file_may_have_any_name() -> None:
    given = descriptor_pb2.FileDescriptorSet()
    given.file.add(name="dir/ünï 🙂.proto").message_type.add(name="M")
    descriptors = DescriptorSet.from_bytes(given.SerializeToString())
    assert [message.file.name for message in descriptors.messages()] == ["dir/ünï 🙂.proto"]
    for name in ("ünï", "\ud800", ""):
        with pytest.raises(NotFoundError, match="no file"):
            descriptors.file(name)


def test_two_versions_of_one_file_live_side_by_side() -> None:
    one = compile_protos('syntax = "proto3"; message M { string a = 1; }')
    two = compile_protos('syntax = "proto3"; message M { int32 b = 1; }')
    assert [f.name for f in one.message("M").fields] == ["a"]
    assert [f.name for f in two.message("M").fields] == ["b"]


def test_the_fingerprint_ignores_comments_and_nothing_else() -> None:
    plain = compile_protos('syntax = "proto3"; message M { string a = 1; }')
    noted = compile_protos('// why\nsyntax = "proto3";\nmessage M { string a = 1; /* so */ }')
    other = compile_protos('syntax = "proto3"; message M { string a = 2; }')
    assert plain.fingerprint == noted.fingerprint != other.fingerprint


def test_comments_are_found_by_full_name() -> None:
    text = (
        'syntax = "proto3"; package p;\n// A message.\nmessage M {\n'
        "  // Before.\n  string a = 1; // After.\n"
        "  message N {\n    string b = 1; // Deep.\n  }\n}"
    )
    comments = compile_protos(text).comments
    assert comments == {"p.M": "A message.", "p.M.a": "Before.\n\nAfter.", "p.M.N.b": "Deep."}


def test_the_table_is_the_message_asked_for() -> None:
    descriptors = compile_protos(TWO)
    assert descriptors.table_message("B").name == "B"
    assert descriptors.table_message("p.B").name == "B"
    with pytest.raises(NotFoundError, match="no message 'C'") as caught:
        descriptors.table_message("C")
    assert "p.A, p.B" in str(caught.value.hint)


def test_the_table_is_else_the_first_message() -> None:
    assert compile_protos(TWO).table_message().name == "A"


def test_the_table_is_else_the_message_with_a_table_name() -> None:
    text = TWO.replace("package p;", 'package p; import "bq_table.proto";').replace(
        "message B {", 'message B { option (gen_bq_schema.bigquery_opts).table_name = "t";'
    )
    assert compile_protos(text).table_message().name == "B"
    both = text.replace(
        "message A {", 'message A { option (gen_bq_schema.bigquery_opts).table_name = "u";'
    )
    with pytest.raises(LayoutError, match=r"2 messages carry the option table_name: p\.A, p\.B"):
        compile_protos(both).table_message()


def test_several_files_with_messages_need_a_choice() -> None:
    files = {"a.proto": TWO, "b.proto": 'syntax = "proto3"; message C { string x = 1; }'}
    with pytest.raises(LayoutError, match=r"2 messages could be the table: p\.A, C") as caught:
        compile_protos(files).table_message()
    assert "--message" in str(caught.value.hint)


def test_no_message_is_no_table() -> None:
    with pytest.raises(LayoutError, match="no message, so there is no table"):
        compile_protos('syntax = "proto3"; enum E { ZERO = 0; }').table_message()


def test_bytes_that_are_no_descriptor_set() -> None:
    with pytest.raises(CompileError, match="not a serialized google.protobuf.FileDescriptorSet"):
        DescriptorSet.from_bytes(b"\xff\xff")


def test_what_the_runtime_cannot_build_is_refused_at_once() -> None:
    fields = "".join(f"string f{n} = {n};" for n in range(1, 4200))
    with pytest.raises(CompileError, match="cannot be used by the protobuf runtime"):
        compile_protos(f'syntax = "proto3"; message M {{ {fields} }}')
