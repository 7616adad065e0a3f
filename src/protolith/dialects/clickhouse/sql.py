"""ClickHouse's SQL."""

from dataclasses import replace
from typing import ClassVar, Self

from protolith.changes import Change
from protolith.dialects.alteration import Step
from protolith.dialects.base import Dialect, impossible, lines
from protolith.dialects.clickhouse.alter import alter
from protolith.dialects.clickhouse.functions import DEFAULTS
from protolith.dialects.clickhouse.rows import explode, placeholder
from protolith.dialects.copying import Copying
from protolith.dialects.parts import Clauses, Exploded
from protolith.dialects.versions import profile
from protolith.tables import (
    Boolean,
    Bytes,
    Column,
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
    Note,
    Range,
    Record,
    String,
    Table,
    Time,
    Timestamp,
    Type,
    walk,
)

_PLAIN: dict[Type, str] = {
    Boolean(): "Bool",
    Integer(32): "Int32",
    Integer(32, signed=False): "UInt32",
    Integer(64): "Int64",
    Integer(64, signed=False): "UInt64",
    Float(32): "Float32",
    Float(64): "Float64",
    Timestamp(6): "DateTime64(6, 'UTC')",
    Timestamp(9): "DateTime64(9, 'UTC')",
    DateTime(): "DateTime64(6, 'UTC')",  # without a zone it would show the server's time
    Date(): "Date32",
    Time(): "Time64(6)",
}
_READ: dict[str, Type] = {
    "BOOLEAN": Boolean(),
    "INT": Integer(32),
    "UINT": Integer(32, signed=False),
    "BIGINT": Integer(64),
    "UBIGINT": Integer(64, signed=False),
    "FLOAT": Float(32),
    "DOUBLE": Float(64),
    "DECIMAL": Decimal(10, 0),
    "TEXT": String(),
    "DATETIME64(6, UTC)": Timestamp(6),
    "DATETIME64(9, UTC)": Timestamp(9),
    "DATE32": Date(),
    "TIME_NS(6)": Time(),
}
_OWN_DATABASES = ("system", "information_schema")
_MAX_NAMES = 213  # of database and table together: both become parts of one file name
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
_NAME_ESCAPES = str.maketrans({"\\": "\\\\", "`": "\\`", "\n": "\\n"})


class ClickHouse(Dialect):
    """ClickHouse: records are Tuple, lists Array, maps Map.

    From 26.9 on a NULL record stays NULL. Before, its columns are NULL instead (`Tuple` cannot be
    NULL), and instants and days before 1900 or after 2299 cannot be kept; times are text.
    """

    name = "clickhouse"
    scalars = _READ
    words: ClassVar = {"TIME64": "TIME_NS"}
    functions = DEFAULTS
    plain: ClassVar = Clauses(after="ENGINE = MergeTree\nORDER BY tuple()")
    versions = ("25.8", "26.3", "26.9")

    def __init__(self, version: str = "26.9") -> None:
        self.version = profile(self.versions, version)
        self._newest = self.version == self.versions[-1]

    def at(self, version: str) -> Self:
        return type(self)(version)

    def timestamp_range(self) -> tuple[int, int]:
        return (1, 9999) if self._newest else (1900, 2299)

    def quote(self, name: str) -> str:
        return f"`{name.translate(_NAME_ESCAPES)}`"

    def literal(self, text: str) -> str:
        # Doubling quotes alone would be injectable: a backslash before a quote eats it.
        return f"'{text.translate(_ESCAPES)}'"

    def storable(self, type_: Type) -> Type:
        # JSON is text: ClickHouse's JSON type refuses arrays, scalars and duplicate keys.
        if isinstance(type_, Time) and not self._newest:
            return String()  # Time64 needs a setting in 25.8, and 26.3 cannot give it as Arrow
        return String() if isinstance(type_, Interval | Geography | Json | Range) else type_

    def folded(self, type_: Type) -> Type:
        match type_:
            case String() | Bytes():
                return String()
            case DateTime():
                return Timestamp(6)
            case _:
                return type_

    def stored(self, table: Table) -> Table:
        stored = super().stored(table)
        if self._newest:
            return stored
        text = f"in ClickHouse {self.version} a missing record is one of NULLs"
        lost = [
            Note(path, text)
            for path, column in walk(table.columns)
            if column.nullable and isinstance(column.type, Record)
        ]
        return replace(stored, notes=(*stored.notes, *lost))

    def type_text(self, type_: Type, *, nullable: bool = True) -> str:
        match self.storable(type_):
            case List(element):
                return f"Array({self.type_text(element, nullable=False)})"
            case Map(key, value):
                return f"Map({self.type_text(key, nullable=False)}, {self.type_text(value)})"
            case EnumName():
                return f"LowCardinality({self._nullable('String', nullable=nullable)})"
            case Record(columns):
                inner = ", ".join(self._field(column) for column in columns)
                return self._nullable(f"Tuple({inner})", nullable=nullable and self._newest)
            case Decimal(precision, scale):
                return self._nullable(f"Decimal({precision}, {scale})", nullable=nullable)
            case String() | Bytes():
                return self._nullable("String", nullable=nullable)
            case plain:
                return self._nullable(_PLAIN[plain], nullable=nullable)

    def create(self, table: Table) -> tuple[str, ...]:
        self._check_names(table)
        columns = zip(table.columns, self.stored(table).columns, strict=True)
        body = lines([self._column(stored, self.default(column).sql) for column, stored in columns])
        clauses = self.clauses(table)
        on = clauses.cluster
        create = (
            f"CREATE TABLE IF NOT EXISTS {self.qualified(table)}{on} (\n{body}\n)\n{clauses.after}"
        )
        if table.comment:
            create += f"\nCOMMENT {self.literal(table.comment)}"
        return (f"CREATE DATABASE IF NOT EXISTS {self.quote(table.database)}{on}", create)

    def replace_view(self, table: Table, query: str) -> tuple[str, ...]:
        # CREATE OR REPLACE VIEW would replace a table of that name, with its rows.
        name, on = self.qualified(table), self.clauses(table).cluster
        return f"DROP VIEW IF EXISTS {name}{on}", f"CREATE VIEW {name}{on} AS\n{query}"

    def explode(self, array: str, type_: List | Map, alias: str) -> Exploded:
        return explode(self, array, type_, alias)

    def chain(self, source: str, join: str, alias: str, carried: tuple[str, ...]) -> str:
        # A view with more than one ARRAY JOIN can be created, but not read.
        if carried:
            source = f"(SELECT {', '.join(carried)}\nFROM {source}) AS {alias}"
        return f"{source}\n{join}"

    def placeholder(self, column: Column, name: str) -> str:
        return placeholder(self, column, name)

    def _clauses(self, table: Table) -> Clauses:
        from protolith.dialects.clickhouse.clauses import write_clauses  # noqa: PLC0415  # sqlglot

        return write_clauses(self, table)

    def alter(self, table: Table, change: Change) -> Step:
        return alter(self, table, change)

    def copying(self, old: Table, new: Table) -> Copying:
        from protolith.dialects.clickhouse.copying import ClickHouseCopying  # noqa: PLC0415  # rarely used

        for table in (old, new):
            if table.stored_in(self.name).cluster:
                text = "a table on a cluster is not built anew"
                raise impossible(self, table, None, text, hint="create another table")
        return ClickHouseCopying(self, old, new)

    def _check_names(self, table: Table) -> None:
        if table.database.lower() in _OWN_DATABASES:
            raise impossible(self, table, None, f"the database {table.database} is its own")
        length = len(table.database) + len(table.name)
        if length > _MAX_NAMES:
            text = f"the names of database and table have {length} characters together"
            raise impossible(self, table, None, text, hint=f"at most {_MAX_NAMES} are possible")
        for path, column in walk(table.columns):
            if column.name == "null" and "." in path:
                raise impossible(
                    self,
                    table,
                    path,
                    "ClickHouse reserves the name null inside a record",
                    hint="give the field another column name with (gen_bq_schema.bigquery).name",
                )

    def _stored_column(self, column: Column) -> Column:
        stored = super()._stored_column(column)
        if self._newest or not stored.nullable or not isinstance(stored.type, Record):
            return stored
        return replace(stored, type=_all_nullable(stored.type), nullable=False)

    @staticmethod
    def _nullable(text: str, *, nullable: bool) -> str:
        return f"Nullable({text})" if nullable else text

    def _field(self, column: Column) -> str:
        return f"{self.quote(column.name)} {self.type_text(column.type, nullable=column.nullable)}"

    def _column(self, column: Column, default: str) -> str:
        comment = f" COMMENT {self.literal(column.comment)}" if column.comment else ""
        return self._field(column) + (f" DEFAULT {default}" if default else "") + comment


def _all_nullable(record: Record) -> Record:
    return Record(tuple(_nullable_column(column) for column in record.columns))


def _nullable_column(column: Column) -> Column:
    match column.type:
        case Record():
            return replace(column, type=_all_nullable(column.type), nullable=False)
        case List() | Map():
            return column
        case _:
            return replace(column, nullable=True)


DIALECT = ClickHouse()
