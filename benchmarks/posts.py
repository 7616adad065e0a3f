"""100 clients that post 10 rows each: one insert for those that wait, against one insert each.

    python benchmarks/posts.py [CLIENTS] [POSTS]

`python` asks the registry from as many threads as there are clients, `http` asks a server over
connections that stay open. The peer is the same program with an insert for each post. Posts a
second of wall time and CPU milliseconds a post (of the server alone for http), medians of
interleaved rounds.
"""

import http.client
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import pyarrow as pa
from google.protobuf import message_factory

from decoding import EVENT, framed, record
from protolith import SchemaRegistry, compile_protos
from protolith.registry.groups import Groups, LiveTable

ROUNDS = 3
ROWS = 10
WAYS = ("together", "one each")
Post = Callable[[], object]


def each(_self: Groups, live: LiveTable, rows: pa.Table) -> None:
    live.check_unchanged()
    live.engine.load(live.table, rows)


def main() -> None:
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    posts = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"{clients} clients, {posts} posts each of {ROWS} rows; medians of {ROUNDS} rounds\n")
    cls = message_factory.GetMessageClass(compile_protos(EVENT).message("bench.Event"))
    chance = random.Random(1)
    data = framed([record(cls, chance, flat=False) for _ in range(ROWS)]).to_pybytes()
    for engine in ("duckdb", "clickhouse"):
        for door, opened in (("python", in_process), ("http", served)):
            taken: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
            for _ in range(ROUNDS):
                for way in WAYS:
                    taken[way].append(opened(engine, way, data, clients, posts))
            report(f"{engine}, {door}", taken, clients * posts)


def report(name: str, taken: dict[str, list[tuple[float, float]]], posts: int) -> None:
    found = {
        way: (median(wall for wall, _ in times), median(cpu for _, cpu in times))
        for way, times in taken.items()
    }
    for way, (wall, cpu) in found.items():
        print(
            f"{name:20} {way:9} {posts / wall:9.0f} posts/s {cpu / posts * 1000:7.2f} ms CPU/post"
        )
    wall, cpu = (found["one each"][i] / found["together"][i] for i in (0, 1))
    print(f"{name:20} together is {wall:.1f}x as fast, {cpu:.1f}x less CPU\n")


def prepared(home: str, engine: str) -> SchemaRegistry:
    registry = SchemaRegistry(home)
    registry.register_schema(EVENT, "event", "bench", message="bench.Event")
    registry.create_table("bench.event", engine)
    return registry


def in_process(engine: str, way: str, data: bytes, clients: int, posts: int) -> tuple[float, float]:
    plain = Groups.load
    with TemporaryDirectory() as home, prepared(home, engine) as registry:
        Groups.load = each if way == "one each" else plain  # type: ignore[method-assign]
        registry.ingest("bench.event", data)
        try:
            cpu = process_time()
            wall = run(clients, posts, lambda: registry.ingest("bench.event", data))
            return wall, process_time() - cpu
        finally:
            Groups.load = plain  # type: ignore[method-assign]


def served(engine: str, way: str, data: bytes, clients: int, posts: int) -> tuple[float, float]:
    with TemporaryDirectory() as home:
        prepared(home, engine).close()
        with server(home, way) as (process, port):
            local: list[http.client.HTTPConnection] = []

            def post() -> None:
                connection = local.pop() if local else http.client.HTTPConnection("127.0.0.1", port)
                connection.request("POST", "/schemas/bench.event/ingest", data)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise SystemExit(answer.status)
                local.append(connection)

            run(clients, 1, post)
            before = cpu_of(process.pid)
            wall = run(clients, posts, post)
            return wall, cpu_of(process.pid) - before


@contextmanager
def server(home: str, way: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    words = [sys.executable, __file__, "--serve", way, "--home", home, "serve", "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            if found := re.search(r"http://\S+:(\d+),", line):
                break
        yield process, int(found[1]) if found else 0
        process.terminate()


def serve(way: str, words: list[str]) -> None:
    from protolith.cli import main as command  # noqa: PLC0415

    if way == "one each":
        Groups.load = each  # type: ignore[method-assign]
    sys.argv[1:] = words
    command()


def cpu_of(process: int) -> float:
    parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def run(clients: int, posts: int, post: Post) -> float:
    with ThreadPoolExecutor(clients) as pool:
        start = perf_counter()
        waiting = [pool.submit(post) for _ in range(clients * posts)]
        for one in waiting:
            one.result()
        return perf_counter() - start


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], sys.argv[3:])
    else:
        main()
