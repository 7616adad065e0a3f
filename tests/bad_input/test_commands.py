"""What goes wrong around a command: a sentence and an exit code, never a traceback."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bad_input.ways import Command
from bad_input.worlds import World
from protolith import SchemaRegistry

PROGRAM = str(Path(sys.executable).parent / "protolith")
PARAMETER = r"the parameter has the character '\udcff' at position 1"
NO_HOME = "set --home or PROTOLITH_HOME to a directory that can be written"


def call(world: World, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the program itself; its temporary files count as the world's."""
    command = [PROGRAM, f"--home={world.home}", *words]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    ) as process:
        world.processes.add(process.pid)
        out, err = process.communicate()
    assert "Traceback" not in err
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_the_program_itself(closed_world: World, tmp_path: Path) -> None:
    file = tmp_path / "input" / "m.proto"
    file.write_text('syntax = "proto3";\nmessage M { Nothing a = 1; }')
    done = call(closed_world, "register", str(file))
    assert (done.returncode, done.stdout) == (100, "")
    assert done.stderr.splitlines() == [
        'm.proto:2:13: "Nothing" is not defined.',
        "error: m.proto does not compile: 1 error [SCHEMA_INVALID]",
        "hint: define the type, or import the file that does; its package is part of its name",
    ]
    done = call(closed_world, "subject", "show", b"shop.\xff".decode(errors="surrogateescape"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith("at position 6 [MALFORMED_REQUEST]")


def test_names_that_the_terminal_cannot_show(closed_world: World, tmp_path: Path) -> None:
    file = os.fsdecode(os.fsencode(tmp_path / "input") + "/größe 😀".encode() + b"\xff")
    ascii_alone = {**os.environ, "PYTHONIOENCODING": "ascii"}
    words = ("ingest", file, "--subject=shop.orders")
    done = call(closed_world, "--format=json", *words, env=ascii_alone)
    finding = json.loads(done.stdout)
    assert (done.returncode, finding["code"]) == (1, "NOT_FOUND")
    assert finding["message"].endswith("größe 😀\\udcff' cannot be read: No such file or directory")


@pytest.mark.parametrize(
    "words",
    [
        ["push", "m.proto"],
        ["subject", "show"],
        ["subject", "show", "a", "b"],
        ["create", "shop.orders"],
        ["create", "shop.orders", "--engine"],
        ["create", "shop.orders", "--engine", "duckdb", "--outlay", "x"],
        ["ingest", "x", "--subject", "shop.orders", "--framing", "lines"],
        ["serve", "--port", "x"],
        ["serve", "--port", "99999"],
        ["serve", "--port", "-1"],
        ["nothing"],
        ["\x1b[2J"],
    ],
)
def test_wrong_usage(command: Command, words: list[str]) -> None:
    refusal = command.run(*words)
    assert refusal.code == "MALFORMED_REQUEST"
    assert refusal.hint == (
        "here it is called register"
        if words[0] == "push"
        else "protolith --help says what is possible"
    )
    assert "\x1b" not in refusal.message


@pytest.mark.parametrize("words", [["--format=xml", "subject", "list"], ["--debug=x", "query"]])
def test_wrong_options_before_the_command(command: Command, words: list[str]) -> None:
    out, err, code = command.call(*words)
    assert (out, code) == ("", 2)
    assert err.splitlines()[0].endswith(" [MALFORMED_REQUEST]")


def _a_file(path: Path) -> None:
    path.write_text("")


def _below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


@pytest.mark.parametrize(
    ("prepare", "reason"), [(_a_file, "File exists"), (_below_a_file, "Not a directory")]
)
@pytest.mark.parametrize("words", [["subject", "list"], ["serve", "--port=0"]])
def test_no_data_directory(
    command: Command,
    tmp_path: Path,
    prepare: Callable[[Path], None],
    reason: str,
    words: list[str],
) -> None:
    command.home = tmp_path / "folder" / "home"
    command.home.parent.mkdir()
    prepare(command.home)
    out, err, code = command.call(*words)
    message = f"error: the data directory cannot be made: {reason} [STORE_UNAVAILABLE]"
    assert (out, err.splitlines(), code) == ("", [message, f"hint: {NO_HOME}"], 1)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"this is not a database" * 1_000, "file is not a database [STORE_DAMAGED]"),
        (None, "unable to open database file [STORE_UNAVAILABLE]"),
    ],
)
@pytest.mark.parametrize("words", [["subject", "list"], ["serve", "--port=0"]])
def test_a_store_that_is_none(
    command: Command, tmp_path: Path, content: bytes | None, answer: str, words: list[str]
) -> None:
    command.home = tmp_path / "broken_home"
    command.home.mkdir()
    store = command.home / "registry.db"
    if content is None:
        store.mkdir()
    else:
        store.write_bytes(content)
    out, err, code = command.call(*words)
    assert (out, code) == ("", 1)
    assert err.splitlines()[0] == f"error: the registry's store failed: {answer}"
    assert err.splitlines()[1].startswith("hint: ")
    assert store.is_dir() if content is None else store.read_bytes() == content


def test_a_refused_schema_makes_no_data_directory(command: Command, tmp_path: Path) -> None:
    command.home = tmp_path / "new_home"
    command.register({"m.proto": b"nonsense"})
    command.register({"m.proto": b'syntax = "proto3";'})
    assert not command.home.exists()


@pytest.mark.parametrize("name", ["../evil.proto", "/evil.proto", "a\x1b[2J.proto", "a b/c.proto"])
def test_pull_writes_nowhere_else(command: Command, tmp_path: Path, name: str) -> None:
    """A file that was sent alone may have had any name; it is kept under the usual one."""
    command.home = tmp_path / "pulled_home"
    text = b'syntax = "proto3"; message M { int32 a = 1; }'
    with SchemaRegistry(command.home) as registry:
        registry.register_schema({name: text})
    here = tmp_path / "input"
    out, err, code = command.call("pull", "bigquery_lite.m", str(here / "deep" / "deeper"))
    assert (out, err, code) == (f"{here}/deep/deeper/schema.proto\n", "", 0)
    assert [path.name for path in here.rglob("*.proto")] == ["schema.proto"]
    assert not list(tmp_path.glob("evil*"))


def test_pull_into_a_file(command: Command) -> None:
    taken = command.folder / "taken"
    taken.write_text("")
    refusal = command.run("pull", "shop.orders", str(taken))
    assert (refusal.code, refusal.message) == ("INTERNAL", f"'{taken}': File exists")
    assert taken.read_text() == ""


def test_debug_shows_where(command: Command) -> None:
    for options, traced in (((), False), (("--debug",), True)):
        words = [PROGRAM, f"--home={command.home}", *options, "subject", "show", "shop.nothing"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: no schema 'shop.nothing' [NOT_FOUND]\nhint: ")
        assert ("Traceback (most recent call last):" in done.stderr) == traced


def test_a_reader_that_goes_away(closed_world: World) -> None:
    words = ("query", "SELECT * FROM range(100000)", "--engine=duckdb")
    with subprocess.Popen(
        [PROGRAM, f"--home={closed_world.home}", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As in a terminal: what a script runs in its background hands on that it is not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_command(closed_world: World) -> None:
    command = [PROGRAM, f"--home={closed_world.home}", "ingest", "-", "--subject=shop.orders"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"\x03\x0a\x01a" * 100_000)  # more than a pipe holds: it is reading
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
    assert process.returncode == 130


def test_a_port_that_is_taken(closed_world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call(closed_world, "serve", f"--port={port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use [INTERNAL]",
        "hint: another server may be there: choose another --port",
    ]


def test_a_server_that_is_interrupted(closed_world: World) -> None:
    command = [PROGRAM, f"--home={closed_world.home}", "serve", "--port=0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        address = server.stderr.readline().split(",")[0].removeprefix("Protolith on ")
        with urllib.request.urlopen(f"{address}/health") as answer:  # noqa: S310
            assert answer.status == 200
        server.send_signal(signal.SIGINT)
        assert server.stderr.read() == ""
    assert server.returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("bq-schema", "FILE", "--converter=go"), "no converter 'go'"),
        (("lint", "FILE", "--parameter=\udcff"), PARAMETER),
        (("bq-schema", "FILE", "--parameter=\udcff"), PARAMETER),
    ],
)
def test_what_the_converter_does_not_know(
    command: Command, words: tuple[str, ...], message: str
) -> None:
    file = command.folder / "m.proto"
    file.write_text('syntax = "proto3"; message M { int32 a = 1; }')
    refusal = command.run(*(str(file) if word == "FILE" else word for word in words))
    assert (refusal.code, refusal.message) == ("MALFORMED_REQUEST", message)
