"""Tables as Arrow schemas; each field carries its field path in the metadata."""

from typing import Any

import pyarrow as pa

from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    Date,
    DateTime,
    Decimal,
    Float,
    Integer,
    List,
    Map,
    Range,
    Record,
    Table,
    Time,
    Timestamp,
    Type,
)

PATH_KEY = b"protolith.path"

_MAX_128 = 38
_PLAIN: dict[Type, pa.DataType] = {
    Boolean(): pa.bool_(),
    Integer(32): pa.int32(),
    Integer(32, signed=False): pa.uint32(),
    Integer(64): pa.int64(),
    Integer(64, signed=False): pa.uint64(),
    Float(32): pa.float32(),
    Float(64): pa.float64(),
    Timestamp(6): pa.timestamp("us", tz="UTC"),
    Timestamp(9): pa.timestamp("ns", tz="UTC"),
    DateTime(): pa.timestamp("us"),
    Date(): pa.date32(),
    Time(): pa.time64("us"),
}


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of a table; for an engine, pass `dialect.stored(table)`."""
    return pa.schema([arrow_field(column) for column in table.columns])


def arrow_field(column: Column) -> "pa.Field[Any]":
    """A column as an Arrow field."""
    metadata = {PATH_KEY: ".".join(map(str, column.path)).encode()} if column.path else None
    return pa.field(column.name, arrow_type(column.type), column.nullable, metadata)


def arrow_type(type_: Type) -> pa.DataType:
    """A column type as an Arrow type; text where Arrow has nothing closer."""
    match type_:
        case Record(columns):
            return pa.struct([arrow_field(column) for column in columns])
        case List(element):
            return pa.list_(arrow_type(element))
        case Map(key, value):
            return pa.map_(arrow_type(key), arrow_type(value))
        case Decimal(precision, scale):
            number = pa.decimal128 if precision <= _MAX_128 else pa.decimal256
            return number(precision, scale)
        case Bytes():
            return pa.binary()
        case Range(element):
            bound = arrow_type(element)
            return pa.struct([pa.field("start", bound), pa.field("end", bound)])
        case plain:
            return _PLAIN.get(plain, pa.utf8())
