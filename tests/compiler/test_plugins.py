"""The real plugin's way, for the most part with stand-ins: each says in its name what it does."""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

import go_plugin
import golden
from plugin_programs import Programs, answer
from protolith.compiler import Limits, compile_protos
from protolith.compiler.plugins import INSTALL, PLUGIN, PLUGIN_LIMITS, find_plugin, run_plugin
from protolith.descriptors import DescriptorSet
from protolith.errors import BundleError, CompilerRejectedError, ProtocExecutionError

SIMPLE = (
    'syntax = "proto3"; package p; import "bq_table.proto"; message M {'
    ' option (gen_bq_schema.bigquery_opts).table_name = "t"; string a = 1; } // Über'
)
SCHEMA = [("p/t.schema", "[]\n")]
CASES = [
    case
    for case in golden.cases()
    if not case.has_request and case.status in ("files", "plugin_error")
]
CRASHES = [
    case for case in golden.cases() if not case.has_request and case.status == "plugin_crash"
]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Programs(folder, monkeypatch)


@pytest.fixture(scope="module")
def descriptors() -> DescriptorSet:
    return compile_protos({"m.proto": SIMPLE})


def run(descriptors: DescriptorSet, limits: Limits = PLUGIN_LIMITS) -> dict[str, bytes]:
    return run_plugin(descriptors, ["m.proto"], limits=limits)


def failure(descriptors: DescriptorSet, limits: Limits = PLUGIN_LIMITS) -> ProtocExecutionError:
    with pytest.raises(ProtocExecutionError) as caught:
        run(descriptors, limits)
    assert not isinstance(caught.value, CompilerRejectedError)
    assert "/" not in caught.value.message.replace("p/t.schema", "")  # no path of ours
    return caught.value


def limit(descriptors: DescriptorSet, limits: Limits = PLUGIN_LIMITS) -> CompilerRejectedError:
    with pytest.raises(CompilerRejectedError) as caught:
        run(descriptors, limits)
    assert caught.value.hint
    assert caught.value.message.endswith(f"was stopped by what was sent: {caught.value.reason}")
    return caught.value


def check_golden(case: golden.Case) -> None:
    targets = case.row["files_to_generate"]
    descriptors = DescriptorSet.from_bytes(case.compiled() or b"", tuple(targets))
    if case.status == "plugin_error":
        with pytest.raises(ProtocExecutionError) as caught:
            run_plugin(descriptors, targets, case.row["params"])
        assert caught.value.message == case.error
    else:
        assert run_plugin(descriptors, targets, case.row["params"]) == dict(case.files)


@pytest.mark.parametrize("case", CASES[::5], ids=lambda case: case.id)
def test_our_own_plugin_driven_gives_the_golden_files(
    case: golden.Case, programs: Programs
) -> None:
    programs.ours()
    check_golden(case)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real plugin on the PATH; the test is skipped, with the reason, where there is none."""
    folder = Path(go_plugin.required()).parent
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_real_plugin_driven_gives_the_golden_files(case: golden.Case) -> None:
    if go_plugin.differences() & set(case.row["toolchain_diffs"]):
        pytest.skip(f"this build answers differently here: {go_plugin.build().splitlines()[0]}")
    check_golden(case)


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize("case", CRASHES, ids=lambda case: case.id)
def test_the_real_plugin_driven_panics(case: golden.Case) -> None:
    targets = tuple(case.row["files_to_generate"])
    descriptors = DescriptorSet.from_bytes(case.compiled() or b"", targets)
    with pytest.raises(ProtocExecutionError, match="crashed: panic: ") as caught:
        run_plugin(descriptors, targets, case.row["params"])
    assert "\\n" not in caught.value.message


@pytest.mark.usefixtures("programs")
def test_a_missing_plugin(descriptors: DescriptorSet) -> None:
    error = failure(descriptors)
    assert error.message == f"{PLUGIN} is not on the PATH"
    assert INSTALL in str(error.hint)


def test_a_plugin_that_cannot_be_started_is_missing_too(
    descriptors: DescriptorSet, programs: Programs
) -> None:
    programs.path.write_bytes(b"\x7fELF nonsense")
    programs.path.chmod(0o755)
    assert failure(descriptors).message == f"{PLUGIN} is not on the PATH"


def test_the_plugin_is_found_once_on_the_path(programs: Programs) -> None:
    programs.script()
    assert find_plugin() == programs.path
    programs.path.unlink()
    assert find_plugin() == programs.path  # it is not looked for again


def test_a_plugin_sees_its_request_and_a_folder_of_its_own_and_nothing_else(
    descriptors: DescriptorSet,
    programs: Programs,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SECRET", "secret")
    kept = tmp_path / "kept"
    kept.mkdir()
    programs.answering(
        SCHEMA, f'env > {kept}/env; echo "$#" > {kept}/count; cp "$TMPDIR/request" {kept}'
    )
    assert run_plugin(descriptors, ["m.proto"], "enum-as-string") == {"p/t.schema": b"[]\n"}
    names = {line.partition("=")[0] for line in (kept / "env").read_text().splitlines()}
    assert names <= {"TMPDIR", "PWD", "_", "OLDPWD"}
    folder = (kept / "env").read_text().partition("TMPDIR=")[2].partition("\n")[0]
    assert f"protolith-compile-{os.getpid()}-" in folder
    assert not Path(folder).exists()
    assert (kept / "count").read_text() == "0\n"
    request = plugin_pb2.CodeGeneratorRequest.FromString((kept / "request").read_bytes())
    assert (list(request.file_to_generate), request.parameter) == (["m.proto"], "enum-as-string")
    own = request.proto_file[-1]
    assert own.name == "m.proto"
    assert own.source_code_info.location  # comments become descriptions


@pytest.mark.parametrize("name", ["--plugin=x", "@file", "../m.proto", "/etc/passwd", "-I."])
def test_a_file_name_that_is_an_argument_is_refused(name: str, programs: Programs) -> None:
    programs.script()
    files = descriptor_pb2.FileDescriptorSet()
    files.file.add(name=name)
    with pytest.raises(BundleError, match="not a usable file name"):
        run_plugin(DescriptorSet.from_bytes(files.SerializeToString()), [name])


def test_a_plugin_that_refuses_with_its_log_lines(
    descriptors: DescriptorSet, programs: Programs
) -> None:
    line = "E0101 10:20:30.123456       1 convert.go:1] Failed to convert m.proto"
    text = "Failed to convert m.proto: no such message type named X\x1b"
    programs.answering([], *[f"echo '{line}' >&2"] * 3, error=text)
    error = failure(descriptors)
    assert error.message == "Failed to convert m.proto: no such message type named X\\x1b"


def test_a_plugin_that_wants_a_package(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.answering([], error="Failed to convert m.proto: no such package found: ")
    error = failure(descriptors)
    assert error.message == "Failed to convert m.proto: no such package found: "
    assert "wants a package" in str(error.hint)


def test_a_plugin_that_panics_as_go_does(descriptors: DescriptorSet, programs: Programs) -> None:
    first = "panic: runtime error: slice bounds out of range [:-1]"
    trace = f"{first}\n\ngoroutine 1 [running]:\nmain.main()\n\t/home/x/main.go:1 +0x1d\nexit 2"
    programs.script(f"echo '{trace}' >&2; exit 2")
    error = failure(descriptors)
    assert error.message == f"{PLUGIN} crashed: {first}"
    assert "Protolith's own converter" in str(error.hint)


def test_a_plugin_that_cannot_write_its_log_ends_without_a_word(
    descriptors: DescriptorSet, programs: Programs
) -> None:
    programs.script("exit 2")
    error = failure(descriptors)
    assert error.message == f"{PLUGIN} failed with status 2"
    assert "cannot write its log" in str(error.hint)


def test_a_plugin_that_fails_in_another_way(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.script("echo Traceback >&2; exit 3")
    error = failure(descriptors)
    assert error.message == f"{PLUGIN} failed with status 3"


def test_a_plugin_that_talks_nonsense(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.script("head -c 5000 /dev/urandom")
    error = failure(descriptors)
    assert error.message == f"protoc cannot read what {PLUGIN} answered"


def test_a_plugin_that_writes_a_file_twice(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.answering(SCHEMA * 2)
    assert failure(descriptors).message == "p/t.schema: Tried to write the same file twice."


def test_a_plugin_that_writes_nothing(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.answering([])
    assert run(descriptors) == {}


def test_a_plugin_that_writes_several_files(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.answering([*SCHEMA, ("p/q/u.schema", "null\n"), ("p/notes.txt", "")])
    assert run(descriptors) == {"p/t.schema": b"[]\n", "p/q/u.schema": b"null\n"}


@pytest.mark.parametrize("name", ["../evil.schema", "p/../../evil.schema", "{}/evil.schema"])
def test_a_plugin_that_would_write_elsewhere(
    name: str, descriptors: DescriptorSet, programs: Programs, tmp_path: Path
) -> None:
    programs.answering([(name.format(tmp_path), "evil")])
    with suppress(ProtocExecutionError):  # this protoc takes an absolute name for one inside
        run(descriptors)
    assert not [path for path in tmp_path.rglob("evil*") if path.is_file()]


@pytest.mark.parametrize("link", ["ln -s /etc/passwd", "ln -s /etc", "mkfifo"])
def test_a_plugin_that_leaves_links_and_pipes(
    link: str, descriptors: DescriptorSet, programs: Programs
) -> None:
    programs.answering(SCHEMA, f"{link} ../out/x.schema")
    assert failure(descriptors).message == f"{PLUGIN} made something that is not a file"


def test_a_plugin_that_hangs(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.script("sleep 60")
    assert limit(descriptors, replace(PLUGIN_LIMITS, wall_seconds=0.5)).reason == "wall time"


def test_a_plugin_whose_child_holds_its_pipes(
    descriptors: DescriptorSet, programs: Programs
) -> None:
    programs.answering(SCHEMA, "sleep 60 &")
    assert limit(descriptors, replace(PLUGIN_LIMITS, wall_seconds=0.5)).reason == "wall time"


def test_a_plugin_whose_child_would_outlive_it(
    descriptors: DescriptorSet, programs: Programs
) -> None:
    # That it does not is seen by the fixture that looks after each test.
    programs.answering(SCHEMA, "sleep 60 < /dev/null > /dev/null 2>&1 &")
    assert run(descriptors) == {"p/t.schema": b"[]\n"}


def test_a_plugin_that_does_not_come_to_an_end(
    descriptors: DescriptorSet, programs: Programs
) -> None:
    programs.script("while :; do :; done")
    error = limit(descriptors, replace(PLUGIN_LIMITS, cpu_seconds=1))
    assert error.reason == "CPU time"
    assert "at most 1 s" in str(error.hint)


def test_a_plugin_that_is_killed(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.script("kill -KILL $$")
    assert limit(descriptors).reason == "CPU time"
    programs.script("kill -ABRT $$")
    assert limit(descriptors).reason == "signal SIGABRT"


@pytest.mark.parametrize(
    "line", ["fatal error: runtime: cannot allocate memory", "runtime: out of memory: cannot"]
)
def test_a_plugin_that_runs_out_of_memory(
    line: str, descriptors: DescriptorSet, programs: Programs
) -> None:
    programs.script(f"echo '{line}' >&2; exit 2")
    assert limit(descriptors).reason == "memory"


def test_a_plugin_that_writes_too_much(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.answering([("p/t.schema", " " * 9_000_000), ("p/u.schema", " " * 9_000_000)])
    error = limit(descriptors)
    assert error.reason == "output size"
    assert "16,777,216 bytes of schemas" in str(error.hint)
    small = replace(PLUGIN_LIMITS, output_bytes=1_000_000)
    assert limit(descriptors, small).reason == "output size"


def test_a_plugin_that_logs_too_much(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.answering(SCHEMA, 'head -c 3000000 /dev/zero > "$TMPDIR/log" || kill -XFSZ $$')
    assert (
        limit(descriptors, replace(PLUGIN_LIMITS, output_bytes=1_000_000)).reason == "output size"
    )


def test_a_plugin_that_floods_the_messages(descriptors: DescriptorSet, programs: Programs) -> None:
    programs.script("while :; do echo 'E0101 10:20:30.1 noise'; done >&2")
    assert limit(descriptors).reason == "messages"


GO_PROGRAM = """package main

import ("bytes"; "io"; "os")

func main() {
	asked, _ := io.ReadAll(os.Stdin)
	log, err := os.CreateTemp("", "plugin.INFO.")
	if err != nil { os.Exit(2) }
	log.Write(asked)
	if bytes.Contains(asked, []byte("please-panic")) { panic(asked[len(asked)]) }
	os.Stdout.Write([]byte{ANSWER})
}
"""


@pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")
def test_a_go_program_runs_in_this_jail_and_its_panic_is_seen(
    descriptors: DescriptorSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Go wants more addresses than the compiler's own limit has; it is a stand-in like the others.
    source = tmp_path / "main.go"
    source.write_text(GO_PROGRAM.replace("ANSWER", ", ".join(map(str, answer(SCHEMA)))))
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "", "CGO_ENABLED": "0"}
    command = ["go", "build", "-o", str(tmp_path / "bin" / PLUGIN), str(source)]
    subprocess.run(command, check=True, cwd=tmp_path, env=os.environ | offline)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    with pytest.raises(ProtocExecutionError, match="crashed: panic: runtime error: index out of"):
        run_plugin(descriptors, ["m.proto"], "please-panic")
    assert run(descriptors) == {"p/t.schema": b"[]\n"}
