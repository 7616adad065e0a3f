"""Claim: buf's verdict in process costs a small part of a `buf breaking` process.

    python benchmarks/policies.py [--rounds N]

Both get the same two compiled schemas and give the same findings, which is checked. buf's time
includes starting its process (its `--version` alone is shown too) and reading two prebuilt
images. Ours is shown three times: with both indexes built, as in a registry that has checked the
versions before; with none of them built; and as a Python process of its own that reads the same
files. Numbers are medians of wall-clock milliseconds, all ways in turns in this one run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import google.api

from protolith.compatibility.policies import check_policy
from protolith.compatibility.policies.buf import index
from protolith.compiler import compile_protos
from protolith.descriptors import DescriptorSet

BUF = Path(sys.executable).with_name("buf")
GOOGLE = Path(next(iter(google.api.__path__))).parent
SETTINGS = json.dumps({"version": "v2", "breaking": {"use": ["FILE"]}})
ALONE = """
import sys
from pathlib import Path
from protolith.compatibility.policies import check_policy
from protolith.descriptors import DescriptorSet
old, new = (DescriptorSet.from_bytes(Path(name).read_bytes()) for name in sys.argv[1:])
check_policy("buf", new, [(1, old)])
"""
SMALL = """syntax = "proto3"; package shop.v1;
// An event.
message Event {
  string id = 1; int64 at = 2; map<string, string> labels = 3; repeated Item items = 4;
  message Item { string sku = 1; int32 count = 2; Kind kind = 3; }
  enum Kind { KIND_UNSPECIFIED = 0; KIND_BOUGHT = 1; KIND_RETURNED = 2; }
}
"""


def pairs() -> dict[str, tuple[DescriptorSet, DescriptorSet]]:
    google_ = {
        f"google/{path.relative_to(GOOGLE).as_posix()}": path.read_text()
        for path in sorted(GOOGLE.glob("**/*.proto"))
        if "protobuf" not in path.relative_to(GOOGLE).parts
    }
    changed = {
        name: text.replace("string description =", "string details =").replace(
            "int32 code = 1", "int64 code = 1"
        )
        for name, text in google_.items()
    }
    small = SMALL.replace("int32 count", "string count").replace("KIND_RETURNED", "KIND_BACK")
    count = len(google_)
    return {
        "one small file": (compile_protos(SMALL), compile_protos(small)),
        f"{count} files of googleapis": (compile_protos(google_), compile_protos(changed)),
        f"{count} files of googleapis, nothing changed": (
            compile_protos(google_),
            compile_protos(google_),
        ),
    }


def timed(action: Callable[[], object]) -> float:
    start = perf_counter()
    action()
    return (perf_counter() - start) * 1000


def measure(old: DescriptorSet, new: DescriptorSet, rounds: int) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/old.binpb", f"{folder}/new.binpb"]
        for name, schema in zip(names, (old, new), strict=True):
            Path(name).write_bytes(schema.data)
        flags = ["--against", names[0], "--error-format", "json", "--config", SETTINGS]

        def buf(*arguments: str) -> list[str]:
            done = subprocess.run(
                [BUF, *arguments], check=False, capture_output=True, text=True, cwd=folder
            )
            return done.stdout.splitlines()

        def cold() -> None:
            index._indexes.clear()
            fresh = [DescriptorSet(schema.data, schema.roots) for schema in (old, new)]
            check_policy("buf", fresh[1], [(1, fresh[0])])

        ways: dict[str, Callable[[], object]] = {
            "buf breaking": lambda: buf("breaking", names[1], *flags),
            "buf --version": lambda: buf("--version"),
            "ours, indexed before": lambda: check_policy("buf", new, [(1, old)]),
            "ours, from bytes": cold,
            "ours, a process": lambda: subprocess.run(
                [sys.executable, "-c", ALONE, *names], check=True
            ),
        }
        theirs, mine = buf("breaking", names[1], *flags), check_policy("buf", new, [(1, old)])
        if sorted(json.loads(line)["type"] for line in theirs) != sorted(x.rule for x in mine):
            sys.exit("the findings differ, so the times say nothing")
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, action in ways.items():
                times[way].append(timed(action))
        print(f"  {len(mine)} findings")
        return times


def report(times: dict[str, list[float]]) -> None:
    medians = {way: statistics.median(spent) for way, spent in times.items()}
    peer = medians["buf breaking"]
    for way, spent in medians.items():
        print(f"  {way:30s} {spent:10.3f} ms   {peer / spent:8.1f} x  (of buf breaking)")


def main() -> None:
    parser = argparse.ArgumentParser(description=textwrap.dedent(str(__doc__)))
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    if not BUF.exists():
        sys.exit(f"{BUF} is not there: pip install buf-bin")
    for name, (old, new) in pairs().items():
        print(f"\n{name}")
        report(measure(old, new, rounds))


if __name__ == "__main__":
    main()
