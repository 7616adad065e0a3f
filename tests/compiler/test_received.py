import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from google.protobuf import descriptor_pb2, duration_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from hypothesis import given, settings
from hypothesis import strategies as st

from protolith.compiler import DEFAULT_LIMITS, compile_protos, read_descriptors
from protolith.errors import (
    BundleError,
    CompileError,
    CompilerRejectedError,
    SchemaTooComplexError,
    SchemaValidationError,
    TooLargeError,
)

HEAD = 'syntax = "proto3";'
COMMON = compile_protos({"common.proto": f"{HEAD} package c;\n// A thing.\nmessage Thing {{}}"})
ORDERS = compile_protos(
    {
        "orders.proto": f'{HEAD} import "common.proto"; import "google/protobuf/timestamp.proto";'
        "\n// An order.\nmessage Order { c.Thing thing = 1; google.protobuf.Timestamp at = 2; }"
    },
    dependencies=[COMMON],
)
ORDERS_FILE = ORDERS.files[-1]


def file(name: str = "m.proto") -> FileDescriptorProto:
    found = FileDescriptorProto(name=name, syntax="proto3")
    found.message_type.add(name="M").field.add(name="a", number=1, type=9, label=1)
    return found


def timestamp(name: str = "google/protobuf/timestamp.proto") -> FileDescriptorProto:
    found = FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(found)
    found.name = name
    return found


def dump(*files: FileDescriptorProto) -> bytes:
    return FileDescriptorSet(file=files).SerializeToString()


def test_a_set_comes_back_as_it_was_compiled() -> None:
    received = read_descriptors(ORDERS.data)
    assert received.data == ORDERS.data
    assert received.roots == ("orders.proto",)
    assert received.comments["Order"] == "An order."


@pytest.mark.parametrize(
    "encode",
    [
        bytes,
        base64.b64encode,
        lambda data: base64.b64encode(data).decode(),
        lambda data: f"  {base64.b64encode(data).decode()}\n",
    ],
)
def test_a_single_file_is_read_with_its_dependencies(
    encode: Callable[[bytes], bytes | str],
) -> None:
    data = encode(ORDERS_FILE.SerializeToString())
    received = read_descriptors(data, dependencies=[COMMON])
    assert received.data == ORDERS.data
    assert received.roots == ("orders.proto",)
    with pytest.raises(CompileError, match=r'Import "common\.proto" was not found') as caught:
        read_descriptors(data)
    assert caught.value.hint is not None
    assert "send the file common.proto too" in caught.value.hint


def test_the_files_of_generated_code_are_completed() -> None:
    # They have no json names and no source info, and bring protobuf's own files along.
    duration = FileDescriptorProto.FromString(duration_pb2.DESCRIPTOR.serialized_pb)
    own = file()
    own.dependency.append(duration.name)
    own.message_type[0].field.add(
        name="how_long", number=2, type=11, label=1, type_name=".google.protobuf.Duration"
    )
    received = read_descriptors(dump(duration, own))
    assert received.roots == ("m.proto",)
    assert received.message("M").fields_by_name["how_long"].json_name == "howLong"
    assert "google.protobuf.Duration" in received.comments


def test_roots_can_be_chosen() -> None:
    assert read_descriptors(ORDERS.data, roots=["common.proto"]).roots == ("common.proto",)
    assert read_descriptors(dump(file("a.proto"), FileDescriptorProto(name="b.proto"))).roots == (
        "a.proto",
        "b.proto",
    )
    with pytest.raises(BundleError, match=r"x\.proto was asked for, but not sent"):
        read_descriptors(ORDERS.data, roots=["x.proto"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"nonsense",
        ORDERS.data[:-1],
        ORDERS.data + b"\0",
        ORDERS.data + b"\x38\x01",
        ORDERS_FILE.SerializeToString() + b"\xff\x01",
        ORDERS_FILE.SerializeToString() + b"\xf8\x7f\x01",
        base64.b64encode(b"\nnonsense"),
    ],
)
def test_what_are_no_descriptors_is_refused(data: bytes) -> None:
    with pytest.raises(CompileError, match="these bytes are not a serialized"):
        read_descriptors(data, dependencies=[COMMON])


@pytest.mark.parametrize("text", ["", "Cg==x", "C!", "no base64", "Cgü"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(CompileError):
        read_descriptors(text)


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/passwd", "-x.proto", "@x", "a\nb", "a\0b", "a b", "ü"]
)
def test_file_names_are_checked(name: str) -> None:
    for data in (
        dump(file(name)),
        file(name).SerializeToString(),
        dump(file(name), file("b.proto")),
    ):
        with pytest.raises(BundleError, match="not a usable file name"):
            read_descriptors(data)


def test_a_name_that_is_not_utf8_is_refused() -> None:
    data = file("xxxx").SerializeToString().replace(b"xxxx", b"x\xff\xfex")
    with pytest.raises(BundleError, match="not a usable file name"):
        read_descriptors(data)
    data = file().SerializeToString().replace(b"\n\x01M", b"\n\x01\xff")
    with pytest.raises(CompileError, match=r"m\.proto does not compile: 1 error"):
        read_descriptors(data)


def test_names_that_are_one_place_on_some_system_are_refused() -> None:
    with pytest.raises(BundleError, match="same name"):
        read_descriptors(dump(file("a.proto"), file("A.proto")))


def changed(change: Callable[[FileDescriptorProto], object]) -> FileDescriptorProto:
    found = file()
    change(found)
    return found


def nested(depth: int) -> FileDescriptorProto:
    found = file()
    message = found.message_type[0]
    for n in range(depth - 1):
        message = message.nested_type.add(name=f"N{n}")
    return found


REFUSED_BY_PROTOC = {
    "a reserved number": lambda f: setattr(f.message_type[0].field[0], "number", 19_000),
    "number zero": lambda f: setattr(f.message_type[0].field[0], "number", 0),
    "a bad identifier": lambda f: setattr(f.message_type[0], "name", "1 M"),
    "a NUL in a name": lambda f: setattr(f.message_type[0], "name", "M\0"),
    "the same name twice": lambda f: f.message_type.add(name="M"),
    "a missing type": lambda f: f.message_type[0].field.add(
        name="b", number=2, type=11, label=1, type_name=".Nothing"
    ),
    "a missing import": lambda f: f.dependency.append("nothing.proto"),
    "an import of itself": lambda f: f.dependency.append("m.proto"),
}


@pytest.mark.parametrize("change", REFUSED_BY_PROTOC.values(), ids=REFUSED_BY_PROTOC.keys())
def test_protoc_gives_the_verdict(change: Callable[[FileDescriptorProto], object]) -> None:
    with pytest.raises(CompileError) as caught:
        read_descriptors(dump(changed(change)))
    assert caught.value.message.startswith("m.proto does not compile: ")
    assert len(caught.value.details[0].text) > 10


def test_nesting_is_limited() -> None:
    assert read_descriptors(dump(nested(31))).roots == ("m.proto",)
    with pytest.raises(CompileError, match="recursion limit"):
        read_descriptors(dump(nested(60)), limits=replace(DEFAULT_LIMITS, nesting=100))
    with pytest.raises(SchemaTooComplexError, match=r"m\.proto has 33 levels .* at most 32 are"):
        read_descriptors(dump(nested(33)))


TOO_MUCH = {
    "501 imports": lambda f: f.dependency.extend(f"{n}.proto" for n in range(501)),
    "2,001 reserved": lambda f: [
        f.message_type[0].reserved_range.add(start=2 * n + 2, end=2 * n + 3) for n in range(2_001)
    ],
    "301 bytes in one": lambda f: setattr(f.message_type[0].field[0], "name", "a" * 301),
    "33 parts": lambda f: setattr(f, "package", ".".join("p" * 33)),
}


@pytest.mark.parametrize(("found", "change"), TOO_MUCH.items(), ids=TOO_MUCH.keys())
def test_counts_are_limited(found: str, change: Callable[[FileDescriptorProto], object]) -> None:
    with pytest.raises(SchemaTooComplexError, match=rf"m\.proto has {found}"):
        read_descriptors(dump(changed(change)))


def test_sizes_are_limited() -> None:
    with pytest.raises(TooLargeError, match="more than 1,000 files"):
        read_descriptors(dump(*(file(f"{n}.proto") for n in range(1_001))))
    with pytest.raises(TooLargeError, match="more than 100 bytes"):
        read_descriptors(ORDERS.data, limits=replace(DEFAULT_LIMITS, output_bytes=100))


@pytest.mark.parametrize("depth", [98, 101, 10_000])
def test_a_bomb_in_an_option_is_contained(depth: int) -> None:
    heads = [b""]
    for _ in range(depth):
        heads.append(b"\x0a" + varint(sum(map(len, heads))))
    option = b"".join(reversed(heads))
    found = file()
    found.dependency.append("google/protobuf/descriptor.proto")
    found.message_type.add(name="R").field.add(name="r", number=1, type=11, label=1, type_name=".R")
    deep = found.extension.add(name="deep", number=50_000, type=11, label=1, type_name=".R")
    deep.extendee = ".google.protobuf.FileOptions"
    found.options.MergeFromString(varint(50_000 << 3 | 2) + varint(len(option)) + option)
    if depth < 100:
        assert read_descriptors(dump(found)).roots == ("m.proto",)
    else:
        with pytest.raises(CompilerRejectedError) as caught:
            read_descriptors(dump(found))
        assert caught.value.reason == "signal SIGABRT"


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def test_protobufs_own_files_are_replaced_by_ours() -> None:
    own = file()
    own.dependency.append("google/protobuf/timestamp.proto")
    older = timestamp()
    del older.message_type[0].field[1]
    for version in (timestamp(), older):
        received = read_descriptors(dump(version, own))
        assert received.roots == ("m.proto",)
        fields = received.message("google.protobuf.Timestamp").fields_by_name
        assert list(fields) == ["seconds", "nanos"]
    assert read_descriptors(dump(timestamp())).roots == ("google/protobuf/timestamp.proto",)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: setattr(f.message_type[0].field[0], "type", 9),
        lambda f: setattr(f.message_type[0].field[0], "name", "secs"),
        lambda f: setattr(f.message_type[0].field[1], "number", 3),
        lambda f: f.message_type[0].field.add(name="zone", number=3, type=9, label=1),
        lambda f: setattr(f, "package", "other"),
        lambda f: setattr(f, "name", "google/protobuf/new.proto"),
        lambda f: setattr(f, "name", "Google/protobuf/timestamp.proto"),
    ],
)
def test_nobody_stands_in_for_protobufs_files(
    change: Callable[[FileDescriptorProto], object],
) -> None:
    fake = timestamp()
    change(fake)
    with pytest.raises(BundleError, match="not the file that belongs to protobuf"):
        read_descriptors(dump(fake, file()))


def test_a_newer_descriptor_proto_is_no_reason_to_refuse() -> None:
    newer = FileDescriptorProto()
    descriptor_pb2.DESCRIPTOR.CopyToProto(newer)
    next(m for m in newer.message_type if m.name == "FieldOptions").field.add(
        name="brand_new", number=990, type=8, label=1
    )
    assert read_descriptors(dump(newer, file())).roots == ("m.proto",)


def test_nobody_declares_a_well_known_type() -> None:
    with pytest.raises(BundleError, match=r"declares google\.protobuf\.Timestamp"):
        read_descriptors(dump(timestamp("vendored/timestamp.proto")))


def test_what_only_upb_would_accept_is_kept() -> None:
    quoted = changed(lambda f: setattr(f.message_type[0].field[0], "json_name", "a\"'b"))
    assert read_descriptors(dump(quoted)).message("M").fields_by_name["a"].json_name == "a\"'b"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_descriptors_are_refused_and_never_crash(data: st.DataObject) -> None:
    raw = bytearray(ORDERS.data)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(CompileError, CompilerRejectedError, SchemaValidationError):
        assert read_descriptors(bytes(raw)).roots
