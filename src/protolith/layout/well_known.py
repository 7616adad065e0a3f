"""The types of scalars, and of messages that stand for one value."""

from google.protobuf.descriptor import FieldDescriptor

from protolith.layout.choices import NATIVE, Layout
from protolith.tables import (
    Boolean,
    Bytes,
    Date,
    Decimal,
    EnumName,
    Float,
    Geography,
    Integer,
    Interval,
    Json,
    String,
    Time,
    Timestamp,
    Type,
)

_PROTOBUF, _GOOGLE = "google.protobuf.", "google.type."

TIMESTAMP, DURATION, ANY = (f"{_PROTOBUF}{name}" for name in ("Timestamp", "Duration", "Any"))
STRUCTS = {f"{_PROTOBUF}{name}": Json() for name in ("Struct", "Value", "ListValue")}
WRAPPERS: dict[str, Type] = {
    f"{_PROTOBUF}BoolValue": Boolean(),
    f"{_PROTOBUF}StringValue": String(),
    f"{_PROTOBUF}BytesValue": Bytes(),
    f"{_PROTOBUF}FloatValue": Float(),
    f"{_PROTOBUF}DoubleValue": Float(),
    f"{_PROTOBUF}Int32Value": Integer(),
    f"{_PROTOBUF}Int64Value": Integer(),
    f"{_PROTOBUF}UInt32Value": Integer(),
    f"{_PROTOBUF}UInt64Value": Integer(signed=False),
}
GOOGLE_TYPES: dict[str, Type] = {
    f"{_GOOGLE}Date": Date(),
    f"{_GOOGLE}TimeOfDay": Time(),
    f"{_GOOGLE}LatLng": Geography(),
    f"{_GOOGLE}Decimal": Decimal(76, 38),
}
_F = FieldDescriptor
_SCALARS: dict[int, Type] = {
    _F.TYPE_BOOL: Boolean(),
    _F.TYPE_STRING: String(),
    _F.TYPE_BYTES: Bytes(),
    _F.TYPE_FLOAT: Float(),
    _F.TYPE_DOUBLE: Float(),
    _F.TYPE_UINT64: Integer(signed=False),
    _F.TYPE_FIXED64: Integer(signed=False),
}
_EXACT: dict[int, Type] = {
    _F.TYPE_FLOAT: Float(32),
    _F.TYPE_INT32: Integer(32),
    _F.TYPE_SINT32: Integer(32),
    _F.TYPE_SFIXED32: Integer(32),
    _F.TYPE_UINT32: Integer(32, signed=False),
    _F.TYPE_FIXED32: Integer(32, signed=False),
}
_EXACT_WRAPPERS: dict[str, Type] = {
    f"{_PROTOBUF}FloatValue": Float(32),
    f"{_PROTOBUF}Int32Value": Integer(32),
    f"{_PROTOBUF}UInt32Value": Integer(32, signed=False),
}


def scalar_type(part: FieldDescriptor, layout: Layout = NATIVE) -> Type:
    """The column type of a field that is no message."""
    exact = layout.integers == "exact"
    if part.type == _F.TYPE_ENUM:
        number = Integer(32) if exact else Integer()
        return EnumName() if layout.enums == "name" else number
    wide = _SCALARS.get(part.type, Integer())
    return _EXACT.get(part.type, wide) if exact else wide


def key_type(part: FieldDescriptor, layout: Layout = NATIVE) -> Boolean | Integer | String:
    """The type of a map's keys."""
    type_ = scalar_type(part, layout)
    return type_ if isinstance(type_, Boolean | Integer | String) else Integer()


def value_type(name: str, layout: Layout = NATIVE) -> Type | None:
    """The column type of a message that stands for one value; None for any other."""
    if name == TIMESTAMP:
        return Timestamp(9 if layout.timestamps == "nanos" else 6)
    if name == DURATION:
        durations: dict[str, Type] = {"nanos": Integer(), "interval": Interval()}
        return durations.get(layout.durations)
    if name in STRUCTS:
        return Json() if layout.structs == "json" else Bytes()
    if name == ANY:
        anything: dict[str, Type] = {"json": Json(), "bytes": Bytes()}
        return anything.get(layout.any)
    if name in GOOGLE_TYPES:
        return GOOGLE_TYPES[name] if layout.google_types == "value" else None
    if layout.wrappers == "record":
        return None
    exact = _EXACT_WRAPPERS if layout.integers == "exact" else {}
    return exact.get(name, WRAPPERS.get(name))


def value_note(name: str, layout: Layout) -> str | None:
    """What a reader should know about the type of such a message."""
    notes = {
        (TIMESTAMP, "micros"): "nanoseconds below a microsecond are cut, and counted",
        (TIMESTAMP, "nanos"): "the years 1677 to 2262 alone; a record outside them is refused",
        (DURATION, "nanos"): "a duration in nanoseconds",
        (DURATION, "interval"): "nanoseconds below a microsecond are cut, and counted",
    }
    return notes.get((name, layout.timestamps if name == TIMESTAMP else layout.durations))
