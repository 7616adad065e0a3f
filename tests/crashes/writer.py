"""Programs that the crash tests run with the disk of `disk.c` under SQLite."""

import ctypes
import errno
import json
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from protolith import SchemaRegistryError
from protolith.store import NewVersion, SQLiteStore, sqlite
from protolith.store.lane import Job


def registering(home: Path, rounds: int, mode: str) -> None:
    """Four writers; each acknowledgement is a write of its own to the file `acks`."""
    sqlite._PRAGMAS = tuple(
        pragma.replace("= FULL", f"= {mode}") if "synchronous" in pragma else pragma
        for pragma in sqlite._PRAGMAS
    )
    store = SQLiteStore(home)
    acks = os.open(home / "acks", os.O_CREAT | os.O_WRONLY)
    offset, turn = 0, threading.Lock()

    def write(worker: int) -> None:
        nonlocal offset
        for number in range(rounds):
            new = NewVersion("d", f"t{worker}", f"{worker:032x}{number:032x}", "[]")
            version = store.add([new])[0]
            line = f"{version.version_id} {version.id} {version.version_hash}\n".encode()
            with turn:
                os.pwrite(acks, line, offset)
                offset += len(line)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)  # no last checkpoint: it would sync everything


def answer_before_the_commit() -> None:
    """A deliberate fault: whoever registers is answered although the commit failed."""

    def commit(self: SQLiteStore, group: Sequence[Job]) -> None:
        with suppress(Exception), self._writer.begin() as connection:
            for job in group:
                job.value = job.run(connection)

    SQLiteStore._commit = commit  # type: ignore[method-assign]


def failing(home: Path, code: str, forever: str, mutant: str = "") -> None:
    """Fail each call in turn during a registration, until one has no failure; say what was kept."""
    if mutant:
        answer_before_the_commit()
    fail = ctypes.CDLL(None).disk_fail
    store = SQLiteStore(home)
    first = store.add([NewVersion("d", "t", f"{0:064x}", "[]")])[0]
    acknowledged = [(first.version_id, first.version_hash)]
    refused: dict[str, int] = {}
    point, failed = 0, True
    while failed:
        point += 1
        batch = [NewVersion("d", "t", f"{2 * point + n:064x}", "[]") for n in range(2)]
        before = store.subject("d.t").latest_version
        fail(point, getattr(errno, code), int(forever == "forever"))
        try:
            kept = store.add(batch)
        except SchemaRegistryError as error:
            refused[error.code] = refused.get(error.code, 0) + 1
            fail(0, 0, 0)
            store.find("d.t")  # reads go on
            grown = store.subject("d.t").latest_version - before
            assert grown in (0, 2), f"half a batch at call {point}"
            kept = store.add(batch)  # and so do writes, without a new start
        else:
            failed = fail(0, 0, 0) >= point
        acknowledged += [(version.version_id, version.version_hash) for version in kept]
    store.close()
    print(json.dumps({"points": point - 1, "refused": refused, "kept": acknowledged}))  # noqa: T201


if __name__ == "__main__":
    program, folder, *rest = sys.argv[1:]
    if program == "registering":
        registering(Path(folder), int(rest[0]), rest[1])
    else:
        failing(Path(folder), *rest)
