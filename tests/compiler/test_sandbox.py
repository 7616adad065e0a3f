import os
import resource
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from protolith.compiler import DEFAULT_LIMITS, Limits, compile_protos, jail, sandbox
from protolith.compiler.toolchain import toolchain
from protolith.errors import (
    CompileError,
    CompilerRejectedError,
    CompilerUnavailableError,
    SchemaTooComplexError,
)

HEAD = 'syntax = "proto3";'
GOOD = f"{HEAD} message M {{ string a = 1; }}"
# What only the jail is for: the pre-check lets everything pass.
NO_PRECHECK = Limits(*[10**9] * 9)
RANGES = f"{HEAD} message M {{ reserved {','.join(str(2 * n + 1) for n in range(150_000))}; }}"


def nested_option(depth: int, opening: str = "{", closing: str = "}") -> str:
    value = f"r: {opening}" * depth + closing * depth
    return (
        'syntax = "proto2"; import "google/protobuf/descriptor.proto";'
        "message R { repeated R r = 1; }"
        "extend google.protobuf.FileOptions { optional R deep = 50000; }"
        f"option (deep) = {{ {value} }};"
    )


LONG_NAME = "".join(f"string f{n} = {n};" for n in range(1, 10_000)).join(
    [f"{HEAD} message {'M' * 60_000} {{", "}"]
)
LONG_TEXT = f"""syntax = "proto2";
message M {{ optional string a = 1 [default = "{"x" * 20_000_000}"]; }}"""

BOMBS = {
    "option 101 deep": (nested_option(101), "signal SIGABRT", NO_PRECHECK),
    "option 101 deep in <": (nested_option(101, "<", ">"), "signal SIGABRT", NO_PRECHECK),
    "option 101 deep in [{": (nested_option(101, "[{", "}]"), "signal SIGABRT", NO_PRECHECK),
    "option 100,000 deep": (nested_option(100_000), "signal SIGSEGV", NO_PRECHECK),
    "150,000 ranges": (RANGES, "CPU time", replace(NO_PRECHECK, cpu_seconds=1, wall_seconds=600)),
    "a name of 60 KB": (LONG_NAME, "memory", NO_PRECHECK),
    "a string of 20 MB": (LONG_TEXT, "output size", NO_PRECHECK),
    "10 MB of noise": ("x;\n" * 3_500_000, "messages", NO_PRECHECK),
    "too slow": (RANGES, "wall time", replace(NO_PRECHECK, wall_seconds=0.2)),
}


@pytest.mark.parametrize(("text", "reason", "limits"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_contained(text: str, reason: str, limits: Limits) -> None:
    with pytest.raises(CompilerRejectedError) as caught:
        compile_protos(text, limits=limits)
    assert caught.value.reason == reason
    assert caught.value.message == f"the compiler was stopped by what was sent: {reason}"
    assert caught.value.hint
    assert len(caught.value.hint) < 500


@pytest.mark.parametrize(
    "bomb", ["option 101 deep in [{", "option 100,000 deep", "150,000 ranges", "a name of 60 KB"]
)
def test_a_known_bomb_reaches_no_compiler(bomb: str) -> None:
    with pytest.raises(SchemaTooComplexError):
        compile_protos(BOMBS[bomb][0])


def test_a_mistake_by_the_thousand_is_no_flood_of_memory() -> None:
    with pytest.raises(CompilerRejectedError) as caught:
        compile_protos("x;\n" * 30_000)
    assert caught.value.reason == "messages"
    assert "schema.proto:1:1: Expected top-level statement" in str(caught.value.hint)


@pytest.mark.parametrize("depth", [10_000, 100_000])
def test_deep_messages_are_an_ordinary_error(depth: int) -> None:
    with pytest.raises(CompileError):
        compile_protos("message M {" * depth + "}" * depth, limits=NO_PRECHECK)


def test_one_below_the_limits_compiles() -> None:
    assert compile_protos(nested_option(31)).message("R")
    with pytest.raises(SchemaTooComplexError, match="33 levels"):
        compile_protos(nested_option(32))
    ranges = ",".join(str(2 * n + 1) for n in range(2_000))
    assert compile_protos(f"{HEAD} message M {{ reserved {ranges}; }}").message("M")


def program(folder: Path, script: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def run(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[int, str]:
    with sandbox.private_folder() as folder:
        return sandbox.run(path, ["one", "two words"], folder, [path.parent], limits)


def test_a_program_sees_nothing_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "secret")
    script = (
        'echo "$SECRET|$1|$2|$#"; cat; ulimit -t; ulimit -H -t; ulimit -v; ulimit -n; ulimit -c'
    )
    status, output = run(program(tmp_path, script))
    assert status == 0
    assert output.split("\n")[:6] == ["|one|two words|2", "2", "3", "524288", "64", "0"]


def test_a_program_gets_no_descriptors_of_the_server(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as stream:
        inherited = os.dup2(stream.fileno(), 60)
        _, output = run(program(tmp_path, "ls -l /proc/$$/fd"))
        os.close(inherited)
    assert "program" in output
    assert "secret" not in output


def test_a_program_that_hides_its_end_is_killed_in_time(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(CompilerRejectedError) as caught:
        run(program(tmp_path, "exec >&- 2>&-; sleep 60"), replace(DEFAULT_LIMITS, wall_seconds=0.3))
    assert caught.value.reason == "wall time"
    assert time.monotonic() - start < 20


def test_its_children_are_killed_with_it(tmp_path: Path) -> None:
    with pytest.raises(CompilerRejectedError) as caught:
        run(program(tmp_path, "sleep 60 & sleep 60"), replace(DEFAULT_LIMITS, wall_seconds=0.3))
    assert caught.value.reason == "wall time"
    assert run(program(tmp_path, "sleep 60 >&- 2>&- & echo left")) == (0, "left\n")


@pytest.mark.parametrize("script", ["exit 125", "exit 126", "exit 127", "echo prlimit: no; exit 1"])
def test_a_wrapper_that_fails_is_not_the_schemas_fault(tmp_path: Path, script: str) -> None:
    with pytest.raises(CompilerUnavailableError):
        run(program(tmp_path, script))


def test_a_program_that_cannot_be_started_is_not_the_schemas_fault(tmp_path: Path) -> None:
    with pytest.raises(CompilerUnavailableError, match="could not be started"):
        run(tmp_path / "nothing")


def test_lower_limits_of_the_server_stay_in_force(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = program(tmp_path, "ulimit -f")
    child = os.fork()
    if child == 0:  # a hard limit cannot be raised again, so it is lowered in a process of its own
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, 1024 * 1024))
        os._exit(0 if run(path)[1] == "2048\n" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == (soft, hard)


@pytest.fixture
def no_prlimit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_prlimit")
def test_without_prlimit_a_shell_sets_the_limits(tmp_path: Path) -> None:
    assert jail() == "ulimit"
    assert compile_protos(GOOD).message("M")
    script = "ulimit -t; ulimit -H -t; ulimit -v; ulimit -f; ulimit -n; ulimit -c"
    assert run(program(tmp_path, script))[1] == "2\n3\n524288\n32768\n64\n0\n"


@pytest.mark.usefixtures("no_prlimit")
@pytest.mark.parametrize(
    "bomb", ["option 101 deep", "a name of 60 KB", "a string of 20 MB", "too slow"]
)
def test_a_shell_contains_bombs_as_well(bomb: str) -> None:
    test_a_bomb_is_contained(*BOMBS[bomb])


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bwrap is not installed")
class TestBwrap:
    def test_it_is_preferred_where_it_works(self) -> None:
        assert jail() == "bwrap"
        assert compile_protos(GOOD).message("M")

    @pytest.mark.parametrize(("text", "reason", "limits"), BOMBS.values(), ids=BOMBS.keys())
    def test_it_contains_bombs(self, text: str, reason: str, limits: Limits) -> None:
        test_a_bomb_is_contained(text, reason, limits)

    def test_it_hides_the_host(self) -> None:
        kit = toolchain()
        with sandbox.private_folder() as folder:
            arguments = ["-I/etc", "--descriptor_set_out=../out", "passwd"]
            status, output = sandbox.run(kit.protoc, arguments, folder, (), DEFAULT_LIMITS)
        assert status == 1
        assert "/etc: warning: directory does not exist." in output


def test_a_bwrap_that_does_not_work_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1").rename(
        tmp_path / "bwrap"
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert jail() == "prlimit"
    assert compile_protos(GOOD).message("M")


def test_compiles_do_not_disturb_each_other() -> None:
    def compiled(number: int) -> list[str]:
        if number % 5 == 0:
            with pytest.raises(CompilerRejectedError):
                compile_protos(BOMBS["option 101 deep"][0], limits=NO_PRECHECK)
        return [m.name for m in compile_protos(f"{HEAD} message M{number} {{}}").messages()]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(compiled, range(40))) == [[f"M{n}"] for n in range(40)]
    assert threading.active_count() < 8


def test_a_private_folder_is_private_and_goes_with_an_error() -> None:
    def interrupted() -> None:
        with sandbox.private_folder() as folder:
            places.append(folder)
            modes.append(folder.stat().st_mode & 0o777)
            (folder / "src/a").mkdir()
            (folder / "src/a/b.proto").touch()
            raise KeyboardInterrupt

    places: list[Path] = []
    modes: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert modes == [0o700]
    assert not places[0].exists()


def test_only_old_folders_are_swept() -> None:
    with sandbox.private_folder() as old, sandbox.private_folder() as new:
        os.utime(old, (0, 0))
        sandbox.sweep()
        assert not old.exists()
        assert new.exists()
