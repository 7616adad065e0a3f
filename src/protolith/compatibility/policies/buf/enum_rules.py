"""Rules about enums of one full name."""

from google.protobuf.descriptor_pb2 import EnumValueDescriptorProto, FeatureSet

from protolith.compatibility.policies.buf.index import EnumPart
from protolith.compatibility.policies.buf.message_rules import (
    covers,
    no_longer_json,
    unreserved,
)
from protolith.compatibility.policies.buf.pairs import Break, Breaks, breaks, rule

TYPE_AT = (3, 7, 2)
JSON_FORMAT_AT = (3, 7, 6)


@rule("FP", "enums")
def enum_same_type(old: EnumPart, new: EnumPart) -> Breaks:
    """An enum stays open, or stays closed."""
    was, now = old.features.enum_type, new.features.enum_type
    if was != now:
        values = _openness(was), _openness(now)
        why = f"the enum was {values[0]} and is {values[1]}"
        yield breaks(old, new, values, why, TYPE_AT, ())


@rule("FPJC", "enums")
def enum_same_json_format(old: EnumPart, new: EnumPart) -> Breaks:
    """An enum that has JSON keeps it."""
    yield from no_longer_json(old, new, JSON_FORMAT_AT)


@rule("FPC", "enums")
def enum_value_no_delete(old: EnumPart, new: EnumPart) -> Breaks:
    """A number stays in its enum."""
    for number, names in _gone(old, new).items():
        yield _deleted(number, names, old, new, "")


@rule("JC", "enums")
def enum_value_no_delete_unless_name_reserved(old: EnumPart, new: EnumPart) -> Breaks:
    """A number stays in its enum, unless all of its names are reserved."""
    for number, names in _gone(old, new).items():
        if not names <= set(new.proto.reserved_name):
            yield _deleted(number, names, old, new, ", and its name is not reserved")


@rule("JWC", "enums")
def enum_value_no_delete_unless_number_reserved(old: EnumPart, new: EnumPart) -> Breaks:
    """A number stays in its enum, unless it is reserved."""
    for number, names in _gone(old, new).items():
        if not covers(new.proto.reserved_range, number, inclusive=True):
            yield _deleted(number, names, old, new, ", and it is not reserved")


@rule("FPJC", "enums")
def enum_value_same_name(old: EnumPart, new: EnumPart) -> Breaks:
    """A number keeps its names; it may get more."""
    before, after = _by_number(old), _by_number(new)
    for number in before.keys() & after.keys():
        was = {one.name for _, one in before[number]}
        now = {one.name for _, one in after[number]}
        if not was <= now:
            values = ", ".join(sorted(was)), ", ".join(sorted(now))
            why = f"number {number} was {values[0]} and is {values[1]}"
            for at, _ in after[number]:
                yield breaks(old, new, values, why, (2, at, 2))


@rule("FPJWC", "enums")
def reserved_enum_no_delete(old: EnumPart, new: EnumPart) -> Breaks:
    """What an enum reserves stays reserved."""
    yield from unreserved(old, new, inclusive=True)


def _openness(enum_type: int) -> str:
    return "closed" if enum_type == FeatureSet.CLOSED else "open"


def _by_number(enum: EnumPart) -> dict[int, list[tuple[int, EnumValueDescriptorProto]]]:
    found: dict[int, list[tuple[int, EnumValueDescriptorProto]]] = {}
    for at, value in enumerate(enum.proto.value):
        found.setdefault(value.number, []).append((at, value))
    return found


def _gone(old: EnumPart, new: EnumPart) -> dict[int, set[str]]:
    present = {value.number for value in new.proto.value}
    found: dict[int, set[str]] = {}
    for value in old.proto.value:
        if value.number not in present:
            found.setdefault(value.number, set()).add(value.name)
    return found


def _deleted(number: int, names: set[str], old: EnumPart, new: EnumPart, suffix: str) -> Break:
    shown = ", ".join(sorted(names))
    return breaks(old, new, (shown, ""), f"number {number} ({shown}) is gone{suffix}")
