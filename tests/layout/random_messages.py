"""Messages of any type with values that are hard to keep."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

F = FieldDescriptor
DOUBLES = (0.0, -0.0, 1.5, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"))
LARGE_FLOAT = 3.4028232635611926e38
# The largest float is not among them: Python's json_format writes it, but reads it no more.
FLOATS = (0.0, -0.0, 0.5, 1.401298464324817e-45, LARGE_FLOAT, float("-inf"))
TEXTS = (
    "",
    "\0",
    "a\0b",
    "é漢🙂",
    "null",
    '"\\\n\t',
    "'; DROP TABLE x; --",
    "{}",
    "\x7f\x80\ufeff",
)
SCALARS: dict[int, Any] = {
    F.TYPE_DOUBLE: st.sampled_from((*DOUBLES, float("nan"))) | st.floats(allow_nan=False),
    F.TYPE_FLOAT: st.sampled_from((*FLOATS, float("nan")))
    | st.floats(-LARGE_FLOAT, LARGE_FLOAT, width=32),
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_STRING: st.sampled_from(TEXTS) | st.text(max_size=20),
    F.TYPE_BYTES: st.sampled_from((b"", b"\0", b"\xff\0", b"a\\x")) | st.binary(max_size=20),
}
for _types, _low, _high in (
    ((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32), -(2**31), 2**31 - 1),
    ((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64), -(2**63), 2**63 - 1),
    ((F.TYPE_UINT32, F.TYPE_FIXED32), 0, 2**32 - 1),
    ((F.TYPE_UINT64, F.TYPE_FIXED64), 0, 2**64 - 1),
):
    _numbers = st.sampled_from((_low, _high, 0, 1)) | st.integers(_low, _high)
    SCALARS |= dict.fromkeys(_types, _numbers)
YEARS_1_TO_9999 = (-62135596800, -1, 0, 1, 253402300799)
YEARS_1678_TO_2261 = (-9214560000, -1, 0, 1, 9214560000)
JSON = st.recursive(
    st.none() | st.booleans() | st.sampled_from((0.0, -0.0, 1.5, 1e300)) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@st.composite
def messages(draw: Any, kind: Descriptor, seconds: tuple[int, ...], step: int) -> Any:
    """A message; instants are of `seconds`, with nanoseconds in whole steps."""
    return _fill(draw, GetMessageClass(kind)(), 0, seconds, step)


def _fill(draw: Any, message: Any, depth: int, seconds: tuple[int, ...], step: int) -> Any:
    def inner(into: Any) -> None:
        into.SetInParent()
        _fill(draw, into, depth + 1, seconds, step)

    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        message.seconds = draw(st.sampled_from(seconds))
        message.nanos = draw(st.sampled_from((0, step, 999_999_999 // step * step)))
        return message
    if name == "google.protobuf.Duration":
        message.seconds = draw(st.sampled_from((0, 9_000_000_000, 1)))
        message.nanos = draw(st.sampled_from((0, 1, 999_999_999)))
        if draw(st.booleans()):
            message.seconds, message.nanos = -message.seconds, -message.nanos
        return message
    if name == "google.protobuf.Struct":
        message.update(draw(st.dictionaries(st.text(max_size=3), JSON, max_size=3)))
        return message
    for part in message.DESCRIPTOR.fields:
        if draw(st.integers(0, 2 + depth)) > 1 and not part.is_required:
            continue
        _fill_field(draw, message, part, inner)
    return message


def _fill_field(draw: Any, message: Any, part: FieldDescriptor, inner: Any) -> None:
    kind = part.message_type
    field = getattr(message, part.name)
    if kind is not None and kind.GetOptions().map_entry:
        key, value = kind.fields_by_name["key"], kind.fields_by_name["value"]
        for each in draw(st.lists(_scalar(key), max_size=3)):
            if value.message_type is None:
                field[each] = draw(_scalar(value))
            else:
                inner(field[each])
    elif kind is not None and part.is_repeated:
        for _ in range(draw(st.integers(0, 2))):
            inner(field.add())
    elif kind is not None:
        inner(field)
    elif part.is_repeated:
        field.extend(draw(st.lists(_scalar(part), max_size=3)))
    else:
        setattr(message, part.name, draw(_scalar(part)))


def _scalar(part: FieldDescriptor) -> Any:
    if part.enum_type is None:
        return SCALARS[part.type]
    known = st.sampled_from([value.number for value in part.enum_type.values])
    return known if part.enum_type.is_closed else known | st.sampled_from((77, -(2**31), 2**31 - 1))
