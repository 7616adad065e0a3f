"""What a live database must be able to do."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from threading import RLock

import pyarrow as pa

from protolith.dialects import Dialect
from protolith.errors import ConflictError, Detail
from protolith.tables import Column, List, Map, Table


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column as the engine reports it, its type in the engine's own canonical text.

    `nullable` is None where the engine says it within the type.
    """

    name: str
    type: str
    nullable: bool | None = None
    comment: str = ""


class Engine(ABC):
    """One open database. Calls are safe from several threads; they take turns."""

    name: str
    dialect: Dialect

    def __init__(self) -> None:
        self._turn = RLock()

    @abstractmethod
    def run(self, statements: Sequence[str]) -> None:
        """Run statements in their order; where the engine can, all of them or none."""

    @abstractmethod
    def columns(self, database: str, table: str) -> tuple[LiveColumn, ...]:
        """The live columns of a table in their order; none if there is no such table."""

    @abstractmethod
    def check_place(self, table: Table) -> None:
        """Raise `ConflictError` if something that is not a table is in the table's place."""

    @abstractmethod
    def canonical(self, types: Sequence[str]) -> list[str]:
        """Type texts as this engine would report them for a column."""

    @abstractmethod
    def load(self, table: Table, rows: pa.Table) -> None:
        """Append rows that have exactly the table's Arrow schema; all of them or none."""

    @abstractmethod
    def query(self, sql: str) -> pa.Table:
        """Run one query and return its rows."""

    @abstractmethod
    def close(self) -> None:
        """Close the database; the engine cannot be used afterwards."""

    def create(self, table: Table) -> bool:
        """Create the table unless it is there; say whether it was created.

        IF NOT EXISTS keeps a different table without a word, in every engine, so the live columns
        are read back and compared: `ConflictError` names each column that differs.
        """
        with self._turn:
            self.check_place(table)
            there = bool(self.columns(table.database, table.name))
            if not there:
                self.run(self.dialect.create(table))
            self.verify(table)
            return not there

    def verify(self, table: Table) -> None:
        """Raise `ConflictError` unless the live table has exactly the columns of `table`."""
        live = self.columns(table.database, table.name)
        differences = _differences(self._expected(table), live)
        if differences:
            raise ConflictError(
                f"{self.name}: the table {table.database}.{table.name} is another one",
                details=differences,
                hint="drop or rename that table, or register under another table name",
            )

    def _expected(self, table: Table) -> tuple[LiveColumn, ...]:
        columns = self.dialect.stored(table).columns
        texts = [self.dialect.type_text(c.type, nullable=c.nullable) for c in columns]
        types = self.canonical(texts)
        return tuple(
            LiveColumn(column.name, type_, _may_be_null(column))
            for column, type_ in zip(columns, types, strict=True)
        )


def _may_be_null(column: Column) -> bool:
    return column.nullable or isinstance(column.type, List | Map)


def _differences(
    expected: tuple[LiveColumn, ...], live: tuple[LiveColumn, ...]
) -> tuple[Detail, ...]:
    found: list[Detail] = []
    there = {column.name: column for column in live}
    for column in expected:
        other = there.pop(column.name, None)
        if other is None:
            found.append(Detail("is missing", field_path=column.name))
        elif other.type != column.type:
            text = f"is {other.type}, should be {column.type}"
            found.append(Detail(text, field_path=column.name))
        elif other.nullable not in (None, column.nullable):
            text = "allows NULL, should not" if other.nullable else "refuses NULL, should allow it"
            found.append(Detail(text, field_path=column.name))
    found += [Detail("is not in the schema", field_path=name) for name in there]
    return tuple(found)
