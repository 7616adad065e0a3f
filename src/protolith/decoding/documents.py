"""Messages, lists and maps as documents: JSON by protobuf's own rules, or serialized."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from protolith.layout.losses import reaches_ignored
from protolith.options import field_options


class RecordError(ValueError):
    """A record cannot be a row of the table; the message says why."""


Convert = Callable[[Any, Any], Any]


def json_text(kind: Descriptor, path: str, pool: DescriptorPool) -> Convert:
    """How a message becomes JSON text."""
    kept = _kept(kind)
    return lambda value, _row: _dumps(_as_dict(kept(value), path, pool))


def serialized(kind: Descriptor) -> Convert:
    """How a message becomes bytes."""
    kept = _kept(kind)

    def convert(value: Any, _row: Any) -> bytes:
        whole = kept(value)
        data: bytes = type(whole).SerializeToString(whole, deterministic=True)
        return data

    return convert


def list_document(part: FieldDescriptor, path: str, pool: DescriptorPool) -> Convert:
    """How a message gives the text of a repeated field as an array, of a map as an object."""
    name, kind = part.name, part.message_type
    empty = "{}" if kind is not None and kind.GetOptions().map_entry else "[]"
    strips = kind is not None and reaches_ignored(kind)

    def convert(message: Any, _row: Any) -> str:
        values = getattr(message, name)
        if not values:
            return empty
        alone: Any = type(message)()
        getattr(alone, name).MergeFrom(values)
        if strips:
            for inner in messages_in(part, getattr(alone, name)):
                _strip(inner)
        return _dumps(_as_dict(alone, path, pool)[name])

    return convert


def entry_converter(
    entry: Descriptor, path: str, pool: DescriptorPool
) -> Callable[[Any, Any, Any], Any]:
    """How a map's key and value become one document: the entry as a message."""
    cls: Any = message_factory.GetMessageClass(entry)
    convert = json_text(entry, path, pool)
    has_messages = entry.fields_by_name["value"].message_type is not None

    def convert_entry(key: Any, value: Any, row: Any) -> Any:
        if not has_messages:
            return convert(cls(key=key, value=value), row)
        made = cls(key=key)
        made.value.CopyFrom(value)
        return convert(made, row)

    return convert_entry


def messages_in(part: FieldDescriptor, value: Any) -> Sequence[Any]:
    """The messages that a field's value is or holds."""
    kind = part.message_type
    if kind is None:
        return ()
    if kind.GetOptions().map_entry:
        has_messages = kind.fields_by_name["value"].message_type is not None
        return list(value.values()) if has_messages else ()
    return list(value) if part.is_repeated else (value,)


def _kept(kind: Descriptor) -> Callable[[Any], Any]:
    """What is left of a message without the fields that the option ignore leaves out."""
    if not reaches_ignored(kind):
        return lambda value: value

    def copy(value: Any) -> Any:
        made: Any = type(value)()
        type(made).CopyFrom(made, value)
        _strip(made)
        return made

    return copy


def _strip(message: Any) -> None:
    for part, value in list(type(message).ListFields(message)):
        if field_options(part).ignore and not part.is_extension:
            type(message).ClearField(message, part.name)
            continue
        for inner in messages_in(part, value):
            _strip(inner)


def _as_dict(value: Any, path: str, pool: DescriptorPool) -> Any:
    try:
        return json_format.MessageToDict(
            value, preserving_proto_field_name=True, descriptor_pool=pool
        )
    except (json_format.Error, TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"{path}: cannot be written as JSON: {error}") from None


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
