"""Claim: a table is laid out and written in time that grows with its columns and no faster.

    python benchmarks/tables.py [--rounds N]

Schemas of 100, 300, 1,000 and 3,000 columns are generated: half of the columns are fields of the
message, of every kind and with comments; the other half are in records of messages that are
imported, one file for each 50 columns (60 files for 3,000). In turns and in this one run, each is
laid out and written in every dialect, and the types are read back from their texts. Numbers are
medians of CPU microseconds per column; the ratio is to the smallest schema's, so 1 is linear.
"""

import argparse
import statistics
import textwrap
import time
from collections.abc import Callable

from protolith import DescriptorSet, compile_protos, dialect, lay_out
from protolith.dialects import names
from protolith.tables import walk

SIZES = (100, 300, 1_000, 3_000)
TYPES = ("string", "int64", "uint64", "double", "bytes", "bool", "repeated int32", "Kind", "Moment")
ROOT = "wide.proto"


def proto(package: str, imports: list[str], body: list[str]) -> str:
    lines = ['syntax = "proto3";', f"package {package};"]
    return "\n".join([*lines, *(f'import "{name}";' for name in imports), *body, ""])


def message(name: str, fields: list[tuple[str, str]]) -> list[str]:
    lines = [f"// What is known about {name}.", f"message {name} {{"]
    for number, (type_, field) in enumerate(fields, 1):
        lines += [
            f"  // The {field} of a {name}, as it's reported by the source.",
            f"  {type_} {field} = {number};",
        ]
    return [*lines, "}"]


def typed(count: int) -> list[tuple[str, str]]:
    known = {"Kind": "kinds.Kind", "Moment": "google.protobuf.Timestamp"}
    types = [TYPES[n % len(TYPES)] for n in range(count)]
    return [(known.get(type_, type_), f"field_{n}") for n, type_ in enumerate(types)]


def schema(columns: int) -> DescriptorSet:
    """A message of that many columns: records with all that is in them are half of them."""
    needed = ["kinds.proto", "google/protobuf/timestamp.proto"]
    kinds = ["enum Kind {", "  KIND_UNKNOWN = 0;", "  KIND_KNOWN = 1;", "}"]
    files = {"kinds.proto": proto("kinds", [], kinds)}
    parts = [f"part{n}" for n in range(columns // 50)]
    for part in parts:
        files[f"{part}.proto"] = proto(part, needed, message("Part", typed(24)))
    fields = typed(columns // 2) + [(f"{part}.Part", f"record_{part}") for part in parts]
    imports = [*needed, *(f"{part}.proto" for part in parts)]
    files[ROOT] = proto("wide", imports, message("Wide", fields))
    return compile_protos({name: text.encode() for name, text in files.items()})


def timed(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return (time.process_time() - start) * 1_000_000


def measure(columns: int, rounds: int) -> dict[str, float]:
    descriptors = schema(columns)
    table = lay_out(descriptors, "wide.Wide")
    found = sum(1 for _ in walk(table.columns))
    if found != columns:
        raise AssertionError(f"{found} columns, not {columns}")
    data = descriptors.data
    ways: dict[str, Callable[[], object]] = {
        "open and lay out": lambda: lay_out(DescriptorSet.from_bytes(data, (ROOT,)), "wide.Wide"),
        "lay out again": lambda: lay_out(descriptors, "wide.Wide"),
    }
    for name in names():
        ways[f"write {name}"] = lambda name=name: dialect(name).script(table)
    for name in names():
        texts = [dialect(name).type_text(column.type) for column in table.columns]
        ways[f"read {name}"] = lambda name=name, texts=texts: [
            dialect(name).read_type(text) for text in texts
        ]
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, action in ways.items():
            times[way].append(timed(action))
    return {way: statistics.median(spent) / columns for way, spent in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=textwrap.dedent(str(__doc__)))
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    measured = {columns: measure(columns, rounds) for columns in SIZES}
    print("CPU microseconds per column (and how many times that of the smallest schema)")
    print(f"{'columns':20s}" + "".join(f"{columns:>18,}" for columns in SIZES))
    for way, first in measured[SIZES[0]].items():
        spent = (measured[columns][way] for columns in SIZES)
        print(f"{way:20s}" + "".join(f"{each:10.2f} ({each / first:4.2f}x)" for each in spent))


if __name__ == "__main__":
    main()
