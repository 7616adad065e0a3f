"""The process that serves the application."""

import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from protolith.errors import SchemaRegistryError
from protolith.registry import SchemaRegistry
from protolith.web.app import check_ready, create_app


def run(
    home: str | Path | None,
    *,
    host: str,
    port: int,
    say: Callable[[str], None] = print,
    debug: bool = False,
) -> None:
    """Serve the application over the data directory `home` until interrupted.

    What keeps it from starting is raised; `say` takes the sentence that it has started.
    """
    if debug:
        logging.getLogger("protolith").setLevel(logging.DEBUG)
    with SchemaRegistry(home) as registry:
        for left in check_ready(registry):  # within the server a failure would be a traceback
            say(f"{left.subject} in {left.engine} is {left.state}: {left.message}")
    # The access log would cost a quarter of what the server can answer.
    config = uvicorn.Config(create_app(home), access_log=False, log_level="warning")
    server = uvicorn.Server(config)
    with _listening(host, port) as listener, suppress(KeyboardInterrupt):  # the way to stop it
        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        say(f"Protolith on {address}, its API described at {address}/docs")
        server.run(sockets=[listener])
        if not server.started:
            raise SchemaRegistryError("the server could not start", hint="its log says why")


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error  # without Python's addition
        raise SchemaRegistryError(
            f"cannot listen on {host}:{port}: {reason}",
            hint="another server may be there: choose another --port",
        ) from None
