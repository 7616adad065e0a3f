"""Loading against its peers, in one run: decoding alone, then from a file into a table on disk.

    python benchmarks/ingest.py [ROWS]

CPU time of the process with all its threads, medians of interleaved rounds; slow ways run on fewer
rows. `ptars` is measured where it is installed (pip install ptars). The output is a page of
docs/performance.md.
"""

import io
import json
import platform
import random
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from google.protobuf import json_format, message_factory

from decoding import EVENT, FLAT, framed, record, spend
from protolith import ReferenceDecoder, SchemaRegistry, compile_protos, lay_out
from protolith.decoding.streams import decode_stream

ROUNDS = 5
SUBJECT = "bench.rows"
STAMP = "message Stamp { int64 seconds = 1; int32 nanos = 2; }"
STRUCTURES = {
    "bench.Event": "id String, kind Int32, at Tuple(seconds Int64, nanos Int32), user Int64,"
    " session String, device Tuple(model String, os String, geo Tuple(country String, city String,"
    " lat Float64, lon Float64)), items Array(Tuple(sku String, quantity Int32, cents Int64)),"
    " labels Map(String, String), card String, voucher String, points Int64, scores Array(Int32),"
    " tags Array(String), delta Int64, trace UInt64, span String, amount Float64, mobile Bool,"
    " ratio Float32, port UInt32, bytes_in UInt64, bytes_out UInt64, referrer String,"
    " agent String, status Int32, zone Int32",
    "Flat": "a Int64, b Int32, c Float64, d String, e Bool, f UInt64, g Float32, h Int32",
}


@dataclass
class Way:
    """One way to do a job: how many rows it does at a time, and what each round took."""

    rows: int
    call: Callable[[], object]
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def run(self) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.call()
        self.cpu.append((time.process_time() - cpu) / self.rows * 1e6)
        self.wall.append((time.perf_counter() - wall) / self.rows * 1e6)


class Data:
    """Messages of a type, apart and as one file, and a registry with tables for them."""

    def __init__(self, name: str, text: str, rows: int, home: Path) -> None:
        self.name, self.text, self.home = name, text, home
        descriptors = compile_protos(text)
        self.message = descriptors.message(name)
        self.cls: Any = message_factory.GetMessageClass(self.message)
        chance = random.Random(1)
        some = [record(self.cls, chance, flat=name == "Flat") for _ in range(min(rows, 20_000))]
        self.records = (some * (rows // len(some) + 1))[:rows]
        self.buffer = framed(self.records)
        self.file = home / f"{name}.bin"
        self.file.write_bytes(self.buffer)
        self.decoder = ReferenceDecoder(descriptors, lay_out(descriptors, name))
        self.rows = rows

    def few(self, rows: int) -> list[bytes]:
        return self.records[: min(rows, self.rows)]


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    print(f"{machine()}; {rows:,} rows, medians of {ROUNDS} interleaved rounds.\n")
    with TemporaryDirectory(prefix="bench-") as folder, SchemaRegistry(folder) as registry:
        home = Path(folder)
        clickhouse = registry.engine("clickhouse")
        for name, text in (("bench.Event", EVENT), ("Flat", FLAT)):
            data = Data(name, text, rows, home)
            title = f"Decoding `{name}`, {data.buffer.size / rows:.0f} bytes a row"
            table(title, decoding(data, clickhouse), size=data.buffer.size / rows)
            if name == "bench.Event":
                two_threads(data)
        data = Data("bench.Event", EVENT, rows, home)
        registry.register_schema(EVENT, "rows", "bench", message="bench.Event")
        for engine, ways in (("duckdb", into_duckdb), ("clickhouse", into_clickhouse)):
            registry.create_table(SUBJECT, engine)
            table(f"From a file into {engine} on disk, `bench.Event`", ways(data, registry))


def decoding(data: Data, clickhouse: Any) -> dict[str, Way]:
    few = data.few(1000)
    ways = {
        "ours": Way(data.rows, lambda: spend(decode_stream(data.buffer, data.decoder))),
        "upb, parse only": Way(data.rows, lambda: spend(map(data.cls.FromString, data.records))),
    }
    if find_spec("ptars"):
        ways["ptars, 8k batches"] = Way(data.rows, partial(with_ptars, data))
    ways["ClickHouse, FORMAT Protobuf to Null"] = Way(
        data.rows,
        lambda: clickhouse.run(
            [f"INSERT INTO FUNCTION null('{STRUCTURES[data.name]}') {from_file(data)}"]
        ),
    )
    ways["message to dict"] = Way(
        len(few),
        lambda: spend(json_format.MessageToDict(data.cls.FromString(one)) for one in few),
    )
    return ways


def with_ptars(data: Data) -> None:
    from ptars import HandlerPool  # noqa: PLC0415

    handler = HandlerPool([data.message.file]).get_for_message(data.message)
    for start in range(0, data.rows, 8192):
        handler.list_to_record_batch(data.records[start : start + 8192])


def from_file(data: Data) -> str:
    """ClickHouse's own reader; it has no well-known types, so the instant is a message of ours."""
    text = data.text.replace("google.protobuf.Timestamp", "Stamp")
    text = text.replace('import "google/protobuf/timestamp.proto";', STAMP)
    text = text.replace("package bench;", "")
    schema = text.replace("\n", " ").replace("'", "\\'")
    structure = STRUCTURES[data.name]
    settings = (
        f"format_schema_source = 'string', format_schema = '{schema}',"
        f" format_schema_message_name = '{data.message.name}'"
    )
    return f"SELECT * FROM file('{data.file}', 'Protobuf', '{structure}') SETTINGS {settings}"


def two_threads(data: Data) -> None:
    """Wall time: one thread for the data twice, against two threads with it once each."""
    once = lambda: spend(decode_stream(data.buffer, data.decoder))  # noqa: E731
    found: dict[str, list[float]] = {"one": [], "two": []}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            once()
            once()
            found["one"].append(time.perf_counter() - start)
            start = time.perf_counter()
            list(pool.map(lambda _: once(), range(2)))
            found["two"].append(time.perf_counter() - start)
    print(f"Two threads: {median(found['one']) / median(found['two']):.2f}x one (wall time).\n")


def into_duckdb(data: Data, registry: SchemaRegistry) -> dict[str, Way]:
    engine = registry.engine("duckdb")
    some, few = data.few(5000), data.few(200)
    return arrow_ways(data, registry, "duckdb") | {
        "columnar Python script": Way(
            len(some), lambda: engine.load(registry.table(SUBJECT), by_columns(data, some))
        ),
        "message to dict, executemany": Way(len(few), lambda: by_executemany(data, few, engine)),
    }


def into_clickhouse(data: Data, registry: SchemaRegistry) -> dict[str, Way]:
    engine = registry.engine("clickhouse")
    columns = STRUCTURES[data.name]
    engine.run([f"CREATE TABLE bench.own ({columns}) ENGINE = MergeTree ORDER BY tuple()"])
    insert = f"INSERT INTO bench.own {from_file(data)}"
    return arrow_ways(data, registry, "clickhouse") | {
        "FORMAT Protobuf": Way(data.rows, lambda: engine.run([insert]))
    }


def arrow_ways(data: Data, registry: SchemaRegistry, name: str) -> dict[str, Way]:
    target = registry._target(SUBJECT, name)
    batches = decode_stream(data.buffer, target.decoder)
    ready = pa.Table.from_batches(batches, target.decoder.schema).cast(target.live.schema)
    return {
        "ours": Way(data.rows, lambda: registry.ingest(SUBJECT, data.file, name)),
        "a ready Arrow table": Way(
            data.rows, lambda: target.live.engine.load(target.live.table, ready)
        ),
    }


def by_columns(data: Data, records: Iterable[bytes]) -> pa.Table:
    """What a careful script does: parse, pick each field, make a column of it."""
    messages = [data.cls.FromString(one) for one in records]
    plain = ("id", "user", "session", "card", "voucher", "points", "delta", "trace", "span")
    plain += ("mobile", "ratio", "port", "bytes_in", "bytes_out", "referrer", "agent", "status")
    columns: dict[str, Any] = {n: [getattr(m, n) for m in messages] for n in (*plain, "zone")}
    kinds = data.message.enum_types_by_name or data.message.file.enum_types_by_name
    names = {value.number: value.name for value in kinds["Kind"].values}
    columns["kind"] = [names[m.kind] for m in messages]
    columns["at"] = pa.array(
        [m.at.seconds * 10**6 + m.at.nanos // 1000 for m in messages], pa.timestamp("us", "UTC")
    )
    columns["amount"] = [m.amount if m.HasField("amount") else None for m in messages]
    columns["scores"] = [list(m.scores) for m in messages]
    columns["tags"] = [list(m.tags) for m in messages]
    columns["labels"] = pa.array(
        [list(m.labels.items()) for m in messages], pa.map_(pa.utf8(), pa.utf8())
    )
    columns["items"] = [
        [{"sku": i.sku, "quantity": i.quantity, "cents": i.cents} for i in m.items]
        for m in messages
    ]
    columns["device"] = [
        {
            "model": m.device.model,
            "os": m.device.os,
            "geo": {n: getattr(m.device.geo, n) for n in ("country", "city", "lat", "lon")},
        }
        for m in messages
    ]
    return pa.table(columns)


def by_executemany(data: Data, records: Iterable[bytes], engine: Any) -> None:
    connection = engine._connection
    connection.execute("CREATE TABLE IF NOT EXISTS bench.simple (id VARCHAR, body JSON)")
    rows = []
    for one in records:
        found = json_format.MessageToDict(data.cls.FromString(one))
        rows.append([found["id"], json.dumps(found)])
    connection.executemany("INSERT INTO bench.simple VALUES (?, ?)", rows)


def table(title: str, ways: dict[str, Way], size: float = 0) -> None:
    for _ in range(ROUNDS):
        for way in ways.values():
            way.run()
    ours = median(ways["ours"].cpu)
    rate = f", {size / ours / 1000:.2f} GB/s" if size else ""
    print(f"{title}{rate}\n\n| | CPU µs a row | of ours | wall µs a row |\n|---|---|---|---|")
    for name, way in ways.items():
        cpu, wall = median(way.cpu), median(way.wall)
        print(f"| {name} | {cpu:.3f} | {cpu / ours:.2f}x | {wall:.3f} |")
    print(flush=True)


def machine() -> str:
    model = "?"
    for line in io.StringIO(Path("/proc/cpuinfo").read_text()):
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    packages = ("protobuf", "pyarrow", "duckdb", "chdb")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{time.strftime('%Y-%m-%d')}, {model}, Python {platform.python_version()}, {versions}"


if __name__ == "__main__":
    main()
