"""The values that absent fields read as."""

import math
import struct
from typing import TypeAlias

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.text_encoding import CUnescape

from protolith.compatibility.policies.buf.index import FieldPart, Index

_F = FieldDescriptorProto
_FLOATS = (_F.TYPE_FLOAT, _F.TYPE_DOUBLE)
Default: TypeAlias = bool | int | float | bytes


def can_have_default(one: FieldPart) -> bool:
    """Whether an absent field reads as one value."""
    proto = one.proto
    message = proto.type in (_F.TYPE_MESSAGE, _F.TYPE_GROUP)
    return not message and proto.label != _F.LABEL_REPEATED


def default(one: FieldPart, schema: Index) -> Default:
    """The value; strings as their bytes and enums as their numbers."""
    proto = one.proto
    if proto.type == _F.TYPE_ENUM:
        values = schema.enums[proto.type_name.removeprefix(".")].proto.value
        written = [value.number for value in values if value.name == proto.default_value]
        return written[0] if written else values[0].number
    if proto.type in (_F.TYPE_STRING, _F.TYPE_BYTES):
        text = proto.default_value
        return text.encode() if proto.type == _F.TYPE_STRING else CUnescape(text)
    if not proto.default_value:
        return 0
    if proto.type == _F.TYPE_BOOL:
        return proto.default_value == "true"
    if proto.type not in _FLOATS:
        return int(proto.default_value, 0)
    value = float(proto.default_value)
    return _as_float(value) if proto.type == _F.TYPE_FLOAT else value


def is_zero(value: Default) -> bool:
    """Whether it is what a field without a default reads as; minus zero is not."""
    return not value and not (isinstance(value, float) and math.copysign(1, value) < 0)


def same_defaults(old: FieldPart, was: Default, new: FieldPart, now: Default) -> bool:
    """Whether two values are one, across numeric types as well."""
    if isinstance(was, bytes) or isinstance(now, bytes):
        return isinstance(was, bytes) and isinstance(now, bytes) and was == now
    if {old.proto.type, new.proto.type} == set(_FLOATS):
        was, now = _as_float(was), _as_float(now)
    return was == now or (math.isnan(was) and math.isnan(now))


def _as_float(value: float) -> float:
    """The nearest value that a float of 32 bits can hold."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
