"""One field's value as one column's value."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Context, InvalidOperation
from decimal import Decimal as Number
from functools import partial
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from protolith.layout.well_known import DURATION, GOOGLE_TYPES, TIMESTAMP, WRAPPERS
from protolith.tables import (
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    EnumName,
    Integer,
    Interval,
    Json,
    String,
    Time,
    Timestamp,
    Type,
)


class RecordError(ValueError):
    """A record cannot be a row of the table; the message says why."""


Convert = Callable[[Any, Any], Any]

_NANOS = 1_000_000_000
_MICRO = 1_000
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # years 0001 to 9999
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_EPOCH = date(1970, 1, 1).toordinal()
_TOO_FINE = re.compile(r"\.\d{7}")  # fromisoformat would cut further digits silently
_NANO_DIGITS = 9
_LONGEST = 315_576_000_000  # seconds of a valid Duration, about 10,000 years
_INT64 = range(-(2**63), 2**63)
_F = FieldDescriptor
_WHOLE = {
    *(_F.TYPE_INT32, _F.TYPE_INT64, _F.TYPE_UINT32, _F.TYPE_UINT64, _F.TYPE_SINT32),
    *(_F.TYPE_SINT64, _F.TYPE_FIXED32, _F.TYPE_FIXED64, _F.TYPE_SFIXED32, _F.TYPE_SFIXED64),
}
_UNSIGNED = (_F.TYPE_UINT64, _F.TYPE_FIXED64)


def converter(part: FieldDescriptor, type_: Type, path: str, pool: DescriptorPool) -> Convert:
    """How values of a field become values of a column type; the column's path is for errors.

    The converter takes a value and the row that counts what is cut; it raises `RecordError`.
    """
    if part.message_type is not None:
        return _from_message(part.message_type.full_name, type_, path, pool)
    if part.enum_type is not None:
        return _from_enum(part.enum_type, type_)
    if part.type == FieldDescriptor.TYPE_STRING:
        return _from_text(type_, path)
    if part.type in _WHOLE:
        return _from_whole(part, type_, path)
    return _as_is


def entry_converter(
    entry: Descriptor, type_: Type, path: str, pool: DescriptorPool
) -> Callable[[Any, Any, Any], Any]:
    """How a map's key and value become one document: the entry as a message."""
    cls: Any = message_factory.GetMessageClass(entry)
    convert = _from_message(entry.full_name, type_, path, pool)
    has_messages = entry.fields_by_name["value"].message_type is not None

    def convert_entry(key: Any, value: Any, row: Any) -> Any:
        if not has_messages:
            return convert(cls(key=key, value=value), row)
        made = cls(key=key)
        made.value.CopyFrom(value)
        return convert(made, row)

    return convert_entry


def adapted(convert: Convert, type_: Type, stored: Type) -> Convert:
    """A converter for an engine that stores the type as another one."""
    if isinstance(type_, Decimal) and isinstance(stored, String):
        return lambda value, row: format(convert(value, row), "f")
    if isinstance(type_, Time) and isinstance(stored, String):
        return lambda value, row: convert(value, row).isoformat(timespec="microseconds")
    return convert


def ranged(convert: Convert, type_: Type, years: tuple[int, int], path: str) -> Convert:
    """A converter that refuses instants and days outside the years that an engine keeps."""
    if years == (1, 9999) or not isinstance(type_, Timestamp | DateTime | Date):
        return convert
    first, last = date(years[0], 1, 1).toordinal(), date(years[1], 12, 31).toordinal()

    def check(value: Any, row: Any) -> Any:
        converted = convert(value, row)
        if not first <= _ordinal(converted, type_) <= last:
            raise RecordError(f"{path}: the engine keeps only the years {years[0]} to {years[1]}")
        return converted

    return check


def _ordinal(value: Any, type_: Type) -> int:
    if isinstance(value, date):  # a datetime is one too
        return value.toordinal()
    digits = type_.digits if isinstance(type_, Timestamp) else None
    days = value if digits is None else value // (86_400 * 10**digits)
    return int(days) + _EPOCH


def _as_is(value: Any, _row: Any) -> Any:
    return value


def _from_message(kind: str, type_: Type, path: str, pool: DescriptorPool) -> Convert:
    if kind == TIMESTAMP and isinstance(type_, Timestamp):
        return _timestamp(type_, path)
    if kind == DURATION and isinstance(type_, Integer | Interval):
        return _duration(type_, path)
    if kind in WRAPPERS and type(type_) is type(WRAPPERS[kind]):
        return lambda value, _row: value.value
    if kind in GOOGLE_TYPES and type_ == GOOGLE_TYPES[kind]:
        return partial(GOOGLE_VALUES[kind], path)
    match type_:
        case Json() | String():
            return _json_text(path, pool)
        case Bytes():
            return lambda value, _row: type(value).SerializeToString(value, deterministic=True)
        case Boolean():
            return lambda _value, _row: True  # an empty message: it was there
    raise TypeError(f"{path}: no way from {kind} to {type_}")


def _timestamp(type_: Timestamp, path: str) -> Convert:
    def convert(value: Any, row: Any) -> int:
        seconds, nanos = value.seconds, value.nanos
        if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < _NANOS):
            raise RecordError(f"{path}: {seconds} s and {nanos} ns are no valid Timestamp")
        total = int(seconds * _NANOS + nanos)
        if type_.digits == _NANO_DIGITS:
            if total not in _INT64:
                raise RecordError(f"{path}: {seconds} s is outside the years 1677 to 2262")
            return total
        if nanos % _MICRO:
            row.cut[path] += 1
        return total // _MICRO

    return convert


def _duration(type_: Integer | Interval, path: str) -> Convert:
    def convert(value: Any, row: Any) -> int | str:
        seconds, nanos = value.seconds, value.nanos
        if abs(nanos) >= _NANOS or seconds * nanos < 0 or abs(seconds) > _LONGEST:
            raise RecordError(f"{path}: {seconds} s and {nanos} ns are no valid Duration")
        total = int(seconds * _NANOS + nanos)
        if isinstance(type_, Interval):
            if nanos % _MICRO:
                row.cut[path] += 1
            sign = "-" if total < 0 else ""
            return f"{sign}{abs(seconds)}.{abs(nanos) // _MICRO:06} seconds"
        if total not in _INT64:
            raise RecordError(f"{path}: a duration of {seconds} s does not fit 64-bit nanoseconds")
        return total

    return convert


def _google_date(path: str, value: Any, _row: Any) -> date:
    try:
        return date(value.year, value.month, value.day)
    except ValueError:
        text = f"{value.year}-{value.month}-{value.day}"
        raise RecordError(f"{path}: {text} is no whole date of the years 1 to 9999") from None


def _google_time(path: str, value: Any, row: Any) -> time:
    if value.nanos % _MICRO:
        row.cut[path] += 1
    try:
        return time(value.hours, value.minutes, value.seconds, value.nanos // _MICRO)
    except ValueError:
        text = f"{value.hours}:{value.minutes}:{value.seconds} and {value.nanos} ns"
        raise RecordError(f"{path}: {text} is no time of day") from None


def _google_point(path: str, value: Any, _row: Any) -> str:
    if not (abs(value.longitude) <= 180 and abs(value.latitude) <= 90):  # noqa: PLR2004
        text = f"latitude {value.latitude} and longitude {value.longitude}"
        raise RecordError(f"{path}: {text} are no place on the earth")
    return f"POINT({value.longitude!r} {value.latitude!r})"


def _google_decimal(path: str, value: Any, _row: Any) -> Number:
    return _number(value.value, Decimal(76, 38), path)


def _json_text(path: str, pool: DescriptorPool) -> Convert:
    def convert(value: Any, _row: Any) -> str:
        try:
            return json_format.MessageToJson(
                value,
                preserving_proto_field_name=True,
                indent=None,
                ensure_ascii=False,
                descriptor_pool=pool,
            )
        except (json_format.Error, TypeError, ValueError, RecursionError) as error:
            raise RecordError(f"{path}: cannot be written as JSON: {error}") from None

    return convert


def _from_enum(enum: EnumDescriptor, type_: Type) -> Convert:
    if not isinstance(type_, EnumName):
        return _as_is
    names = {number: value.name for number, value in enum.values_by_number.items()}
    return lambda value, _row: names.get(value) or str(value)


def _from_text(type_: Type, path: str) -> Convert:
    parse = _TEXT_PARSERS.get(type(type_))
    if isinstance(type_, Decimal):
        return lambda value, _row: _number(value, type_, path)
    if parse is None:
        return partial(_unicode, path)

    def convert(value: str, _row: Any) -> Any:
        _unicode(path, value, None)
        if type_ != Json() and _TOO_FINE.search(value):
            raise RecordError(f"{path}: {value[:60]!r} is finer than a microsecond")
        try:
            return parse(value)
        except (ValueError, OverflowError, RecursionError):
            raise RecordError(f"{path}: {value[:60]!r} is not a {type(type_).__name__}") from None

    return convert


def _unicode(path: str, value: str | bytes, _row: Any) -> str:
    # proto2 takes any bytes for a string; the runtime then gives bytes.
    if isinstance(value, bytes):
        raise RecordError(f"{path}: {value[:20]!r} is not UTF-8")
    return value


def _from_whole(part: FieldDescriptor, type_: Type, path: str) -> Convert:
    match type_:
        case Decimal():
            return lambda value, _row: _number(value, type_, path)
        case String():
            return lambda value, _row: str(value)
        case Date():
            return lambda value, _row: _in_range(value, _FIRST_DAY, _LAST_DAY, f"{path}: day")
        case Timestamp():
            first, last = _FIRST_SECOND * 1_000_000, _LAST_SECOND * 1_000_000 + 999_999
            return lambda value, _row: _in_range(value, first, last, f"{path}: microsecond")
        case Integer(64, signed=True) if part.type in _UNSIGNED:
            return lambda value, _row: _signed(value, path)
        case _:
            return _as_is


def _number(value: str | int, type_: Decimal, path: str) -> Number:
    try:
        number = Number(value)
        step = Number(1).scaleb(-type_.scale)
        exact = number.quantize(step, context=Context(prec=type_.precision))
    except (InvalidOperation, ValueError):
        exact = None
    if exact is None or exact != number:
        text = str(value)[:60]
        raise RecordError(f"{path}: {text!r} is not a number of {type_.precision} digits")
    return exact


def _signed(value: int, path: str) -> int:
    if value in _INT64:
        return value
    raise RecordError(f"{path}: {value} is more than a signed integer can be")


def _in_range(value: int, first: int, last: int, what: str) -> int:
    if first <= value <= last:
        return value
    raise RecordError(f"{what} {value} is outside the years 0001 to 9999")


def _json(text: str) -> str:
    json.loads(text)
    return text


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time(text: str) -> time:
    moment = time.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError(text)
    return moment


def _local(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError(text)
    return moment


_TEXT_PARSERS: dict[type[Any], Callable[[str], Any]] = {
    Json: _json,
    Date: date.fromisoformat,
    Time: _time,
    DateTime: _local,
    Timestamp: _instant,
}
GOOGLE_VALUES: dict[str, Callable[[str, Any, Any], Any]] = {
    "google.type.Date": _google_date,
    "google.type.TimeOfDay": _google_time,
    "google.type.LatLng": _google_point,
    "google.type.Decimal": _google_decimal,
}
