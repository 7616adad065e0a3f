"""Random schemas, random messages of them, and random damage to their bytes."""

import random
from collections.abc import Sequence
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from protolith.descriptors import DescriptorSet

F = descriptor_pb2.FieldDescriptorProto
KNOWN = (
    *("Timestamp", "Duration", "StringValue", "Int64Value", "DoubleValue", "BoolValue"),
    *("BytesValue", "UInt64Value", "Struct", "Any"),
)
FILES = (timestamp_pb2, duration_pb2, wrappers_pb2, struct_pb2, any_pb2)
SCALARS = [
    *(F.TYPE_DOUBLE, F.TYPE_FLOAT, F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_INT32, F.TYPE_FIXED64),
    *(F.TYPE_FIXED32, F.TYPE_BOOL, F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_UINT32, F.TYPE_SFIXED32),
    *(F.TYPE_SFIXED64, F.TYPE_SINT32, F.TYPE_SINT64),
]
KEYS = [F.TYPE_STRING, F.TYPE_INT32, F.TYPE_UINT64, F.TYPE_BOOL, F.TYPE_SINT64, F.TYPE_FIXED32]
VALUES: dict[str, Sequence[Any]] = {
    "int32": (0, 1, -1, 2**31 - 1, -(2**31), 300),
    "uint32": (0, 1, 2**32 - 1, 128),
    "int64": (0, 1, -1, 2**63 - 1, -(2**63), 2**40),
    "uint64": (0, 1, 2**64 - 1, 2**63, 300),
    "float": (0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), 3.4e38),
    "double": (0.0, -0.0, 0.1, float("inf"), float("nan"), 1e308, 5e-324),
    "bool": (False, True),
    "string": ("", "a", "ü€😀", "nul\0", "x" * 40),
    "bytes": (b"", b"\0\xff", b"abc" * 9),
}
SIGNS = {"sint32": "int32", "sfixed32": "int32", "fixed32": "uint32", "sint64": "int64"}
SIGNS |= {"sfixed64": "int64", "fixed64": "uint64"}
NAMES = {
    value: SIGNS.get(name := key.removeprefix("TYPE_").lower(), name)
    for key, value in vars(FieldDescriptor).items()
    if key.startswith("TYPE_")
}


def make_schema(chance: random.Random) -> DescriptorSet:
    """Three messages that hold each other, with every kind of field."""
    syntax = chance.choice(["proto2", "proto3", "proto3"])
    file = descriptor_pb2.FileDescriptorProto(name="r.proto", package="r", syntax=syntax)
    file.dependency.extend(module.DESCRIPTOR.name for module in FILES)
    enum = file.enum_type.add(name="E")
    numbers = [0, 1, 2, 7, *([-5] if syntax == "proto2" or chance.random() < 0.5 else [])]
    for number in numbers:
        enum.value.add(name=f"E_{number}".replace("-", "MINUS_"), number=number)
    for index in range(3):
        message = file.message_type.add(name=f"M{index}")
        used: set[int] = set()
        if chance.random() < 0.5:  # before those of proto3's optional fields
            message.oneof_decl.add(name="choice")
            for position in range(chance.randint(2, 3)):
                part = _field(chance, message, f"c{position}", _free(chance, used), index)
                part.oneof_index = 0
        for position in range(chance.randint(1, 9)):
            number = _free(chance, used)
            if chance.random() < 0.15:
                _add_map(chance, message, f"f{position}", number, index)
            else:
                part = _field(chance, message, f"f{position}", number, index)
                _label(chance, syntax, message, part)
    parts = descriptor_pb2.FileDescriptorSet()
    for module in FILES:
        parts.file.add().ParseFromString(module.DESCRIPTOR.serialized_pb)
    parts.file.append(file)
    return DescriptorSet.from_bytes(parts.SerializeToString(), ("r.proto",))


def _free(chance: random.Random, used: set[int]) -> int:
    while (number := chance.choice([chance.randint(1, 20), chance.randint(1000, 70_000)])) in used:
        pass
    if 19_000 <= number <= 19_999:
        number = 20_000 + len(used)
    used.add(number)
    return number


def _label(
    chance: random.Random,
    syntax: str,
    message: descriptor_pb2.DescriptorProto,
    part: descriptor_pb2.FieldDescriptorProto,
) -> None:
    roll = chance.random()
    if roll < 0.35:
        part.label = F.LABEL_REPEATED
        if part.type in SCALARS and part.type not in (F.TYPE_STRING, F.TYPE_BYTES):
            part.options.packed = chance.random() < 0.5
    elif syntax == "proto3" and roll < 0.5 and part.type != F.TYPE_MESSAGE:
        message.oneof_decl.add(name=f"_{part.name}")
        part.proto3_optional = True
        part.oneof_index = len(message.oneof_decl) - 1
    elif syntax == "proto2" and roll < 0.4:
        part.label = F.LABEL_REQUIRED


def _field(
    chance: random.Random,
    message: descriptor_pb2.DescriptorProto,
    name: str,
    number: int,
    index: int,
) -> descriptor_pb2.FieldDescriptorProto:
    part = message.field.add(name=name, number=number, label=F.LABEL_OPTIONAL)
    roll = chance.random()
    if roll < 0.6:
        part.type = chance.choice(SCALARS)
    elif roll < 0.7:
        part.type, part.type_name = F.TYPE_ENUM, ".r.E"
    elif roll < 0.85 and index < 2:
        part.type, part.type_name = F.TYPE_MESSAGE, f".r.M{chance.randint(index + 1, 2)}"
    else:
        part.type, part.type_name = F.TYPE_MESSAGE, f".google.protobuf.{chance.choice(KNOWN)}"
    return part


def _add_map(
    chance: random.Random,
    message: descriptor_pb2.DescriptorProto,
    name: str,
    number: int,
    index: int,
) -> None:
    entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=F.LABEL_OPTIONAL, type=chance.choice(KEYS))
    _field(chance, entry, "value", 2, index)
    part = message.field.add(name=name, number=number, label=F.LABEL_REPEATED, type=F.TYPE_MESSAGE)
    part.type_name = f".r.{message.name}.{entry.name}"


def make_message(chance: random.Random, message: Descriptor, depth: int = 0) -> Any:
    """A message with most of its fields set."""
    made: Any = message_factory.GetMessageClass(message)()
    if message.full_name == "google.protobuf.Timestamp":
        made.seconds = chance.choice([0, 1_790_000_000, -62_135_596_800, 253_402_300_799, 2**40])
        made.nanos = chance.choice([0, 1, 999_999_999, 5000])
    elif message.full_name == "google.protobuf.Duration":
        made.seconds, made.nanos = chance.choice([(0, 0), (-1, -5), (3, 4), (2**36, 0)])
    elif message.full_name == "google.protobuf.Struct":
        made.update({"a": chance.choice([1.5, "x", None, [1, {"b": True}]])})
    elif message.full_name != "google.protobuf.Any":
        for part in message.fields:
            if part.is_required or chance.random() < 0.7:
                _set(chance, made, part, depth)
    return made


def _set(chance: random.Random, made: Any, part: FieldDescriptor, depth: int) -> None:
    kind = part.message_type
    if kind is not None and kind.GetOptions().map_entry:
        key, value = kind.fields_by_name["key"], kind.fields_by_name["value"]
        for _ in range(chance.choice([0, 1, 3, 25])):
            chosen = _scalar(chance, key)
            if value.message_type is None:
                getattr(made, part.name)[chosen] = _scalar(chance, value)
            else:
                inner = make_message(chance, value.message_type, depth + 1)
                getattr(made, part.name)[chosen].CopyFrom(inner)
    elif part.is_repeated:
        for _ in range(chance.choice([0, 1, 2, 5])):
            if kind is None:
                getattr(made, part.name).append(_scalar(chance, part))
            else:
                getattr(made, part.name).append(make_message(chance, kind, depth + 1))
    elif kind is not None:
        getattr(made, part.name).CopyFrom(make_message(chance, kind, depth + 1))
    else:
        setattr(made, part.name, _scalar(chance, part))


def _scalar(chance: random.Random, part: FieldDescriptor) -> Any:
    if part.enum_type is not None:
        numbers = [value.number for value in part.enum_type.values]
        return chance.choice(numbers if part.enum_type.is_closed else [*numbers, 99, -7])
    return chance.choice(VALUES[NAMES[part.type]])


def damage(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """The bytes with a few of them changed, or with another message after them."""
    changed = bytearray(data)
    for _ in range(chance.choice([0, 0, 1, 2])):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0 | 1 if at < len(changed):
                changed[at] = chance.randrange(256)
            case 2:
                del changed[at : at + 1]
            case 3:
                changed[at:at] = bytes([chance.randrange(256)])
            case 4:
                changed += chance.choice(others)  # merges
            case _:
                changed += bytes([0xA8, 0x46, chance.randrange(128)])  # unknown number 1125
    return bytes(changed)


def delimited(records: Sequence[bytes]) -> bytes:
    """Records with the length of each before it."""
    out = bytearray()
    for record in records:
        length = len(record)
        while length >= 128:
            out.append(length & 127 | 128)
            length >>= 7
        out.append(length)
        out += record
    return bytes(out)
