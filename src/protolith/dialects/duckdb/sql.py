"""DuckDB's SQL."""

from dataclasses import replace
from typing import ClassVar, Self

from protolith.changes import Change
from protolith.dialects.alteration import Step
from protolith.dialects.base import Dialect, impossible, lines
from protolith.dialects.copying import Copying
from protolith.dialects.duckdb.alter import alter
from protolith.dialects.duckdb.functions import FUNCTIONS
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
    Range,
    Record,
    String,
    Table,
    Time,
    Timestamp,
    Type,
    walk,
)

_MAX_PRECISION = 38
_OWN_SCHEMAS = ("system", "temp", "information_schema", "pg_catalog")
_PLAIN: dict[Type, str] = {
    Boolean(): "BOOLEAN",
    Integer(32): "INTEGER",
    Integer(32, signed=False): "UINTEGER",
    Integer(64): "BIGINT",
    Integer(64, signed=False): "UBIGINT",
    Float(32): "FLOAT",
    Float(64): "DOUBLE",
    EnumName(): "VARCHAR",
    Timestamp(6): "TIMESTAMPTZ",
    Timestamp(9): "TIMESTAMPTZ_NS",
    DateTime(): "TIMESTAMP",
    Date(): "DATE",
    Time(): "TIME",
    Interval(): "INTERVAL",
    Geography(): "GEOMETRY",
    Json(): "JSON",
}
_READ: dict[str, Type] = {
    "BOOLEAN": Boolean(),
    "INT": Integer(32),
    "UINT": Integer(32, signed=False),
    "BIGINT": Integer(64),
    "UBIGINT": Integer(64, signed=False),
    "FLOAT": Float(32),
    "DOUBLE": Float(64),
    "DECIMAL": Decimal(18, 3),
    "TEXT": String(),
    "VARBINARY": Bytes(),
    "TIMESTAMPTZ": Timestamp(6),
    "TIMESTAMPLTZ": Timestamp(9),
    "TIMESTAMPNTZ": DateTime(),
    "TIMESTAMP": DateTime(),
    "DATE": Date(),
    "TIME": Time(),
    "INTERVAL": Interval(),
    "GEOMETRY": Geography(),
    "JSON": Json(),
}


class DuckDB(Dialect):
    """DuckDB: records are STRUCT, lists LIST, maps MAP.

    NOT NULL exists at the top level only: inside a STRUCT a required field may be NULL. Before 2.0
    shapes are text, and instants in nanoseconds are refused: they would be cut without a word.
    """

    name = "duckdb"
    scalars = _READ
    words: ClassVar = {"TIMESTAMPTZ_NS": "TIMESTAMPLTZ"}
    nested_required = False
    functions = FUNCTIONS
    versions = ("1.4", "2.0")

    def __init__(self, version: str = "2.0") -> None:
        self.version = profile(self.versions, version)
        self._newest = self.version == self.versions[-1]

    def at(self, version: str) -> Self:
        return type(self)(version)

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, text: str) -> str:
        return "'" + text.replace("'", "''") + "'"  # a backslash is a plain character here

    def storable(self, type_: Type) -> Type:
        match type_:
            case Decimal(precision, _) if precision > _MAX_PRECISION:
                return String()
            case Geography() if not self._newest:
                return String()
            case _:
                return type_

    def folded(self, type_: Type) -> Type:
        match type_:
            case String() | EnumName():
                return String()
            case Bytes():
                return Bytes()
            case Range(element):
                return Record((Column("start", element), Column("end", element)))
            case _:
                return type_

    def type_text(self, type_: Type, *, nullable: bool = True) -> str:
        match self.storable(type_):
            case Decimal(precision, scale):
                return f"DECIMAL({precision},{scale})"
            case String():
                return "VARCHAR"
            case Bytes():
                return "BLOB"  # BLOB(n) is an error
            case Range(element):
                bound = self.type_text(element)
                return f'STRUCT("start" {bound}, "end" {bound})'
            case Record(columns):
                return f"STRUCT({', '.join(self._field(column) for column in columns)})"
            case List(element):
                return f"{self.type_text(element)}[]"
            case Map(key, value):
                return f"MAP({self.type_text(key)}, {self.type_text(value)})"
            case plain:
                return _PLAIN[plain]

    def create(self, table: Table) -> tuple[str, ...]:
        if table.database.lower() in _OWN_SCHEMAS:
            raise impossible(self, table, None, f"the schema {table.database} is its own")
        if not self._newest:
            self._check_nanoseconds(table)
        name = self.qualified(table)
        body = lines([self._column(column) for column in table.columns])
        body += self.clauses(table).inside
        statements = [
            f"CREATE SCHEMA IF NOT EXISTS {self.quote(table.database)}",
            f"CREATE TABLE IF NOT EXISTS {name} (\n{body}\n)",
        ]
        if table.comment:
            statements.append(f"COMMENT ON TABLE {name} IS {self.literal(table.comment)}")
        statements += [
            f"COMMENT ON COLUMN {name}.{self.quote(column.name)} IS {self.literal(column.comment)}"
            for column in table.columns
            if column.comment
        ]
        return tuple(statements)

    def alter(self, table: Table, change: Change) -> Step:
        return alter(self, table, change)

    def copying(self, old: Table, new: Table) -> Copying:
        from protolith.dialects.duckdb.copying import DuckDBCopying  # noqa: PLC0415  # rarely used

        return DuckDBCopying(self, old, new)

    def _clauses(self, table: Table) -> Clauses:
        from protolith.dialects.duckdb.clauses import write_clauses  # noqa: PLC0415  # sqlglot

        return write_clauses(self, table)

    def explode(self, array: str, type_: List | Map, alias: str) -> Exploded:
        if isinstance(type_, List):
            return super().explode(array, type_, alias)
        rows = super().explode(f"map_entries({array})", type_, alias)
        key, value = self.field(rows.element, "key"), self.field(rows.element, "value")
        return replace(rows, element=value, key=key)

    def placeholder(self, column: Column, name: str) -> str:
        return f"CAST(${name} AS {self.type_text(column.type)})"

    def _check_nanoseconds(self, table: Table) -> None:
        for path, column in walk(table.columns):
            if _innermost(column.type) == Timestamp(9):
                raise impossible(
                    self,
                    table,
                    path,
                    f"DuckDB {self.version} keeps no nanoseconds",
                    hint="use DuckDB 2.0, or a layout in microseconds",
                )

    def _field(self, column: Column) -> str:
        return f"{self.quote(column.name)} {self.type_text(column.type)}"

    def _column(self, column: Column) -> str:
        required = not column.nullable and not isinstance(column.type, List | Map)
        default = self.default(column).sql
        text = self._field(column) + (f" DEFAULT {default}" if default else "")
        return text + (" NOT NULL" if required else "")


def _innermost(type_: Type) -> Type:
    match type_:
        case List(element) | Range(element):
            return _innermost(element)
        case Map(_, value):
            return _innermost(value)
        case _:
            return type_


DIALECT = DuckDB()
