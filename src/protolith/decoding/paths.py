"""Values that stand deeper in a message than the record that they are a column of."""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from protolith.decoding.documents import RecordError
from protolith.tables import Column, FieldPath, List, Map

Getter = Callable[[Any, Any], Any]


def fields_along(message: Descriptor, path: FieldPath) -> list[FieldDescriptor]:
    """The fields that a path leads through, the last one last."""
    parts: list[FieldDescriptor] = []
    kind: Descriptor | None = message
    for number in path:
        assert kind is not None  # noqa: S101
        parts.append(kind.fields_by_number[number])
        kind = parts[-1].message_type
    return parts


def through(message: Descriptor, path: FieldPath, get: Getter, missing: Any) -> Getter:
    """Get a value within the messages of a path; `missing` where one of them is not set."""
    names = [part.name for part in fields_along(message, path)]

    def get_within(value: Any, row: Any) -> Any:
        for name in names:
            if not type(value).HasField(value, name):
                return missing
            value = getattr(value, name)
        return get(value, row)

    return get_within if names else get


def missing_value(part: FieldDescriptor, column: Column) -> Any:
    """What a column holds where a message around its field is not set."""
    if isinstance(column.type, List | Map):
        return []
    if not part.is_repeated:
        return None
    kind = part.message_type
    return "{}" if kind is not None and kind.GetOptions().map_entry else "[]"


def demanded(get: Getter, path: str) -> Getter:
    """Get a value that may not be missing."""

    def get_value(message: Any, row: Any) -> Any:
        value = get(message, row)
        if value is None:
            raise RecordError(f"{path}: a required column has no value")
        return value

    return get_value


def which(oneof: str) -> Getter:
    """Get the name of the field of a oneof that is set."""
    return lambda message, _row: type(message).WhichOneof(message, oneof)
