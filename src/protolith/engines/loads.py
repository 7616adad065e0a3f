"""Loads that have an id: run again after a crash, they add nothing twice and lose nothing.

A table of the engine's own, `protolith.loads`, says which ids each table has taken.
"""

from dataclasses import dataclass

from protolith.errors import ConflictError, MalformedError, quoted
from protolith.tables import Boolean, Column, Integer, String, Table, check_text

LOADS = Table(
    "protolith",
    "loads",
    (
        Column("database_name", String(), nullable=False),
        Column("table_name", String(), nullable=False),
        Column("load_id", String(), nullable=False),
        Column("row_count", Integer(64), nullable=False),
        Column("block_rows", Integer(64), nullable=False),
        Column("finished", Boolean(), nullable=False),
    ),
    comment="The loads with an id of each table; an id is loaded once.",
)

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Load:
    """A load that was begun: its rows, in how large blocks, and whether all are there."""

    row_count: int
    block_rows: int
    finished: bool


def check_load_id(load_id: str) -> str:
    """The id as it is, or `MalformedError`."""
    check_text(load_id, "the load id")
    if not load_id or len(load_id) > _LONGEST:
        raise MalformedError(
            "a load id has one to 200 characters", hint="leave it out, or name the load"
        )
    return load_id


def check_same_load(table: Table, load_id: str, before: Load, rows: int) -> None:
    """Raise `ConflictError` unless a load of that id had as many rows."""
    if before.row_count != rows:
        raise ConflictError(
            f"the load {quoted(load_id)} of {table.database}.{table.name} has"
            f" {before.row_count} rows, and these are {rows}",
            hint="give other data another load id",
        )
