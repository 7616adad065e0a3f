"""`protolith check`: what it takes, what it prints, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

OLD = 'syntax = "proto3"; package a;\nmessage M {\n  int64 x = 1;\n}\n'
NEW = 'syntax = "proto3"; package a;\nmessage M {\n  int32 x = 1;\n}\n'


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    code = "from protolith.cli import main; main()"
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that holds the old schema; the new one is in the working tree."""
    (tmp_path / "protos").mkdir()
    file = tmp_path / "protos/a.proto"
    file.write_text(OLD)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    file.write_text(NEW)
    return tmp_path


def test_a_git_revision_is_read_without_a_checkout(repository: Path) -> None:
    words = ("--levels", "wire", "--mode", "BACKWARD")
    for old in ("git:HEAD:protos", "git:HEAD:protos/a.proto"):
        code, out, err = run(
            repository, "--format", "json", "check", "protos", "--against", old, *words
        )
        assert (code, json.loads(out)["rule"]) == (100, "FIELD_WIRE_COMPATIBLE_TYPE"), err
    assert (repository / "protos/a.proto").read_text() == NEW
    code, _, err = run(repository, "check", "protos", "--against", "git:nothing")
    assert (code, "NOT_FOUND" in err) == (1, True)


def test_the_reports_for_build_servers(repository: Path) -> None:
    words = ("check", "protos", "--against", "git:HEAD:protos", "--levels", "wire", "--report")
    code, out, _ = run(repository, *words, "github")
    assert (code, out.startswith("::warning file=a.proto,line=3,col=3,")) == (100, True)
    _, out, _ = run(repository, *words, "gitlab")
    assert {row["severity"] for row in json.loads(out)} == {"major", "info"}
    _, out, _ = run(repository, *words, "junit")
    assert ET.fromstring(out).get("failures") == "1"  # noqa: S314


def test_the_user_says_what_counts(repository: Path) -> None:
    words = ("check", "protos", "--against", "git:HEAD:protos", "--levels", "wire")
    assert run(repository, *words, "--fail-on", "broken")[0] == 0
    assert run(repository, *words, "--mode", "FORWARD")[0] == 0
    assert run(repository, *words, "--mode", "BACKWARD")[0] == 100


def test_a_subject_is_an_older_schema(repository: Path) -> None:
    (repository / "old.proto").write_text(OLD)
    assert run(repository, "register", "old.proto", "--table", "m", "--database", "d")[0] == 0
    for subject in ("d.m", "d.m@1"):
        code, out, err = run(repository, "check", "protos/a.proto", "--against", subject)
        assert (code, "FILE_NO_DELETE" in out) == (100, True), err
