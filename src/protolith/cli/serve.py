"""The server command."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from protolith.cli.output import OUTPUT
from protolith.errors import MalformedError, SchemaRegistryError

_Flag = Annotated[bool, Parameter(negative="")]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8081,
    auth: _Flag = False,
    insecure_no_auth: _Flag = False,
    allow_host: tuple[str, ...] = (),
    tls_certificate: Path | None = None,
    tls_key: Path | None = None,
    client_ca: Path | None = None,
    log: Literal["text", "json"] = "text",
    log_requests: _Flag = False,
    traces: _Flag = False,
) -> None:
    """Serve the REST API, its OpenAPI page at /docs, until interrupted.

    Parameters
    ----------
    host: str
        The address to listen on; another than this machine's own needs --auth.
    port: int
        The port to listen on.
    auth: bool
        Answer those alone who have a token, a password, or a JWT of PROTOLITH_OIDC_ISSUER.
    insecure_no_auth: bool
        Let everybody who reaches the address do everything, for example behind a proxy that asks.
    allow_host: tuple[str, ...]
        Another name that a server without --auth on this machine's own address may be asked by.
    tls_certificate: Path | None
        A PEM file with the server's certificate and its chain, for HTTPS.
    tls_key: Path | None
        A PEM file with its key.
    client_ca: Path | None
        A PEM file with the CA whose certificates clients must have.
    log: Literal["text", "json"]
        How lines of the log on standard error look.
    log_requests: bool
        Write a line about each answer, too.
    traces: bool
        Let OpenTelemetry follow requests; its own OTEL_ variables say where to.
    """
    if (tls_certificate is None) != (tls_key is None) or (client_ca and not tls_key):
        raise MalformedError(
            "a certificate needs its key, and a CA of clients both",
            hint="--tls-certificate FILE --tls-key FILE --client-ca FILE",
        )
    if host not in LOOPBACK and not (auth or insecure_no_auth or client_ca):
        raise SchemaRegistryError(
            f"refusing to listen on {host}, where others could do everything without a password",
            hint="make a token with `protolith token create NAME --scope admin` and serve with"
            " --auth; or, if something before it asks who it is, with --insecure-no-auth",
        )
    try:
        from protolith.web.serving import ServerSettings, Tls, run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SchemaRegistryError(
            f"the server is not installed ({error.name})", hint="pip install 'protolith[server]'"
        ) from None
    near = host in LOOPBACK and not auth
    settings = ServerSettings(
        host,
        port,
        authentication=auth,
        debug=OUTPUT.debug,
        hosts=(*LOOPBACK, *allow_host) if near else (),
        log=log,
        log_requests=log_requests,
        traces=traces,
        tls=Tls(tls_certificate, tls_key, client_ca) if tls_certificate and tls_key else None,
    )
    run(OUTPUT.home, settings, say=OUTPUT.say)
