"""Our plugin under the real `buf generate`, without a network."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import golden

BUF = Path(sys.executable).with_name("buf")
SCRIPT = str(Path(sys.executable).with_name("protoc-gen-bq-schema-py"))
LAUNCHER = [sys.executable, "-m", "protolith.plugin"]
# buf itself refuses comments that are not UTF-8.
CASES = [
    case
    for case in golden.cases()
    if not case.has_request and case.status == "files" and case.id != "comments_invalid_utf8"
]
HEAD = 'syntax = "proto3"; package shop.v1; import "bq_table.proto"; import "bq_field.proto";'
FILES = {
    "shop/v1/order.proto": HEAD
    + """
import "google/protobuf/timestamp.proto"; import "shop/v1/parts/part.proto";
// An order.
message Order {
  option (gen_bq_schema.bigquery_opts).table_name = "orders";
  string id = 1 [(gen_bq_schema.bigquery).require = true]; // Its <id>, é.
  google.protobuf.Timestamp at = 2;
  optional int32 count = 3;
  repeated parts.Part parts = 4;
}
""",
    "shop/v1/parts/part.proto": """
edition = "2023"; package shop.v1.parts; import "bq_table.proto";
message Part {
  option (gen_bq_schema.bigquery_opts) = { table_name: "parts" use_json_names: true };
  /* What it is
   * called. */
  string full_name = 1;
  map<string, Color> colors = 2;
  enum Color { NONE = 0; RED = 1; }
}
""",
    "legacy/old.proto": """
syntax = "proto2"; package legacy; import "bq_table.proto";
message Old {
  option (gen_bq_schema.bigquery_opts).table_name = "old";
  required int64 id = 1; repeated group Item = 2 { optional bool there = 1 [default = true]; }
}
""",
}


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A folder with a buf.yaml, and the option files in the module."""
    if not BUF.exists():
        text = f"{BUF} is not there: pip install buf-bin"
        pytest.fail(text) if os.environ.get("CI") == "true" else pytest.skip(text)
    shutil.copytree(golden.FOLDER / "include", tmp_path / "proto")
    (tmp_path / "buf.yaml").write_text("version: v2\nmodules:\n  - path: proto\n")
    return tmp_path


def buf(folder: Path, *arguments: str, **plugin: Any) -> subprocess.CompletedProcess[str]:
    settings = {"version": "v2", "plugins": [{"out": "gen"} | plugin]}
    (folder / "buf.gen.yaml").write_text(json.dumps(settings))
    # No cache, no account, and a proxy that nobody answers for.
    environment = {"HOME": str(folder / "home"), "PYTHONPATH": str(golden.SRC)}
    environment |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return subprocess.run(
        [BUF, "generate", *arguments],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
    )


def written(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def by_protoc(folder: Path, parameter: str) -> dict[str, bytes]:
    program = folder / "protoc-gen-ours"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m protolith.plugin\n')
    program.chmod(0o755)
    (folder / "out").mkdir()
    flags = [f"--plugin=protoc-gen-bq-schema={program}", f"--bq-schema_out={folder}/out"]
    if parameter:
        flags.append(f"--bq-schema_opt={parameter}")
    command = ["protoc", f"-I{folder}/proto", *flags, *FILES]
    subprocess.run(command, check=True, env=golden.ENVIRONMENT)
    return written(folder / "out")


@pytest.mark.parametrize("parameter", ["", "enum-as-string"])
@pytest.mark.parametrize("strategy", ["directory", "all"])
@pytest.mark.parametrize("local", [SCRIPT, LAUNCHER], ids=["script", "launcher"])
def test_buf_generate_gives_what_protoc_gives(
    local: str | list[str], strategy: str, parameter: str, module: Path
) -> None:
    for name, text in FILES.items():
        (module / "proto" / name).parent.mkdir(parents=True, exist_ok=True)
        (module / "proto" / name).write_text(text)
    options = {"opt": parameter} if parameter else {}
    done = buf(module, local=local, strategy=strategy, **options)
    assert (done.returncode, done.stderr) == (0, "")
    found = written(module / "gen")
    assert sorted(found) == [
        *("legacy/old.schema", "shop/v1/orders.schema", "shop/v1/parts/parts.schema")
    ]
    assert b"Its \\u003cid\\u003e, \xc3\xa9." in found["shop/v1/orders.schema"]
    assert found == by_protoc(module, parameter)


@pytest.mark.parametrize("case", CASES[::3], ids=lambda case: case.id)
def test_buf_generate_gives_the_golden_files(case: golden.Case, module: Path) -> None:
    for folder in (
        case.folder / "input",
        *map(golden.FOLDER.joinpath, case.row.get("include", [])),
    ):
        shutil.copytree(folder, module / "proto", dirs_exist_ok=True)
    paths = [f"--path=proto/{name}" for name in case.row["files_to_generate"]]
    options = {"opt": case.row["params"]} if case.row["params"] else {}
    done = buf(module, *paths, local=LAUNCHER, strategy="all", **options)
    assert done.returncode == 0, done.stderr
    assert written(module / "gen") == dict(case.files)


def test_buf_shows_what_the_plugin_refuses(module: Path) -> None:
    (module / "proto/bad.proto").write_text('syntax = "proto3"; message NoPackage {}')
    done = buf(module, local=LAUNCHER)
    assert done.returncode != 0
    assert "Failed to convert bad.proto: no such package found: " in done.stderr
    assert not (module / "gen").exists()
