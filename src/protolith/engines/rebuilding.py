"""A table that is built anew in a live engine: how far it is stands in the names and comments.

Under the name of the table that is built beside there is nothing, or one that is not whole yet, or
the one that was there before; its comment says which.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from protolith.engines.migrating import Entry, Size, check_rows, detail
from protolith.errors import ConflictError, Detail
from protolith.migrations import Migration
from protolith.migrations.rebuilding import BUILDING, KEPT, Rebuild, beside
from protolith.tables import Table

if TYPE_CHECKING:
    from protolith.engines.base import Engine

DROP_HINT = "protolith migrate --drop-kept drops it, with the rows as they were before"


def check_asked(migration: Migration, size: Size) -> None:
    """Raise the `ConflictError` of a table that is built anew only when that is asked for."""
    steps = [step for step in migration.steps if step.outcome == "rebuild"]
    raise ConflictError(
        f"{migration.dialect}: the table has to be built anew: {size.rows} rows, {size.size} bytes",
        details=[detail(step) for step in steps],
        hint="ask for it with --rebuild (rebuild=True)",
    )


def is_swapped(engine: "Engine", migration: Migration, rebuild: Rebuild) -> bool:
    """Whether an interrupted rebuild has put the new table in its place already."""
    entry: Entry | None = engine.journal(migration.old)
    begun = entry is not None and entry.fingerprint == migration.fingerprint
    return begun and engine.remark(rebuild.beside) == KEPT


def check_start(engine: "Engine", migration: Migration, rebuild: Rebuild) -> None:
    """Raise `ConflictError` unless a rebuild can begin, or begin again."""
    engine.verify(migration.old)
    there = engine.remark(rebuild.beside)
    name = f"{rebuild.beside.database}.{rebuild.beside.name}"
    if there == KEPT:
        text = f"{engine.name}: the table before the last rebuild is still kept, as {name}"
        raise ConflictError(text, hint=DROP_HINT)
    if there not in (None, BUILDING):
        text = f"{engine.name}: there is a table in the place of {name}"
        raise ConflictError(text, hint="rename it: the table before a rebuild is kept there")
    check_rows(engine, migration.checks)


def build(engine: "Engine", rebuild: Rebuild, run: Callable[[str], object]) -> int:
    """Build the new table and swap the two; say how many rows there are."""
    if engine.remark(rebuild.beside) is not None:
        run(f"DROP TABLE {engine.dialect.qualified(rebuild.beside)}")
    for statement in (*rebuild.make, rebuild.copy):
        run(statement)
    wanted, found = (tuple(engine.query(sql).to_pylist()[0].values()) for sql in rebuild.totals)
    if wanted != found:
        raise ConflictError(
            f"{engine.name}: the new table does not hold what the old one does, which stays",
            details=[Detail(f"{wanted[0]} rows, and {found[0]} in the new one")],
            hint="nothing was changed; were rows loaded meanwhile? give the same command again",
        )
    for statement in (*rebuild.swap, *rebuild.finish):
        run(statement)
    return int(wanted[0])


def check_unloaded(engine: "Engine", table: Table, rebuild: Rebuild, rows: int) -> None:
    """Swap the tables back if rows came into the old one after it was copied."""
    kept, new = (_count(engine, place) for place in (rebuild.beside, table))
    if kept == rows:
        return
    said = f"{engine.name}: rows were loaded into {table.database}.{table.name} while it was built"
    if new == rows:
        engine.run(rebuild.back)
        raise ConflictError(
            f"{said} anew",
            hint="nothing was changed; stop loading, and give the same command again",
        )
    raise ConflictError(
        f"{said} anew",
        details=[Detail(f"{kept - rows} of them are in {rebuild.beside.name} alone")],
        hint="copy them; then give the same command again to finish",
    )


def _count(engine: "Engine", table: Table) -> int:
    sql = f"SELECT count() AS n FROM {engine.dialect.qualified(table)}"  # noqa: S608
    return int(engine.query(sql).column(0)[0].as_py())


def drop_kept(engine: "Engine", table: Table) -> bool:
    """Drop the table that a rebuild has kept, or not finished; say whether there was one."""
    kept = beside(table)
    there = engine.remark(kept)
    if there is None:
        return False
    name = f"{engine.name}: {kept.database}.{kept.name}"
    if there not in (KEPT, BUILDING):
        raise ConflictError(f"{name} was not kept by a rebuild", hint="drop it yourself")
    if there == KEPT and engine.journal(table) is not None:
        hint = "give the command that was interrupted again"
        raise ConflictError(f"{name}: the rebuild is not finished", hint=hint)
    engine.run([f"DROP TABLE {engine.dialect.qualified(kept)}"])
    return True
