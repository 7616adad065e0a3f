"""Rules about messages of one full name, and what is reserved in them and in enums."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor_pb2 import FeatureSet, FieldDescriptorProto

from protolith.compatibility.policies.buf.index import EnumPart, FieldPart, MessagePart, Part
from protolith.compatibility.policies.buf.pairs import Breaks, breaks, rule

ACCESSOR_AT = (7, 2)
JSON_FORMAT_AT = (7, 12, 6)


@rule("FPC", "messages")
def field_no_delete(old: MessagePart, new: MessagePart) -> Breaks:
    """A field's number stays in its message."""
    for one in _gone(old, new):
        yield _deleted(one, old, new, "")


@rule("JC", "messages")
def field_no_delete_unless_name_reserved(old: MessagePart, new: MessagePart) -> Breaks:
    """A field's number stays in its message, unless the field's name is reserved."""
    for one in _gone(old, new):
        if one.name not in new.proto.reserved_name:
            yield _deleted(one, old, new, ", and its name is not reserved")


@rule("JWC", "messages")
def field_no_delete_unless_number_reserved(old: MessagePart, new: MessagePart) -> Breaks:
    """A field's number stays in its message, unless that number is reserved."""
    for one in _gone(old, new):
        if not covers(new.proto.reserved_range, one.proto.number):
            yield _deleted(one, old, new, ", and its number is not reserved")


@rule("FPC", "messages")
def oneof_no_delete(old: MessagePart, new: MessagePart) -> Breaks:
    """A oneof's name stays in its message, even if its members are gone."""
    present = {one.name for one in new.proto.oneof_decl}
    synthetic = {one.oneof_index for one in old.proto.field if one.proto3_optional}
    for at, one in enumerate(old.proto.oneof_decl):
        if one.name not in present and at not in synthetic:
            yield breaks(old, new, (one.name, ""), f"the oneof {one.name} is gone")


@rule("FPC", "messages")
def message_no_remove_standard_descriptor_accessor(old: MessagePart, new: MessagePart) -> Breaks:
    """A message does not get the option no_standard_descriptor_accessor."""
    was = old.proto.options.no_standard_descriptor_accessor
    now = new.proto.options.no_standard_descriptor_accessor
    if now and not was:
        why = "the option no_standard_descriptor_accessor was set"
        yield breaks(old, new, ("false", "true"), why, ACCESSOR_AT)


@rule("FPJC", "messages")
def message_same_json_format(old: MessagePart, new: MessagePart) -> Breaks:
    """A message that has JSON keeps it."""
    yield from no_longer_json(old, new, JSON_FORMAT_AT)


@rule("FPJWC", "messages")
def message_same_required_fields(old: MessagePart, new: MessagePart) -> Breaks:
    """No field with the label required comes or goes; LEGACY_REQUIRED is not looked at."""
    was, now = _required(old), _required(new)
    for number in was.keys() - now.keys():
        why = f"field {number} was required; messages without it were not accepted"
        yield breaks(old, new, ("required", ""), why)
    for number in now.keys() - was.keys():
        why = f"field {number} is required now; messages without it are not accepted"
        yield breaks(now[number], now[number], ("", "required"), why)


@rule("FPJWC", "messages")
def reserved_message_no_delete(old: MessagePart, new: MessagePart) -> Breaks:
    """What a message reserves stays reserved."""
    yield from unreserved(old, new, inclusive=False)


@rule("FPC", "messages")
def extension_message_no_delete(old: MessagePart, new: MessagePart) -> Breaks:
    """The numbers for extensions of a message stay open to them."""
    ranges = old.proto.extension_range, new.proto.extension_range
    yield from _uncovered("extension range", old, new, ranges, inclusive=False)


def unreserved(
    old: MessagePart | EnumPart, new: MessagePart | EnumPart, *, inclusive: bool
) -> Breaks:
    """The reserved numbers and names that are no longer."""
    ranges = old.proto.reserved_range, new.proto.reserved_range
    yield from _uncovered("reserved range", old, new, ranges, inclusive=inclusive)
    kept = set(new.proto.reserved_name)
    for name in dict.fromkeys(old.proto.reserved_name):
        if name not in kept:
            yield breaks(old, new, (name, ""), f"the name {name!r} is no longer reserved")


def covers(ranges: Iterable[Any], number: int, *, inclusive: bool = False) -> bool:
    """Whether a number is in one of the ranges; those of enums end with a number of their own."""
    return any(one.start <= number < one.end + inclusive for one in ranges)


def no_longer_json(old: Part[Any], new: Part[Any], at: tuple[int, ...]) -> Breaks:
    """Support for JSON that became best effort."""
    allow = FeatureSet.ALLOW
    if old.features.json_format == allow and new.features.json_format != allow:
        values = "ALLOW", "LEGACY_BEST_EFFORT"
        yield breaks(old, new, values, "JSON is now supported by best effort alone", at, ())


def _uncovered(
    what: str,
    old: Part[Any],
    new: Part[Any],
    ranges: tuple[Iterable[Any], Iterable[Any]],
    *,
    inclusive: bool,
) -> Breaks:
    news = sorted((one.start, one.end + inclusive) for one in ranges[1])
    for one in ranges[0]:
        start, end = one.start, one.end + inclusive
        for low, high in news:
            if low <= start < high:
                start = high
        if start < end:
            shown = f"{one.start} to {end - 1}"
            yield breaks(old, new, (shown, ""), f"the {what} {shown} is no longer whole")


def _gone(old: MessagePart, new: MessagePart) -> list[FieldPart]:
    return [one for number, one in old.fields.items() if number not in new.fields]


def _deleted(one: FieldPart, old: MessagePart, new: MessagePart, suffix: str) -> Any:
    number = one.proto.number
    return breaks(old, new, (one.name, ""), f"field {number} ({one.name}) is gone{suffix}")


def _required(message: MessagePart) -> dict[int, FieldPart]:
    required = FieldDescriptorProto.LABEL_REQUIRED
    return {n: one for n, one in message.fields.items() if one.proto.label == required}
