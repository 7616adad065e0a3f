import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

import golden
from protolith import plugin
from protolith.errors import BundleError

PROTOS = [case for case in golden.cases() if not case.has_request]
REQUESTS = [case for case in golden.cases() if case.has_request]
LIGHT = {"dialects", "errors", "descriptors", "limits", "options", "plugin", "tables"}


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that protoc can start; the installed console script is the same."""
    path = tmp_path_factory.mktemp("bin") / "protoc-gen-ours"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m protolith.plugin\n')
    path.chmod(0o755)
    return path


def run(*arguments: str, request: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "protolith.plugin", *arguments],
        input=request,
        capture_output=True,
        check=False,
        env=golden.ENVIRONMENT,
    )


@pytest.mark.parametrize("case", PROTOS, ids=lambda case: case.id)
def test_protoc_with_our_plugin_writes_the_golden_files(
    case: golden.Case, program: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    flags = [f"--plugin=protoc-gen-bq-schema={program}", f"--bq-schema_out={out}"]
    if case.row["params"]:
        flags.append(f"--bq-schema_opt={case.row['params']}")
    done = case.protoc(*flags)
    written = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    if case.status in ("files", "no_files"):
        assert done.returncode == 0, done.stderr
        assert {name: path.read_bytes() for name, path in written.items()} == dict(case.files)
    else:
        assert done.returncode == 1
        assert not written
    if case.status == "plugin_error":
        assert f"--bq-schema_out: {case.error}\n" in done.stderr


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.id)
def test_our_plugin_answers_a_request(case: golden.Case) -> None:
    done = run(request=case.request())
    assert (done.returncode, done.stderr) == (0, b"")
    names = [name for name, _ in case.files]
    if len(set(names)) < len(names):
        response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
        assert "is written twice" in response.error
        assert not response.file
    else:
        golden.check_response(case, done.stdout)


def test_our_requests_are_those_that_protoc_makes(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    spy = tmp_path / "spy"
    spy.write_text(f'#!/bin/sh\nexec cat > "{kept}"\n')
    spy.chmod(0o755)
    for name in ("multi_target_imports", "single_message_type_override", "groups_proto2"):
        case = golden.by_id(name)
        flags = [f"--plugin=protoc-gen-x={spy}", f"--x_out={tmp_path}"]
        case.protoc(*flags, f"--x_opt={case.row['params']}")
        theirs = plugin_pb2.CodeGeneratorRequest.FromString(kept.read_bytes())
        ours = plugin_pb2.CodeGeneratorRequest.FromString(case.request())
        theirs.ClearField("compiler_version")
        theirs.ClearField("source_file_descriptors")
        assert theirs.proto_file[0].name == ours.proto_file[0].name
        if ours.proto_file[0].name == "google/protobuf/descriptor.proto":
            # A descriptor set is without the options that are only for reading the source.
            del theirs.proto_file[0], ours.proto_file[0]
        assert theirs == ours


@pytest.mark.parametrize(
    "name", ["a/../b", "../b", "..", "/etc/b", "a\\b", "a/b\0", "C:\\b"], ids=ascii
)
def test_names_that_would_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(BundleError, match="output file"):
        plugin.check_output_names([name])


def test_names_that_stay_inside_are_fine() -> None:
    plugin.check_output_names(["a/b..c.schema", "a/...schema", "a//x", "ünï/t.schema"])
    with pytest.raises(BundleError, match="twice"):
        plugin.check_output_names(["a/b", "a/./b"])


@pytest.mark.parametrize("table", ["../../evil", "x\\y"])
def test_an_unsafe_table_name_is_an_error_for_protoc(
    table: str, program: Path, tmp_path: Path
) -> None:
    out = tmp_path / "in/out"
    out.mkdir(parents=True)
    text = f'option (gen_bq_schema.bigquery_opts).table_name = "{table!a}";'.replace("'", "")
    head = 'syntax = "proto3"; package p; import "bq_table.proto"; message M { int32 x = 1; '
    (tmp_path / "in/a.proto").write_text(head + text + " }")
    command = [
        "protoc",
        f"-I{tmp_path}/in",
        f"-I{golden.FOLDER}/include",
        f"--plugin=protoc-gen-bq-schema={program}",
        f"--bq-schema_out={out}",
        "a.proto",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=golden.ENVIRONMENT
    )
    assert done.returncode == 1
    assert "--bq-schema_out: the output file" in done.stderr
    assert not [path for path in tmp_path.rglob("*.schema") if path.is_file()]


def test_arguments_are_a_usage_error() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"protoc runs this program" in done.stderr


def test_a_request_that_cannot_be_read_is_answered() -> None:
    done = run(request=b"\xff\xff")
    assert done.returncode == 0
    response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
    assert response.error.startswith("Failed to read input: ")


def test_an_ordinary_build_is_no_matter_of_budget() -> None:
    # 60 tables of 2,000 columns: more than the library allows one request by default.
    request = plugin_pb2.CodeGeneratorRequest(file_to_generate=["a.proto"])
    file = request.proto_file.add(name="a.proto", package="p")
    fields = [
        descriptor_pb2.FieldDescriptorProto(name=f"f{n}", number=n, label=1, type=9)
        for n in range(1, 2001)
    ]
    for number in range(60):
        message = file.message_type.add(name=f"M{number}", field=fields)
        table = f"t{number}".encode()
        message.options.MergeFromString(
            bytes([0xEA, 0x3F, len(table) + 2, 0x0A, len(table)]) + table
        )
    response = plugin_pb2.CodeGeneratorResponse.FromString(
        plugin.respond(request.SerializeToString())
    )
    assert not response.error
    assert len(response.file) == 60


def test_the_plugin_imports_the_protobuf_runtime_and_the_converter() -> None:
    code = "import sys; before = set(sys.modules); import protolith.plugin\n"
    code += "print(*sorted(set(sys.modules) - before), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=golden.ENVIRONMENT,
    )
    names = done.stdout.split()
    ours = {name.split(".")[1] for name in names if name.startswith("protolith.")}
    assert "plugin" in ours
    assert ours <= LIGHT
    others = {name.partition(".")[0] for name in names} - {"protolith", "google", "lazy_loader"}
    assert others <= sys.stdlib_module_names
    assert not others & {"asyncio", "sqlite3", "subprocess", "socket", "urllib"}
