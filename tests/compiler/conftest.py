"""After each test of the compiler nothing may be left behind: no folder, no process."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protolith.compiler import sandbox


def _folders() -> set[str]:
    return {path.name for path in sandbox._base().glob(f"protolith-compile-{os.getpid()}-*")}


def _processes() -> set[str]:
    """The children of this process, dead or alive, and whatever runs in one of its folders."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            place = str((process / "cwd").readlink())
        except OSError:
            continue
        if parent == str(os.getpid()) or f"protolith-compile-{os.getpid()}-" in place:
            found.add(process.name)
    return found


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = _folders(), _processes()
    yield
    deadline = time.monotonic() + 10  # what was killed is reaped by init, a moment later
    while _processes() != before[1] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (_folders(), _processes()) == before
