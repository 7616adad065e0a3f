"""Which compiler is in force, in which jail, and whether both do what they must."""

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from protolith.compiler import sandbox
from protolith.compiler.compilation import compile_protos
from protolith.compiler.limits import DEFAULT_LIMITS, Limits
from protolith.compiler.toolchain import COMPILER_VARIABLE, check_integrity, toolchain
from protolith.errors import (
    CompileError,
    CompilerRejectedError,
    CompilerUnavailableError,
    SchemaRegistryError,
)

_GOOD = (
    'syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "bq_table.proto";'
    ' message Good { option (gen_bq_schema.bigquery_opts).table_name = "good";'
    " google.protobuf.Timestamp at = 1; }"
)
# The smallest text that is known to abort protoc: an option value nested 101 deep.
_DEEP = (
    'syntax = "proto2"; import "google/protobuf/descriptor.proto"; message R { optional R r = 1; }'
    " extend google.protobuf.FileOptions { optional R deep = 50000; }"
    f" option (deep) = {{ {'r: {' * 101}{'}' * 101} }};"
)
_TOO_SMALL = 16  # bytes of output


@dataclass(frozen=True, slots=True)
class CompilerStatus:
    """What compiles here: protoc's version, the jail, and whether its memory is limited."""

    version: str
    jail: str
    memory_limited: bool


def compiler_version() -> str:
    """The version of protoc, such as `36.2`."""
    return _version(toolchain().protoc)


def jail() -> str:
    """The kind of jail in force: `bwrap`, `prlimit` or `ulimit`."""
    return sandbox.wrapper(toolchain().protoc)


def self_test() -> CompilerStatus:
    """Check the compiler and its jail, as a server does before it is ready.

    A good file must compile, one that crashes the compiler must be contained, and a limit must be
    enforced; raises `CompilerUnavailableError` otherwise. What earlier compiles left behind when
    they were killed is removed.
    """
    sandbox.sweep()
    check_integrity(toolchain().protoc)
    status = CompilerStatus(compiler_version(), jail(), sandbox.memory_is_limited())
    try:
        compile_protos(_GOOD)
    except SchemaRegistryError as error:
        raise _failed(f"a good file does not compile: {error}") from error
    generous = replace(DEFAULT_LIMITS, nesting=1_000)
    if _reason(_DEEP, generous) is None:
        raise _failed("a deeply nested option is not contained")
    if _reason(_GOOD, replace(DEFAULT_LIMITS, output_bytes=_TOO_SMALL)) != "output size":
        raise _failed("a limit is not enforced")
    return status


@cache
def _version(protoc: Path) -> str:
    with sandbox.private_folder() as folder:
        status, output = sandbox.run(protoc, ["--version"], folder, (), DEFAULT_LIMITS)
    match = re.fullmatch(r"libprotoc (\S+)\s*", output)
    if status != 0 or match is None:
        raise CompilerUnavailableError(
            f"{protoc} does not say that it is protoc",
            hint=f"set {COMPILER_VARIABLE} to a protoc",
        )
    return match[1]


def _reason(text: str, limits: Limits) -> str | None:
    """Why a text was refused; nothing if it was not."""
    try:
        compile_protos(text, limits=limits)
    except CompilerRejectedError as error:
        return error.reason
    except CompileError:  # a later protoc may simply refuse it
        return "refused"
    return None


def _failed(what: str) -> CompilerUnavailableError:
    return CompilerUnavailableError(f"the compiler's self-test failed: {what}")
