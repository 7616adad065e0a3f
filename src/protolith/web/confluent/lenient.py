"""Requests and answers as clients of Confluent's registry expect them.

Unknown parameters and properties are ignored, numbers and booleans are read as these clients write
them, and every refusal has the number that they know.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BeforeValidator
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from protolith.errors import SchemaRegistryError
from protolith.registry.confluent import ConfluentError, translating
from protolith.web.confluent.answers import REFUSALS
from protolith.web.requests import GuardedRoute, admitted, limited, read_json, unforeseen

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_TAKEN = ("", MEDIA_TYPE, "application/vnd.schemaregistry+json", "application/json")
_BINARY = "application/octet-stream"


def _truth(value: Any) -> bool:
    return str(value).lower() == "true"


def _whole(value: Any) -> int:
    text = str(value).strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 10 else -1  # noqa: PLR2004


Flag = Annotated[bool, BeforeValidator(_truth), Query()]
Count = Annotated[int, BeforeValidator(_whole), Query()]
Word = Annotated[str | None, Query()]


class Answer(Response):
    """JSON under the type that these clients ask for."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """The value as JSON."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


class LenientRoute(GuardedRoute):
    """A route that reads its request as Confluent does."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The framework's handler, with errors in Confluent's terms."""
        answer = super().get_route_handler()
        needed = self.needs

        async def respond(request: Request) -> Response:
            sent = Request(request.scope, limited(request))
            try:
                with await admitted(request, needed), translating():
                    return _plain(request, await answer(sent))
            except (SchemaRegistryError, HTTPException, RequestValidationError):
                raise
            except ClientDisconnect:
                raise ConfluentError(400, "the request ended before its body did") from None
            except Exception as error:
                raise unforeseen(request, error) from error

        return respond


class AskedRoute(LenientRoute):
    """A route for requests with a parameter that only these clients send."""

    names = frozenset({"subjectPrefix", "deletedOnly", "latestOnly", "offset", "aliases"})

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Nothing, where no such parameter is given."""
        query = scope.get("query_string", b"").decode("latin-1")
        given = {part.partition("=")[0] for part in query.split("&")}
        return super().matches(scope) if given & self.names else (Match.NONE, {})


TAG = "Confluent"
ROUTES: dict[str, Any] = {
    "responses": REFUSALS,
    "route_class": LenientRoute,
    "default_response_class": Answer,
    "tags": [TAG],
}
"""What all routers of this surface are made with."""


def _plain(request: Request, answer: Response) -> Response:
    accepted = request.headers.get("accept", "")
    if accepted.startswith("application/json") and answer.media_type == MEDIA_TYPE:
        answer.headers["content-type"] = "application/json"
    return answer


async def body_of(request: Request) -> Any:
    """The body as JSON, whatever of the usual types it says it is."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (*_TAKEN, _BINARY):
        raise ConfluentError(415, f"HTTP 415 Unsupported Media Type: {kind[:100]!r}")
    try:
        return read_json(await request.body())
    except SchemaRegistryError as error:
        if error.code == "TOO_LARGE":
            raise
        raise ConfluentError(400, str(error), cause=error) from None


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list is asked for; a limit that is not above zero is none."""

    offset: Count = 0
    limit: Count = -1

    def of(self, found: list[Any]) -> list[Any]:
        """That part."""
        start = max(self.offset, 0)
        return found[start : start + self.limit] if self.limit > 0 else found[start:]


Paged = Annotated[Page, Depends()]
