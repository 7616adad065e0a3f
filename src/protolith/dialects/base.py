"""What an engine must be able to say about a table."""

from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import takewhile
from typing import Self

from protolith.errors import Detail, LayoutError, MalformedError, quoted
from protolith.tables import Column, List, Map, Record, Table, Type


class Dialect(ABC):
    """A pure writer of one engine's SQL: it needs no driver and touches no database.

    Two methods turn text into SQL, `quote` for names and `literal` for strings, and nothing else
    ever puts a user's text into a statement. `versions` are the profiles, oldest first: each
    holds from that version of the engine to the next; `version` is the one that is written for.
    """

    name: str
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

    def at(self, version: str) -> Self:
        """This dialect as that version of the engine speaks it."""
        return self

    def timestamp_range(self) -> tuple[int, int]:
        """The first and the last year of instants and days that the engine keeps as they are."""
        return 1, 9999

    def storable(self, type_: Type) -> Type:
        """The type by which this engine stores a type that it does not have."""
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
