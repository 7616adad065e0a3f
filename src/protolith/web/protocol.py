"""The protocol of one connection: uvicorn's, with limits on the head and on how long things take.

uvicorn waits for ever for the rest of a request, and takes headers of any size.
"""

import asyncio
import json
from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from protolith.web.limits import ServerLimits

REASONS = {
    400: ("MALFORMED_REQUEST", "this is not HTTP/1.1"),
    431: ("TOO_LARGE", "the request's line and headers are too large"),
    503: ("BUSY", "there are too many connections"),
}
_PHRASES = {400: "Bad Request", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}
_LAST_SECONDS = 2.0


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Whoever is too slow, or sends too much before a body, is dropped."""

    limits = ServerLimits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: TimerHandle | None = None
        self._writing: TimerHandle | None = None
        self._head = 0  # bytes of a head that has begun; -1 behind it
        self._began = 0.0
        self._received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the head, unless there are too many connections already."""
        super().connection_made(transport)
        self._arm(self.limits.head_seconds, self._drop)
        if len(self.connections) > self.limits.connections:
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        self._arm(0, None)
        self._stop_writing_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, as long as it is not too much."""
        if self.transport.is_closing():
            return
        if self._head == 0 and self._timer is None:  # the first bytes of another request
            self._arm(self.limits.head_seconds, self._drop)
        if self._head >= 0:
            self._head += len(data)
        super().data_received(data)
        if self._head > self.limits.head_bytes and not self.transport.is_closing():
            self._refuse(431)

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large, or names no host or two; else wait for the body."""
        if self.transport.is_closing():
            return
        self._head = -1
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if size > self.limits.head_bytes or len(self.headers) > self.limits.headers:
            self._refuse(431)
        elif hosts != 1 and self.parser.get_http_version() != "1.0":
            self._refuse(400)
        else:
            self._began, self._received = self.loop.time(), 0
            self._arm(self.limits.body_seconds, self._check_body)
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count what has come."""
        if self.transport.is_closing():
            return
        self._received += len(body)
        if self.cycle.response_complete and self._received > self.limits.head_bytes:
            self._close()  # it was answered already, and nobody reads the rest
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is there; the next one may begin."""
        if self.transport.is_closing():
            return
        self._head = 0
        self._arm(0, None)
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read its answer; it may do so for a while."""
        super().pause_writing()
        self._stop_writing_clock()
        self._writing = self.loop.call_later(self.limits.answer_seconds, self._abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_writing_clock()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP is answered like everything else."""
        self._refuse(400)

    def _refuse(self, status: int) -> None:
        code, message = REASONS[status]
        body = {"error_code": status * 100, "code": code, "message": message, "hint": None}
        text = json.dumps({**body, "details": [], "detail": message, "request_id": None})
        again = "retry-after: 5\r\n" if status == 503 else ""  # noqa: PLR2004
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(text)}\r\n{again}connection: close\r\n\r\n"
        )
        self.transport.write((head + text).encode())
        self._close()

    def _check_body(self) -> None:
        """Drop a body that comes too slowly; a pause of ours is not the client's fault."""
        if self.flow.read_paused:
            self._began = self.loop.time()
        slow = self._received / self.limits.body_bytes_a_second
        left = self._began + self.limits.body_seconds + slow - self.loop.time()
        if left > 0:
            self._arm(left, self._check_body)
        else:
            self._drop()

    def _arm(self, seconds: float, call: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if call is None else self.loop.call_later(seconds, call)

    def _stop_writing_clock(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _drop(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._abort()  # the application waits for a body that will not come
        else:
            self._close()

    def _close(self) -> None:
        """Close; and soon by force, since the client may not even read what there is to say."""
        self.transport.close()
        self.loop.call_later(_LAST_SECONDS, self._abort)

    def _abort(self) -> None:
        self.transport.abort()

    def _unsupported_upgrade_warning(self) -> None:
        """Whoever asks for another protocol is answered in this one; that is no news."""


def bounded(limits: ServerLimits) -> type[BoundedProtocol]:
    """The protocol with these limits."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})
