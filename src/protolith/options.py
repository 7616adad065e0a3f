"""The options of `bq_table.proto` and `bq_field.proto` on messages and fields.

They are read in a private pool: a program that uses Protolith may have generated modules that
register the same extension number in protobuf's default pool, with another file content.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_EXTENSION_NUMBER = 1021
_STRING, _BOOL, _ENUM, _MESSAGE = 9, 8, 14, 11
_OPTIONAL, _REPEATED = 1, 3


@dataclass(frozen=True, slots=True)
class MessageOptions:
    """`(gen_bq_schema.bigquery_opts)` of a message; empty where it has none."""

    table_name: str = ""
    use_json_names: bool = False
    extra_fields: tuple[str, ...] = ()
    order_by_number: bool = False


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """`(gen_bq_schema.bigquery)` of a field, in the order of its numbers; empty if it has none."""

    require: bool = False
    type_override: str = ""
    ignore: bool = False
    description: str = ""
    name: str = ""
    policy_tags: str = ""
    default_value_expression: str = ""


def _option_files() -> tuple[descriptor_pb2.FileDescriptorProto, ...]:
    table = descriptor_pb2.FileDescriptorProto(
        name="bq_table.proto",
        package="gen_bq_schema",
        syntax="proto3",
        dependency=["google/protobuf/descriptor.proto"],
    )
    message = table.message_type.add(name="BigQueryMessageOptions")
    order = message.enum_type.add(name="FieldOrder")
    order.value.add(name="FIELD_ORDER_UNSPECIFIED", number=0)
    order.value.add(name="FIELD_ORDER_BY_NUMBER", number=1)
    message.field.add(name="table_name", number=1, type=_STRING, label=_OPTIONAL)
    message.field.add(name="use_json_names", number=2, type=_BOOL, label=_OPTIONAL)
    message.field.add(name="extra_fields", number=3, type=_STRING, label=_REPEATED)
    message.field.add(
        name="output_field_order",
        number=4,
        type=_ENUM,
        label=_OPTIONAL,
        type_name=".gen_bq_schema.BigQueryMessageOptions.FieldOrder",
    )
    _extend(table, "bigquery_opts", "MessageOptions", message.name)
    field = descriptor_pb2.FileDescriptorProto(
        name="bq_field.proto",
        package="gen_bq_schema",
        syntax="proto3",
        dependency=["google/protobuf/descriptor.proto"],
    )
    message = field.message_type.add(name="BigQueryFieldOptions")
    for number, name in enumerate(FieldOptions.__slots__, start=1):
        kind = _BOOL if name in ("require", "ignore") else _STRING
        message.field.add(name=name, number=number, type=kind, label=_OPTIONAL)
    _extend(field, "bigquery", "FieldOptions", message.name)
    return table, field


def _extend(
    file: descriptor_pb2.FileDescriptorProto, name: str, extendee: str, type_name: str
) -> None:
    file.extension.add(
        name=name,
        number=_EXTENSION_NUMBER,
        type=_MESSAGE,
        label=_OPTIONAL,
        extendee=f".google.protobuf.{extendee}",
        type_name=f".gen_bq_schema.{type_name}",
    )


@cache
def options_pool() -> descriptor_pool.DescriptorPool:
    """A pool with `descriptor.proto` and the two option files, and nothing else."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    for file in _option_files():
        pool.AddSerializedFile(file.SerializeToString())
    return pool


@cache
def _reader(options: str, extension: str) -> tuple[type[Message], Any]:
    pool = options_pool()
    cls = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"google.protobuf.{options}"))
    return cls, pool.FindExtensionByName(f"gen_bq_schema.{extension}")


def message_options(message: Descriptor) -> MessageOptions:
    """The table options that a message carries."""
    found = _read(message, "MessageOptions", "bigquery_opts")
    if found is None:
        return MessageOptions()
    return MessageOptions(
        table_name=found.table_name,
        use_json_names=found.use_json_names,
        extra_fields=tuple(found.extra_fields),
        order_by_number=found.output_field_order == 1,
    )


def field_options(field: FieldDescriptor) -> FieldOptions:
    """The column options that a field carries."""
    found = _read(field, "FieldOptions", "bigquery")
    if found is None:
        return FieldOptions()
    return FieldOptions(**{name: getattr(found, name) for name in FieldOptions.__slots__})


def _read(element: Descriptor | FieldDescriptor, options: str, extension: str) -> Any:
    if not element.has_options:
        return None
    cls, key = _reader(options, extension)
    parsed: Any = cls.FromString(element.GetOptions().SerializeToString())
    return parsed.Extensions[key] if parsed.HasExtension(key) else None
