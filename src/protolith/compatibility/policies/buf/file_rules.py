"""Rules about files of one path: their package, syntax and options."""

from typing import Any

from google.protobuf.descriptor_pb2 import FileOptions

from protolith.compatibility.policies.buf.index import FilePart
from protolith.compatibility.policies.buf.pairs import Breaks, breaks, rule

_FIELDS = FileOptions.DESCRIPTOR.fields_by_name
_MODES = FileOptions.OptimizeMode


@rule("FPJWC", "files")
def file_same_package(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps its package."""
    values = (old.proto.package, new.proto.package)
    yield from _same("package", values, old, new, (2,))


@rule("FPC", "files")
def file_same_syntax(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps its syntax: proto2, proto3 or editions, whichever edition."""
    values = (old.proto.syntax or "proto2", new.proto.syntax or "proto2")
    yield from _same("syntax", values, old, new, (12,))


@rule("FP", "files")
def file_same_cc_enable_arenas(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option cc_enable_arenas."""
    yield from _same_option("cc_enable_arenas", old, new)


@rule("FP", "files")
def file_same_cc_generic_services(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option cc_generic_services."""
    yield from _same_option("cc_generic_services", old, new)


@rule("FP", "files")
def file_same_csharp_namespace(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option csharp_namespace."""
    yield from _same_option("csharp_namespace", old, new)


@rule("FP", "files")
def file_same_go_package(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option go_package."""
    yield from _same_option("go_package", old, new)


@rule("FP", "files")
def file_same_java_generic_services(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option java_generic_services."""
    yield from _same_option("java_generic_services", old, new)


@rule("FP", "files")
def file_same_java_multiple_files(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option java_multiple_files."""
    yield from _same_option("java_multiple_files", old, new)


@rule("FP", "files")
def file_same_java_outer_classname(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option java_outer_classname."""
    yield from _same_option("java_outer_classname", old, new)


@rule("FP", "files")
def file_same_java_package(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option java_package."""
    yield from _same_option("java_package", old, new)


@rule("FP", "files")
def file_same_objc_class_prefix(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option objc_class_prefix."""
    yield from _same_option("objc_class_prefix", old, new)


@rule("FP", "files")
def file_same_optimize_for(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option optimize_for."""
    yield from _same_option("optimize_for", old, new)


@rule("FP", "files")
def file_same_php_class_prefix(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option php_class_prefix."""
    yield from _same_option("php_class_prefix", old, new)


@rule("FP", "files")
def file_same_php_metadata_namespace(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option php_metadata_namespace."""
    yield from _same_option("php_metadata_namespace", old, new)


@rule("FP", "files")
def file_same_php_namespace(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option php_namespace."""
    yield from _same_option("php_namespace", old, new)


@rule("FP", "files")
def file_same_py_generic_services(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option py_generic_services."""
    yield from _same_option("py_generic_services", old, new)


@rule("FP", "files")
def file_same_ruby_package(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option ruby_package."""
    yield from _same_option("ruby_package", old, new)


@rule("FP", "files")
def file_same_swift_prefix(old: FilePart, new: FilePart) -> Breaks:
    """A file keeps the option swift_prefix."""
    yield from _same_option("swift_prefix", old, new)


def _same_option(name: str, old: FilePart, new: FilePart) -> Breaks:
    """An option that is written out with its default is the same as one that is not written."""
    was, now = getattr(old.proto.options, name), getattr(new.proto.options, name)
    if was != now:
        values = (_shown(name, was), _shown(name, now))
        yield from _same(f"option {name}", values, old, new, (8, _FIELDS[name].number))


def _shown(name: str, value: Any) -> str:
    if name == "optimize_for":
        return str(_MODES.Name(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same(
    what: str, values: tuple[str, str], old: FilePart, new: FilePart, at: tuple[int, ...]
) -> Breaks:
    if values[0] != values[1]:
        why = f"the {what} of the file changed from {values[0]!r} to {values[1]!r}"
        yield breaks(old, new, values, why, at)
