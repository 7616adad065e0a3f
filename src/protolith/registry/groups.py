"""Small loads of one table go together: while one insert runs, the next ones gather."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TypeAlias

import pyarrow as pa

from protolith.engines import Engine, LiveColumn
from protolith.errors import BusyError, ConflictError, EngineError
from protolith.tables import Table

MAX_TOGETHER = 64 * 1024 * 1024
"""Bytes of Arrow memory that one insert takes of those that wait."""

_Place: TypeAlias = tuple[str, str, str]


class ChangedTableError(ConflictError):
    """The live columns are not those that rows were made for."""


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table, and the live columns that rows were made for."""

    engine: Engine
    table: Table
    columns: tuple[LiveColumn, ...]
    schema: pa.Schema

    @property
    def place(self) -> _Place:
        """Where it is."""
        return self.engine.name, self.table.database, self.table.name

    def check_unchanged(self) -> None:
        """Raise `ConflictError` if the columns are others now."""
        if self.engine.columns(self.table.database, self.table.name) != self.columns:
            name = f"{self.table.database}.{self.table.name}"
            raise ChangedTableError(
                f"{self.engine.name}: {name} was changed meanwhile",
                details=[d.detail for d in self.engine.compare(self.table) if not d.harmless],
                hint="try again: nothing was loaded",
            )


@dataclass(eq=False)
class _Waiting:
    live: LiveTable
    rows: pa.Table
    woken: Event = field(default_factory=Event)  # to work, or because it is done
    done: bool = False
    error: Exception | None = None


@dataclass
class _Queue:
    waiting: list[_Waiting] = field(default_factory=list)
    busy: bool = False

    def take(self) -> list[_Waiting]:
        """Those that one insert can have: of the same columns, and not too much."""
        group: list[_Waiting] = []
        size = 0
        for one in self.waiting:
            size += one.rows.nbytes
            if group and (size > MAX_TOGETHER or one.live.columns != group[0].live.columns):
                break
            group.append(one)
        del self.waiting[: len(group)]
        return group


class Groups:
    """The loads that wait, by table. Nobody waits for company: who finds nobody at work begins."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queues: dict[_Place, _Queue] = defaultdict(_Queue)

    def load(self, live: LiveTable, rows: pa.Table) -> None:
        """Append rows, perhaps in one insert with those of others; raises what is said of them."""
        own = _Waiting(live, rows)
        with self._lock:
            queue = self._queues[live.place]
            queue.waiting.append(own)
            if not queue.busy:
                queue.busy = True
                own.woken.set()
        own.woken.wait()
        if not own.done:
            self._work(queue, own)
        if own.error is not None:
            raise own.error

    def _work(self, queue: _Queue, own: _Waiting) -> None:
        """Load groups until one's own is there; then the first that waits goes on."""
        try:
            while not own.done:
                with self._lock:
                    group = queue.take()
                _load_group(group)
        finally:
            with self._lock:
                queue.busy = bool(queue.waiting)
                if queue.waiting:
                    queue.waiting[0].woken.set()


def _load_group(group: Sequence[_Waiting]) -> None:
    try:
        _load_together(group)
    except BaseException:
        for one in group:
            one.error = BusyError("the load was interrupted", hint="try again")
        raise
    finally:
        for one in group:
            one.done = True
            one.woken.set()


def _load_together(group: Sequence[_Waiting]) -> None:
    """Load all in one insert; where the engine refuses that, each in its own."""
    live = group[0].live
    error: Exception
    try:
        live.check_unchanged()
        # In one piece: an engine reads many small ones four times slower.
        rows = pa.concat_tables([one.rows for one in group]).combine_chunks()
        live.engine.load(live.table, rows)
    except EngineError as refused:
        if len(group) > 1:
            for one in group:
                _load_together([one])
            return
        error = refused
    except Exception as other:  # noqa: BLE001 - each of them is told
        error = other
    else:
        return
    for one in group:
        one.error = error
