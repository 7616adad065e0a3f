"""Tables that every dialect must be able to write: each type in each place."""

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
