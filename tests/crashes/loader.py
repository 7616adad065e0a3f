"""A load in a process of its own, which dies where it is told to, or whose disk is full.

`python loader.py dying HOME ENGINE LOAD_ID AT [FAULT]` loads a file with that id, and dies before
its AT-th word to the engine (0: never); it prints `ready`, then how many words there were. With the
fault `forgetful` the id is not told to the engine, with `hasty` it is kept before the rows are.
`python loader.py filling HOME ENGINE` loads with a disk that gets full, at each write in turn.
"""

import ctypes
import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from protolith import SchemaRegistry, SchemaRegistryError
from protolith.engines import clickhouse_loads
from protolith.engines.clickhouse import ClickHouseEngine
from protolith.engines.duckdb import DuckDBEngine
from protolith.tables import Table

ENGINES: dict[str, Any] = {"duckdb": DuckDBEngine, "clickhouse": ClickHouseEngine}
SUBJECT = "shop.numbers"
clickhouse_loads.BLOCK_BYTES = 64 * 1024  # so that a load has several blocks


def dying(home: Path, engine: str, load_id: str, at: str, fault: str = "") -> None:
    """Load `numbers.bin`, and die on the way."""
    kind, left = ENGINES[engine], [int(at)]
    plain, said = kind._ask, [0]

    def ask(self: Any, *words: Any, **options: Any) -> Any:
        said[0] += 1
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(self, *words, **options)

    with SchemaRegistry(home) as registry:
        registry.query(engine, "SELECT 1")
        FAULTS[fault](kind)
        kind._ask = ask
        print("ready", flush=True)  # noqa: T201
        registry.ingest(SUBJECT, home / "numbers.bin", load_id=load_id)
    print(said[0])  # noqa: T201


def forgetful(kind: Any) -> None:
    """The engine does not know that the load has an id."""
    plain = kind.load

    def load(self: Any, table: Table, rows: pa.Table, _load_id: str | None = None) -> bool:
        return bool(plain(self, table, rows))

    kind.load = load


def hasty(kind: Any) -> None:
    """The id is kept before the rows are, and not with them."""
    plain = kind.load

    def load(self: Any, table: Table, rows: pa.Table, load_id: str | None = None) -> bool:
        first = bool(plain(self, table, rows.slice(0, 0), load_id))
        return first and bool(plain(self, table, rows))

    kind.load = load


FAULTS: dict[str, Any] = {"": lambda _: None, "forgetful": forgetful, "hasty": hasty}


def filling(home: Path, engine: str) -> None:
    """The disk is full from some write on; then there is room again."""
    fail = ctypes.CDLL(None).disk_fail
    refused, point, failed = 0, 0, True
    with SchemaRegistry(home) as registry:
        count = f"SELECT count(*) AS n FROM {SUBJECT}"
        before = 0
        while failed:
            point += 1 + point // 4
            fail(point, errno.ENOSPC, 1)
            load_id = f"at {point}"
            try:
                registry.ingest(SUBJECT, home / "numbers.bin", engine, load_id=load_id)
            except SchemaRegistryError:
                refused += 1
                fail(0, 0, 0)
                registry.ingest(SUBJECT, home / "numbers.bin", engine, load_id=load_id)
            else:
                failed = fail(0, 0, 0) >= point
            now = registry.query(engine, count).column("n")[0].as_py()
            print(json.dumps([load_id, now - before]), flush=True)  # noqa: T201
            before = now
    print(json.dumps(["refused", refused]))  # noqa: T201


if __name__ == "__main__":
    program, folder, *rest = sys.argv[1:]
    {"dying": dying, "filling": filling}[program](Path(folder), *rest)
