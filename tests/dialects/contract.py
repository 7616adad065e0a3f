"""Tables that every dialect must be able to write: each type in each place, with rows."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal as number_of  # noqa: N813
from typing import Any

import pyarrow as pa

from protolith import Column, Table
from protolith.tables import (
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    EnumName,
    Float,
    Geography,
    Integer,
    Interval,
    Json,
    List,
    Map,
    Range,
    Record,
    String,
    Time,
    Timestamp,
    Type,
)

SCALARS: list[Type] = [
    Boolean(),
    Integer(32),
    Integer(32, signed=False),
    Integer(64),
    Integer(64, signed=False),
    Float(32),
    Float(64),
    Decimal(),
    Decimal(10, 2),
    Decimal(76, 38),
    Decimal(40, 20),
    String(),
    String(10),
    Bytes(),
    Bytes(10),
    EnumName(),
    Timestamp(6),
    Timestamp(9),
    DateTime(),
    Date(),
    Time(),
    Interval(),
    Geography(),
    Json(),
    Range(Date()),
    Range(DateTime()),
    Range(Timestamp()),
]
HOSTILE = "it's a \\ \"`test`\"; DROP TABLE x; --\n/* ü 🙂 \\' {a:Int64} %s ? $1 \\"


def table(*columns: Column, comment: str = "") -> Table:
    return Table("shop", "things", columns, comment)


def in_each_place(type_: Type) -> Table:
    """One type as a plain, required, nested, repeated and mapped value."""
    inner = Record(
        (
            Column("a", type_),
            Column("b", type_, nullable=False),
            Column("c", List(type_), nullable=False),
        )
    )
    return table(
        Column("plain", type_, comment=HOSTILE),
        Column("required", type_, nullable=False),
        Column("nested", inner),
        Column("required_nested", inner, nullable=False),
        Column("list", List(type_), nullable=False),
        Column("map", Map(String(), type_), nullable=False),
        Column("records", List(inner), nullable=False),
        Column("by_number", Map(Integer(signed=False), inner), nullable=False),
        comment=HOSTILE,
    )


INF, NAN = float("inf"), float("nan")
_DAY_1, _DAY_LAST = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31
_FIRST, _LAST = _DAY_1 * 86_400_000_000, (_DAY_LAST + 1) * 86_400_000_000 - 1
_TEXTS = ["", "\0", "a\0b", "NULL", " ", HOSTILE, "\U0010ffff"]
_BYTES = [b"", b"\0", b"\xff\xfe", bytes(range(256))]


def _limits(digits: int, scale: int) -> list[Any]:
    whole = "9" * digits
    number = number_of(f"{whole[: digits - scale]}.{whole[digits - scale :]}")
    return [number, number.copy_negate(), number_of(f"0.{'0' * (scale - 1)}1"), number_of(0)]


def _range(first: int, last: int) -> list[Any]:
    return [{"start": first, "end": last}, {"start": None, "end": last}]


VALUES: dict[Type, list[Any]] = {
    Boolean(): [True, False],
    Integer(32): [-(2**31), 2**31 - 1, 0],
    Integer(32, signed=False): [2**32 - 1, 0],
    Integer(64): [-(2**63), 2**63 - 1, 0],
    Integer(64, signed=False): [2**64 - 1, 2**63, 0],
    Float(32): [NAN, INF, -INF, -0.0, 3.4028234663852886e38, 1.401298464324817e-45],
    Float(64): [NAN, INF, -INF, -0.0, 1.7976931348623157e308, 5e-324],
    Decimal(): _limits(38, 9),
    Decimal(10, 2): _limits(10, 2),
    Decimal(76, 38): _limits(76, 38),
    Decimal(40, 20): _limits(40, 20),
    String(): _TEXTS,
    String(10): ["", "ü🙂", "0123456789"],
    Bytes(): _BYTES,
    Bytes(10): [b"", b"\xff" * 10],
    EnumName(): ["STATUS_OK", "-7", ""],
    Timestamp(6): [_FIRST, _LAST, 0, -1],
    Timestamp(9): [-(2**63) + 10**9, 2**63 - 10**9, 1, -1],
    DateTime(): [_FIRST, _LAST, 0, -1],
    Date(): [_DAY_1, _DAY_LAST, 0, -1],
    Time(): [0, 86_399_999_999],
    Interval(): ["14 months 3 days 00:00:00.000004", "-1 months -1 days -00:00:01"],
    Geography(): ["POINT (1 2)", "LINESTRING (0 0, -180 90)"],
    Json(): ["null", '""', "[]", '{"a":1e400, "a":{"b.c":[1,"\\u0000"]}}'],
    Range(Date()): _range(_DAY_1, _DAY_LAST),
    Range(DateTime()): _range(_FIRST, _LAST),
    Range(Timestamp()): _range(_FIRST, _LAST),
}
"""Values at the limits of each type, as Arrow takes them: instants and days are numbers."""


@dataclass(frozen=True)
class Place:
    """Where a type stands in a table, and rows with its values there."""

    name: str
    column: Callable[[Type], Column]
    rows: Callable[[list[Any]], list[Any]]


def _inner(type_: Type) -> Record:
    return Record(
        (
            Column("a", type_),
            Column("b", type_, nullable=False),
            Column("c", List(type_), nullable=False),
        )
    )


def _records(values: list[Any]) -> list[Any]:
    full = [{"a": value, "b": value, "c": values} for value in values]
    return [{"a": None, "b": values[0], "c": []}, *full]


def _keyed(values: list[Any]) -> list[tuple[str, Any]]:
    keys = ["", "\0", "a b", "'", "\U0010ffff", "null", "\\", HOSTILE]
    return [(keys[n], value) for n, value in enumerate(values)]


PLACES = [
    Place("nullable", lambda t: Column("x", t), lambda values: [*values, None]),
    Place("required", lambda t: Column("x", t, nullable=False), list),
    Place(
        "list",
        lambda t: Column("x", List(t), nullable=False),
        lambda values: [[], values, values[:1]],
    ),
    Place(
        "map",
        lambda t: Column("x", Map(String(), t), nullable=False),
        lambda values: [[], _keyed([*values, None])],
    ),
    Place("record", lambda t: Column("x", _inner(t)), lambda values: [None, *_records(values)]),
    Place(
        "records",
        lambda t: Column("x", List(_inner(t)), nullable=False),
        lambda values: [[], _records(values)],
    ),
    Place(
        "map of records in a record",
        lambda t: Column(
            "x",
            Record((Column("m", Map(Integer(signed=False), _inner(t)), nullable=False),)),
            nullable=False,
        ),
        lambda values: [{"m": list(zip([2**64 - 1, 0], _records(values), strict=False))}],
    ),
]


@dataclass(frozen=True)
class Case:
    """A table of one column `x` and rows for it."""

    name: str
    column: Column
    values: list[Any]

    @property
    def table(self) -> Table:
        return table(Column("n", Integer(), nullable=False), self.column, comment=HOSTILE)


def _maps() -> list[Case]:
    keys: dict[Any, list[Any]] = {
        Boolean(): [True, False],
        Integer(32): [-(2**31), 2**31 - 1],
        Integer(32, signed=False): [0, 2**32 - 1],
        Integer(64): [-(2**63), 2**63 - 1],
        Integer(64, signed=False): [0, 2**64 - 1],
    }
    return [
        Case(
            f"{key} as a key",
            Column("x", Map(key, String()), nullable=False),
            [[], [(value, "v") for value in values]],
        )
        for key, values in keys.items()
    ]


CASES = [
    *(
        Case(f"{type_} {place.name}", place.column(type_), place.rows(values))
        for type_, values in VALUES.items()
        for place in PLACES
    ),
    *_maps(),
    Case("a megabyte of text", Column("x", String()), ["🙂" * 2**18]),
]
"""Every type in every place with the values at its limits."""


def sent(type_: Type, stored: Type, value: Any) -> Any:
    """A value as it is loaded where a type is stored as another one."""
    match type_, stored:
        case _ if value is None:
            return None
        case Record(columns), Record(others):
            pairs = zip(columns, others, strict=True)
            return {c.name: sent(c.type, other.type, value[c.name]) for c, other in pairs}
        case List(element), List(other):
            return [sent(element, other, item) for item in value]
        case Map(_, inner), Map(_, other):
            return [(key, sent(inner, other, item)) for key, item in value]
        case Decimal(), String():
            return f"{value:f}"
        case Range(), String():
            return f"[{value['start']}, {value['end']})"
        case _:
            return value


def plain(value: Any) -> Any:
    """An Arrow scalar as Python values that are equal only if nothing at all is lost."""
    if not value.is_valid:
        return None
    match value:
        case pa.MapScalar():
            return [(plain(entry["key"]), plain(entry["value"])) for entry in value.values]
        case pa.ListScalar():
            return [plain(item) for item in value.values]
        case pa.StructScalar():
            return {name: plain(value[name]) for name in value}
        case pa.DictionaryScalar():
            return plain(value.value)
        case pa.StringScalar() | pa.BinaryScalar():
            return value.as_buffer().to_pybytes()  # ClickHouse's text may be no UTF-8
        case pa.TimestampScalar() | pa.Time64Scalar() | pa.Date32Scalar():
            return value.value
        case _:
            return repr(value.as_py())  # -0.0 is not 0.0, and NaN is NaN
