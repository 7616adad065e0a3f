"""Creates and loads a table in the engine that is installed, by the profile of its version.

Run by `make profiles` in an environment of an older engine: `python profiles.py clickhouse`.
"""

import sys
import tempfile
from inspect import signature
from pathlib import Path
from typing import Any

import pyarrow as pa

from protolith import Column, Table, arrow_schema
from protolith.engines import open_engine
from protolith.tables import (
    Boolean,
    Date,
    Geography,
    Integer,
    List,
    Map,
    Record,
    String,
    Time,
    Timestamp,
)

INNER = Record((Column("x", Integer(), nullable=False), Column("y", String())))
TABLE = Table(
    "shop",
    "things",
    (
        Column("id", Integer(64, signed=False), nullable=False),
        Column("at", Timestamp(), comment="when"),
        Column("day", Date()),
        Column("hour", Time()),
        Column("place", Geography()),
        Column("r", INNER),
        Column("deep", Record((Column("r", INNER),))),
        Column("l", List(INNER), nullable=False),
        Column("m", Map(String(), INNER), nullable=False),
        Column("b", Boolean()),
    ),
)
ROW = {"id": 2**64 - 1, "at": 1, "day": 1, "place": "POINT(1 2)", "b": True}
ROW |= {"r": {"x": 1, "y": ""}, "deep": {"r": None}, "l": [{"x": 1}], "m": [("k", {"x": 2})]}
ROWS = [ROW, {"id": 0, "l": [], "m": []}]


def _take_parameters() -> None:
    """Let chdb before 4 take the parameters of a query, which the client gives it."""
    from chdb.state.sqlitelike import Connection  # noqa: PLC0415

    query = Connection.query

    def with_parameters(self: Any, sql: str, form: str = "CSV", params: Any = None) -> Any:
        for key, value in (params or {}).items():
            query(self, f"SET param_{key} = '{value}'")
        return query(self, sql, form)

    if "params" not in signature(query).parameters:
        Connection.query = with_parameters


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(name, Path(folder))
        dialect = engine.dialect
        assert engine.create(TABLE)
        assert not engine.create(TABLE)
        assert engine.compare(TABLE) == ()
        stored = dialect.stored(TABLE)
        rows = pa.Table.from_pylist(ROWS, schema=arrow_schema(stored))
        engine.load(TABLE, rows)
        sql = f"SELECT * FROM {dialect.qualified(TABLE)} ORDER BY id"
        first, last = engine.query(sql).to_pylist()
        engine.close()
    assert last["id"] == ROW["id"]
    assert dict(last["r"]) == ROW["r"]
    assert last["l"] == [{"x": 1, "y": None}]
    missing = {"x": None, "y": None} if name == "clickhouse" and dialect.version < "26.9" else None
    assert first["r"] == missing, first
    sys.stdout.write(
        f"{name} profile {dialect.version}: created, read back, loaded {len(ROWS)} rows\n"
    )


if __name__ == "__main__":
    if sys.argv[1] == "clickhouse":
        _take_parameters()
    main(sys.argv[1])
