"""What a dialect says of a table, beside its statements."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from protolith.errors import Detail, LayoutError
from protolith.tables import Column, List, Map, Note, Table

if TYPE_CHECKING:
    from protolith.dialects.base import Dialect

Written: TypeAlias = Literal["table", "views", "insert"]
"""What can be written of a table: its own statements, flattened views, or an INSERT."""


@dataclass(frozen=True, slots=True)
class Default:
    """A column's default in an engine's SQL; where it is left out, `reason` says why."""

    sql: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Clauses:
    """What `Storage` adds to a CREATE TABLE: before the body ends, after it, and for people.

    `options` are BigQuery's; `cluster` goes after the name of whatever is created or changed.
    """

    inside: str = ""
    after: str = ""
    options: tuple[str, ...] = ()
    cluster: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Exploded:
    """A list or map with one row per element: what goes after FROM, and what it gives.

    `ordinal` counts from 1, `names` are what it makes up. Without an element the row has NULL in
    its place, or `missing` is the condition under which an engine gives something else.
    """

    join: str
    ordinal: str
    element: str
    key: str = ""
    names: tuple[str, ...] = ()
    missing: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A view on a table: its name, its columns, the statements that create or replace it."""

    name: str
    columns: tuple[str, ...]
    statements: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    @property
    def script(self) -> str:
        """The statements as one text that can be saved and run."""
        return script(self.statements)


def script(statements: tuple[str, ...]) -> str:
    """Statements as one text that can be saved and run."""
    return "".join(f"{statement};\n" for statement in statements)


def impossible(
    dialect: "Dialect", table: Table, path: str | None, text: str, *, hint: str | None = None
) -> LayoutError:
    """The error for a table that an engine cannot have, because of a column if `path` is given."""
    return LayoutError(
        f"{table.database}.{table.name} cannot be a table in {type(dialect).__name__}",
        details=[Detail(text, field_path=path)],
        hint=hint,
    )


def column_as_read(dialect: "Dialect", column: Column) -> Column:
    """A column of a record as it is read back from the engine's text."""
    type_ = dialect.as_read(column.type)
    maybe = column.nullable or not dialect.nested_required
    return Column(column.name, type_, nullable=maybe and not isinstance(type_, List | Map))


def lines(columns: list[str]) -> str:
    """Column definitions as the indented body of a CREATE TABLE."""
    return ",\n".join(f"  {column}" for column in columns)
