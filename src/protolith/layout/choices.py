"""The user's choices of how a message becomes a table."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from protolith.errors import MalformedError, quoted


@dataclass(frozen=True, slots=True)
class Layout:
    """How a message becomes a table; without a choice it is the native layout.

    Nested messages are records, repeated fields lists. A table that was created with a layout
    keeps it.

    Parameters
    ----------
    integers: Literal["wide", "exact"]
        wide: 64 bits as in BigQuery; exact: as wide as in protobuf, and float as 32 bits.
    enums: Literal["name", "number"]
        The name of the value, or its number.
    maps: Literal["map", "entries"]
        The engine's map, or a list of records of key and value.
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
    """

    integers: Literal["wide", "exact"] = "wide"
    enums: Literal["name", "number"] = "name"
    maps: Literal["map", "entries"] = "map"
    timestamps: Literal["micros", "nanos"] = "micros"
    durations: Literal["nanos", "interval", "record"] = "nanos"
    wrappers: Literal["value", "record"] = "value"
    structs: Literal["json", "bytes"] = "json"
    any: Literal["record", "json", "bytes"] = "record"
    google_types: Literal["record", "value"] = "record"
    recursion: Literal["json", "bytes", "refuse"] = "json"
    recursion_depth: int = 0
    empty_messages: Literal["boolean", "drop"] = "boolean"

    def __post_init__(self) -> None:
        for part in fields(self):
            value, allowed = getattr(self, part.name), get_args(part.type)
            if allowed and value not in allowed:
                raise MalformedError(
                    f"{part.name} cannot be {quoted(str(value))}", hint=f"{' or '.join(allowed)}"
                )
        depth = self.recursion_depth
        if not isinstance(depth, int) or isinstance(depth, bool) or not 0 <= depth <= MAX_RECURSION:
            raise MalformedError(f"recursion_depth must be a number from 0 to {MAX_RECURSION}")

    @classmethod
    def of(cls, choices: Mapping[str, Any]) -> Self:
        """A layout from choices by name, or `MalformedError`."""
        known = [part.name for part in fields(cls)]
        unknown = sorted(str(name) for name in set(choices) - set(known))
        if unknown:
            raise MalformedError(
                f"no layout option {quoted(unknown[0])}", hint=f"one of {', '.join(known)}"
            )
        return cls(**choices)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A layout from `name=value` pairs between commas, such as `enums=number,maps=entries`."""
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        choices: dict[str, Any] = {name.strip(): value.strip() for name, _, value in pairs}
        depth = choices.get("recursion_depth", "0")
        if depth.isascii() and depth.isdigit():
            choices |= {"recursion_depth": int(depth)} if "recursion_depth" in choices else {}
        return cls.of(choices)

    @property
    def choices(self) -> dict[str, Any]:
        """The choices that differ from the native layout, by name."""
        native = asdict(type(self)())
        return {name: value for name, value in asdict(self).items() if value != native[name]}

    def to_json(self) -> str:
        """The choices as a JSON object; `Layout.of` reads it back."""
        return json.dumps(self.choices, sort_keys=True)


MAX_RECURSION = 8
NATIVE = Layout()
