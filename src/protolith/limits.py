"""How limits are set, and those on data; a compile and a server have their own."""

import os
from dataclasses import dataclass, fields
from typing import TypeVar

from protolith.errors import MalformedError, quoted

T = TypeVar("T")

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

DATA_PREFIX = "PROTOLITH_DATA_"
"""What each limit's environment variable begins with."""


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


@dataclass(frozen=True, slots=True)
class DataLimits:
    """The limits on tables, records and answers."""

    columns: int = 10_000
    descriptor_bytes: int = 16 * MIB
    record_bytes: int = 64 * MIB
    decoded_bytes: int = 1 * GIB
    reported_records: int = 1_000
    page: int = 1_000
    labels: int = 64


DATA = limits_from_environment(DataLimits, DATA_PREFIX)
