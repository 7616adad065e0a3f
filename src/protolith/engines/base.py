"""What a live database must be able to do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

import pyarrow as pa

from protolith.dialects import Dialect
from protolith.engines.adoption import adopted
from protolith.engines.difference import Difference
from protolith.engines.drift import Former, differences, marked
from protolith.engines.live import LiveColumn
from protolith.engines.loads import Load
from protolith.engines.mending import Mend, details, mending
from protolith.engines.migrating import (
    Entry,
    Size,
    check_allowed,
    check_rows,
    first_step,
)
from protolith.engines.particulars import Particular
from protolith.engines.rebuilding import check_asked, check_start, drop_kept, is_swapped
from protolith.errors import ConflictError
from protolith.migrations import Migration, PlannedStep
from protolith.migrations.rebuilding import Rebuild
from protolith.tables import Column, List, Map, Table

_BATCH_ROWS = 8192


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
    def load(self, table: Table, rows: pa.Table, load_id: str | None = None) -> bool:
        """Append rows that have exactly the table's Arrow schema; all of them or none.

        A load with an id is there once, however often it is tried: False says that it was there
        already. `ConflictError` if another number of rows has that id.
        """

    @abstractmethod
    def query(self, sql: str) -> pa.Table:
        """Run one query and return its rows."""

    @contextmanager
    def read(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        """Run one query, and give its rows batch by batch."""
        yield self.query(sql).to_reader(max_chunksize=_BATCH_ROWS)

    @abstractmethod
    def close(self) -> None:
        """Close the database; the engine cannot be used afterwards."""

    def create(self, table: Table, former: Former = frozenset) -> bool:
        """Create the table unless it is there; say whether it was created.

        IF NOT EXISTS keeps a different table without a word, in every engine, so the live columns
        are read back and compared: `ConflictError` names each column that differs.
        """
        with self._turn:
            self.check_place(table)
            there = bool(self.columns(table.database, table.name))
            if not there:
                self.forget_migration(table)  # of another table that had the name
                self.forget_loads(table)
                self.make(self.placed(table))
            self.verify(table, former)
            return not there

    def placed(self, table: Table) -> Table:
        """The table as this engine's settings place it; what defines or alters it is made of it."""
        return table

    def make(self, table: Table) -> None:
        """Create a table that is not there."""
        self.run(self.dialect.create(table))

    def verify(self, table: Table, former: Former = frozenset) -> None:
        """Raise `ConflictError` unless the live table has exactly the columns of `table`.

        Comments and the order of columns are no reason: rows are loaded by name. Neither are
        columns that were kept, which are some of the `former` ones.
        """
        found = [d for d in self.compare(table, former) if not d.harmless]
        if found:
            raise ConflictError(
                f"{self.name}: the table {table.database}.{table.name} is another one",
                details=details(found, self._mending(table, former)),
                hint="mend, drop or rename that table, or register under another table name",
            )

    def migrate(
        self,
        migration: Migration,
        *,
        allow_lossy: bool = False,
        rebuild: bool = False,
        begin: Callable[[], None] = lambda: None,
    ) -> int:
        """Run the steps that have not run yet; say how many there were.

        A migration that was interrupted goes on where it stopped, or starts again where the engine
        has undone it. `ConflictError` says why nothing was changed: a step that is impossible, or
        lossy and not allowed, a live table that is another one, or rows in the way. `begin` is
        called when nothing of that stands in the way, before the first statement.
        """
        check_allowed(migration, allow_lossy=allow_lossy)
        with self._turn:
            if migration.rebuild is not None:
                if not rebuild:
                    check_asked(migration, self.size(migration.old))
                self._rebuild(migration, migration.rebuild, begin)
                return len(migration.steps)
            first = self.reached(migration)
            if first == 0:
                check_rows(self, migration.checks)
            begin()
            self.run_steps(migration, first)
        return len(migration.steps) - first

    def reached(self, migration: Migration) -> int:
        """How many steps have run; `ConflictError` if the live table is at none of them."""
        with self._turn:
            self.settle(migration.old)
            if migration.rebuild is not None:
                swapped = is_swapped(self, migration, migration.rebuild)
                return len(migration.steps) if swapped else 0
            return first_step(self, migration)

    def drop_kept(self, table: Table) -> bool:
        """Drop the table that a rebuild has kept; say whether there was one."""
        with self._turn:
            return drop_kept(self, table)

    def _rebuild(self, migration: Migration, rebuild: Rebuild, begin: Callable[[], None]) -> None:
        swapped = self.reached(migration) > 0
        if not swapped:
            check_start(self, migration, rebuild)
        begin()
        self.run_rebuild(migration, rebuild, swapped=swapped)

    @abstractmethod
    def run_rebuild(self, migration: Migration, rebuild: Rebuild, *, swapped: bool) -> None:
        """Build the table anew, or finish what was interrupted after the two were swapped."""

    @abstractmethod
    def remark(self, table: Table) -> str | None:
        """The comment of a table; None if there is no such table."""

    @abstractmethod
    def settle(self, table: Table) -> None:
        """Wait for what the engine still does to a table by itself, or raise `ConflictError`."""

    @abstractmethod
    def run_steps(self, migration: Migration, first: int) -> None:
        """Run the steps from the `first` on, and write down how far it got."""

    @abstractmethod
    def journal(self, table: Table) -> Entry | None:
        """The migration of a table that was begun last, unless it is forgotten."""

    @abstractmethod
    def forget_migration(self, table: Table) -> None:
        """Forget which migration of a table was begun last: it is known to be done."""

    def loads(self, table: Table, prefix: str) -> dict[str, Load]:
        """The loads of a table whose ids begin so, where the engine knows them."""
        raise ConflictError(
            f"{self.name} does not say which loads {table.database}.{table.name} has taken",
            hint="consume into duckdb or clickhouse",
        )

    @abstractmethod
    def forget_loads(self, table: Table, load_ids: Sequence[str] = ()) -> None:
        """Forget these ids of loads, or all: the table that took them is gone."""

    @abstractmethod
    def size(self, table: Table) -> Size:
        """The rows and bytes of a table."""

    def adopt(self, table: Table) -> Table:
        """The table that is there: with live columns of no field; `ConflictError` if another."""
        there = adopted(table, self.columns(table.database, table.name), self.dialect)
        self.verify(there)
        return there

    def compare(self, table: Table, former: Former = frozenset) -> tuple[Difference, ...]:
        """Every way in which the live table differs from `table`, harmless ones included."""
        live = self.columns(table.database, table.name)
        return marked(differences(self._expected(table), live, self.dialect), live, former)

    def particulars(self, table: Table) -> Iterable[Particular]:
        """What is not as it should be beside the columns' names and types."""
        return ()

    def drift(self, table: Table, former: Former = frozenset) -> tuple[Difference, ...]:
        """Every way in which the live table differs, in its columns and beside them."""
        with self._turn:
            found = self.compare(table, former)
            missing = {difference.column for difference in found if difference.kind == "missing"}
            about = [part.difference for part in self.particulars(self.placed(table))]
            return (*found, *(part for part in about if part.column not in missing))

    def mend(self, table: Table, former: Former = frozenset) -> list[PlannedStep]:
        """The steps that would make the live table what it should be, in their order.

        Columns that were kept stay.
        """
        with self._turn:
            there = bool(self.columns(table.database, table.name))
            about = self.particulars(self.placed(table)) if there else ()
            return [*(m.step for m in self._mending(table, former)), *(part.step for part in about)]

    def _mending(self, table: Table, former: Former) -> tuple[Mend, ...]:
        with self._turn:
            live = self.columns(table.database, table.name)
            found = self.compare(table, former)
        return mending(self.placed(table), live, found, self.dialect)

    def _expected(self, table: Table) -> tuple[LiveColumn, ...]:
        columns = self.dialect.stored(table).columns
        texts = [self.dialect.type_text(c.type, nullable=c.nullable) for c in columns]
        types = self.canonical(texts)
        return tuple(
            LiveColumn(column.name, type_, _may_be_null(column), column.comment)
            for column, type_ in zip(columns, types, strict=True)
        )


def _may_be_null(column: Column) -> bool:
    return column.nullable or isinstance(column.type, List | Map)
