"""Plugin requests and descriptor sets as their bytes say, read in a private pool.

Go keeps what protobuf's Python runtime would hide: a label or type that no enum value has, and text
that is not UTF-8 (allowed in proto2). So here `descriptor.proto` and `plugin.proto` have a number
for each enum and bytes for each string. Nothing touches the default pool.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.compiler import plugin_pb2
from google.protobuf.message import DecodeError, Message

from protolith.errors import MalformedError
from protolith.options import FieldOptions, MessageOptions, options_pool

_UNINTERPRETED = b"\xba\x3e"  # the tag of field 999
_FIELD_OPTIONS = tuple(FieldOptions.__slots__)


@dataclass(frozen=True, slots=True)
class _Wire:
    request: type[Message]
    files: type[Message]
    message_extension: Any
    field_extension: Any


@cache
def _wire() -> _Wire:
    pool = descriptor_pool.DescriptorPool()
    for module in (descriptor_pb2, plugin_pb2):
        file = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        for message in file.message_type:
            _loosen(message)
        pool.AddSerializedFile(file.SerializeToString())
    for name in ("bq_table.proto", "bq_field.proto"):
        pool.AddSerializedFile(options_pool().FindFileByName(name).serialized_pb)

    def message_class(name: str) -> type[Message]:
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))

    return _Wire(
        message_class("google.protobuf.compiler.CodeGeneratorRequest"),
        message_class("google.protobuf.FileDescriptorSet"),
        pool.FindExtensionByName("gen_bq_schema.bigquery_opts"),
        pool.FindExtensionByName("gen_bq_schema.bigquery"),
    )


def _loosen(message: descriptor_pb2.DescriptorProto) -> None:
    kinds = descriptor_pb2.FieldDescriptorProto
    for field in message.field:
        if field.type == kinds.TYPE_STRING:
            field.type = kinds.TYPE_BYTES
        elif field.type == kinds.TYPE_ENUM:
            field.type = kinds.TYPE_INT32
            field.ClearField("type_name")
            field.ClearField("default_value")
            if field.name in ("label", "type"):
                field.default_value = "1"  # LABEL_OPTIONAL, TYPE_DOUBLE: the enums' first values
    for nested in message.nested_type:
        _loosen(nested)


def read_request(data: bytes) -> Any:
    """A serialized `CodeGeneratorRequest`; `MalformedError` has the plugin's words."""
    return _read(_wire().request, data)


def read_files(data: bytes) -> Any:
    """The files of a serialized `FileDescriptorSet`."""
    return _read(_wire().files, data).file


def _read(cls: type[Message], data: bytes) -> Any:
    try:
        found = cls.FromString(data)
    except DecodeError as error:
        if "UTF-8" in str(error):  # only the option files are proto3
            raise MalformedError("string field contains invalid UTF-8") from None
        raise MalformedError("proto: cannot parse invalid wire-format data") from None
    # Only an uninterpreted option has required fields, and the whole check costs what reading does.
    if _UNINTERPRETED in data and not found.IsInitialized():
        raise MalformedError("proto: required field not set")
    return found


def message_options(message: Any) -> MessageOptions | None:
    """`(gen_bq_schema.bigquery_opts)` of a `DescriptorProto`, if it is there."""
    key = _wire().message_extension
    if not message.HasField("options") or not message.options.HasExtension(key):
        return None
    found = message.options.Extensions[key]
    return MessageOptions(
        table_name=found.table_name,
        use_json_names=found.use_json_names,
        extra_fields=tuple(found.extra_fields),
        order_by_number=found.output_field_order == 1,
    )


def field_options(field: Any) -> FieldOptions | None:
    """`(gen_bq_schema.bigquery)` of a `FieldDescriptorProto`, if it is there."""
    key = _wire().field_extension
    if not field.HasField("options") or not field.options.HasExtension(key):
        return None
    found = field.options.Extensions[key]
    return FieldOptions(**{name: getattr(found, name) for name in _FIELD_OPTIONS})


def text(raw: bytes) -> str:
    """Bytes that should be UTF-8, with one lone surrogate for each byte that is not."""
    return raw.decode("utf-8", "surrogateescape")
