"""Claim: a check in process costs far less than `buf breaking`.

    python benchmarks/compatibility.py [--rounds N]

Two pairs of schemas, in turns and in this one run. `buf breaking` (category FILE) is a whole
process, on prebuilt images and on folders that it compiles first. Ours is three levels in both
directions: on compiled schemas whose indexes are ready, on serialized descriptors that nothing has
looked at, with the compiler before, and as a whole process. Numbers are medians of CPU milliseconds
(user and system, children included), with those of the clock behind. Last, one version against a
history of 1,000.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import google.api
import google.rpc
import google.type

from protolith import DescriptorSet, check, read_path
from protolith.compatibility import index
from protolith.descriptors import parse_files

BIN = Path(sys.executable).parent
INNER = 20
FINDINGS = 100
SMALL = """syntax = "proto3";
package shop.v1;
message Event {
  string id = 1;
  int64 at = 2;
  Kind kind = 3;
  repeated Line lines = 4;
  map<string, string> labels = 5;
  oneof who { string user = 6; string device = 7; }
}
message Line { string sku = 1; int32 count = 2; double price = 3; }
enum Kind { KIND_UNSPECIFIED = 0; KIND_VIEW = 1; KIND_BUY = 2; }
"""
CHANGES = [("int32 count", "int64 count"), ("string sku = 1;", "string code = 1;")]


def cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def timed(action: Callable[[], object], times: int) -> tuple[float, float]:
    start, clock = cpu(), time.perf_counter()
    for _ in range(times):
        action()
    return (cpu() - start) * 1000 / times, (time.perf_counter() - clock) * 1000 / times


def buf(new: Path, old: Path, cwd: Path) -> None:
    command = [BIN / "buf", "breaking", new, "--against", old, "--error-format", "json"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    found = done.returncode == FINDINGS and b'"COMPILE"' not in done.stdout
    assert found, done.stdout + done.stderr  # noqa: S101


def ours(new: Path, old: Path) -> None:
    command = [BIN / "protolith", "check", new, "--against", old]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == FINDINGS, done.stderr  # noqa: S101


def cold(new: bytes, old: bytes) -> None:
    index._INDEXES.clear()
    check(DescriptorSet.from_bytes(new), [DescriptorSet.from_bytes(old)])


def small(folder: Path) -> None:
    text = SMALL
    (folder / "old/event.proto").write_text(text)
    for was, now in CHANGES:
        text = text.replace(was, now)
    (folder / "new/event.proto").write_text(text)


def googleapis(folder: Path) -> None:
    """The installed common protos, and a copy with a change in each of three files."""
    for package in (google.api, google.rpc, google.type):
        root = Path(package.__path__[0])
        for proto in root.rglob("*.proto"):
            for side in ("old", "new"):
                target = folder / side / proto.relative_to(root.parent.parent)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(proto, target)
    for name, was, now in (
        ("api/http.proto", "string selector = 1;", "bytes selector = 1;"),
        ("rpc/status.proto", "string message = 2;", "string text = 2;"),
        ("type/money.proto", "int32 nanos = 3;", "int64 nanos = 3;"),
    ):
        file = folder / "new/google" / name
        text = file.read_text()
        assert was in text, name  # noqa: S101
        file.write_text(text.replace(was, now))


def measure(make: Callable[[Path], None], rounds: int) -> dict[str, list[tuple[float, float]]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side in ("old", "new"):
            (folder / side).mkdir()
        make(folder)
        old, new = read_path(folder / "old"), read_path(folder / "new")
        images = folder / "old.binpb", folder / "new.binpb"
        for path, schema in zip(images, (old, new), strict=True):
            path.write_bytes(schema.data)
        roots = [proto for proto in parse_files(new.data) if proto.name in new.roots]
        found = check(new, [old])
        size = sum(path.stat().st_size for path in (folder / "new").rglob("*.proto")) / 1000
        print(f"  {len(roots)} files, {size:.1f} kB, {len(found)} findings")
        ways: dict[str, tuple[Callable[[], object], int]] = {
            "buf, two images": (lambda: buf(images[1], images[0], folder), 1),
            "buf, two folders": (lambda: buf(folder / "new", folder / "old", folder), 1),
            "check, compiled and indexed": (lambda: check(new, [old]), INNER),
            "check, serialized descriptors": (lambda: cold(new.data, old.data), 1),
            "compile and check": (
                lambda: check(read_path(folder / "new"), [read_path(folder / "old")]),
                1,
            ),
            "protolith check, two folders": (lambda: ours(folder / "new", folder / "old"), 1),
        }
        times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (action, inner) in ways.items():
                times[way].append(timed(action, inner))
        return times


def report(times: dict[str, list[tuple[float, float]]]) -> None:
    medians = {way: [statistics.median(part) for part in zip(*spent, strict=True)]
               for way, spent in times.items()}  # fmt: skip
    for way, (spent, clock) in medians.items():
        ratios = [medians[f"buf, two {kind}"][0] / spent for kind in ("images", "folders")]
        print(
            f"  {way:32s} {spent:9.3f} ms cpu {clock:9.3f} ms"
            f"  {ratios[0]:8.2f} x of buf on images {ratios[1]:8.2f} x on folders"
        )


def history() -> None:
    """One version against 1,000, each with a field more than the one before, built in memory."""
    versions = []
    (first,) = DescriptorSet.from_bytes(_one()).files
    for number in range(1000):
        file = type(first)()
        file.CopyFrom(first)
        for extra in range(number % 50 + 1):
            file.message_type[0].field.add(
                name=f"f{extra}", number=extra + 1, type=5 if (extra + number) % 97 else 3, label=1
            )
        file.message_type[0].field.add(name=f"only{number}", number=5000 + number, type=9, label=1)
        data = b"\x0a" + _length(file.ByteSize()) + file.SerializeToString()
        versions.append(DescriptorSet.from_bytes(data))
    new = versions.pop()
    spent, clock = timed(lambda: check(new, versions), 1)
    print(f"  first check            {spent:9.1f} ms cpu {clock:9.1f} ms")
    spent, clock = timed(lambda: check(new, versions), 1)
    found = len(check(new, versions))
    print(f"  with ready indexes     {spent:9.1f} ms cpu {clock:9.1f} ms, {found:,} findings")


def _one() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "m.proto"
        path.write_text('syntax = "proto3"; package t; message M {}')
        return read_path(path).data


def _length(size: int) -> bytes:
    out = bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size])


def main() -> None:
    parser = argparse.ArgumentParser(description=textwrap.dedent(str(__doc__)))
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for name, make in (("one event file", small), ("googleapis-common-protos", googleapis)):
        print(f"\n{name}")
        report(measure(make, rounds))
    print("\na history of 999 versions, transitive, three levels, both directions")
    history()


if __name__ == "__main__":
    main()
