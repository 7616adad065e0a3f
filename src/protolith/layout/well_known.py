"""The types of scalars, and of messages that stand for one value."""

from google.protobuf.descriptor import FieldDescriptor

from protolith.layout.choices import AS_NATIVE, Choices
from protolith.layout.plain import plain_type
from protolith.tables import (
    Boolean,
    Bytes,
    Date,
    DateTime,
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
BYTES_VALUE = f"{_PROTOBUF}BytesValue"
STRUCTS = {f"{_PROTOBUF}{name}": Json() for name in ("Struct", "Value", "ListValue")}
WRAPPERS: dict[str, Type] = {
    f"{_PROTOBUF}BoolValue": Boolean(),
    f"{_PROTOBUF}StringValue": String(),
    BYTES_VALUE: Bytes(),
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


def scalar_type(part: FieldDescriptor, choices: Choices = AS_NATIVE) -> Type:
    """The column type of a field that is no message."""
    if part.type == _F.TYPE_ENUM:
        return enum_number(choices) if choices.enums == "number" else EnumName()
    wide = _SCALARS.get(part.type, Integer())
    type_ = _EXACT.get(part.type, wide) if choices.integers == "exact" else wide
    return plain_type(type_) if choices.scalars == "plain" else type_


def enum_number(choices: Choices) -> Integer:
    """The column type of an enum's number."""
    return Integer(32) if choices.integers == "exact" else Integer()


def key_type(part: FieldDescriptor, choices: Choices = AS_NATIVE) -> Boolean | Integer | String:
    """The type of a map's keys."""
    type_ = scalar_type(part, choices)
    return type_ if isinstance(type_, Boolean | Integer | String) else Integer()


def value_type(name: str, choices: Choices = AS_NATIVE) -> Type | None:
    """The column type of a message that stands for one value; None for any other."""
    type_ = _typed_value(name, choices)
    if choices.scalars == "typed" or type_ is None or (type_ in _WHOLE and name not in WRAPPERS):
        return type_
    return plain_type(type_)


def _typed_value(name: str, choices: Choices) -> Type | None:
    if name == TIMESTAMP:
        return Timestamp(9 if choices.timestamps == "nanos" else 6)
    if name == DURATION:
        durations: dict[str | None, Type] = {"nanos": Integer(), "interval": Interval()}
        return durations.get(choices.durations)
    if name in STRUCTS:
        return Json() if choices.structs == "json" else Bytes()
    if name == ANY:
        anything: dict[str | None, Type] = {"json": Json(), "bytes": Bytes()}
        return anything.get(choices.any)
    if name in GOOGLE_TYPES:
        return GOOGLE_TYPES[name] if choices.google_types == "value" else None
    if choices.wrappers == "record":
        return None
    exact = _EXACT_WRAPPERS if choices.integers == "exact" else {}
    return exact.get(name, WRAPPERS.get(name))


_WHOLE = (Json(), Bytes())
_CUT = ("nanoseconds below a microsecond are cut, and counted", True)
_NOTES: dict[tuple[str, Type], tuple[str, bool]] = {
    (TIMESTAMP, Timestamp(6)): _CUT,
    (TIMESTAMP, DateTime()): _CUT,
    (TIMESTAMP, Timestamp(9)): (
        "the years 1677 to 2262 alone; a record outside them is refused",
        False,
    ),
    (DURATION, Integer()): ("a duration in nanoseconds", False),
    (DURATION, Interval()): _CUT,
    (ANY, Json()): ("fields that the type of an Any does not know are left out", True),
    (f"{_GOOGLE}TimeOfDay", Time()): _CUT,
    (f"{_GOOGLE}Decimal", Decimal(76, 38)): ("the number is kept, not how it is written", True),
}


def value_note(name: str, type_: Type) -> tuple[str, bool] | None:
    """What a reader should know about the type of such a message, and whether it loses values."""
    return _NOTES.get((name, type_))
