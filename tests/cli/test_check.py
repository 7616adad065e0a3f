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


def report(repository: Path, name: str, *more: str) -> tuple[int, str]:
    words = ("check", "protos", "--against", "git:HEAD:protos", "--report", name)
    code, out, err = run(repository, *words, *more)
    assert "incompatible" in err
    return code, out


def test_github_annotations(repository: Path) -> None:
    (repository / "protos/a.proto").write_text(OLD.replace(" x ", " y "))
    code, out = report(repository, "github", "--levels", "wire", "json", "table")
    assert code == 100
    lines = [line.partition("::a.M.") for line in out.splitlines()]
    assert {line[0] for line in lines} == {
        f"::{word} file=protos/a.proto,line=3,col=3,title={rule}"
        for word, rule in [
            ("error", "FIELD_SAME_JSON_NAME"), ("error", "COLUMN_SAME_NAME"),
            ("notice", "COLUMN_SAME_NAME"),
        ]
    }  # fmt: skip
    assert "queries that use the old name fail (bigquery, clickhouse, duckdb)" in out
    assert report(repository, "github", "--levels", "wire") == (0, "")


def test_a_gitlab_code_quality_report(repository: Path) -> None:
    (repository / "protos/b.proto").write_text('syntax = "proto3"; message B { int32 x = 1; }')
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *author, "commit", "-qam", "two"], cwd=repository, check=True)
    (repository / "protos/b.proto").unlink()
    (repository / "protos/a.proto").write_text(OLD.replace("int64 x", "string y"))
    code, out = report(repository, "gitlab", "--levels", "wire", "json", "source", "table",
                       "--message", "M")  # fmt: skip
    rows = json.loads(out)
    assert code == 100
    for row in rows:
        assert set(row) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert row["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert row["location"]["lines"]["begin"] >= 1
    assert {row["location"]["path"] for row in rows} == {"protos/a.proto", "b.proto"}
    assert len({row["fingerprint"] for row in rows}) == len(rows)
    assert report(repository, "gitlab", "--mode", "NONE") == (0, "[]\n")


def test_a_junit_report(repository: Path) -> None:
    code, out = report(repository, "junit", "--levels", "wire")
    suite = ET.fromstring(out)  # noqa: S314
    assert (code, suite.tag, suite.get("tests"), suite.get("failures")) == (
        100, "testsuite", "2", "1",
    )  # fmt: skip
    (failed,) = [case for case in suite if len(case)]
    assert (failed.get("classname"), failed.get("name")) == (
        "wire", "FIELD_WIRE_COMPATIBLE_TYPE a.M.x backward",
    )  # fmt: skip
    assert "protos/a.proto:3:3" in str(failed[0].text)
    code, out = report(repository, "junit", "--levels", "wire", "--fail-on", "broken")
    assert (code, ET.fromstring(out).get("failures")) == (0, "0")  # noqa: S314


@pytest.mark.parametrize("against", ["git:main", "git:main:protos", "directory", "file", "subject"])
def test_the_exit_codes(repository: Path, against: str) -> None:
    subprocess.run(["git", "branch", "-M", "main"], cwd=repository, check=True)
    (repository / "old").mkdir()
    (repository / "old/a.proto").write_text(OLD)
    new = "." if against == "git:main" else "protos"
    old = {"directory": "old", "file": "old/a.proto", "subject": "d.m"}.get(against, against)
    if against == "git:main":  # the whole tree, so the new side is the whole tree too
        (repository / "old/a.proto").unlink()
    if against == "subject":
        run(repository, "register", "old/a.proto", "--table", "m", "--database", "d")
    words = ("check", new, "--against", old, "--levels", "wire")
    assert run(repository, *words)[0] == 100
    assert run(repository, *words, "--mode", "FORWARD")[0] == 0
    (repository / "protos/a.proto").write_text(OLD)
    code, out, err = run(repository, *words)
    assert (code, out, "0 incompatible" in err) == (0, "", True)
    (repository / "protos/a.proto").write_text(OLD.replace("int64", "int63"))
    assert run(repository, *words)[0] == 100  # what does not compile is a finding too
    (repository / "protos/a.proto").write_text(NEW)


def test_the_exit_codes_of_what_is_no_verdict(repository: Path) -> None:
    for old in ("git:nothing", "nowhere", "nowhere.proto", "d.nothing"):
        code, _, err = run(repository, "check", "protos", "--against", old)
        assert (code, "NOT_FOUND" in err) == (1, True), (old, err)
    assert run(repository, "check", "protos")[0] == 2
    words = ("check", "protos", "--against", "git:HEAD:protos")
    assert run(repository, *words, "--levels", "tables")[0] == 2
    assert run(repository, *words, "--report", "html")[0] == 2
    assert run(repository, *words, "--policy", "buf", "--buf-config", "no.yaml")[0] == 1


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
