"""`subject mode`, `register` under a mode, and `diff`."""

import json
from pathlib import Path

import pytest

from protolith.cli import main

OLD = 'syntax = "proto3"; package a;\nmessage M {\n  int64 x = 1;\n}\n'
NEW = OLD.replace("int64", "int32")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.proto").write_text(text)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["protolith", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


@pytest.mark.usefixtures("folder")
def test_a_mode_refuses_and_a_waiver_lets_pass(capsys: pytest.CaptureFixture[str]) -> None:
    table = ("--table", "m", "--database", "d")
    run(capsys, "register", "old/a.proto", *table)
    assert run(capsys, "subject", "mode", "all", "FORWARD")[:2] == (
        0,
        "all  FORWARD  (levels wire)\n",
    )
    assert "FORWARD  (levels wire, inherited)" in run(capsys, "subject", "mode", "d.m")[1]
    assert run(capsys, "subject", "mode", "d.m", "BACKWARD")[0] == 0
    code, _, err = run(capsys, "register", "new/a.proto", *table)
    assert (code, "a.proto:3:3: a.M.x: FIELD_WIRE_COMPATIBLE_TYPE: " in err) == (100, True)
    waiver = "FIELD_WIRE_COMPATIBLE_TYPE:a.M.x=small numbers"
    code, out, _ = run(capsys, "register", "new/a.proto", *table, "--waive", waiver)
    assert (code, "d.m@2" in out) == (0, True)
    assert "small numbers" in run(capsys, "subject", "show", "d.m")[1]
    code, out, _ = run(capsys, "diff", "d.m", "--from", "1", "--to", "2")
    assert (code, "waived: small numbers" in out, "-  int64 x = 1;" in out) == (0, True, True)
    assert run(capsys, "subject", "mode", "d.m", "--inherit")[1].startswith("d.m  FORWARD")
    assert run(capsys, "subject", "mode", "d.m", "FULL", "--inherit")[0] == 2


@pytest.mark.usefixtures("folder")
def test_a_difference_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "--format", "json", "diff", "new/a.proto", "--against", "old/a.proto"
    )
    found = json.loads(out)
    assert (code, found["old"], found["new"]) == (0, "old/a.proto", "new/a.proto")
    assert "FIELD_WIRE_COMPATIBLE_TYPE" in {one["rule"] for one in found["findings"]}
    assert {one["outcome"] for one in found["tables"]} == {"nothing"}
    assert "-  int64 x = 1;\n+  int32 x = 1;\n" in found["text"]
    code, _, err = run(capsys, "diff", "new/a.proto", "--against", "old/a.proto", "--to", "2")
    assert (code, "versions of a subject" in err) == (2, True)


def test_the_level_table_and_the_plans_of_a_difference(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "new/a.proto").write_text(OLD.replace(" x =", " y ="))
    words = ("new/a.proto", "--against", "old/a.proto")
    code, out, _ = run(capsys, "check", *words, "--level", "table", "--engine", "duckdb")
    assert (code, "COLUMN_SAME_NAME" in out, "clickhouse" in out) == (100, True, False)
    assert "duckdb: in place: ALTER TABLE" in out
    assert run(capsys, "check", *words, "--level", "table", "--mode", "BACKWARD")[0] == 0
    code, out, _ = run(capsys, "diff", *words)
    assert "duckdb: bigquery_lite.m: in place, risk none\n  x: in place, risk none: values" in out
    assert '    ALTER TABLE "bigquery_lite"."m" RENAME COLUMN "x" TO "y";\n' in out
    assert "bigquery: bigquery_lite.m: in place" in out
    (folder / "new/a.proto").write_text(OLD)
    assert "duckdb: bigquery_lite.m: nothing to do" in run(capsys, "diff", *words)[1]


@pytest.mark.usefixtures("folder")
def test_a_subjects_tables_are_asked_in_their_layout(capsys: pytest.CaptureFixture[str]) -> None:
    table = ("--table", "m", "--database", "d")
    run(capsys, "register", "old/a.proto", *table)
    run(capsys, "create", "d.m", "--engine", "duckdb", "--layout", "integers=exact")
    words = ("new/a.proto", "--against", "d.m", "--level", "table", "--mode", "BACKWARD")
    code, out, _ = run(capsys, "check", *words)
    assert (code, out.count("[lossy, table, backward]")) == (100, 1)
    assert run(capsys, "check", *words, "--layout", "native")[0] == 0
    assert run(capsys, "subject", "mode", "d.m", "FULL", "--levels", "table")[0] == 0
    assert run(capsys, "register", "new/a.proto", *table)[0] == 100


def test_bufs_categories_and_configuration(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "new/a.proto").write_text(OLD.replace(" x =", " y ="))
    words = ("check", "new", "--against", "old", "--policy", "buf")

    def rules(*more: str) -> set[str]:
        out = run(capsys, "--format", "json", *words, *more)[1]
        return {json.loads(line)["rule"] for line in out.splitlines()}

    assert rules() == {"FIELD_SAME_NAME", "FIELD_SAME_JSON_NAME"}
    assert rules("--category", "WIRE") == set()
    assert rules("--category", "WIRE", "WIRE_JSON") == {"FIELD_SAME_NAME", "FIELD_SAME_JSON_NAME"}
    config = folder / "buf.yaml"
    config.write_text("version: v2\nbreaking:\n  except: [FIELD_SAME_NAME]\n")
    assert rules("--buf-config", "buf.yaml") == {"FIELD_SAME_JSON_NAME"}
    config.write_text("version: v2\nbreaking:\n  ignore: [a.proto]\n")
    assert rules("--buf-config", "buf.yaml") == set()
    assert run(capsys, *words, "--buf-config", "buf.yaml", "--category", "WIRE")[0] == 2
    assert run(capsys, "check", "new", "--against", "old", "--category", "WIRE")[0] == 2
    config.write_text("breaking: 1")
    assert run(capsys, *words, "--buf-config", "buf.yaml")[0] == 100
