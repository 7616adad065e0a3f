"""What one server takes from its clients before it refuses or drops them."""

from dataclasses import dataclass

from protolith.limits import KIB, MIB, limits_from_environment

PREFIX = "PROTOLITH_HTTP_"
"""What the environment variable of each limit begins with."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """The limits of a server; each can be set by an environment variable.

    Whoever runs into the first group is answered; into the second, dropped.
    """

    body_bytes: int = 64 * MIB
    head_bytes: int = 64 * KIB
    headers: int = 100
    requests: int = 256
    connections: int = 2_000

    head_seconds: float = 10.0
    body_seconds: float = 30.0
    body_bytes_a_second: int = 16 * KIB
    answer_seconds: float = 60.0
    idle_seconds: float = 60.0
    shutdown_seconds: float = 20.0


def server_limits() -> ServerLimits:
    """The limits that the environment sets."""
    return limits_from_environment(ServerLimits, PREFIX)
