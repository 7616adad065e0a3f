"""What a form of a value does not keep of it."""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from protolith.layout.well_known import ANY
from protolith.options import field_options
from protolith.tables import Bytes, EnumName, Integer, Json, String, Type

_EXACT = (Json(), String(), Bytes(), EnumName(), Integer())


def document_losses(kind: Descriptor) -> Iterator[str]:
    """What JSON does not keep of a message."""
    if any(message.full_name == ANY for message in _within(kind)):
        yield "fields that the type of an Any does not know are left out"
    if reaches_ignored(kind):
        yield "fields within it are left out by the option ignore"


def override_note(part: FieldDescriptor, type_: Type) -> tuple[str, bool] | None:
    """What a reader should know about a scalar under another type, and whether it loses values."""
    if part.type == FieldDescriptor.TYPE_STRING and type_ not in _EXACT:
        return f"kept as {type(type_).__name__}: how the text is written is lost", True
    return None


def reaches_ignored(kind: Descriptor) -> bool:
    """Whether a message holds fields, at any depth, that the option ignore leaves out."""
    return any(field_options(part).ignore for message in _within(kind) for part in message.fields)


def _within(kind: Descriptor) -> set[Descriptor]:
    """A message and every message within it."""
    found: set[Descriptor] = set()
    waiting = [kind]
    while waiting:
        message = waiting.pop()
        if message not in found:
            found.add(message)
            waiting += [part.message_type for part in message.fields if part.message_type]
    return found
