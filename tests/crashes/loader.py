"""A load in a process of its own, which dies where it is told to, or whose disk is full.

`python loader.py dying HOME ENGINE LOAD_ID AT [FAULT]` loads a file with that id, and dies before
its AT-th word to the engine (0: never); it prints `ready`, then how many words there were. With the
fault `forgetful` the id is not told to the engine, with `hasty` it is kept before the rows are.
`python loader.py filling HOME ENGINE` loads with little room on the disk, then with enough.
"""

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
    """Load while there is room for ever more, and again each time when there is enough."""
    count = f"SELECT count(*) AS n FROM {SUBJECT}"
    with SchemaRegistry(home) as registry:
        registry.ingest(SUBJECT, home / "numbers.bin", engine, load_id="first")
        before = registry.query(engine, count).column("n")[0].as_py()
        for room in (*range(0, 320, 40), *range(1000, 3000, 250), 10_000):
            refused = ""
            _fill(home / "ballast", room * 1024)
            try:
                registry.ingest(SUBJECT, home / "numbers.bin", engine, load_id=f"{room} KB")
            except SchemaRegistryError as error:
                refused = error.code
            (home / "ballast").unlink()
            between = registry.query(engine, count).column("n")[0].as_py()
            registry.ingest(SUBJECT, home / "numbers.bin", engine, load_id=f"{room} KB")
            after = registry.query(engine, count).column("n")[0].as_py()
            print(json.dumps([refused, between - before, after - before]), flush=True)  # noqa: T201
            before = after


def _fill(ballast: Path, room: int) -> None:
    """Leave that many bytes of the disk; the engine may take some meanwhile."""
    with ballast.open("wb") as file:
        disk = os.statvfs(ballast.parent)
        size = disk.f_bavail * disk.f_frsize - room
        while size > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError:
                size -= 16 * 1024
            else:
                return


if __name__ == "__main__":
    program, folder, *rest = sys.argv[1:]
    {"dying": dying, "filling": filling}[program](Path(folder), *rest)
