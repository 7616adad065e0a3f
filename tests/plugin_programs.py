"""Stand-ins for protoc-gen-bq-schema, each with one way to behave, or to misbehave."""

import shutil
import sys
from pathlib import Path

import pytest
from google.protobuf.compiler import plugin_pb2

import go_plugin
import golden


class Programs:
    """A PATH that has nothing but the plugin on it, and what the jail needs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.path = folder / go_plugin.NAME
        # Without bwrap: in its enclosure a script would have no interpreter.
        if prlimit := shutil.which("prlimit"):
            (folder / "prlimit").symlink_to(prlimit)
        monkeypatch.setenv("PATH", str(folder))

    def script(self, *lines: str) -> None:
        """The plugin is a shell script; by itself it reads what protoc tells it."""
        self.path.write_text("\n".join(["#!/bin/sh", 'cat > "$TMPDIR/request"', *lines, ""]))
        self.path.chmod(0o755)

    def ours(self) -> None:
        """The plugin is Protolith's own."""
        self.script(
            f"export PYTHONPATH={golden.SRC}",
            f'exec {sys.executable} -m protolith.plugin < "$TMPDIR/request"',
        )

    def answering(self, files: list[tuple[str, str]], *lines: str, error: str = "") -> None:
        """The plugin runs these lines and gives this answer, whatever it is asked."""
        (self.folder / "answer").write_bytes(answer(files, error))
        self.script(*lines, f"cat {self.folder}/answer")


def answer(files: list[tuple[str, str]], error: str = "") -> bytes:
    """A serialized response."""
    found = plugin_pb2.CodeGeneratorResponse(error=error or None, supported_features=3)
    found.minimum_edition, found.maximum_edition = 998, 2**31 - 1
    for name, content in files:
        found.file.add(name=name, content=content)
    return found.SerializeToString()
