"""What an engine must be able to say about a table."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import ClassVar, Self

from protolith.changes import Change
from protolith.dialects.alteration import Step
from protolith.errors import Detail, LayoutError, MalformedError, quoted
from protolith.tables import Column, List, Map, Record, String, Table, Type


class Dialect(ABC):
    """A pure writer of one engine's SQL: it needs no driver and touches no database.

    Two methods turn text into SQL, `quote` for names and `literal` for strings, and nothing else
    ever puts a user's text into a statement. `versions` are the profiles, oldest first: each
    holds from that version of the engine to the next; `version` is the one that is written for.
    """

    name: str
    scalars: ClassVar[Mapping[str, Type]] = {}
    """Our type by sqlglot's name of this engine's, with its parameters where they matter."""
    words: ClassVar[Mapping[str, str]] = {}
    """Type names that sqlglot does not know, each with a token that does not occur otherwise."""
    nested_required: ClassVar[bool] = True
    """Whether a column inside a record can be NOT NULL."""
    versions: tuple[str, ...] = ()
    version: str = ""

    @abstractmethod
    def quote(self, name: str) -> str:
        """A name as a quoted identifier."""

    @abstractmethod
    def literal(self, text: str) -> str:
        """A text as a string literal."""

    @abstractmethod
    def type_text(self, type_: Type, *, nullable: bool = True) -> str:
        """A stored type in this engine's SQL, with its nullability where that is part of it."""

    @abstractmethod
    def create(self, table: Table) -> tuple[str, ...]:
        """The statements that create a table, each complete without its semicolon."""

    def alter(self, table: Table, change: Change) -> Step:
        """What the engine is told to make a change to a table that has not changed yet."""
        raise impossible(self, table, None, "its tables cannot be changed")

    def at(self, version: str) -> Self:
        """This dialect as that version of the engine speaks it."""
        return self

    def timestamp_range(self) -> tuple[int, int]:
        """The first and the last year of instants and days that the engine keeps as they are."""
        return 1, 9999

    def storable(self, type_: Type) -> Type:
        """The type by which this engine stores a type that it does not have."""
        return type_

    def read_type(self, text: str) -> Type:
        """The type that this engine's text names; names inside it are kept, comments are not."""
        return self.read(text)[0]

    def read(self, text: str) -> tuple[Type, bool]:
        """The type that this engine's text names, and whether the text lets it be NULL."""
        from protolith.dialects.reading import read  # noqa: PLC0415  # sqlglot is slow to import

        return read(self, text)

    def as_read(self, type_: Type) -> Type:
        """What `read_type` gives for the text of a type: types that share a text are one."""
        match self.folded(self.storable(type_)):
            case Record(columns):
                return Record(tuple(self._column_as_read(column) for column in columns))
            case List(element):
                return List(self.as_read(element))
            case Map(String(), value):
                return Map(String(), self.as_read(value))
            case Map(key, value):
                return Map(key, self.as_read(value))
            case plain:
                return plain

    def folded(self, type_: Type) -> Type:
        """The type that stands for all that have the same text in this engine."""
        return type_

    def stored(self, table: Table) -> Table:
        """The table as this engine stores it; what is loaded must have these types."""
        return replace(table, columns=tuple(self._stored_column(c) for c in table.columns))

    def qualified(self, table: Table) -> str:
        """The table's quoted name with its database."""
        return f"{self.quote(table.database)}.{self.quote(table.name)}"

    def script(self, table: Table) -> str:
        """The statements that create a table as one text that can be saved and run."""
        return "".join(f"{statement};\n" for statement in self.create(table))

    def _stored_column(self, column: Column) -> Column:
        return replace(column, type=self._stored_type(column.type))

    def _column_as_read(self, column: Column) -> Column:
        type_ = self.as_read(column.type)
        maybe = column.nullable or not self.nested_required
        return Column(column.name, type_, nullable=maybe and not isinstance(type_, List | Map))

    def _stored_type(self, type_: Type) -> Type:
        type_ = self.storable(type_)
        match type_:
            case Record(columns):
                return Record(tuple(self._stored_column(column) for column in columns))
            case List(element):
                return List(self._stored_type(element))
            case Map(key, value):
                return Map(key, self._stored_type(value))
            case _:
                return type_


def impossible(
    dialect: Dialect, table: Table, path: str | None, text: str, *, hint: str | None = None
) -> LayoutError:
    """The error for a table that an engine cannot have, because of a column if `path` is given."""
    return LayoutError(
        f"{table.database}.{table.name} cannot be a table in {type(dialect).__name__}",
        details=[Detail(text, field_path=path)],
        hint=hint,
    )


def profile(versions: tuple[str, ...], version: str) -> str:
    """The newest of the profiles that is not newer than a version, such as 25.8 for 25.8.2.1."""
    wanted = _numbers(version)
    older = [known for known in versions if _numbers(known) <= wanted]
    if not older:
        raise MalformedError(
            f"the version {quoted(version)} is not supported", hint=f"{versions[0]} or later"
        )
    return older[-1]


def _numbers(version: str) -> tuple[int, ...]:
    parts = takewhile(lambda part: part.isascii() and part.isdigit(), version.split("."))
    return tuple(int(part) for part in parts)


def lines(columns: list[str]) -> str:
    """Column definitions as the indented body of a CREATE TABLE."""
    return ",\n".join(f"  {column}" for column in columns)
