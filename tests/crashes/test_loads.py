"""A load is killed wherever it speaks to its engine, and at any moment; run again it is whole."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import delimited
from protolith import SchemaRegistry

PROGRAM = str(Path(__file__).parent / "loader.py")
PROTO = 'syntax = "proto3"; message Number { uint32 n = 1; string text = 2; }'
ROWS = 3000
POINTS = int(os.environ.get("PROTOLITH_LOADS", "3"))
MOMENTS = int(os.environ.get("PROTOLITH_LOADS", "1"))
SUM = (
    "SELECT count(*) AS there, count(DISTINCT n) AS kinds, sum(n) AS total,"
    " sum(length(text)) AS size"
)


def record(n: int) -> bytes:
    text = b"x" * (n % 90)
    return b"\x08" + bytes([n & 127 | 128, n >> 7]) + b"\x12" + bytes([len(text)]) + text


EXPECTED = {
    "there": ROWS,
    "kinds": ROWS,
    "total": sum(range(ROWS)),
    "size": sum(n % 90 for n in range(ROWS)),
}


@pytest.fixture(params=["duckdb", "clickhouse"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    make(tmp_path / "home", request.param)
    return tmp_path / "home", request.param


def make(home: Path, engine: str) -> None:
    """A registry with an empty table and a file of messages, by another process: it may go on."""
    text = (
        "import sys; from protolith import SchemaRegistry\n"
        "with SchemaRegistry(sys.argv[1]) as registry:\n"
        " registry.register_schema(sys.argv[2], 'numbers', 'shop')\n"
        " registry.create_table('shop.numbers', sys.argv[3])\n"
    )
    subprocess.run([sys.executable, "-c", text, str(home), PROTO, engine], check=True)
    (home / "numbers.bin").write_bytes(delimited(*map(record, range(ROWS))))


def run(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def found(home: Path, engine: str) -> dict[str, int]:
    with SchemaRegistry(home) as registry:
        (row,) = registry.query(engine, f"{SUM} FROM shop.numbers").to_pylist()
    return {name: int(value or 0) for name, value in row.items()}


def load(home: Path, engine: str, load_id: str, at: int, *fault: str) -> int | None:
    """The words of a whole load, or None if it died."""
    with run("dying", str(home), engine, load_id, str(at), *fault) as process:
        out, err = process.communicate()
    if process.returncode == -9:
        return None
    assert process.returncode == 0, err
    return int(out.split()[1])


def whole_loads(home: Path, engine: str, *fault: str) -> int:
    """Two loads, since the first one sets things up; the words of the second."""
    load(home, engine, "first", 0, *fault)
    words = load(home, engine, "second", 0, *fault)
    assert words
    return words


def times(number: int) -> dict[str, int]:
    return {name: value if name == "kinds" else value * number for name, value in EXPECTED.items()}


def test_a_load_that_dies_at_any_word_is_whole_when_it_is_run_again(home: tuple[Path, str]) -> None:
    words = whole_loads(*home)
    points = sorted(random.Random(7).sample(range(1, words + 1), min(POINTS, words)))
    for done, at in enumerate(points, 1):
        assert load(*home, f"at {at}", at) is None
        assert load(*home, f"at {at}", 0)
        assert found(*home) == times(done + 2), f"killed before word {at} of {words}"
    assert load(*home, f"at {points[0]}", 0)
    assert found(*home) == times(len(points) + 2)
    print(f"{home[1]}: killed before {len(points)} of {words} words")  # noqa: T201


def test_a_load_that_dies_at_any_moment_is_whole_when_it_is_run_again(
    home: tuple[Path, str],
) -> None:
    dice, killed = random.Random(7), 0
    for number in range(1, MOMENTS + 1):
        for _ in range(3):
            with run("dying", str(home[0]), home[1], f"number {number}", "0") as process:
                assert process.stdout
                process.stdout.readline()
                time.sleep(dice.uniform(0, 0.25))
                process.kill()
            killed += process.returncode == -9
        assert load(*home, f"number {number}", 0)
        assert found(*home) == times(number)
    assert killed
    print(f"{home[1]}: killed {killed} times")  # noqa: T201


@pytest.mark.parametrize("fault", ["forgetful", "hasty"])
def test_an_id_that_is_not_kept_with_the_rows_is_caught(home: tuple[Path, str], fault: str) -> None:
    words = whole_loads(*home, fault)
    assert (
        load(*home, "again", words, fault) is None
    )  # before the last word: its commit, or its last block
    load(*home, "again", 0, fault)
    load(*home, "again", 0, fault)
    assert found(*home) != times(3)


def test_what_a_full_disk_cut_off_is_whole_when_there_is_room_again(home: tuple[Path, str]) -> None:
    """On a small disk of its own. In ClickHouse it is all or nothing for each block."""
    disk = home[0].with_name("disk")
    disk.mkdir()
    mount = (
        'mount -t tmpfs -o size=200m none "$1" && cp -a "$2/." "$1/" || exit 77;'
        ' exec "$3" "$4" filling "$1" "$5"'
    )
    words = ["sh", "-c", mount, "sh", disk, home[0], sys.executable, PROGRAM, home[1]]
    done = subprocess.run(
        ["unshare", "-Urm", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode in (1, 77) and not done.stdout and not os.environ.get("CI"):
        pytest.skip(f"no disk can be made here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert {refused for refused, *_ in rounds} == {"STORAGE_FULL", ""}
    for refused, between, after in rounds:
        if home[1] == "duckdb" or not refused:
            assert between == (0 if refused else ROWS)
        assert after == ROWS
