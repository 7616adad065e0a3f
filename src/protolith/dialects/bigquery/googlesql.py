"""GoogleSQL, as BigQuery reads it."""

from typing import TYPE_CHECKING

from protolith.descriptors import DescriptorSet
from protolith.dialects.base import Dialect, impossible, lines
from protolith.dialects.parts import Clauses, Default, Exploded
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

if TYPE_CHECKING:  # the plugin starts without them
    from protolith.changes import Change
    from protolith.dialects.alteration import Step
    from protolith.dialects.copying import Copying

MAX_COLUMNS = 10_000
MAX_DEPTH = 15
MAX_DESCRIPTION = 1024
NUMERIC_SCALE, NUMERIC_WHOLE = 9, 29
MAX_TABLE_DESCRIPTION = 16_384
RESERVED_PREFIXES = (
    "_table_",
    "_file_",
    "_partition",
    "_row_timestamp",
    "__root__",
    "_colidentifier",
    "_change_sequence_number",
    "_change_type",
    "_change_timestamp",
)
_PLAIN: dict[Type, str] = {
    Boolean(): "BOOL",
    Integer(): "INT64",
    Float(): "FLOAT64",
    EnumName(): "STRING",
    Timestamp(6): "TIMESTAMP",
    Timestamp(9): "TIMESTAMP(12)",
    DateTime(): "DATETIME",
    Date(): "DATE",
    Time(): "TIME",
    Interval(): "INTERVAL",
    Geography(): "GEOGRAPHY",
    Json(): "JSON",
}
_READ: dict[str, Type] = {
    "BOOLEAN": Boolean(),
    "BIGINT": Integer(),
    "DOUBLE": Float(),
    "DECIMAL": Decimal(38, 9),
    "BIGDECIMAL": Decimal(76, 38),
    "TEXT": String(),
    "BINARY": Bytes(),
    "TIMESTAMPTZ": Timestamp(6),
    "TIMESTAMPTZ(12)": Timestamp(9),
    "TIMESTAMP": DateTime(),
    "DATE": Date(),
    "TIME": Time(),
    "INTERVAL": Interval(),
    "GEOGRAPHY": Geography(),
    "JSON": Json(),
}
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\000"})
_NAME_ESCAPES = str.maketrans({"\\": "\\\\", "`": "\\`", "\n": "\\n", "\r": "\\r", "\0": "\\000"})


class BigQuery(Dialect):
    """BigQuery: records are STRUCT, lists ARRAY, maps arrays of key and value."""

    name = "bigquery"
    scalars = _READ

    def quote(self, name: str) -> str:
        return f"`{name.translate(_NAME_ESCAPES)}`"

    def literal(self, text: str) -> str:
        return f"'{text.translate(_ESCAPES)}'"  # '' is not an escape here

    def storable(self, type_: Type) -> Type:
        match type_:
            case Integer(64, signed=False):
                return Decimal(20, 0)  # INT64 ends at 2^63
            case Integer():
                return Integer()
            case Float():
                return Float()
            case Map(key, value):
                entry = (Column("key", key, path=(1,)), Column("value", value, path=(2,)))
                return List(Record(entry))
            case _:
                return type_

    def folded(self, type_: Type) -> Type:
        return String() if isinstance(type_, EnumName) else type_

    def type_text(self, type_: Type, *, nullable: bool = True) -> str:
        match self.storable(type_):
            case Decimal() as number:
                return _decimal(number)
            case String(length):
                return "STRING" if length is None else f"STRING({length})"
            case Bytes(length):
                return "BYTES" if length is None else f"BYTES({length})"
            case Range(element):
                return f"RANGE<{self.type_text(element)}>"
            case Record(columns):
                return f"STRUCT<{', '.join(self._column(column) for column in columns)}>"
            case List(element):
                return f"ARRAY<{self.type_text(element)}>"
            case plain:
                return _PLAIN[plain]

    def create(self, table: Table) -> tuple[str, ...]:
        self._check_limits(table)
        clauses = self.clauses(table)
        body = lines([self._column(column, top=True) for column in table.columns]) + clauses.inside
        create = f"CREATE TABLE IF NOT EXISTS {self.qualified(table)} (\n{body}\n)"
        options = [*clauses.options]
        if table.comment:
            comment = _cut(table.comment, MAX_TABLE_DESCRIPTION)
            options.insert(0, f"description={self.literal(comment)}")
        text = f"OPTIONS({', '.join(options)})" if options else ""
        return ("\n".join(filter(None, (create, clauses.after, text))),)

    def default(self, column: Column) -> Default:
        if column.default is None:
            return Default()
        from protolith.dialects.bigquery.expressions import write_default  # noqa: PLC0415  # sqlglot

        return write_default(self, column)

    def explode(self, array: str, type_: List | Map, alias: str) -> Exploded:
        element, offset = self.quote(alias), self.quote(f"{alias}_offset")
        join = f"LEFT JOIN UNNEST({array}) AS {element} WITH OFFSET AS {offset}"
        return Exploded(join, f"{offset} + 1", element)

    def placeholder(self, column: Column, name: str) -> str:
        return f"@{name}"

    def _clauses(self, table: Table) -> Clauses:
        from protolith.dialects.bigquery.clauses import write_clauses  # noqa: PLC0415  # sqlglot

        return write_clauses(self, table)

    def alter(self, table: Table, change: "Change") -> "Step":
        from protolith.dialects.bigquery.alter import alter  # noqa: PLC0415  # as above

        return alter(self, table, change)

    def copying(self, old: Table, new: Table) -> "Copying":
        from protolith.dialects.bigquery.copying import BigQueryCopying  # noqa: PLC0415  # rarely used

        return BigQueryCopying(self, old, new)

    def json_schema(
        self, descriptors: DescriptorSet, message: str | None = None, *, parameter: str = ""
    ) -> bytes:
        """The JSON schema of a message as protoc-gen-bq-schema writes it; see `bq_schema`."""
        from protolith.dialects.bigquery.bq_schema import bq_schema  # noqa: PLC0415

        return bq_schema(descriptors, message, parameter=parameter)

    def _check_limits(self, table: Table) -> None:
        """Refuse what GoogleSQL's grammar takes but the service is documented to refuse."""
        columns = list(walk(table.columns))
        if len(columns) > MAX_COLUMNS:
            text = f"at most {MAX_COLUMNS:,} columns are possible, not {len(columns):,}"
            raise impossible(self, table, None, text)
        for path, column in columns:
            if path.count(".") >= MAX_DEPTH:
                text = f"BigQuery takes at most {MAX_DEPTH} levels of records"
                raise impossible(self, table, path, text)
            if column.name.lower().startswith(RESERVED_PREFIXES):
                raise impossible(
                    self,
                    table,
                    path,
                    f"BigQuery reserves names that start with {column.name[:15]!r}",
                    hint="give the field another column name with (gen_bq_schema.bigquery).name",
                )

    def _column(self, column: Column, *, top: bool = False) -> str:
        text = f"{self.quote(column.name)} {self.type_text(column.type)}"
        if top and (default := self.default(column).sql):
            text += f" DEFAULT {default}"
        if not column.nullable and not isinstance(column.type, List | Map):
            text += " NOT NULL"
        if column.comment:
            description = self.literal(_cut(column.comment, MAX_DESCRIPTION))
            text += f" OPTIONS(description={description})"
        return text


def _decimal(number: Decimal) -> str:
    if number == Decimal(38, 9):
        return "NUMERIC"
    if number == Decimal(76, 38):
        return "BIGNUMERIC"
    whole = number.precision - number.scale
    fits = number.scale <= NUMERIC_SCALE and whole <= NUMERIC_WHOLE
    return f"{'NUMERIC' if fits else 'BIGNUMERIC'}({number.precision}, {number.scale})"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


DIALECT = BigQuery()
