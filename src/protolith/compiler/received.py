"""Descriptors that a client compiled: checked here, then by protoc itself."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from protolith.compiler.compilation import Job, checked, merge, roots_among, run_compiler
from protolith.compiler.diagnostics import Submission
from protolith.compiler.limits import DEFAULT_LIMITS, Limits
from protolith.compiler.sources import check_name, check_together, shown
from protolith.compiler.toolchain import Toolchain, toolchain
from protolith.compiler.wellknown import (
    WELL_KNOWN,
    agrees,
    claims_to_be_protobufs,
    not_protobufs,
)
from protolith.descriptors import DescriptorSet, parse_files
from protolith.errors import (
    BundleError,
    CompileError,
    Detail,
    SchemaTooComplexError,
    TooLargeError,
)

_BASE64_START = b"C"  # what base64 makes of 0x0a, with which a descriptor begins
_TAG = "\n"
_WANTED = "a serialized google.protobuf.FileDescriptorSet or FileDescriptorProto"


def read_descriptors(
    data: bytes | str,
    *,
    roots: Sequence[str] | None = None,
    dependencies: Sequence[DescriptorSet] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> DescriptorSet:
    """Read a serialized `FileDescriptorSet` or `FileDescriptorProto`, as bytes or in base64.

    Nothing in it is believed: names, depth and counts are checked, protobuf's own files are
    replaced by the known ones, and protoc compiles the rest again. Imports may be in the data, in
    `dependencies`, or known; the roots default to the files that no other file imports.

    Raises `CompileError` for bytes that are no descriptors and for what protoc refuses, else as
    `compile_protos` does.
    """
    files = _parse(_decode(data, limits))
    _check_files(files, limits)
    kit = toolchain()
    received = {file.name: file for file in files if not _is_protobufs(file, kit)}
    targets = tuple(roots or received or (file.name for file in files))
    for root in targets:
        if root not in {file.name for file in files}:
            raise BundleError(f"the file {shown(root)} was asked for, but not sent")
    descriptors = (*received.values(), *merge(dependencies, leaving_out=received))
    names = [file.name for file in descriptors]
    submission = Submission({name: name for name in targets}, {*names, *kit.known})
    result = run_compiler(Job({}, targets, descriptors), submission, limits)
    wanted = targets if roots else roots_among(targets, result)
    return checked(DescriptorSet.from_bytes(result, roots=wanted), submission)


def _decode(data: bytes | str, limits: Limits) -> bytes:
    raw = data.strip().encode(errors="replace") if isinstance(data, str) else data
    if isinstance(data, str) or raw.startswith(_BASE64_START):
        try:
            raw = base64.b64decode(raw, validate=True)
        except binascii.Error as error:
            raise CompileError(
                f"this is not base64: {error}", hint=f"send {_WANTED} in standard base64"
            ) from None
    if len(raw) > limits.output_bytes:
        raise TooLargeError(f"the descriptors have more than {limits.output_bytes:,} bytes")
    return raw


def _parse(raw: bytes) -> list[descriptor_pb2.FileDescriptorProto]:
    # Both messages begin with the same tag, so a set is also a file, whose name starts with it.
    files = descriptor_pb2.FileDescriptorSet()
    if _parses(files, raw) and files.file and all(file.name for file in files.file):
        return list(files.file)
    file = descriptor_pb2.FileDescriptorProto()
    if _parses(file, raw) and _text(file.name)[:1] not in ("", _TAG):
        return [file]
    raise CompileError(
        f"these bytes are not {_WANTED}",
        hint="protoc --include_imports --include_source_info --descriptor_set_out=FILE",
    )


def _parses(message: Message, raw: bytes) -> bool:
    try:
        message.ParseFromString(raw)
    except DecodeError:
        return False
    return len(UnknownFieldSet(message)) == 0  # such as bytes after the end


def _check_files(files: Sequence[descriptor_pb2.FileDescriptorProto], limits: Limits) -> None:
    if len(files) > limits.files:
        raise TooLargeError(f"the descriptors have more than {limits.files:,} files")
    for file in files:
        check_name(_text(file.name))
        _check_complexity(file, limits)
    check_together([file.name for file in files])


def _check_complexity(file: descriptor_pb2.FileDescriptorProto, limits: Limits) -> None:
    levels = list(_levels(file))
    messages = [message for level in levels for message in level]
    ranges = sum(len(m.reserved_range) + len(m.extension_range) for m in messages)
    names = [file.package, *(name for message in messages for name in _names(message))]
    longest = max(len(part) for name in names for part in _text(name).split("."))
    for what, found, limit in (
        ("imports", len(file.dependency), limits.imports),
        ("levels of nested messages", len(levels), limits.nesting),
        ("reserved and extension ranges", ranges, limits.ranges),
        ("bytes in one identifier", longest, limits.identifier_bytes),
        ("parts in one dotted name", _text(file.package).count(".") + 1, limits.dotted_parts),
    ):
        if found > limit:
            raise SchemaTooComplexError(
                f"{file.name} has {found:,} {what}; at most {limit:,} are accepted",
                details=[Detail(f"{found:,} {what}", file=file.name)],
            )


def _levels(
    file: descriptor_pb2.FileDescriptorProto,
) -> Iterator[list[descriptor_pb2.DescriptorProto]]:
    level = list(file.message_type)
    while level:
        yield level
        level = [nested for message in level for nested in message.nested_type]


def _names(message: descriptor_pb2.DescriptorProto) -> Iterator[str]:
    yield message.name
    yield from (field.name for field in message.field)
    yield from (enum.name for enum in message.enum_type)


def _text(name: str | bytes) -> str:
    # The runtime gives bytes for what is not UTF-8; protoc refuses those as identifiers.
    return name if isinstance(name, str) else name.decode(errors="replace")


def _is_protobufs(file: descriptor_pb2.FileDescriptorProto, kit: Toolchain) -> bool:
    """Whether a file is one of protobuf's own; raises `BundleError` for one that only says so."""
    if not claims_to_be_protobufs(file.name):
        return False
    own = _protobufs(kit.protoc).get(file.name)
    if own is None or not agrees(file, own):
        raise not_protobufs(shown(file.name))
    return True


@cache
def _protobufs(protoc: Path) -> Mapping[str, descriptor_pb2.FileDescriptorProto]:
    names = tuple(name for name in toolchain().known if name.startswith(WELL_KNOWN))
    submission = Submission({str(protoc): str(protoc)}, names)
    data = run_compiler(Job({}, names), submission, DEFAULT_LIMITS)
    return {file.name: file for file in parse_files(data)}
