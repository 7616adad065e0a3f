"""What the option `type_override` may say of a field."""

from google.protobuf.descriptor import FieldDescriptor

from protolith.errors import quoted
from protolith.layout.choices import AS_NATIVE, Choices
from protolith.layout.faults import impossible
from protolith.layout.plain import plain_type
from protolith.layout.well_known import value_type
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

_F = FieldDescriptor
_TYPE_WORDS: dict[str, Type] = {
    "STRING": String(),
    "BYTES": Bytes(),
    "INTEGER": Integer(),
    "INT64": Integer(),
    "FLOAT": Float(),
    "FLOAT64": Float(),
    "BOOLEAN": Boolean(),
    "BOOL": Boolean(),
    "NUMERIC": Decimal(),
    "BIGNUMERIC": Decimal(76, 38),
    "TIMESTAMP": Timestamp(),
    "DATE": Date(),
    "TIME": Time(),
    "DATETIME": DateTime(),
    "INTERVAL": Interval(),
    "GEOGRAPHY": Geography(),
    "JSON": Json(),
}
_FROM_TEXT = ("STRING", "JSON", "NUMERIC", "BIGNUMERIC", "GEOGRAPHY", "DATE", "TIME", "DATETIME")
_FROM_WHOLE = ("INTEGER", "INT64", "NUMERIC", "BIGNUMERIC", "TIMESTAMP", "DATE", "STRING")
# Which overrides have one meaning for a field: those of BigQuery's own write interface.
_OVERRIDES: dict[int, tuple[str, ...]] = {
    _F.TYPE_STRING: (*_FROM_TEXT, "TIMESTAMP"),
    _F.TYPE_BYTES: ("BYTES",),
    _F.TYPE_BOOL: ("BOOLEAN", "BOOL"),
    _F.TYPE_FLOAT: ("FLOAT", "FLOAT64"),
    _F.TYPE_DOUBLE: ("FLOAT", "FLOAT64"),
    _F.TYPE_ENUM: ("STRING", "INTEGER", "INT64"),
    _F.TYPE_MESSAGE: ("JSON", "STRING"),
    _F.TYPE_GROUP: ("JSON", "STRING"),
}


def overridden(part: FieldDescriptor, word: str, path: str, choices: Choices = AS_NATIVE) -> Type:
    """The column type that an override asks for, where it has one meaning for the field."""
    type_ = known_word(word, path)
    allowed = _OVERRIDES.get(part.type, _FROM_WHOLE)
    kind = part.message_type
    if kind is not None and value_type(kind.full_name) == type_:
        return type_
    if word.upper() not in allowed:
        raise impossible(
            path,
            f"a field of type {_kind_name(part)} cannot be stored as {word}",
            hint=f"type_override may be one of {', '.join(allowed)} here",
        )
    if part.enum_type is not None and type_ == String():
        return EnumName()
    # An instant in text keeps its zone: as a DateTime it would be read without one.
    plain = choices.scalars == "plain" and kind is None
    return plain_type(type_) if plain and part.type != _F.TYPE_STRING else type_


def known_word(word: str, path: str) -> Type:
    """The column type of a BigQuery type name."""
    type_ = _TYPE_WORDS.get(word.upper())
    if type_ is None:
        text = f"{quoted(word)} is not a column type"
        raise impossible(path, text, hint=f"one of {', '.join(_TYPE_WORDS)}")
    return type_


def _kind_name(part: FieldDescriptor) -> str:
    if part.message_type is not None:
        return str(part.message_type.full_name)
    names = (name for name, value in vars(_F).items() if name.startswith("TYPE_"))
    return next(
        name.removeprefix("TYPE_").lower() for name in names if getattr(_F, name) == part.type
    )
