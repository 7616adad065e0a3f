"""A migration in a live table: only from where it should start, and again after a crash.

A table of the engine's own, `protolith.migrations`, says for each table which migration was last
begun and how many of its steps are done. It is written with the steps, so that it cannot disagree
with them: a migration that died is found there when it is asked for again.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protolith.dialects.clickhouse.alter import BESIDE
from protolith.engines.difference import Difference
from protolith.engines.live import LiveColumn
from protolith.errors import ConflictError, Detail
from protolith.migrations import Check, Migration, Step
from protolith.tables import Boolean, Column, Integer, String, Table

if TYPE_CHECKING:
    from protolith.engines.base import Engine

JOURNAL = Table(
    "protolith",
    "migrations",
    (
        Column("database_name", String(), nullable=False),
        Column("table_name", String(), nullable=False),
        Column("fingerprint", String(), nullable=False),
        Column("done", Integer(32), nullable=False),
        Column("finished", Boolean(), nullable=False),
        Column("sequence", Integer(64), nullable=False),
        Column("live_columns", String(), nullable=False),
    ),
    comment="What Protolith is changing, or has changed last, of each table.",
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much a step that writes a table again has to write; `size` in bytes."""

    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: the steps before `done` have run, that one perhaps in part.

    `live_columns` are those of the table before the migration, as JSON.
    """

    fingerprint: str
    done: int
    live_columns: str

    @property
    def columns(self) -> tuple[LiveColumn, ...]:
        """The columns of the table before the migration."""
        return tuple(LiveColumn(*column) for column in json.loads(self.live_columns))


def columns_text(engine: "Engine", migration: Migration) -> str:
    """The live columns before a migration as JSON; those of the journal if it goes on."""
    entry = engine.journal(migration.old)
    if entry is not None and entry.fingerprint == migration.fingerprint:
        return entry.live_columns
    live = engine.columns(migration.old.database, migration.old.name)
    return json.dumps([[c.name, c.type, c.nullable, c.comment] for c in live])


def check_allowed(migration: Migration, *, allow_lossy: bool) -> None:
    """Raise `ConflictError` if the engine cannot make a change, or may not."""
    table = f"{migration.old.database}.{migration.old.name}"
    if migration.impossible:
        raise ConflictError(
            f"{migration.dialect} cannot change {table}",
            details=[detail(step) for step in migration.impossible],
            hint="nothing was changed",
        )
    lossy = [step for step in migration.steps if step.risk == "lossy"]
    if lossy and not allow_lossy:
        raise ConflictError(
            f"changing {table} in {migration.dialect} can lose values",
            details=[detail(step) for step in lossy],
            hint="allow it with --allow-lossy (allow_lossy=True)",
        )


def first_step(engine: "Engine", migration: Migration) -> int:
    """The first step that has not run; `ConflictError` if the live table is at none of them."""
    entry = engine.journal(migration.old)
    done = entry.done if entry is not None and entry.fingerprint == migration.fingerprint else None
    # A step that does not show in the columns is run again rather than left out.
    places = [0] if done is None else [done, min(done + 1, len(migration.steps)), 0]
    for place in places:
        if not _differences(engine, migration.tables[place], exactly=place != 0):
            return place
    if done is not None and _is_within(engine, migration, done):
        return done
    found = _differences(engine, migration.old)
    raise ConflictError(
        f"{engine.name}: the live table is not the one that the migration starts from",
        details=[difference.detail for difference in found],
        hint="protolith drift says how it differs; change it back, or create it again",
    )


def check_rows(engine: "Engine", checks: tuple[Check, ...], step: Step | None = None) -> None:
    """Raise `ConflictError` if rows stand in the way of a step."""
    for check in checks:
        found = engine.query(check.sql).column(0)[0].as_py()
        if found:
            place = None if step is None else ".".join(step.change.place)
            raise ConflictError(
                f"{engine.name}: {found} {check.text}",
                details=[Detail("rows are in the way", field_path=place)],
                hint=f"change them first; they are counted by: {check.sql}",
            )


def detail(step: Step) -> Detail:
    """A step as a place with a sentence."""
    return Detail(step.sentence, field_path=".".join(step.change.place) or None)


def _differences(engine: "Engine", table: Table, *, exactly: bool = False) -> list[Difference]:
    found = engine.compare(table)
    return [d for d in found if not d.harmless or (exactly and d.kind == "comment")]


def _is_within(engine: "Engine", migration: Migration, done: int) -> bool:
    """Whether the live table differs from the one before a step in the step's own column alone."""
    change = migration.steps[min(done, len(migration.steps) - 1)].change
    own = change.place[0] if change.place else ""
    found = _differences(engine, migration.tables[done])
    return all(d.column.partition(".")[0] in (own, f"{own}{BESIDE}") for d in found)
