"""What happens to every request before the routes, and to every answer behind them."""

import re
import secrets
import time
from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protolith.errors import (
    BusyError,
    ForbiddenError,
    MalformedError,
    SchemaRegistryError,
    quoted,
)
from protolith.web.limits import ServerLimits
from protolith.web.logs import REQUEST_ID, log_exchange
from protolith.web.metrics import Exchange, Metrics

Answer = Callable[[Request, SchemaRegistryError], Response]

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY = "default-src 'none'; frame-ancestors 'none'"
# The page that describes the API has a script of its own inside.
_PAGES = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_SAFE = ("GET", "HEAD", "OPTIONS")
_OPEN = ("/health", "/metrics")


class Front:
    """Names each request, refuses too many and those of foreign pages, and dresses each answer.

    `hosts` are the names that the server may be asked by; empty for all. A page in somebody's
    browser can reach a server on the same machine under a name of its own, so that one has a list.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        answer: Answer,
        limits: ServerLimits,
        metrics: Metrics,
        hosts: Collection[str] = (),
    ) -> None:
        self._app = app
        self._answer = answer
        self._most = limits.requests
        self._hosts = frozenset(hosts)
        self._metrics = metrics
        self._running = 0
        about = "Requests that are being answered."
        metrics.watch("http_requests_running", about, lambda: self._running)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        name = _id(headers)
        token, began, status = REQUEST_ID.set(name), time.perf_counter(), 500

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message, name, scope)
            await send(message)

        self._running += 1
        try:
            refusal = self._refusal(scope, headers)
            app = self._app if refusal is None else self._answer(Request(scope), refusal)
            await app(scope, receive, dressed)
        finally:
            self._running -= 1
            seconds = time.perf_counter() - began
            exchange = Exchange(scope["method"], _route(scope), status, seconds)
            self._metrics.note(exchange)
            log_exchange(exchange)
            REQUEST_ID.reset(token)

    def _refusal(self, scope: Scope, headers: Headers) -> SchemaRegistryError | None:
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return MalformedError(
                f"this server is not called {quoted(host)}",
                hint=f"it is called {' or '.join(sorted(self._hosts))}",
            )
        if scope["method"] not in _SAFE and _foreign(headers, host):
            return ForbiddenError(
                "a page of another site may not change anything here", hint="CORS is off"
            )
        if self._running > self._most and not scope["path"].startswith(_OPEN):
            return BusyError("too many requests at once", hint="try again in a moment")
        return None


def _id(headers: Headers) -> str:
    """The client's own id if it is harmless, so that several servers' logs go together."""
    given = headers.get("x-request-id", "")
    return given if re.fullmatch("[A-Za-z0-9._-]{8,64}", given) else secrets.token_hex(8)


def _dress(message: Message, name: str, scope: Scope) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Request-ID"] = name
    for key, value in _HEADERS.items():
        headers.setdefault(key, value)
    if scope.get("scheme") == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000"
    path = scope["path"]
    pages = path == "/docs" or path.startswith("/static/")
    headers["Content-Security-Policy"] = _PAGES if pages else _POLICY


def _route(scope: Scope) -> str:
    """The template of the route, so that what counts requests does not grow with subjects."""
    return str(getattr(scope.get("route"), "path", "none")).replace(":segment}", "}")


def _name(host: str) -> str:
    """A host without its port."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:]*)(:[0-9]*)?", host)
    return found[1].lower().strip("[]") if found else ""


def _foreign(headers: Headers, host: str) -> bool:
    """Whether a browser says that the page which sends this is of another site."""
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != host
