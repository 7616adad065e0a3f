"""A process that dies in the middle of a migration; the same command then finishes it.

It dies at some of the statements by default, at each with PROTOLITH_ALL_CRASHES.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import delimited
from protolith import SchemaRegistry
from protolith.engines import EMBEDDED

ONE = """
syntax = "proto3";
message Order {
  string id = 1; string a = 2; string b = 3; In in = 4; repeated In many = 5; string gone = 6;
  message In { string x = 1; string y = 2; int64 n = 3; }
}
"""
TWO = """
syntax = "proto3";
// What was ordered.
message Order {
  string id = 1; string b = 2; string a = 3; In in = 4; repeated In many = 5; string more = 7;
  message In { string y = 1; string x = 2; int64 n = 3; int64 m = 4; }
}
"""
KEPT = TWO.replace("string more", "string gone = 6; string more")
NUMBERS = KEPT.replace("string gone", "int32 gone")
SCRIPT = Path(__file__).with_name("crashing.py")
INNER = b"\x0a\x01x\x12\x01y\x18\x07"
ROWS = delimited(
    *(
        b"\x0a\x01" + i + b"\x12\x01A\x1a\x01B\x22\x08" + INNER + b"\x2a\x08" + INNER + b"\x32\x017"
        for i in (b"1", b"2", b"3")
    )
)


KINDS = {
    "drop": (ONE, TWO),
    "keep": (ONE, TWO),
    "rebuild": (ONE, TWO.replace("int64 n = 3;", "repeated int32 n = 3;")),
}


@pytest.mark.parametrize("engine", EMBEDDED)
@pytest.mark.parametrize("kind", ["drop", "keep", "rebuild"])
def test_a_migration_that_died_is_finished_by_the_same_command(
    tmp_path: Path, engine: str, kind: str
) -> None:
    home, before = tmp_path / "home", tmp_path / "before"
    old, new = KINDS[kind]
    words = ("drop", "rebuild") if kind == "rebuild" else (kind,)
    with SchemaRegistry(home) as registry:
        one = registry.register_schema(old, "orders")
        registry.create_table(one, engine)
        registry.ingest(one, ROWS, engine)
        registry.register_schema(new, "orders")
    shutil.copytree(home, before, symlinks=True)
    whole = _finished(home, engine, words)
    assert [(row["b"], row["a"]) for row in whole["rows"]] == [("A", "B")] * 3
    inner = {"y": "x", "x": "y", "n": [7] if kind == "rebuild" else 7, "m": None}
    for row in whole["rows"]:
        assert row["in"] == inner
        assert row["many"] == [inner | {"m": row["many"][0]["m"]}]
        assert row.get("gone") == ("7" if kind == "keep" else None)
    # A column that is kept is no difference.
    assert (whole["again"], whole["drift"]) == ([], False)
    assert whole["kept"] == (kind == "rebuild")
    assert whole["remark"].startswith("What was ordered.")
    count = whole.pop("count")
    assert count > 8
    every = 1 if os.environ.get("PROTOLITH_ALL_CRASHES") else max(1, count // 4)
    for number in (-1, *range(1, count + 1, every)):
        shutil.rmtree(home)  # at the same place again: ClickHouse keeps links to its own folders
        shutil.copytree(before, home, symlinks=True)
        died = _run(home, engine, number, words)
        assert died.returncode == -signal.SIGKILL, (number, died.stderr)
        found = _finished(home, engine, words)
        assert {k: found[k] for k in whole} == whole, number


@pytest.mark.parametrize("engine", EMBEDDED)
@pytest.mark.parametrize("lossy", [False, True])
def test_a_migration_that_died_is_finished_by_the_doctor(
    tmp_path: Path, engine: str, *, lossy: bool
) -> None:
    """Unless it goes on with what can lose values: then it says the command."""
    home, before = tmp_path / "home", tmp_path / "before"
    with SchemaRegistry(home) as registry:
        one = registry.register_schema(ONE, "orders")
        registry.create_table(one, engine)
        registry.ingest(one, ROWS, engine)
        registry.register_schema(NUMBERS if lossy else KEPT, "orders")
    shutil.copytree(home, before, symlinks=True)
    words = ("drop",) if lossy else ()
    count = _finished(home, engine, words)["count"]
    ends = set()
    every = 1 if os.environ.get("PROTOLITH_ALL_CRASHES") else max(1, count // 3)
    for number in (*range(1, count, every), count):
        shutil.rmtree(home)
        shutil.copytree(before, home, symlinks=True)
        assert _run(home, engine, number, words).returncode == -signal.SIGKILL
        ends.add(_mended(home, engine))
    transactions = engine == "duckdb"  # what died in one has left nothing
    assert (ends > {"moved"}) if lossy else (ends == {"moved"})
    assert ("told" in ends) == (lossy and not transactions)


def _mended(home: Path, engine: str) -> str:
    """What the doctor made of a migration that was cut off; the table is the registry's then."""
    with SchemaRegistry(home) as registry:
        (found,) = registry.diagnose()
        if found.state == "fine":  # its last word was out
            return "moved"
        assert found.state == "unfinished"
        assert not found.mended
        (left,) = registry.diagnose(mend=True)
        (deployment,) = registry.deployments()
        end = "moved" if deployment.version == 2 else "given up"
    if not left.mended:
        end = "told"
        command = shlex.split(left.message.rpartition("protolith ")[2])
        program = "from protolith.cli import main; main()"
        words = ["--home", str(home), *command]
        subprocess.run([sys.executable, "-c", program, *words], check=True, capture_output=True)
    with SchemaRegistry(home) as registry:
        assert [one.state for one in registry.diagnose()] == ["fine"]
        (deployment,) = registry.deployments()
        assert deployment.version == (1 if end == "given up" else 2)
        assert not registry.drift(deployment.subject, engine).differs
        rows = registry.query(engine, "SELECT a, b FROM bigquery_lite.orders").to_pylist()
        assert rows == [{"a": "A", "b": "B"} if end == "given up" else {"a": "B", "b": "A"}] * 3
    return end


def _finished(home: Path, engine: str, words: tuple[str, ...]) -> dict[str, Any]:
    done = _run(home, engine, 0, words)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _run(
    home: Path, engine: str, number: int, words: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(home), engine, str(number), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)
