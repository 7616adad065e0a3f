"""The user's choices of how a message becomes a table, but for what is said of one column."""

from dataclasses import Field, dataclass, fields
from functools import cache
from typing import Any, Literal, get_args

from protolith.errors import MalformedError, quoted

MAX_RECURSION = 8


@dataclass(frozen=True, slots=True)
class Choices:
    """Layout options; one that is None is as the style says.

    Parameters
    ----------
    style: Literal["native", "exact", "json", "flat"]
        native: records and lists; exact: also numbers as wide as in protobuf; json: nested and
        repeated values as JSON; flat: nested messages as columns of the outer one.
    messages: Literal["record", "json", "flat"]
        A nested message as a record, as JSON, or its columns beside the others, called a_b.
    lists: Literal["list", "json"]
        A repeated field as a list, or as a JSON array.
    maps: Literal["map", "entries", "json"]
        The engine's map, a list of records of key and value, or a JSON object.
    scalars: Literal["typed", "plain"]
        plain: an instant is a UTC time without a zone, and what is no number, boolean, date or
        time is text, bytes in base64.
    integers: Literal["wide", "exact"]
        wide: 64 bits as in BigQuery; exact: as wide as in protobuf, and float as 32 bits.
    enums: Literal["name", "number", "both"]
        The name of the value, its number, or both, the number as x_number. Engines' own enum
        types are not used: they refuse the numbers that a newer schema may send.
    oneofs: Literal["none", "case"]
        case: a column called like the oneof holds the name of the field that is set.
    timestamps: Literal["micros", "nanos"]
        Digits of a second; nanos holds the years 1677 to 2262 alone.
    durations: Literal["nanos", "interval", "record"]
        A whole number of nanoseconds, an INTERVAL in microseconds, or seconds and nanos.
    wrappers: Literal["value", "record"]
        The wrapped value, NULL where it is not set, or a record of value.
    structs: Literal["json", "bytes"]
        Struct, Value and ListValue as JSON, or serialized.
    any: Literal["record", "json", "bytes"]
        Any as type_url and value, as JSON where its type is known, or serialized.
    google_types: Literal["record", "value"]
        google.type Date, TimeOfDay, LatLng and Decimal as records, or as DATE, TIME, GEOGRAPHY
        and BIGNUMERIC; any other is a record.
    recursion: Literal["json", "bytes", "refuse"]
        What a message that contains itself is, where it recurs.
    recursion_depth: int
        How often a message may recur within itself as a record before that.
    empty_messages: Literal["boolean", "drop"]
        A message without fields as a boolean that is true where it is set, or not at all.
    names: Literal["field", "json", "snake", "camel"]
        Columns called like the field, by its JSON name, in snake_case or in camelCase; the option
        name of a field goes before.
    ingestion: Literal["none", "columns"]
        columns: _schema_version, _ingested_at and _source_offset say where each row came from.
    """

    style: Literal["native", "exact", "json", "flat"] = "native"
    messages: Literal["record", "json", "flat"] | None = None
    lists: Literal["list", "json"] | None = None
    maps: Literal["map", "entries", "json"] | None = None
    scalars: Literal["typed", "plain"] | None = None
    integers: Literal["wide", "exact"] | None = None
    enums: Literal["name", "number", "both"] | None = None
    oneofs: Literal["none", "case"] | None = None
    timestamps: Literal["micros", "nanos"] | None = None
    durations: Literal["nanos", "interval", "record"] | None = None
    wrappers: Literal["value", "record"] | None = None
    structs: Literal["json", "bytes"] | None = None
    any: Literal["record", "json", "bytes"] | None = None
    google_types: Literal["record", "value"] | None = None
    recursion: Literal["json", "bytes", "refuse"] | None = None
    recursion_depth: int | None = None
    empty_messages: Literal["boolean", "drop"] | None = None
    names: Literal["field", "json", "snake", "camel"] | None = None
    ingestion: Literal["none", "columns"] | None = None

    def __post_init__(self) -> None:
        for part in OPTIONS:
            value, allowed = getattr(self, part.name), values_of(part)
            if value is not None and part.name != "recursion_depth" and value not in allowed:
                raise MalformedError(
                    f"{part.name} cannot be {quoted(str(value))}", hint=f"{' or '.join(allowed)}"
                )
        depth = 0 if self.recursion_depth is None else self.recursion_depth
        if not isinstance(depth, int) or isinstance(depth, bool) or not 0 <= depth <= MAX_RECURSION:
            raise MalformedError(f"recursion_depth must be a number from 0 to {MAX_RECURSION}")

    @property
    def explicit(self) -> dict[str, Any]:
        """The options that were chosen, by name, without the style."""
        found = {part.name: getattr(self, part.name) for part in OPTIONS if part.name != "style"}
        return {name: value for name, value in found.items() if value is not None}

    def resolved(self) -> "Choices":
        """The same choices with a value for each option."""
        return Choices(**(defaults_of(self.style) | self.explicit))


OPTIONS: tuple[Field[Any], ...] = fields(Choices)
_NATIVE: dict[str, Any] = {
    "messages": "record",
    "lists": "list",
    "maps": "map",
    "scalars": "typed",
    "integers": "wide",
    "enums": "name",
    "oneofs": "none",
    "timestamps": "micros",
    "durations": "nanos",
    "wrappers": "value",
    "structs": "json",
    "any": "record",
    "google_types": "record",
    "recursion": "json",
    "recursion_depth": 0,
    "empty_messages": "boolean",
    "names": "field",
    "ingestion": "none",
}
STYLES: dict[str, dict[str, Any]] = {
    "native": {},
    "exact": {"integers": "exact"},
    "json": {"messages": "json", "lists": "json", "maps": "json", "scalars": "plain"},
    "flat": {"messages": "flat"},
}
"""What each style says of the options, where that is not what the native one says."""


@cache
def values_of(option: "Field[Any]") -> tuple[Any, ...]:
    """The values that an option may have, that of the native layout first."""
    if option.name == "recursion_depth":
        return tuple(range(MAX_RECURSION + 1))
    args = get_args(option.type)
    if option.name == "style":
        return args
    # Python gives one object to two unions of the same words, so their order may be another's.
    native = _NATIVE[option.name]
    return (native, *(value for value in get_args(args[0]) if value != native))


def defaults_of(style: str) -> dict[str, Any]:
    """The value of each option in a style where nothing else is chosen."""
    return _NATIVE | STYLES[style] | {"style": style}


AS_NATIVE = Choices().resolved()


def chosen(choices: Choices) -> dict[str, Any]:
    """The choices that differ from what their style says, by name, after the style."""
    style = {} if choices.style == "native" else {"style": choices.style}
    known = defaults_of(choices.style)
    return style | {n: value for n, value in choices.explicit.items() if value != known[n]}
