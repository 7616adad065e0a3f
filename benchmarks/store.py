"""The SQLite store with many versions in it, beside a nearly empty one.

    python benchmarks/store.py [SCALE]

SCALE 1 is 1,000,000 versions of 100,000 subjects; the default is a hundredth of it.
"""

import hashlib
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import Table, insert

from protolith.store import NewVersion, Search, SQLiteStore
from protolith.store.identity import BIGQUERY, fingerprint, guid
from protolith.store.tables import CONTENTS, FIELDS, SCHEMAS, VERSIONS

VERSIONS_EACH = 10
FIELDS_EACH = 4
CLIENTS = 32
COLUMNS = json.dumps([{"name": f"column_{n}", "type": "STRING"} for n in range(FIELDS_EACH)])
NOW = datetime.now(UTC).replace(tzinfo=None)
Row = dict[str, Any]


def subject_name(number: int) -> tuple[str, str]:
    return f"db{number % 100}", f"table_{number:06}"


def content_hash(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def subjects(count: int) -> Iterator[Row]:
    for number in range(count):
        database, table = subject_name(number)
        yield {
            "schema_id": f"{database}.{table}",
            "table_name": table,
            "database_name": database,
            "current_version_hash": content_hash(number * VERSIONS_EACH + VERSIONS_EACH - 1),
            "latest_version": VERSIONS_EACH,
            "last_version": VERSIONS_EACH,
            "created_at": NOW,
            "last_updated": NOW,
        }


def contents(count: int) -> Iterator[Row]:
    for number in range(count * VERSIONS_EACH):
        mark = fingerprint(BIGQUERY, content_hash(number))
        key = {"content_id": number + 1, "fingerprint": mark, "guid": guid(mark)}
        yield {**key, "type": BIGQUERY, "created_at": NOW}


def versions(count: int) -> Iterator[Row]:
    for number in range(count * VERSIONS_EACH):
        database, table = subject_name(number // VERSIONS_EACH)
        version = number % VERSIONS_EACH + 1
        digits = content_hash(number)
        yield {
            "version_id": f"{database}.{table}@{version}",
            "schema_id": f"{database}.{table}",
            "version": version,
            "name": f"{table}_{digits[:12]}",
            "version_hash": digits,
            "schema_json": COLUMNS,
            "roots": "[]",
            "created_at": NOW,
            "content_id": number + 1,
        }


def fields(count: int) -> Iterator[Row]:
    for number in range(count):
        database, table = subject_name(number)
        for position in range(FIELDS_EACH):
            path = f"needle_{number}" if position == 0 else f"column_{position}"
            key = {"schema_id": f"{database}.{table}", "position": position}
            yield {**key, "path": path, "type": "STRING"}


def fill(store: SQLiteStore, count: int) -> None:
    tables: list[tuple[Table, Callable[[int], Iterator[Row]]]] = [
        (SCHEMAS, subjects),
        (CONTENTS, contents),
        (VERSIONS, versions),
        (FIELDS, fields),
    ]
    for table, rows in tables:
        all_rows = rows(count)
        while batch := list(islice(all_rows, 20_000)):
            with store.writing() as connection:
                connection.execute(insert(table), batch)


def timed(call: Callable[[], object], rounds: int) -> str:
    call()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1e6)
    return f"p50 {median(taken):9.0f} µs   p99 {quantiles(taken, n=100)[-1]:9.0f} µs"


def registered_in(store: SQLiteStore, seconds: float, clients: int, name: str) -> float:
    """Durable registrations a second, without a compile; one after another for each client."""
    counts = [0] * clients
    end = time.perf_counter() + seconds

    def work(client: int) -> None:
        while time.perf_counter() < end:
            counts[client] += 1
            digits = content_hash(10**9 + hash((name, client, counts[client])))
            store.add([NewVersion("bench", f"{name}{client}_{counts[client]}", digits, COLUMNS)])

    threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def resident_megabytes() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def measure(home: Path, count: int) -> None:
    store = SQLiteStore(home)
    start = time.perf_counter()
    fill(store, count)
    print(f"\n{count:,} subjects, {count * VERSIONS_EACH:,} versions", end="")
    print(f" (made in {time.perf_counter() - start:.0f} s)")
    store.close()
    start = time.perf_counter()
    store = SQLiteStore(home)
    store.subjects(limit=1)
    print(f"  opened and ready    {(time.perf_counter() - start) * 1000:9.1f} ms")
    dice = random.Random(1)

    def any_subject() -> str:
        return ".".join(subject_name(dice.randrange(count)))

    def any_version() -> int:
        return dice.randrange(count * VERSIONS_EACH)

    points: dict[str, Callable[[], object]] = {
        "by id": lambda: store.find_id(any_version() + 1),
        "subject and version": lambda: store.find(f"{any_subject()}@3"),
        "latest": lambda: store.find(any_subject()),
        "by content": lambda: find_content(store, any_version()),
    }
    for name, call in points.items():
        print(f"  {name:22}{timed(call, 2000)}")
    needle = Search(field=f"needle_{count - 1}")
    lists: dict[str, Callable[[], object]] = {
        "first page of 100": lambda: store.subjects(limit=100),
        "a page in the middle": lambda: store.subjects(limit=100, after="db5"),
        "search of a field": lambda: store.search(needle, limit=100),
    }
    for name, call in lists.items():
        print(f"  {name:22}{timed(call, 20)}")
    for clients in (1, CLIENTS):
        rate = registered_in(store, 3, clients, f"c{clients}_")
        print(f"  registered, {clients:2} at once {rate:7.0f}/s (durable, no compile)")
    print(f"  resident            {resident_megabytes():9} MB")
    store.close()


def find_content(store: SQLiteStore, number: int) -> None:
    subject = ".".join(subject_name(number // VERSIONS_EACH))
    assert store.find_content(subject, content_hash(number)) is not None  # noqa: S101


def main() -> None:
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 0.01
    for count in (10, max(10, int(100_000 * scale))):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), count)


if __name__ == "__main__":
    main()
