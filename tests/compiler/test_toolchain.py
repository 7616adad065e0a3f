import re
import shutil
from pathlib import Path

import pytest

from protolith.compiler import CompilerStatus, compile_protos, compiler_version, jail, self_test
from protolith.compiler.toolchain import check_integrity, toolchain
from protolith.errors import CompileError, CompilerUnavailableError
from protolith.options import options_pool

GOOD = 'syntax = "proto3"; import "google/protobuf/any.proto"; message M {}'


def fake(folder: Path, script: str) -> Path:
    path = folder / "protoc"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_self_test_says_what_is_in_force() -> None:
    status = self_test()
    assert status == CompilerStatus(compiler_version(), jail(), memory_limited=True)
    assert re.fullmatch(r"\d+\.\d+", status.version)


def test_the_packaged_compiler_is_the_one_that_was_installed() -> None:
    assert toolchain().protoc.name == "protoc"
    check_integrity(toolchain().protoc)


def test_another_compiler_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "my protoc"
    shutil.copy(toolchain().protoc, other)
    monkeypatch.setenv("PROTOLITH_PROTOC", str(other))
    assert toolchain().protoc == other.resolve()
    assert compile_protos(GOOD).message("M")
    assert compiler_version()


@pytest.mark.parametrize("what", ["missing", "folder", "file"])
def test_a_compiler_that_is_none_is_our_fault(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    if what == "file":
        path.touch()
    monkeypatch.setenv("PROTOLITH_PROTOC", str(path))
    with pytest.raises(CompilerUnavailableError, match="is not a program") as caught:
        compile_protos(GOOD)
    assert caught.value.hint is not None
    assert "PROTOLITH_PROTOC" in caught.value.hint


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 0", "result cannot be read"),
        ("exit 127", "could not be started"),
        ("echo ../out.fds: No space left on device; exit 1", "result cannot be read"),
    ],
)
def test_a_compiler_that_does_nothing_is_our_fault(
    script: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROTOLITH_PROTOC", str(fake(tmp_path, script)))
    with pytest.raises(CompilerUnavailableError, match=why):
        compile_protos(GOOD)
    with pytest.raises(CompilerUnavailableError, match=r"does not say|could not be started"):
        compiler_version()


def test_a_wrapper_that_fails_once_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = toolchain().protoc
    once = tmp_path / "once"
    script = f'if [ ! -e "{once}" ]; then : > "{once}"; exit 126; fi; exec "{real}" "$@"'
    monkeypatch.setenv("PROTOLITH_PROTOC", str(fake(tmp_path, script)))
    assert compile_protos(GOOD).message("M")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo libprotoc 99.9", "self-test failed: a good file does not compile"),
        ("[ $1 = --version ] && echo libprotoc 1.0 || exit 1", "good file does not compile"),
        (
            'case "$1" in --version) echo libprotoc 1.0;; *) : > ../out.fds;; esac',
            "good file does not compile",
        ),
    ],
)
def test_the_self_test_notices_a_compiler_that_is_none(
    script: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROTOLITH_PROTOC", str(fake(tmp_path, script)))
    with pytest.raises(CompilerUnavailableError, match=why):
        self_test()


def test_only_listed_files_are_known() -> None:
    known = toolchain().known
    folders = {name.rpartition("/")[0] for name in known}
    confluent = {"confluent", "confluent/type", "confluent/types"}
    google = {"google/protobuf", "google/protobuf/compiler", "google/type"}
    assert folders == {"", *google, *confluent}
    assert {name for name in known if "/" not in name} == {"bq_table.proto", "bq_field.proto"}
    assert {"google/protobuf/descriptor.proto", "google/type/date.proto"} <= set(known)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The include folder of a compiler that is installed as usual, with files of others in it."""
    kit = toolchain()
    (tmp_path / "bin").mkdir()
    shutil.copy(kit.protoc, tmp_path / "bin/protoc")
    own = kit.known["google/protobuf/any.proto"].parent
    shutil.copytree(own, tmp_path / "include/google/protobuf")
    monkeypatch.setenv("PROTOLITH_PROTOC", str(tmp_path / "bin/protoc"))
    return tmp_path / "include"


def test_files_beside_the_compiler_cannot_be_imported(installed: Path) -> None:
    (installed / "good.proto").write_text('syntax = "proto3";')
    (installed / "bad.proto").write_text("secret")
    for name in ("good.proto", "bad.proto"):
        with pytest.raises(CompileError) as caught:
            compile_protos(f'syntax = "proto3";\n  import "{name}";')
        assert str(caught.value) == (
            "schema.proto does not compile: 1 error\n"
            f'  schema.proto:2:3: Import "{name}" was not found or had errors.'
        )


def test_files_beside_the_compiler_do_not_hide_dependencies(installed: Path) -> None:
    common = compile_protos({"common.proto": 'syntax = "proto3"; message Common {}'})
    text = 'syntax = "proto3"; import "common.proto"; message M { Common c = 1; }'
    assert compile_protos(text, dependencies=[common]).message("M")
    (installed / "common.proto").write_text('syntax = "proto3"; message Common { string x = 1; }')
    with pytest.raises(CompilerUnavailableError, match=r"common\.proto, which hides"):
        compile_protos(text, dependencies=[common])
    files = {"common.proto": 'syntax = "proto3"; message Own {}', "a.proto": text}
    assert compile_protos(files, roots=["common.proto"]).message("Own")


def test_our_option_files_say_what_the_options_are_read_with() -> None:
    text = 'syntax = "proto3"; import "bq_table.proto"; import "bq_field.proto";'
    compiled = compile_protos(text)
    for name in ("BigQueryMessageOptions", "BigQueryFieldOptions"):
        ours = compiled.message(f"gen_bq_schema.{name}")
        read = options_pool().FindMessageTypeByName(f"gen_bq_schema.{name}")
        assert [(f.name, f.number, f.type, f.is_repeated) for f in ours.fields] == [
            (f.name, f.number, f.type, f.is_repeated) for f in read.fields
        ]
        assert set(compiled.comments) >= {f.full_name for f in ours.fields}
    for name in ("bigquery_opts", "bigquery"):
        ours, read = (
            pool.FindExtensionByName(f"gen_bq_schema.{name}")
            for pool in (compiled.pool, options_pool())
        )
        assert ours.number == read.number
        assert ours.containing_type.full_name == read.containing_type.full_name
