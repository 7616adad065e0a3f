"""The server command."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from protolith.cli.output import OUTPUT
from protolith.errors import SchemaRegistryError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8081,
) -> None:
    """Serve the REST API, its OpenAPI page at /docs, until interrupted.

    Parameters
    ----------
    host: str
        The address to listen on. There is no authentication yet, so only this machine's own.
    port: int
        The port to listen on.
    """
    if host not in LOOPBACK:
        raise SchemaRegistryError(
            f"refusing to listen on {host}: there is no authentication yet",
            hint="listen on 127.0.0.1 and put a proxy with authentication before it",
        )
    try:
        from protolith.web.serving import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SchemaRegistryError(
            f"the server is not installed ({error.name})", hint="pip install 'protolith[server]'"
        ) from None
    run(OUTPUT.home, host=host, port=port, say=OUTPUT.say, debug=OUTPUT.debug)
