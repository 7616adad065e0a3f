"""Rules about fields of one number: name, type, cardinality and oneof."""

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from protolith.compatibility.policies.buf.defaults import (
    can_have_default,
    default,
    is_zero,
    same_defaults,
)
from protolith.compatibility.policies.buf.field_types import (
    JSON_CARDINALITY,
    JSON_GROUP,
    NAMED,
    WIRE_CARDINALITY,
    WIRE_GROUP,
    cardinality,
    is_in_entry,
    kind,
)
from protolith.compatibility.policies.buf.index import EnumPart, FieldPart
from protolith.compatibility.policies.buf.pairs import Breaks, Pairs, breaks, rule

_F = FieldDescriptorProto
_NAMES: dict[int, str] = {kind: name.removeprefix("TYPE_") for name, kind in _F.Type.items()}


@rule("FPJC", "fields")
def field_same_name(old: FieldPart, new: FieldPart) -> Breaks:
    """A number keeps its name; an extension its full name."""
    full = bool(old.proto.extendee)
    was, now = (old.full_name, new.full_name) if full else (old.name, new.name)
    if was != now:
        yield breaks(old, new, (was, now), f"the name changed from {was} to {now}", (1,))


@rule("FPJC", "fields")
def field_same_json_name(old: FieldPart, new: FieldPart) -> Breaks:
    """A field keeps its name in JSON."""
    was, now = _json_name(old), _json_name(new)
    if was != now and not old.proto.extendee:
        why = f"the name in JSON changed from {was} to {now}"
        yield breaks(old, new, (was, now), why, (10,), ())


@rule("FPC", "fields")
def field_same_type(old: FieldPart, new: FieldPart) -> Breaks:
    """A field keeps its type, a message or enum by its full name."""
    was, now = kind(old), kind(new)
    if was != now or (now in NAMED and old.proto.type_name != new.proto.type_name):
        yield from _other_type(old, new)


@rule("JC", "fields in schemas")
def field_wire_json_compatible_type(old: FieldPart, new: FieldPart, pairs: Pairs) -> Breaks:
    """A field's types have the same bytes and the same JSON for most values."""
    was, now = kind(old), kind(new)
    if JSON_GROUP.get(was, was) != JSON_GROUP.get(now, now):
        yield from _other_type(old, new)
    else:
        yield from _other_name(old, new, pairs)


@rule("W", "fields in schemas")
def field_wire_compatible_type(old: FieldPart, new: FieldPart, pairs: Pairs) -> Breaks:
    """A field's types have the same bytes for most values."""
    was, now = kind(old), kind(new)
    if WIRE_GROUP.get(was, was) == WIRE_GROUP.get(now, now):
        yield from _other_name(old, new, pairs)
    elif (was, now) != (_F.TYPE_STRING, _F.TYPE_BYTES):
        yield from _other_type(old, new)


@rule("FP", "fields")
def field_same_cardinality(old: FieldPart, new: FieldPart) -> Breaks:
    """A field stays explicit, implicit, required, repeated or a map."""
    was, now = cardinality(old), cardinality(new)
    if was != now and not (is_in_entry(old) and is_in_entry(new)):
        yield breaks(old, new, (was, now), f"the field was {was} and is {now}")


@rule("JC", "fields")
def field_wire_json_compatible_cardinality(old: FieldPart, new: FieldPart) -> Breaks:
    """A field stays singular, required, repeated or a map."""
    was, now = cardinality(old), cardinality(new)
    if JSON_CARDINALITY.get(was, was) != JSON_CARDINALITY.get(now, now):
        yield breaks(old, new, (was, now), f"the field was {was} and is {now}")


@rule("W", "fields")
def field_wire_compatible_cardinality(old: FieldPart, new: FieldPart) -> Breaks:
    """A field stays singular, required or repeated; a map is repeated entries."""
    was, now = cardinality(old), cardinality(new)
    if WIRE_CARDINALITY.get(was, was) != WIRE_CARDINALITY.get(now, now):
        yield breaks(old, new, (was, now), f"the field was {was} and is {now}")


@rule("FPJWC", "fields in schemas")
def field_same_default(old: FieldPart, new: FieldPart, pairs: Pairs) -> Breaks:
    """A field that is absent reads as the same value."""
    if not (can_have_default(old) and can_have_default(new)):
        return
    was, now = default(old, pairs.old), default(new, pairs.new)
    if not (is_zero(was) and is_zero(now)) and not same_defaults(old, was, new, now):
        why = f"the default changed from {was!r} to {now!r}"
        yield breaks(old, new, (was, now), why, (7,), ())


@rule("FPJWC", "fields")
def field_same_oneof(old: FieldPart, new: FieldPart) -> Breaks:
    """A field stays in its oneof, or outside of any."""
    was, now = old.oneof, new.oneof
    if was != now:
        shown = was or "no oneof", now or "no oneof"
        yield breaks(old, new, (was, now), f"the field moved from {shown[0]} to {shown[1]}")


def _json_name(one: FieldPart) -> str:
    if one.proto.HasField("json_name"):
        return one.proto.json_name
    first, *rest = one.name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _other_type(old: FieldPart, new: FieldPart) -> Breaks:
    values = _shown(old), _shown(new)
    at = (6,) if kind(new) in NAMED or is_in_entry(new) else (5,)
    yield breaks(old, new, values, f"the type changed from {values[0]} to {values[1]}", at)


def _other_name(old: FieldPart, new: FieldPart, pairs: Pairs) -> Breaks:
    """Another message, or an enum that does not hold all values of the old one."""
    names = old.proto.type_name, new.proto.type_name
    if kind(new) not in NAMED or names[0] == names[1]:
        return
    if new.proto.type == _F.TYPE_ENUM and _is_subset(
        pairs.old.enums[names[0].removeprefix(".")], pairs.new.enums[names[1].removeprefix(".")]
    ):
        return
    yield from _other_type(old, new)


def _is_subset(old: EnumPart, new: EnumPart) -> bool:
    values = {(value.name, value.number) for value in new.proto.value}
    return old.name == new.name and all((v.name, v.number) in values for v in old.proto.value)


def _shown(one: FieldPart) -> str:
    if kind(one) in NAMED:
        return one.proto.type_name.removeprefix(".")
    return _NAMES[kind(one)].lower()
