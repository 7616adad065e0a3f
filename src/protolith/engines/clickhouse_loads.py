"""Loads with an id in ClickHouse: block by block, each with a deduplication token.

A server forgets tokens: a table remembers those of its last blocks, how many a setting of the table
says, which MergeTree has at 0. What is finished stands in `protolith.loads`, for good.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from protolith.engines.loads import LOADS, Load, check_same_load
from protolith.errors import ConflictError, EngineError
from protolith.tables import Table

if TYPE_CHECKING:
    from protolith.engines.clickhouse import ClickHouseEngine

WINDOW = 10_000
"""The blocks whose tokens a MergeTree table is told to remember."""

BLOCK_BYTES = 128 * 1024 * 1024
"""About how much one block holds, as Arrow."""

_SETTING = "non_replicated_deduplication_window"
_ENGINE = """
SELECT engine, engine_full FROM system.tables
WHERE database = {database:String} AND name = {table:String}
"""
_DEFAULT = "SELECT toUInt64(value) FROM system.merge_tree_settings WHERE name = {name:String}"
_LOAD = """
SELECT row_count, block_rows, finished FROM protolith.loads
WHERE database_name = {database:String} AND table_name = {table:String}
AND load_id = {load_id:String} ORDER BY finished DESC LIMIT 1
"""
_LOADS = """
SELECT load_id, row_count, block_rows, finished FROM protolith.loads
WHERE database_name = {database:String} AND table_name = {table:String}
AND startsWith(load_id, {prefix:String}) ORDER BY finished
"""
# One insert is one block: else it is cut where threads and sizes happen to cut it.
_ONE_BLOCK = {
    "max_insert_threads": 1,
    "input_format_parallel_parsing": 0,
    "min_insert_block_size_bytes": 0,
}
_SIZES = ("max_insert_block_size", "min_insert_block_size_rows")


def load_once(engine: "ClickHouseEngine", table: Table, rows: pa.Table, load_id: str) -> bool:
    """Insert the rows unless they are there; False if they were."""
    load = _found(engine, table, load_id)
    if load is not None:
        check_same_load(table, load_id, load, rows.num_rows)
        if load.finished:
            return False
    block = max(1, min(rows.num_rows, BLOCK_BYTES * rows.num_rows // max(rows.nbytes, 1)))
    load = load or Load(rows.num_rows, block, finished=False)
    starts = range(0, rows.num_rows, load.block_rows)
    _check_window(engine, table, len(starts))
    _write(engine, table, load_id, load)
    digest = hashlib.sha256(load_id.encode()).hexdigest()
    for number, start in enumerate(starts):
        token = {"insert_deduplication_token": f"{digest}:{number}"}
        settings = deduplicated(engine) | token | dict.fromkeys(_SIZES, load.block_rows)
        engine.insert(table, rows.slice(start, load.block_rows), settings | _ONE_BLOCK)
    _write(engine, table, load_id, replace(load, finished=True))
    return True


def found_loads(engine: "ClickHouseEngine", table: Table, prefix: str) -> dict[str, Load]:
    """The loads whose ids begin so, as the last line of each says."""
    if not engine.columns(LOADS.database, LOADS.name):
        return {}
    rows = engine.select(_LOADS, table, prefix=prefix)
    return {load_id: Load(*load) for load_id, *load in rows}


def forget_loads(engine: "ClickHouseEngine", table: Table, load_ids: Sequence[str]) -> None:
    """Forget these ids, or all of the table."""
    if not engine.columns(LOADS.database, LOADS.name):
        return
    literal = engine.dialect.literal
    of = f"database_name = {literal(table.database)} AND table_name = {literal(table.name)}"
    if load_ids:
        of += f" AND load_id IN ({', '.join(map(literal, load_ids))})"
    engine.run([f"DELETE FROM {engine.dialect.qualified(LOADS)} WHERE {of}"])  # noqa: S608


def deduplicated(engine: "ClickHouseEngine", *, yes: bool = True) -> dict[str, Any]:
    """The settings of an insert that is compared with earlier ones, or is not.

    Without an id it must not be: equal rows of two loads are rows of both.
    """
    settings: dict[str, Any] = {"insert_deduplicate": int(yes), "async_insert": 0}
    if engine.has_setting("deduplicate_insert"):
        settings["deduplicate_insert"] = "enable" if yes else "disable"
    return settings


def _check_window(engine: "ClickHouseEngine", table: Table, blocks: int) -> None:
    """Raise `ConflictError` unless the table remembers that many tokens."""
    kind, _ = engine.select(_ENGINE, table)[0]
    if not kind.endswith("MergeTree"):
        raise ConflictError(
            f"clickhouse: {table.database}.{table.name} is a {kind}, which knows no load ids",
            hint="load it without one: what is run again is there twice",
        )
    if engine.cluster and not kind.startswith(("Replicated", "Shared")):
        raise ConflictError(
            f"clickhouse: {table.database}.{table.name} is on a cluster without replicas",
            hint="each of its servers would remember load ids of its own: load without one",
        )
    window = _window(engine, table)
    if window == 0 and not kind.startswith(("Replicated", "Shared")):
        name = engine.dialect.qualified(table)
        engine.run([f"ALTER TABLE {name} MODIFY SETTING {_SETTING} = {WINDOW}"])
        window = _window(engine, table)
    if window < blocks:
        raise ConflictError(
            f"clickhouse: the load has {blocks} blocks, and {table.database}.{table.name}"
            f" remembers {window}",
            hint=f"raise its setting {_SETTING}, or load in parts",
        )


def _window(engine: "ClickHouseEngine", table: Table) -> int:
    kind, text = engine.select(_ENGINE, table)[0]
    setting = _SETTING
    if kind.startswith(("Replicated", "Shared")):
        setting = _SETTING.removeprefix("non_")
    if own := re.search(rf"\b{setting} = (\d+)", text):
        return int(own[1])
    found = engine.select(_DEFAULT, table, name=setting)
    if not found:
        raise EngineError(f"ClickHouse does not say what {setting} is")
    return int(found[0][0])


def _found(engine: "ClickHouseEngine", table: Table, load_id: str) -> Load | None:
    if not engine.columns(LOADS.database, LOADS.name):
        return None
    rows = engine.select(_LOAD, table, load_id=load_id)
    return Load(*rows[0]) if rows else None


def _write(engine: "ClickHouseEngine", table: Table, load_id: str, load: Load) -> None:
    """A line more each time; the finished one counts."""
    if not engine.columns(LOADS.database, LOADS.name):
        engine.run(engine.dialect.create(LOADS))
    texts = ", ".join(
        engine.dialect.literal(text) for text in (table.database, table.name, load_id)
    )
    values = f"{texts}, {load.row_count}, {load.block_rows}, {str(load.finished).lower()}"
    engine.run([f"INSERT INTO {engine.dialect.qualified(LOADS)} SELECT {values}"])
