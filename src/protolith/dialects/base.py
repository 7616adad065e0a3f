"""What an engine must be able to say about a table."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

from protolith.dialects import parts
from protolith.dialects.notes import left_out
from protolith.dialects.parts import Written, impossible, lines
from protolith.tables import Column, List, Map, Note, Record, Storage, String, Table, Type

if TYPE_CHECKING:  # the plugin starts without them
    from protolith.changes import Change
    from protolith.dialects.alteration import Step
    from protolith.dialects.copying import Copying

__all__ = ["Dialect", "impossible", "lines"]


class Dialect(ABC):
    """A pure writer of one engine's SQL: it needs no driver and touches no database.

    Two methods turn text into SQL, `quote` for names and `literal` for strings, and nothing else
    ever puts a user's text into a statement. `versions` are the profiles, oldest first; `version`
    is the one that is written for, up to the next.
    """

    name: str
    grammar: ClassVar[str] = ""
    """Sqlglot's name of this dialect, where that is another one."""
    scalars: ClassVar[Mapping[str, Type]] = {}
    """Our type by sqlglot's name of this engine's, with its parameters where they matter."""
    words: ClassVar[Mapping[str, str]] = {}
    """Type names that sqlglot does not know, each with a token that does not occur otherwise."""
    nested_required: ClassVar[bool] = True
    """Whether a column inside a record can be NOT NULL."""
    functions: ClassVar[Mapping[str, str]] = {}
    """What a default writes here for BigQuery's functions, by their names."""
    plain: ClassVar[parts.Clauses] = parts.Clauses()  # what every table of this engine has
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

    def alter(self, table: Table, change: "Change") -> "Step":
        """What the engine is told to make a change to a table that has not changed yet."""
        raise impossible(self, table, None, "its tables cannot be changed")

    def copying(self, old: Table, new: Table) -> "Copying":
        """What makes rows of the one table those of the other."""
        raise impossible(self, new, None, "its tables cannot be built anew")

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
                return Record(tuple(parts.column_as_read(self, column) for column in columns))
            case List(element):
                return List(self.as_read(element))
            case Map(key, value):
                return Map(String() if isinstance(key, String) else key, self.as_read(value))
            case plain:
                return plain

    def folded(self, type_: Type) -> Type:
        """The type that stands for all that have the same text in this engine."""
        return type_

    def stored(self, table: Table) -> Table:
        """The table as this engine stores it, with notes; what is loaded must have these types."""
        columns = tuple(self._stored_column(column) for column in table.columns)
        return replace(table, columns=columns, notes=(*table.notes, *left_out(self, table)))

    def default(self, column: Column) -> parts.Default:
        """The default of a column of a table, which is in GoogleSQL, in this engine's SQL."""
        from protolith.dialects.defaults import translate  # noqa: PLC0415  # imports sqlglot

        return parts.Default() if column.default is None else translate(self, column)

    def clauses(self, table: Table) -> parts.Clauses:
        """What `Storage` adds to the statement; raises for what this engine does not have."""
        return self.plain if table.stored_in(self.name) == Storage() else self._clauses(table)

    def flattened_views(self, table: Table) -> tuple[parts.View, ...]:
        """A view without nesting, then one per repeated record and map with a row per element."""
        from protolith.dialects.flattening import flatten  # noqa: PLC0415  # it imports this module

        return flatten(self, table)

    def view(self, table: Table, path: str = "", *, name: str | None = None) -> parts.View:
        """The flattened view of a table, or with one row per element of the list at `path`."""
        from protolith.dialects.flattening import flatten_one  # noqa: PLC0415

        return flatten_one(self, table, path, name)

    def replace_view(self, table: Table, query: str) -> tuple[str, ...]:
        """The statements that create a view, named as a table; none replaces a table."""
        return (f"CREATE OR REPLACE VIEW {self.qualified(table)} AS\n{query}",)

    def explode(self, array: str, type_: List | Map, alias: str) -> parts.Exploded:
        """A list or map, given as SQL, with a row per element, or one; names begin with alias."""
        rows, element, ordinal = map(self.quote, (alias, "element", "ordinal"))
        join = f"LEFT JOIN LATERAL unnest({array}) WITH ORDINALITY AS {rows}({element}, {ordinal})"
        return parts.Exploded(f"{join} ON true", f"{rows}.{ordinal}", f"{rows}.{element}")

    def chain(self, source: str, join: str, alias: str, carried: tuple[str, ...]) -> str:
        """What follows FROM with one more explosion; `carried` is what the ones before gave."""
        return f"{source}\n{join}"

    def insert_template(self, table: Table) -> str:
        """An INSERT of one row, with a placeholder for each column as drivers bind it."""
        from protolith.dialects.inserts import insert  # noqa: PLC0415  # it imports this module

        return insert(self, table)

    def placeholder(self, column: Column, name: str) -> str:
        """What stands for a value of a column until a driver binds it."""
        return f"%({name})s"

    def field(self, record: str, name: str) -> str:
        """A value inside a record, which is given as SQL."""
        return f"{record}.{self.quote(name)}"

    def qualified(self, table: Table) -> str:
        """The table's quoted name with its database."""
        return f"{self.quote(table.database)}.{self.quote(table.name)}"

    def script(self, table: Table, write: Written = "table") -> str:
        """Statements as one text that can be saved: a table's, those of its views, or an insert."""
        match write:
            case "table":
                return parts.script(self.create(table))
            case "views":
                return "".join(view.script for view in self.flattened_views(table))
            case "insert":
                return parts.script((self.insert_template(table),))

    def notes(self, table: Table, write: Written = "table") -> tuple[Note, ...]:
        """What is to be known about that text."""
        if write == "views":
            return tuple(note for view in self.flattened_views(table) for note in view.notes)
        return self.stored(table).notes

    def _clauses(self, table: Table) -> parts.Clauses:
        from protolith.dialects.clauses import check_known  # noqa: PLC0415  # imports sqlglot

        check_known(self, table, ())
        return self.plain

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
