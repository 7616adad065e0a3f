"""What the protobuf runtime really does with one schema's data under another; no rule is used."""

import math
import struct
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError

from protolith import DescriptorSet

FD = FieldDescriptor
INTS = {
    FD.CPPTYPE_INT32: (-(2**31), 2**31 - 1), FD.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FD.CPPTYPE_UINT32: (0, 2**32 - 1), FD.CPPTYPE_UINT64: (0, 2**64 - 1),
}  # fmt: skip
SOME = (
    1, -1, 0, 2, 2**24 + 1, 2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1,
    2**63, -(2**63), 2**64 - 1, 1000, 128,
)  # fmt: skip
FLOATS = (1.5, 0.0, -1.0, 0.1, math.nan, math.inf, -math.inf, 3.4028234663852886e38, 2.0**60)
DOUBLES = (*FLOATS, 1.7976931348623157e308, 2.0**53 + 2)
TEXTS = ("abc", "", "é", "7", "\x08\x01", "a" * 8, "ONE", "日本語")
BYTES = (b"abc", b"", b"\xff\xfe", b"\x08\x01", b"\x80", "é".encode(), b"7" * 8)


def values(field: FieldDescriptor, depth: int = 0) -> list[Any]:
    """Boundary values of one element of a field."""
    cpp = field.cpp_type
    if cpp in INTS:
        low, high = INTS[cpp]
        return [value for value in SOME if low <= value <= high]
    if cpp == FD.CPPTYPE_ENUM:
        numbers = [value.number for value in field.enum_type.values]
        return [*numbers[::-1], *([] if field.enum_type.is_closed else [77])]
    if cpp == FD.CPPTYPE_MESSAGE:
        return list(instances(field.message_type, depth + 1)) if depth < 2 else []
    return {
        FD.CPPTYPE_DOUBLE: list(DOUBLES), FD.CPPTYPE_FLOAT: list(FLOATS),
        FD.CPPTYPE_BOOL: [True, False],
        FD.CPPTYPE_STRING: list(BYTES if field.type == FD.TYPE_BYTES else TEXTS),
    }[cpp]  # fmt: skip


def is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return bool(field.is_repeated and kind and kind.GetOptions().map_entry)


def fillings(field: FieldDescriptor, depth: int) -> Iterator[Any]:
    """Values of a whole field: single ones, lists of one and of three, maps."""
    if is_map(field):
        key, value = field.message_type.fields
        keys, its = values(key), values(value, depth)
        if its:
            yield {keys[0]: its[0]}
            yield dict(zip(keys, its * len(keys), strict=False))
            yield {keys[0]: its[-1], keys[-1]: its[0]}
            for one in its:
                yield {keys[0]: one}
        return
    found = values(field, depth)
    if not field.is_repeated:
        yield from found
        return
    yield from ([one] for one in found)
    if found:
        yield [found[0], found[-1], found[len(found) // 2]]
        yield found


def put(message: Any, field: FieldDescriptor, value: Any) -> None:
    if is_map(field):
        entries = getattr(message, field.name)
        for key, one in value.items():
            if field.message_type.fields_by_name["value"].message_type:
                entries[key].CopyFrom(one)
            else:
                entries[key] = one
    elif field.is_repeated:
        getattr(message, field.name).extend(value)
    elif field.message_type:
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def instances(descriptor: Any, depth: int = 0) -> Iterator[Any]:
    """Messages: empty, each field with each of its values, and all fields together."""
    cls = message_factory.GetMessageClass(descriptor)
    required = [field for field in descriptor.fields if field.is_required]

    def fresh(skip: FieldDescriptor | None = None) -> Any:
        message = cls()
        for field in required:
            if field is not skip:
                first = next(iter(fillings(field, depth)), None)
                if first is not None:
                    put(message, field, first)
        return message

    yield fresh()
    for field in descriptor.fields:
        for value in fillings(field, depth):
            message = fresh(field)
            put(message, field, value)
            yield message
    # Everything together: each oneof once with its first and once with its last member.
    yield from (together(cls(), descriptor.fields[::step], depth) for step in (1, -1))


def together(message: Any, fields: list[FieldDescriptor], depth: int) -> Any:
    for field in fields:
        for value in fillings(field, depth):
            put(message, field, value)
            break
    return message


def with_raw_text(schema: DescriptorSet) -> Iterator[bytes]:
    """Bytes with text that is not UTF-8, where a string field of t.M takes it."""
    for field in schema.message("t.M").fields:
        loose = field.type == FD.TYPE_STRING and field._GetFeatures().utf8_validation != 2
        if loose and field.number < 16:
            yield bytes([field.number << 3 | 2, 2]) + b"\xff\xfe"


def text(value: Any) -> bytes | None:
    return value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else None


def same(value: Any, other: Any, mine: FieldDescriptor, its: FieldDescriptor, names: str) -> bool:
    """Whether one element arrived; in JSON a float keeps its decimal, and text stays text."""
    if mine.message_type and its.message_type:
        return kept(value, other, names)
    if mine.message_type:
        serialized = value.SerializeToString(deterministic=True)
        return names == "number" and its.type == FD.TYPE_BYTES and other == serialized
    if its.message_type:
        return False
    if FD.CPPTYPE_STRING in (mine.cpp_type, its.cpp_type):
        return same_text(value, other, mine, its, names)
    if mine.enum_type and its.enum_type:
        return same_enum(value, other, mine, its, names)
    if isinstance(value, float) and math.isnan(value):
        return isinstance(other, float) and math.isnan(other)
    if names == "json" and mine.cpp_type == FD.CPPTYPE_FLOAT and abs(other) < 3.5e38:
        return bool(struct.unpack("f", struct.pack("f", other))[0] == value)
    return bool(value == other)


def same_text(
    value: Any, other: Any, mine: FieldDescriptor, its: FieldDescriptor, names: str
) -> bool:
    """Text that is not UTF-8 comes back as bytes, which is another value for a text field."""
    if mine.type == its.type:
        return bool(value == other)
    wrong = its.type == FD.TYPE_STRING and not isinstance(other, str)
    return names != "json" and not wrong and text(value) is not None and text(value) == text(other)


def same_enum(
    value: int, other: int, mine: FieldDescriptor, its: FieldDescriptor, names: str
) -> bool:
    """By number on the wire, by name in JSON; a name with another number is another value."""
    known = mine.enum_type.values_by_number.get(value)
    if known is None:
        return value == other
    same_name = its.enum_type.values_by_name.get(known.name)
    if names == "json":
        return same_name is not None and same_name.number == other
    return value == other and (same_name is None or same_name.number == other)


def partner(field: FieldDescriptor, reader: Any, names: str) -> FieldDescriptor | None:
    if names == "number":
        return reader.fields_by_number.get(field.number)
    found = [other for other in reader.fields if other.json_name == field.json_name]
    return found[0] if found else reader.fields_by_name.get(field.json_name)


def lost(field: FieldDescriptor, writer: Any, reader: Any, names: str) -> bool:
    """Whether the reader has this very field somewhere else."""
    if names == "number":
        other = reader.fields_by_name.get(field.name)
        return other is not None and other.number not in writer.fields_by_number
    other = reader.fields_by_number.get(field.number)
    return other is not None and all(mine.json_name != other.json_name for mine in writer.fields)


def kept(message: Any, read: Any, names: str) -> bool:
    """Whether every value of a message is in what was read."""
    writer, reader = message.DESCRIPTOR, read.DESCRIPTOR
    for field, value in message.ListFields():
        other = partner(field, reader, names)
        if other is None:
            if lost(field, writer, reader, names):
                return False
            continue
        if not kept_field(field, value, other, read, names):
            return False
    return True


def kept_field(
    field: FieldDescriptor, value: Any, other: FieldDescriptor, read: Any, names: str
) -> bool:
    got = getattr(read, other.name)
    if is_map(field) and is_map(other):
        (key, val), (its_key, its_val) = field.message_type.fields, other.message_type.fields
        arrived = list(got.items())
        return len(arrived) == len(value) and all(
            any(
                same_key(k, k2, key, its_key, names) and same(v, v2, val, its_val, names)
                for k2, v2 in arrived
            )
            for k, v in value.items()
        )
    if names == "number" and (is_map(field) or is_map(other)):
        mine, its = entries(field, value), entries(other, got)
        return len(mine) == len(its) and all(
            any(same(one, two, field, other, names) for two in its) for one in mine
        )
    if is_map(field) or is_map(other):
        return False
    if other.is_repeated:
        mine = list(value) if field.is_repeated else [value]
        its = list(got)
        return len(mine) == len(its) and all(
            same(a, b, field, other, names) for a, b in zip(mine, its, strict=True)
        )
    if field.is_repeated:
        return (
            len(value) == 1 and read_one(read, other) and same(value[0], got, field, other, names)
        )
    return same(value, got, field, other, names)


def entries(field: FieldDescriptor, value: Any) -> list[Any]:
    """The elements of a field as they are on the wire; those of a map are messages."""
    if not is_map(field):
        return list(value) if field.is_repeated else [value]
    cls = message_factory.GetMessageClass(field.message_type)
    made = []
    for key, one in value.items():
        made.append(cls())
        put(made[-1], field.message_type.fields_by_name["key"], key)
        put(made[-1], field.message_type.fields_by_name["value"], one)
    return made


def read_one(read: Any, field: FieldDescriptor) -> bool:
    return not field.has_presence or read.HasField(field.name)


def same_key(a: Any, b: Any, mine: FieldDescriptor, its: FieldDescriptor, names: str) -> bool:
    if names == "json" and its.type == FD.TYPE_STRING and mine.type != FD.TYPE_STRING:
        return bool(b == (str(a).lower() if isinstance(a, bool) else str(a)))
    return same(a, b, mine, its, names)


def witness(writer: DescriptorSet, reader: DescriptorSet, way: str) -> str:
    """A message of the writer that its reader does not get whole; empty if there is none.

    `way` is wire, json, or lenient for JSON whose reader ignores unknown fields.
    """
    cls = message_factory.GetMessageClass(reader.message("t.M"))
    own = message_factory.GetMessageClass(writer.message("t.M"))
    messages = [one for one in instances(writer.message("t.M")) if one.IsInitialized()]
    if way == "wire":
        messages += [one for raw in with_raw_text(writer) if (one := own.FromString(raw))]
    for message in messages:
        problem = _over_wire(message, own, cls) if way == "wire" else _over_json(message, cls, way)
        if problem and way != "wire" and _over_json(message, own, way):
            continue  # the runtime prints the largest float so that it cannot read it back itself
        if problem:
            return f"{problem}: {str(message)[:200]!r}"
    return ""


def _over_wire(message: Any, own: Any, cls: Any) -> str:
    try:
        read = cls.FromString(message.SerializePartialToString())
    except DecodeError:
        return "error"
    if not read.IsInitialized():
        return "required"
    if not kept(message, read, "number"):
        return "changed"
    if _shapes(message.DESCRIPTOR) != _shapes(read.DESCRIPTOR):
        return ""  # a list that was a single value is written as a list
    try:
        back = own.FromString(read.SerializePartialToString())
    except (DecodeError, EncodeError):
        return "error when written back"
    return "" if kept(message, back, "number") else "changed when written back"


def _shapes(descriptor: Any) -> dict[int, bool]:
    return {field.number: bool(field.is_repeated) for field in descriptor.fields}


def _over_json(message: Any, cls: Any, way: str) -> str:
    printed = json_format.MessageToJson(message)
    try:
        read = json_format.Parse(printed, cls(), ignore_unknown_fields=way == "lenient")
    except json_format.ParseError:
        return "error"
    if not read.IsInitialized():
        return "required"
    return "" if kept(message, read, "json") else "changed"
