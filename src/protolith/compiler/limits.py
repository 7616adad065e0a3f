"""What one compile may send and use, and how limits are set."""

import os
from dataclasses import dataclass, fields
from typing import TypeVar

from protolith.errors import MalformedError, quoted

T = TypeVar("T")

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one compile; whoever runs the server may raise each of them.

    The first group is counted before a process starts, the second is what the process itself
    gets; `slots` of them run at once, and others wait `slot_seconds` for one.

    The defaults refuse none of 7,204 public `.proto` files but one of 4 MB.
    """

    file_bytes: int = 1 * MIB
    bundle_bytes: int = 8 * MIB
    files: int = 1_000
    nesting: int = 32
    identifier_bytes: int = 300
    dotted_parts: int = 32
    ranges: int = 2_000
    imports: int = 500
    tokens: int = 500_000

    wall_seconds: float = 3.0
    cpu_seconds: int = 2
    memory_bytes: int = 512 * MIB
    output_bytes: int = 16 * MIB
    message_bytes: int = 64 * KIB
    open_files: int = 64
    diagnostics: int = 100
    slots: int = max(2, os.cpu_count() or 2)
    slot_seconds: float = 10.0


PREFIX = "PROTOLITH_COMPILE_"
"""What each limit's environment variable begins with; that of `nesting` ends with NESTING."""


def limits_from_environment(kind: type[T], prefix: str) -> T:
    """The limits of a dataclass, where the environment says so other than its defaults."""
    found = {}
    for field in fields(kind):  # type: ignore[arg-type]
        variable = f"{prefix}{field.name.upper()}"
        text = os.environ.get(variable)
        if text:
            try:
                value = field.type(text)  # type: ignore[operator]
            except ValueError:
                value = -1
            if not 0 < value < float("inf"):
                raise MalformedError(
                    f"{variable}={quoted(text)} is not a limit", hint=f"default: {field.default}"
                )
            found[field.name] = value
    return kind(**found)


DEFAULT_LIMITS = limits_from_environment(Limits, PREFIX)
