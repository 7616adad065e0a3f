"""The real Go plugin, where it is installed."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

COMMIT = "3fd349912e31"
INSTALL = (
    "go install github.com/GoogleCloudPlatform/protoc-gen-bq-schema/v3@"
    "3fd349912e31b37fb9fba320942aa5f494a1089e"
)
NAME = "protoc-gen-bq-schema"


@cache
def find() -> str | None:
    if found := shutil.which(NAME):
        return found
    folders = [os.environ.get("GOBIN"), os.environ.get("GOPATH", str(Path.home() / "go")) + "/bin"]
    return shutil.which(NAME, path=os.pathsep.join(filter(None, folders)))


def required() -> str:
    """The program, or a skip with the reason; in CI it has to be there.

    A CI that cannot have it says so in PROTOLITH_NO_GO_PLUGIN, with the reason as its value.
    """
    found = find()
    if found is None:
        reason = os.environ.get("PROTOLITH_NO_GO_PLUGIN", "")
        text = f"{NAME} is not installed{reason and f' ({reason})'}; {INSTALL}"
        if os.environ.get("CI") == "true" and not reason:
            pytest.fail(text)
        pytest.skip(text)
    return found


@cache
def build() -> str:
    """What Go says about the program: its module version and toolchain."""
    if shutil.which("go") is None:  # then the golden bytes say whether it is the right one
        return f"go unknown {COMMIT}"
    command = ["go", "version", "-m", required()]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@cache
def differences() -> frozenset[str]:
    """The other builds that this one is like, in the words of `toolchain_diffs`."""
    text = build()
    found = {f"go1.{minor}" for minor in (21, 27) if f" go1.{minor}" in text.splitlines()[0]}
    return frozenset(found if COMMIT in text else found | {"v3.1.0"})


def run(request: bytes, folder: Path) -> bytes | None:
    """The serialized response; None if the program panics."""
    done = subprocess.run(
        [required()],
        input=request,
        capture_output=True,
        check=False,
        timeout=60,
        env=os.environ | {"TMPDIR": str(folder)},  # each run leaves a log there
    )
    if done.returncode == 2 and b"panic" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr[:2000]
    return done.stdout
