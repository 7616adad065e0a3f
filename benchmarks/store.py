"""The SQLite store with many versions in it, beside a nearly empty one.

    python benchmarks/store.py [SCALE]

SCALE 1 is 1,000,000 versions of 100,000 subjects; the default is a hundredth of it.
"""

import hashlib
import json
import random
import resource
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

from protolith import SchemaRegistry
from protolith.store import NewVersion, Search, SQLiteStore
from protolith.store.identity import BIGQUERY, fingerprint, guid
from protolith.store.tables import CONTENTS, FIELDS, SCHEMAS, VERSIONS

VERSIONS_EACH = 10
FIELDS_EACH = 4
CLIENTS = 32
LONGEST = 1000
PROTO = """
syntax = "proto3";
// An order.
message Order {
  string id = 1; // Unique for ever.
  int64 cents = 2;
  repeated string tags = 3;
  Address to = 4;
  message Address { string city = 1; }
}
"""
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

    run_at_once(work, clients)
    return sum(counts) / seconds


def compiled_in(home: Path, seconds: float, clients: int) -> str:
    """Durable registrations of a .proto file, compiled and laid out; and the CPU of each."""
    with SchemaRegistry(home) as registry:
        counts = [0] * clients
        before, start = cpu_seconds(), time.perf_counter()
        end = start + seconds

        def work(client: int) -> None:
            while time.perf_counter() < end:
                counts[client] += 1
                number = f"{client}_{counts[client]}"
                registry.register_schema(PROTO.replace("cents", f"cents_{number}"), f"p{number}")

        run_at_once(work, clients)
        taken = time.perf_counter() - start
        spent = [b - a for a, b in zip(before, cpu_seconds(), strict=True)]
    count = sum(counts)
    own, compiler = (1000 * one / count for one in spent)
    return f"{count / taken:7.0f}/s   CPU of each: {own:.1f} ms, and {compiler:.1f} ms of protoc"


def cpu_seconds() -> tuple[float, float]:
    """CPU of this process, and of its children that have ended."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, children = (resource.getrusage(who) for who in whose)
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def run_at_once(work: Callable[[int], None], clients: int) -> None:
    threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_length(store: SQLiteStore) -> None:
    """What a version costs as its subject's first, and as its thousandth."""
    taken: list[tuple[float, float]] = []
    for number in range(1, LONGEST + 1):
        digits = content_hash(10**12 + number)
        start, cpu = time.perf_counter(), time.process_time()
        store.add([NewVersion("bench", "long", digits, COLUMNS)])
        taken.append((time.perf_counter() - start, time.process_time() - cpu))
    for first in (0, 90, LONGEST - 10):
        part = taken[first : first + 10]
        wall, cpu = (1e6 * median(column) for column in zip(*part, strict=True))
        name = f"versions {first + 1} to {first + 10}"
        print(f"  {name:22}p50 {wall:9.0f} µs, of which CPU {cpu:.0f} µs")


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
    by_length(store)
    print(f"  resident            {resident_megabytes():9} MB")
    store.close()
    for clients in (1, CLIENTS):
        print(f"  compiled, {clients:2} at once   {compiled_in(home, 5, clients)}")


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
