"""Protobuf's own files and types: nobody else's can stand in for them.

protoc accepts a shadowed `timestamp.proto`, and the table would be wrong without any error.
"""

from collections.abc import Iterator

from google.protobuf import descriptor_pb2

from protolith.descriptors import DescriptorSet
from protolith.errors import BundleError

WELL_KNOWN = "google/protobuf/"
"""The folder of protobuf's own files."""

# Whoever reads a table from descriptors knows these by name, wherever they are declared.
_WRAPPED = ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
_TYPES = {
    "Any",
    "Duration",
    "Empty",
    "FieldMask",
    "ListValue",
    "Struct",
    "Timestamp",
    "Value",
    *(f"{scalar}Value" for scalar in _WRAPPED),
}


def claims_to_be_protobufs(name: str) -> bool:
    """Whether a file of this name would be taken for one of protobuf's own, on any system."""
    return name.casefold().startswith(WELL_KNOWN)


def not_protobufs(name: str) -> BundleError:
    """The error for a file that only claims to be one of protobuf's own."""
    return BundleError(
        f"{name} is not the file that belongs to protobuf",
        hint=f"leave it out: {WELL_KNOWN} is known here",
    )


def check_well_known(result: DescriptorSet) -> DescriptorSet:
    """Return a descriptor set, unless some file in it declares a well-known type of its own."""
    for file in result.files:
        if file.package == "google.protobuf" and not file.name.startswith(WELL_KNOWN):
            declared = {message.name for message in file.message_type}
            for name in sorted(declared & _TYPES):
                raise BundleError(
                    f"{file.name} declares google.protobuf.{name}, which belongs to protobuf",
                    hint=f"import it from {WELL_KNOWN}",
                )
    return result


def agrees(
    theirs: descriptor_pb2.FileDescriptorProto, ours: descriptor_pb2.FileDescriptorProto
) -> bool:
    """Whether a file says of each type what ours says, apart from versions of protobuf.

    Older versions have less, newer ones more fields in `descriptor.proto` and the like; the types
    that become columns never change.
    """
    known = dict(_elements(ours))
    return theirs.package == ours.package and all(
        known[key] == value if key in known else key[0] not in _TYPES
        for key, value in _elements(theirs)
    )


def _elements(
    file: descriptor_pb2.FileDescriptorProto,
) -> Iterator[tuple[tuple[str, ...], tuple[object, ...]]]:
    for message in file.message_type:
        yield from _fields(message, (message.name,))
    for enum in file.enum_type:
        yield from (((enum.name, value.name), (value.number,)) for value in enum.value)


def _fields(
    message: descriptor_pb2.DescriptorProto, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[object, ...]]]:
    for field in message.field:
        yield (*path, str(field.number)), (field.name, field.type, field.label, field.type_name)
    for nested in message.nested_type:
        yield from _fields(nested, (*path, nested.name))
