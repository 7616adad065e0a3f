"""The process that serves the application."""

import logging.config
import os
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from protolith.errors import SchemaRegistryError
from protolith.registry import SchemaRegistry
from protolith.web.app import check_ready, create_app, issuer
from protolith.web.limits import server_limits
from protolith.web.logs import LogFormat, set_up
from protolith.web.oidc import VARIABLES
from protolith.web.protocol import bounded


@dataclass(frozen=True, slots=True)
class Tls:
    """The server's certificate and key; with `client_ca` a client needs one of that CA's."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def options(self) -> dict[str, Any]:
        """As uvicorn takes them; what cannot be used is raised."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise SchemaRegistryError(
                f"the certificates cannot be used: {error.strerror or error}",
                hint="PEM files: --tls-certificate with its chain, --tls-key, --client-ca",
            ) from None
        return {
            "ssl_certfile": self.certificate,
            "ssl_keyfile": self.key,
            "ssl_ca_certs": self.client_ca,
            "ssl_cert_reqs": ssl.CERT_NONE if self.client_ca is None else ssl.CERT_REQUIRED,
        }


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the server listens, whether it asks who it is, and its names; empty for any name."""

    host: str
    port: int
    authentication: bool = False
    debug: bool = False
    hosts: tuple[str, ...] = ()
    log: LogFormat = "text"
    log_requests: bool = False
    traces: bool = False
    tls: Tls | None = None


def run(
    home: str | Path | None, settings: ServerSettings, *, say: Callable[[str], None] = print
) -> None:
    """Serve the application over the data directory `home` until interrupted.

    What keeps it from starting is raised; `say` takes the sentence that it has started.
    """
    logs = set_up(settings.log, requests=settings.log_requests, debug=settings.debug)
    logging.config.dictConfig(logs)
    host, authentication = settings.host, settings.authentication
    with SchemaRegistry(home) as registry:
        for left in check_ready(registry):  # within the server a failure would be a traceback
            say(f"{left.subject} in {left.engine} is {left.state}: {left.message}")
        if authentication:
            _check_known(registry)
    app = create_app(home, authentication=authentication, hosts=settings.hosts)
    if settings.traces:
        trace(app)
    config = _config(app, settings.tls)
    server = uvicorn.Server(config)
    # A request to stop is the way to stop: the signal comes again when all is finished.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        _listening(host, settings.port) as listener,
        suppress(KeyboardInterrupt),
    ):  # the way to stop it
        scheme = "http" if settings.tls is None else "https"
        address = f"{scheme}://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        who = "whoever asks must be known" if authentication else "whoever asks may do everything"
        say(f"Protolith on {address}, its API described at {address}/docs; {who}")
        server.run(sockets=[listener])
        if not server.started:
            raise SchemaRegistryError("the server could not start", hint="its log says why")


def trace(app: FastAPI, provider: Any = None) -> None:
    """Let OpenTelemetry watch the application; where the traces go, its own variables say."""
    try:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SchemaRegistryError(
            f"OpenTelemetry is not installed ({error.name})",
            hint="pip install 'protolith[opentelemetry]'",
        ) from None
    skipped = "/health,/metrics"
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls=skipped)


def _config(app: FastAPI, tls: Tls | None) -> uvicorn.Config:
    limits = server_limits()
    secure = {} if tls is None else tls.options()
    return uvicorn.Config(
        app,
        http=bounded(limits),
        ws="none",
        access_log=False,  # it would cost a quarter of what the server can answer
        log_config=None,
        server_header=False,
        # Whom to believe about clients behind a proxy; else anybody could say who they are.
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
        timeout_keep_alive=max(1, round(limits.idle_seconds)),
        timeout_graceful_shutdown=max(1, round(limits.shutdown_seconds)),
        backlog=limits.connections,
        **secure,
    )


def _check_known(registry: SchemaRegistry) -> None:
    known = registry.identities
    live = any(token.revoked_at is None for token in known.tokens())
    if issuer() is None and not live and not known.users():
        raise SchemaRegistryError(
            "nobody is known, so nobody could be answered",
            hint="protolith token create NAME --scope admin, protolith user add NAME --scope admin,"
            f" or {VARIABLES['issuer']}",
        )


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
