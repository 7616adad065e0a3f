"""Every limit is documented with its setting, its default and what happens over it."""

import ast
import os
import re
import subprocess
import sys
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import protolith
from protolith import MalformedError, errors
from protolith.compiler.limits import PREFIX as COMPILE_PREFIX
from protolith.compiler.limits import Limits
from protolith.limits import DATA_PREFIX, DataLimits, limits_from_environment
from protolith.web.limits import PREFIX as HTTP_PREFIX
from protolith.web.limits import ServerLimits

SOURCE = Path(protolith.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs" / "limits.md").read_text()
ROWS = {
    name: (value, over)
    for name, value, over in re.findall(
        r"^\| `([^`]+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE
    )
}
KINDS: list[tuple[Any, str]] = [
    (Limits, COMPILE_PREFIX),
    (DataLimits, DATA_PREFIX),
    (ServerLimits, HTTP_PREFIX),
]
SETTINGS = {f"{p}{field.name.upper()}": field for kind, p in KINDS for field in fields(kind)}
# Said in their own table above, under the name of their setting.
SET = {"descriptors.MAX_BYTES", "layout.message.MAX_COLUMNS", "decoding.framing.MAX_RECORD"}
SET |= {"decoding.streams.MAX_DECODED", "decoding.batches.MAX_REPORTED", "web.requests.MAX_BODY"}
SET |= {"registry.administration.MAX_PAGE", "store.labels.MAX_LABELS"}


def constants() -> set[str]:
    """The limits that stand in modules under a public name."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        module = ".".join(file.relative_to(SOURCE).with_suffix("").parts)
        for node in ast.parse(file.read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            found |= {f"{module}.{n}" for n in names if re.match("(MAX|MIN)_", n)}
    return found


def test_each_limit_has_a_row_and_each_row_a_limit() -> None:
    assert set(ROWS) == set(SETTINGS) | (constants() - SET)
    assert constants() >= SET


@pytest.mark.parametrize("name", SETTINGS)
def test_the_default_of_a_setting(name: str) -> None:
    default = SETTINGS[name].default
    assert default is not MISSING
    documented = "cores, at least 2" if name.endswith("_SLOTS") else str(default)
    assert ROWS[name][0] == documented


@pytest.mark.parametrize("name", sorted(constants() - SET))
def test_the_value_of_a_fixed_limit(name: str) -> None:
    module, _, constant = name.rpartition(".")
    assert ROWS[name][0] == str(getattr(import_module(f"protolith.{module}"), constant))


def test_what_happens_is_an_error_or_said() -> None:
    codes = {c.code for c in vars(errors).values() if isinstance(c, type) and hasattr(c, "code")}
    said = {"dropped", "waits", "the rest is left out", "cut, with a note"}
    said.add("goes on with another batch")
    for name, (_, over) in ROWS.items():
        assert over.strip("`") in codes or over in said, name


@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_each_setting_is_read(kind: Any, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in fields(kind):
        monkeypatch.setenv(f"{prefix}{field.name.upper()}", "7")
    found = limits_from_environment(kind, prefix)
    assert {getattr(found, field.name) for field in fields(kind)} == {7}
    for wrong in ("0", "-1", "x", "", " "):
        monkeypatch.setenv(f"{prefix}{fields(kind)[0].name.upper()}", wrong)
        if wrong:
            with pytest.raises(MalformedError, match="is not a limit"):
                limits_from_environment(kind, prefix)


# A schema or a request that is just over a limit that was set, by the setting.
OVER = {
    "PROTOLITH_COMPILE_FILE_BYTES=40": "TOO_LARGE",
    "PROTOLITH_COMPILE_BUNDLE_BYTES=40": "TOO_LARGE",
    "PROTOLITH_COMPILE_FILES=1": "TOO_LARGE",
    "PROTOLITH_COMPILE_NESTING=1": "SCHEMA_TOO_COMPLEX",
    "PROTOLITH_COMPILE_IDENTIFIER_BYTES=5": "SCHEMA_TOO_COMPLEX",
    "PROTOLITH_COMPILE_DOTTED_PARTS=2": "SCHEMA_TOO_COMPLEX",
    "PROTOLITH_COMPILE_RANGES=1": "SCHEMA_TOO_COMPLEX",
    "PROTOLITH_COMPILE_IMPORTS=1": "SCHEMA_TOO_COMPLEX",
    "PROTOLITH_COMPILE_TOKENS=5": "SCHEMA_TOO_COMPLEX",
    "PROTOLITH_COMPILE_OUTPUT_BYTES=16": "COMPILER_REJECTED",
    "PROTOLITH_DATA_COLUMNS=1": "SCHEMA_TOO_COMPLEX",
    "PROTOLITH_DATA_DESCRIPTOR_BYTES=16": "SCHEMA_TOO_COMPLEX",
}
CODE = """
from protolith import compile_protos, lay_out, SchemaRegistryError, DescriptorSet
a = 'syntax = "proto3"; import "b.proto"; import "google/protobuf/any.proto"; package p;'
a += ' message Message { reserved 7, 9 to 10; message N { int32 x = 1; int32 y = 2; } N n = 1;'
a += ' .p.Message.N m = 3; google.protobuf.Any any = 2; }'
try:
    found = compile_protos({"a.proto": a, "b.proto": 'syntax = "proto3";'})
    found = DescriptorSet.from_bytes(found.data, roots=("a.proto",))
    lay_out(found, "p.Message")
    print("fine")
except SchemaRegistryError as error:
    print(error.code)
"""


@pytest.mark.parametrize("setting", [*OVER, "PROTOLITH_NOTHING=1"])
def test_a_limit_that_is_set_holds(setting: str) -> None:
    variable, _, text = setting.partition("=")

    environment = os.environ | {variable: text}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == OVER.get(setting, "fine"), done.stderr
