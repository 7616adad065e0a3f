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
    assert "-  int64 x = 1;\n+  int32 x = 1;\n" in found["text"]
    code, _, err = run(capsys, "diff", "new/a.proto", "--against", "old/a.proto", "--to", "2")
    assert (code, "versions of a subject" in err) == (2, True)
