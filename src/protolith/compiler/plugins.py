"""The real BigQuery plugin under the real protoc, in the compiler's jail.

Whoever runs the server chooses this; no request names the program, its place or its arguments.
"""

import os
import re
import shutil
import signal
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from protolith.compiler import sandbox
from protolith.compiler.limits import DEFAULT_LIMITS, Limits
from protolith.compiler.sources import check_name, escape
from protolith.compiler.toolchain import toolchain
from protolith.descriptors import DescriptorSet
from protolith.errors import (
    CompilerRejectedError,
    CompilerUnavailableError,
    ProtocExecutionError,
)
from protolith.limits import MIB

PLUGIN = "protoc-gen-bq-schema"
INSTALL = (
    f"go install github.com/GoogleCloudPlatform/{PLUGIN}/v3@"
    "3fd349912e31b37fb9fba320942aa5f494a1089e"
)
# A large file takes it a minute. Go sets 600 MiB of addresses aside before anything else, and the
# log of the plugin, which is limited like the schema, is about 12 times as large.
PLUGIN_LIMITS = replace(
    DEFAULT_LIMITS,
    wall_seconds=60.0,
    cpu_seconds=60,
    memory_bytes=2048 * MIB,
    output_bytes=128 * MIB,
)
_SCHEMA_BYTES = 16 * MIB
_ENV = Path("/usr/bin/env")
_INPUT, _OUTPUT, _LOGS = "in.fds", "out", "tmp"
_SUFFIX = ".schema"
_SHOWN = 1_000
_LOG_STATUS = 2
_SMALLER = "split the schema, or use Protolith's own converter"
_OURS = (
    "Protolith's own converter writes the same schemas:"
    " leave out --converter protoc and PROTOLITH_CONVERTER"
)
_NO_PACKAGE = "no such package found"

_LOG = re.compile(r"[IWEF]\d{4} \d\d:\d\d:")
_OF_PROTOC = rf"^--bq-schema_out: {PLUGIN}: Plugin"
_KILLED = re.compile(rf"{_OF_PROTOC} killed by signal (\d+)", re.MULTILINE)
_STATUS = re.compile(rf"{_OF_PROTOC} failed with status code (\d+)", re.MULTILINE)
_ERROR = re.compile(rf"^--bq-schema_out: (?:{PLUGIN}: )?(.*)", re.MULTILINE | re.DOTALL)
_PANIC = re.compile(r"^(?:panic|fatal error): .*", re.MULTILINE)
_NO_MEMORY = re.compile(r"^(?:fatal error|runtime): .*memory|^MemoryError", re.MULTILINE)


def find_plugin() -> Path:
    """The plugin on the PATH; raises `ProtocExecutionError` where there is none."""
    found = _find(os.environ.get("PATH"))
    if found is None:
        raise _missing()
    return found


def run_plugin(
    descriptors: DescriptorSet,
    targets: Sequence[str],
    parameter: str = "",
    *,
    limits: Limits = PLUGIN_LIMITS,
) -> dict[str, bytes]:
    """Convert files of a descriptor set; the schema files that the plugin gave, by their names.

    The names are those inside the output folder. Raises `ProtocExecutionError` with the plugin's
    own words where it fails, and `CompilerRejectedError` where it runs into a limit.
    """
    plugin = find_plugin()
    for target in targets:
        check_name(target)
    options = [f"--bq-schema_opt={parameter}"] if parameter else []
    # No -I: then protoc would take its own text of protobuf's files instead of what is given.
    arguments = [f"--descriptor_set_in=../{_INPUT}", f"--plugin={PLUGIN}={plugin}"]
    arguments += [*options, f"--bq-schema_out=../{_OUTPUT}", *targets]
    with sandbox.private_folder() as folder:
        try:
            (folder / _INPUT).write_bytes(descriptors.data)
            for name in (_OUTPUT, _LOGS):
                (folder / name).mkdir()
        except OSError as error:
            raise _unwritable(error) from error
        status, output = _run(plugin, arguments, folder, limits)
        if status != 0:
            raise _failure(output, limits)
        return dict(_read(folder / _OUTPUT))


def _run(plugin: Path, arguments: Sequence[str], folder: Path, limits: Limits) -> tuple[int, str]:
    kit = toolchain()
    # Without a folder of its own for its log the plugin ends without a word.
    command = [f"TMPDIR={folder / _LOGS}", str(kit.protoc), *arguments]
    readable = (kit.protoc, plugin)
    try:
        return sandbox.run(_ENV, command, folder, readable, limits)
    except CompilerUnavailableError:  # a machine may be short of processes for a moment
        return sandbox.run(_ENV, command, folder, readable, limits)


@cache
def _find(path: str | None) -> Path | None:
    found = shutil.which(PLUGIN, path=path)
    return Path(found).resolve() if found else None


def _failure(output: str, limits: Limits) -> ProtocExecutionError:
    """The error in what protoc and the plugin printed."""
    if match := _KILLED.search(output):
        return _killed(int(match[1]), limits)
    if match := _STATUS.search(output):
        return _ended(int(match[1]), output, limits)
    if match := _ERROR.search(output):
        return _refused(match[1].removesuffix("\n"))
    lines = [line.strip() for line in output.splitlines() if not _LOG.match(line)]
    first = next(filter(None, lines), "protoc failed without a word")
    return ProtocExecutionError(_shown(first))


def _killed(number: int, limits: Limits) -> CompilerRejectedError:
    # Go does not listen to the first signal about its time, so the second one ends it.
    if number in (signal.SIGKILL, signal.SIGXCPU):
        return _limit("CPU time", f"at most {limits.cpu_seconds} s; {_SMALLER}")
    if number == signal.SIGXFSZ:
        return _limit("output size", f"at most {limits.output_bytes:,} bytes; {_SMALLER}")
    names = {known.value: known.name for known in signal.Signals}
    return _limit(f"signal {names.get(number, number)}", _SMALLER)


def _ended(status: int, output: str, limits: Limits) -> ProtocExecutionError:
    if "program not found or is not executable" in output:
        return _missing()
    if _NO_MEMORY.search(output):
        return _limit("memory", f"at most {limits.memory_bytes:,} bytes; {_SMALLER}")
    if match := _PANIC.search(output):
        return ProtocExecutionError(f"{PLUGIN} crashed: {_shown(match[0])}", hint=_OURS)
    hint = "it ends like this when it cannot write its log: is the disk, or /dev/shm, full?"
    return ProtocExecutionError(
        f"{PLUGIN} failed with status {status}", hint=hint if status == _LOG_STATUS else _OURS
    )


def _refused(text: str) -> ProtocExecutionError:
    if text.startswith("Plugin output is unparseable"):  # and then come its bytes
        return ProtocExecutionError(
            f"protoc cannot read what {PLUGIN} answered", hint=f"is it the real one? {INSTALL}"
        )
    hint = "the plugin wants a package in each file; Protolith's own converter does not"
    return ProtocExecutionError(_shown(text), hint=hint if _NO_PACKAGE in text else None)


def _limit(reason: str, hint: str) -> CompilerRejectedError:
    return CompilerRejectedError(
        f"{PLUGIN} was stopped by what was sent: {reason}", reason=reason, hint=hint
    )


def _missing() -> ProtocExecutionError:
    return ProtocExecutionError(f"{PLUGIN} is not on the PATH", hint=f"{INSTALL}; or: {_OURS}")


def _unwritable(error: OSError) -> CompilerUnavailableError:
    return CompilerUnavailableError(
        f"the plugin's folder cannot be written: {error.strerror}",
        hint="is the disk, or the memory in /dev/shm, full?",
    )


def _shown(text: str) -> str:
    return escape(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _read(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The schema files below a folder; what is not a file of its own is refused."""
    left = _SCHEMA_BYTES
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in (*folders, *sorted(names)):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise ProtocExecutionError(f"{PLUGIN} made something that is not a file")
            if stat.S_ISREG(mode) and path.suffix == _SUFFIX:
                content = _content(path, left)
                left -= len(content)
                yield path.relative_to(folder).as_posix(), content


def _content(path: Path, most: int) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise _limit("output size", f"at most {_SCHEMA_BYTES:,} bytes of schemas; {_SMALLER}")
    return content
