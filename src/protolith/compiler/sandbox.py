"""The jail: one fresh process, with limits, an empty environment and nothing left afterwards.

The compiler runs hostile input in C++, so it is treated as hostile itself. The limits are set by
a wrapper program, never by `preexec_fn`: that forks the server, slowly and unsafely with threads.
"""

import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, cast

from protolith.compiler.limits import DEFAULT_LIMITS, Limits
from protolith.counts import count
from protolith.errors import BusyError, CompilerRejectedError, CompilerUnavailableError

WORKING_FOLDER = "src"
_SLOTS = BoundedSemaphore(DEFAULT_LIMITS.slots)
_PREFIX = "protolith-compile-"
_STALE_SECONDS = 3600
_BLOCK = 512  # bytes in a unit of `ulimit -f`, in sh
_WRAPPER_FAILED = (125, 126, 127)
_SIGNALLED = 128  # bwrap and sh end with this plus the number of the signal
_MEMORY_LIMITED = sys.platform != "darwin"  # macOS takes no limit on the address space
# bwrap maps a dynamic compiler's libraries; the packaged one is static and needs nothing.
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")


def wrapper(program: Path) -> str:
    """The kind of jail in force for a program: `bwrap`, `prlimit` or `ulimit`."""
    path = os.environ.get("PATH")
    if _bwrap(path, program):
        return "bwrap"
    return "prlimit" if _tool("prlimit", path) else "ulimit"


def memory_is_limited() -> bool:
    """Whether this system enforces the limit on memory."""
    return _MEMORY_LIMITED


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder in memory that nobody else can enter; it is gone afterwards, whatever happens."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_base()))
        (folder / WORKING_FOLDER).mkdir()
    except OSError as error:
        raise _unavailable(f"no folder for the compiler: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of compiles that were killed more than an hour ago."""
    for folder in _base().glob(f"{_PREFIX}*"):
        with suppress(OSError):
            info = folder.lstat()
            if info.st_uid == os.getuid() and info.st_mtime < time.time() - _STALE_SECONDS:
                shutil.rmtree(folder)


def run(
    program: Path, arguments: Sequence[str], folder: Path, readable: Sequence[Path], limits: Limits
) -> tuple[int, str]:
    """Run a program in `folder`/src: its exit status, and what it printed.

    Raises `CompilerRejectedError` when it dies of a signal or runs into a limit, and
    `CompilerUnavailableError` when it cannot be started.
    """
    with _slot():
        return _run(_command(program, arguments, folder, readable, limits), folder, limits)


@contextmanager
def _slot() -> Iterator[None]:
    """One of few: else some slow compiles would take every core and every thread of a server."""
    if not _SLOTS.acquire(timeout=DEFAULT_LIMITS.slot_seconds):
        count("compiles", outcome="busy")
        raise BusyError("too many schemas are being compiled", hint="try again in a moment")
    try:
        yield
    finally:
        _SLOTS.release()


def _command(
    program: Path, arguments: Sequence[str], folder: Path, readable: Sequence[Path], limits: Limits
) -> list[str]:
    enclosed = []
    if bwrap := _bwrap(os.environ.get("PATH"), program):
        enclosed = _enclosure(bwrap, program, folder, readable)
    return [*_limiter(limits), *enclosed, str(program), *arguments]


def _run(command: Sequence[str], folder: Path, limits: Limits) -> tuple[int, str]:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder / WORKING_FOLDER,
            env={},
            start_new_session=True,
        )
    except OSError as error:
        raise _unavailable(f"{command[0]}: {error.strerror}") from error
    with process:
        try:
            output, reason = _listen(process, limits)
        finally:
            if process.returncode is None:
                _kill(process)
    text = output.decode(errors="replace")
    if reason is None:
        reason = _reason(process.returncode, text)
    if reason is not None:
        count("compiles", outcome="stopped", reason=reason)
        raise _rejected(reason, text, limits)
    _check_wrapper(process.returncode, text)
    count("compiles", outcome="refused" if process.returncode else "done")
    return process.returncode, text


def _listen(process: subprocess.Popen[bytes], limits: Limits) -> tuple[bytes, str | None]:
    """What the process prints until it ends, and the reason to kill it if it does not."""
    deadline = time.monotonic() + limits.wall_seconds
    pipe = cast("IO[bytes]", process.stdout)
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(pipe.fileno(), limits.message_bytes)
            output += chunk
            if len(output) > limits.message_bytes:
                return output[: limits.message_bytes], "messages"
            if not chunk:
                ended = _ends(process, max(0.0, deadline - time.monotonic()))
                return output, None if ended else "wall time"
    return output, "wall time"


def _ends(process: subprocess.Popen[bytes], seconds: float) -> bool:
    # Its status is left where it is: so long nobody else gets its number, and with it our kill.
    try:
        watch = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # macOS, and Linux before 5.3
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.returncode is not None
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(watch, selectors.EVENT_READ)
            return bool(selector.select(seconds))
    finally:
        os.close(watch)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process with all that it started, unless they are gone already."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _reason(status: int, text: str) -> str | None:
    number = -status if status < 0 else status - _SIGNALLED
    if number <= 0:
        return None
    if number == signal.SIGXCPU:
        return "CPU time"
    if number == signal.SIGXFSZ:
        return "output size"
    if "bad_alloc" in text:
        return "memory"
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"


def _rejected(reason: str, text: str, limits: Limits) -> CompilerRejectedError:
    hints = {
        "CPU time": f"at most {limits.cpu_seconds} s; split the schema",
        "wall time": f"at most {limits.wall_seconds} s; split the schema, or try again later",
        "memory": f"at most {limits.memory_bytes:,} bytes; shorten names, split large messages",
        "output size": f"at most {limits.output_bytes:,} bytes of descriptors; split the schema",
        "messages": f"too many errors; the first one is {text.partition(chr(10))[0]!r}",
    }
    return CompilerRejectedError(
        f"the compiler was stopped by what was sent: {reason}",
        reason=reason,
        hint=hints.get(reason, "deeply nested options and very large messages can do that"),
    )


def _check_wrapper(status: int, text: str) -> None:
    broken = text.startswith(("prlimit: ", "bwrap: ", "sh: "))
    if status in _WRAPPER_FAILED or (status != 0 and broken):
        raise _unavailable(text.partition("\n")[0])


def _unavailable(why: str) -> CompilerUnavailableError:
    return CompilerUnavailableError(
        f"the compiler could not be started: {why}",
        hint="this is a problem of the machine, not of the schema; try again",
    )


def _limiter(limits: Limits) -> list[str]:
    cpu = limits.cpu_seconds
    program = _tool("prlimit", os.environ.get("PATH"))
    memory = _allowed(resource.RLIMIT_AS, limits.memory_bytes)
    size = _allowed(resource.RLIMIT_FSIZE, limits.output_bytes)
    files = _allowed(resource.RLIMIT_NOFILE, limits.open_files)
    if program:
        # The hard limit is a second later: only the soft one says that it was about time.
        parts = [f"--cpu={cpu}:{cpu + 1}", f"--as={memory}", f"--fsize={size}"]
        return [program, *parts, f"--nofile={files}", "--core=0"]
    parts = [f"ulimit -S -t {cpu}", f"ulimit -H -t {cpu + 1}", f"ulimit -f {size // _BLOCK}"]
    parts += [f"ulimit -n {files}", "ulimit -c 0"]
    parts += [f"ulimit -v {memory // 1024}"] if _MEMORY_LIMITED else []
    return ["/bin/sh", "-c", f'{{ {" && ".join(parts)}; }} || exit 126; exec "$@"', "sh"]


def _allowed(which: int, wanted: int) -> int:
    # Nobody but root may raise a hard limit, so a lower one that is already in force stays.
    hard = resource.getrlimit(which)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _enclosure(bwrap: str, program: Path, folder: Path, readable: Sequence[Path]) -> list[str]:
    arguments = [bwrap, "--unshare-all", "--die-with-parent"]
    for library in _LIBRARIES:
        arguments += ["--ro-bind-try", library, library]
    for path in (*readable, program):
        arguments += ["--ro-bind", str(path), str(path)]
    return [
        *arguments,
        "--bind",
        str(folder),
        str(folder),
        "--chdir",
        str(folder / WORKING_FOLDER),
        "--",
    ]


@cache
def _tool(name: str, path: str | None) -> str | None:
    return shutil.which(name, path=path)


@cache
def _bwrap(path: str | None, program: Path) -> str | None:
    # It may be installed and still be of no use: containers often forbid user namespaces.
    found = _tool("bwrap", path)
    if found is None:
        return None
    with private_folder() as folder:
        command = [*_enclosure(found, program, folder, ()), str(program), "--version"]
        try:
            return found if _run(command, folder, DEFAULT_LIMITS)[0] == 0 else None
        except (CompilerRejectedError, CompilerUnavailableError):
            return None


@cache
def _base() -> Path:
    memory = Path("/dev") / "shm"
    return memory if os.access(memory, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
