"""Changes of columns in ClickHouse, which go on after their statement, and can fail then."""

import time
from typing import TYPE_CHECKING

from protolith.dialects.clickhouse.alter import WAIT
from protolith.dialects.clickhouse.clusters import on_cluster
from protolith.errors import BusyError, ConflictError, Detail, SchemaRegistryError
from protolith.migrations import Step
from protolith.tables import Table

if TYPE_CHECKING:
    from protolith.engines.clickhouse import ClickHouseEngine

_UNFINISHED = """
SELECT mutation_id, latest_fail_reason, command FROM system.mutations
WHERE database = {database:String} AND table = {table:String} AND NOT is_done AND NOT is_killed
"""
_KILL = """
WHERE database = {database:String} AND table = {table:String}
AND mutation_id = {mutation:String} SYNC
"""
_PATIENCE, _PAUSE = 6000, 0.1


def settle(engine: "ClickHouseEngine", table: Table) -> None:
    """Wait until nothing changes a table; `ConflictError` if a change is stuck."""
    name = f"{table.database}.{table.name}"
    for _ in range(_PATIENCE):
        unfinished = engine.select(_UNFINISHED, table)
        for _, reason, command in unfinished:
            if reason:
                raise ConflictError(
                    f"clickhouse: a change of {name} is stuck: {command}",
                    details=[Detail(reason.partition("\n")[0])],
                    hint="KILL MUTATION, change the column's type back, then begin again",
                )
        if not unfinished:
            return
        time.sleep(_PAUSE)
    raise BusyError(f"clickhouse still changes {name}", hint="try again later")


def run_alter(engine: "ClickHouseEngine", statement: str, step: Step, table: Table) -> None:
    """Run one statement and wait for it; where it fails the column gets its old type back."""
    try:
        engine.run([statement])
        settle(engine, table)
    except SchemaRegistryError:
        _take_back(engine, step, table)
        raise


def _take_back(engine: "ClickHouseEngine", step: Step, table: Table) -> None:
    on = on_cluster(engine.dialect, table)
    for mutation, *_ in engine.select(_UNFINISHED, table):
        engine.command(f"KILL MUTATION{on}{_KILL}", table, mutation=mutation)
    live = {column.name for column in engine.columns(table.database, table.name)}
    for column in engine.dialect.stored(table).columns:
        if column.name in step.change.place[:1] and column.name in live:
            text = engine.dialect.type_text(column.type, nullable=column.nullable)
            back = f"MODIFY COLUMN {engine.dialect.quote(column.name)} {text}"
            engine.run([f"ALTER TABLE {engine.dialect.qualified(table)}{on} {back}{WAIT}"])
