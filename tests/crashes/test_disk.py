"""Power cuts and failing disks under the SQLite store itself.

The disk loses, of what was written since a file's last sync, each write with even chances, and
tears every tenth; what is removed stays removed. It does not model torn sectors of what was synced,
nor a disk that lies about syncing.
"""

import json
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from protolith import NotFoundError
from protolith.store import SQLiteStore

HERE = Path(__file__).parent
CUTS = int(os.environ.get("PROTOLITH_CUTS", "20"))
ROUNDS = 12


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        if os.environ.get("CI"):
            pytest.fail("no C compiler")
        pytest.skip("the failing disk is a C file for Linux, and there is no compiler")
    library = tmp_path_factory.mktemp("disk") / "disk.so"
    source = str(HERE / "disk.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), source, "-ldl", "-lpthread"],
        check=True,
    )
    return library


def run(disk: Path, home: Path, trace: Path | None, *words: str) -> str:
    environment = {**os.environ, "LD_PRELOAD": str(disk), "DISK_FOLDER": str(home)}
    if trace is not None:
        environment["DISK_TRACE"] = str(trace)
    program, *rest = words
    done = subprocess.run(
        [sys.executable, str(HERE / "writer.py"), program, str(home), *rest],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@dataclass
class Event:
    kind: str
    name: str
    offset: int
    data: bytes


def read_trace(trace: Path) -> Iterator[Event]:
    data, at = trace.read_bytes(), 0
    while at < len(data):
        kind, name, offset, size = struct.unpack_from("<4q", data, at)
        at += 32
        path = data[at : at + name].decode()
        at += name
        held = size if chr(kind) == "w" else 0
        yield Event(chr(kind), Path(path).name, offset, data[at : at + held])
        at += held


@dataclass
class Platter:
    """What a file would be after a power cut: what was synced, and some of the rest."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[Event] = field(default_factory=list)

    def take(self, event: Event) -> None:
        if event.kind != "s":
            self.pending.append(event)
            return
        for old in self.pending:
            _apply(self.synced, old)
        self.pending.clear()

    def after_cut(self, dice: random.Random) -> bytes:
        content = bytearray(self.synced)
        for event in self.pending:
            if dice.random() < 0.5:
                torn = event.kind == "w" and dice.random() < 0.1
                part = event.data[: dice.randrange(len(event.data) + 1)] if torn else event.data
                _apply(content, Event(event.kind, event.name, event.offset, part))
        return bytes(content)


def _apply(content: bytearray, event: Event) -> None:
    if event.kind == "t":
        del content[event.offset :]
        content.extend(bytes(event.offset - len(content)))
        return
    end = event.offset + len(event.data)
    content.extend(bytes(max(0, end - len(content))))
    content[event.offset : end] = event.data


def cut_power(events: list[Event], at: int, home: Path, dice: random.Random) -> list[list[str]]:
    """Make the files as they would be, and return what had been acknowledged."""
    platters: dict[str, Platter] = {}
    acknowledged = b""
    for event in events[:at]:
        if event.name == "acks":
            acknowledged += event.data
        elif event.kind == "u":
            platters.pop(event.name, None)
        else:
            platters.setdefault(event.name, Platter()).take(event)
    home.mkdir()
    for name, platter in platters.items():
        (home / name).write_bytes(platter.after_cut(dice))
    return [line.split() for line in acknowledged.decode().splitlines()]


def kept_rows(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    if ("schema_versions",) not in tables:  # the cut took even the first transaction
        return set()
    sql = "SELECT version_id, content_id, version_hash FROM schema_versions"
    return {tuple(map(str, row)) for row in connection.execute(sql)}


def losses(events: list[Event], folder: Path, *, seed: int, cuts: int) -> tuple[int, int]:
    """How many acknowledged versions are lost in so many cuts, and how many there were."""
    dice = random.Random(seed)
    first = next(i for i, event in enumerate(events) if event.name == "acks")
    lost = total = 0
    for number in range(cuts):
        home = folder / f"cut{number}"
        acknowledged = cut_power(events, dice.randrange(first + 1, len(events) + 1), home, dice)
        with closing(sqlite3.connect(home / "registry.db")) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()
            assert verdict == ("ok",), verdict
            kept = kept_rows(connection)
        total += len(acknowledged)
        lost += len({tuple(line) for line in acknowledged} - kept)
        store = SQLiteStore(home)
        for worker in range(4):
            numbers = [line.version for line in store.history(f"d.t{worker}")]
            assert numbers == list(range(len(numbers), 0, -1))
        store.close()
        shutil.rmtree(home)
    return lost, total


@pytest.mark.parametrize("mode", ["FULL", "NORMAL"])
def test_a_power_cut_loses_nothing_acknowledged(disk: Path, tmp_path: Path, mode: str) -> None:
    """With `synchronous=NORMAL` it does: the test can fail."""
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    run(disk, home, trace, "registering", str(ROUNDS), mode)
    events = list(read_trace(trace))
    seed = 20261125
    lost, total = losses(events, tmp_path, seed=seed, cuts=CUTS)
    print(f"synchronous={mode}, seed {seed}: {lost} of {total} lost in {CUTS} cuts")  # noqa: T201
    assert total > CUTS
    if mode == "FULL":
        assert lost == 0
    else:
        assert lost > 0


@pytest.mark.parametrize(
    ("code", "how", "answer"),
    [
        ("EIO", "once", "STORE_UNAVAILABLE"),
        ("ENOSPC", "forever", "STORAGE_FULL"),
        ("EIO", "forever", "STORE_UNAVAILABLE"),
    ],
)
def test_whichever_call_fails_it_is_all_or_nothing(
    disk: Path, tmp_path: Path, code: str, how: str, answer: str
) -> None:
    found = fail_in_turn(disk, tmp_path, code, how)
    assert found["points"] > 5
    assert set(found["refused"]) == {answer}
    print(f"{code} {how}: {found['points']} calls failed in turn, {found['refused']}")  # noqa: T201


def test_a_store_that_answers_too_early_is_caught(disk: Path, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, NotFoundError)):
        fail_in_turn(disk, tmp_path, "EIO", "once", "mutant")


def fail_in_turn(disk: Path, home: Path, *words: str) -> dict[str, Any]:
    """Fail every call in turn, and look whether all that was acknowledged is there."""
    found: dict[str, Any] = json.loads(run(disk, home, None, "failing", *words))
    store = SQLiteStore(home)
    try:
        for version_id, content in found["kept"]:
            assert store.find(version_id).version_hash == content
        assert store.subject("d.t").latest_version == len(found["kept"])
    finally:
        store.close()
    return found
