"""PostgreSQL's SQL."""

from protolith.dialects.base import Dialect, impossible, lines
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

MAX_COLUMNS = 1600
MAX_NAME_BYTES = 63
_OWN_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
_PLAIN: dict[Type, str] = {
    Boolean(): "BOOLEAN",
    Integer(32): "INTEGER",
    Integer(64): "BIGINT",
    Float(32): "REAL",
    Float(64): "DOUBLE PRECISION",
    EnumName(): "TEXT",
    Timestamp(6): "TIMESTAMPTZ",
    DateTime(): "TIMESTAMP",
    Date(): "DATE",
    Time(): "TIME",
    Interval(): "INTERVAL",
    Json(): "JSONB",
    Range(Date()): "DATERANGE",
    Range(DateTime()): "TSRANGE",
    Range(Timestamp(6)): "TSTZRANGE",
}
_READ: dict[str, Type] = {
    "BOOLEAN": Boolean(),
    "INT": Integer(32),
    "BIGINT": Integer(64),
    "FLOAT": Float(32),
    "DOUBLE": Float(64),
    "DECIMAL": Decimal(),
    "TEXT": String(),
    "VARBINARY": Bytes(),
    "TIMESTAMPTZ": Timestamp(6),
    "TIMESTAMP": DateTime(),
    "DATE": Date(),
    "TIME": Time(),
    "INTERVAL": Interval(),
    "JSONB": Json(),
    "DATERANGE": Range(Date()),
    "TSRANGE": Range(DateTime()),
    "TSTZRANGE": Range(Timestamp(6)),
}


class PostgreSQL(Dialect):
    """PostgreSQL: lists of plain values are arrays; records, maps and what holds them are JSONB."""

    name = "postgresql"
    grammar = "postgres"
    scalars = _READ

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, text: str) -> str:
        doubled = text.replace("'", "''")
        if "\\" not in text:
            return f"'{doubled}'"
        # Whether a backslash is plain in '…' is a setting of the server; in E'…' it never is.
        return "E'" + doubled.replace("\\", "\\\\") + "'"

    def storable(self, type_: Type) -> Type:
        match type_:
            case Integer(32, signed=False):
                return Integer(64)
            case Integer(64, signed=False):
                return Decimal(20, 0)
            case Timestamp(9) | Geography():
                return String()  # timestamptz would round nanoseconds without a word
            case Range(Timestamp(9)):
                return Json()
            case Record() | Map() | List(Record() | Map() | List()):
                return Json()
            case _:
                return type_

    def folded(self, type_: Type) -> Type:
        match type_:
            case String() | EnumName():
                return String()
            case Bytes():
                return Bytes()
            case _:
                return type_

    def type_text(self, type_: Type, *, nullable: bool = True) -> str:
        match self.storable(type_):
            case List(element):
                return f"{self.type_text(element)}[]"
            case Decimal(precision, scale):
                return f"NUMERIC({precision},{scale})"
            case String():
                return "TEXT"
            case Bytes():
                return "BYTEA"
            case plain:
                return _PLAIN[plain]

    def create(self, table: Table) -> tuple[str, ...]:
        self._check_names(table)
        self._check_texts(table)
        name = self.qualified(table)
        body = lines([self._column(column) for column in table.columns])
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

    def _check_names(self, table: Table) -> None:
        """Refuse what PostgreSQL cuts silently or has for itself; names in JSONB are free."""
        if table.database.startswith("pg_") or table.database == "information_schema":
            raise impossible(self, table, None, f"the schema {table.database} is its own")
        if len(table.columns) > MAX_COLUMNS:
            text = f"at most {MAX_COLUMNS:,} columns are possible, not {len(table.columns):,}"
            raise impossible(self, table, None, text)
        for name in (table.database, table.name):
            self._check_length(table, None, name)
        hint = "give the field another column name with (gen_bq_schema.bigquery).name"
        for column in table.columns:
            self._check_length(table, column.name, column.name)
            if column.name in _OWN_COLUMNS:
                text = f"PostgreSQL has a column {column.name} of its own in every table"
                raise impossible(self, table, column.name, text, hint=hint)

    def _check_length(self, table: Table, path: str | None, name: str) -> None:
        length = len(name.encode())
        if length > MAX_NAME_BYTES:
            text = f"the name {name} has {length} bytes"
            hint = f"PostgreSQL would cut it to {MAX_NAME_BYTES} bytes without a word"
            raise impossible(self, table, path, text, hint=hint)

    def _check_texts(self, table: Table) -> None:
        if "\0" in f"{table.database}{table.name}{table.comment}":
            raise impossible(self, table, None, "PostgreSQL keeps no NUL character in a text")
        for path, column in walk(table.columns):
            if "\0" in f"{column.name}{column.comment}":
                raise impossible(self, table, path, "PostgreSQL keeps no NUL character in a text")

    def _column(self, column: Column) -> str:
        required = not column.nullable and not isinstance(column.type, List | Map)
        text = f"{self.quote(column.name)} {self.type_text(column.type)}"
        return text + (" NOT NULL" if required else "")


DIALECT = PostgreSQL()
