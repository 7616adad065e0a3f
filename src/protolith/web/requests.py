"""What every request must be before a route sees it; the framework alone takes more.

Text is UTF-8, JSON is what its standard says, parameters and parts are known and given once, and no
body is larger than allowed. What nobody foresaw is answered as an error like every other.
"""

import json
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, get_args
from urllib.parse import unquote_to_bytes

from anyio import to_thread
from fastapi import params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive

from protolith.errors import Detail, MalformedError, SchemaRegistryError, TooLargeError, quoted
from protolith.store import Grant, acting_as, limited_to
from protolith.web.access import Guard, Needs
from protolith.web.limits import server_limits
from protolith.web.paths import restore

MAX_BODY = server_limits().body_bytes

_UTF8 = "every text here is UTF-8"
_FORESEEN = (SchemaRegistryError, HTTPException, RequestValidationError)
_log = logging.getLogger(__name__)


class GuardedRoute(APIRoute):
    """A route that says which scope it needs, and whose parameters are each decoded alone."""

    def __init__(self, path: str, *args: Any, **options: Any) -> None:
        self.needs = Needs.said_by(options.get("openapi_extra"), path)
        super().__init__(path, *args, **options)


class StrictRoute(GuardedRoute):
    """A route that knows who asks, reads strictly, and never fails without an answer."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The framework's handler with the checks before it."""
        answer = super().get_route_handler()
        parameters = {
            field.alias: int in (annotation := field.field_info.annotation, *get_args(annotation))
            for field in self.dependant.query_params
        }
        parts = {
            field.alias: isinstance(field.field_info, params.File)
            for field in self.dependant.body_params
            if isinstance(field.field_info, params.Form)
        }
        has_json = self.body_field is not None and not parts
        needed = self.needs

        async def handle(request: Request) -> Response:
            strict = StrictRequest(request.scope, limited(request), parts)
            try:
                with await admitted(request, needed):
                    _check_target(request, parameters)
                    if has_json:
                        await strict.json()
                    elif parts:
                        await strict.form()
                    return await answer(strict)
            except _FORESEEN:
                raise
            except ClientDisconnect:
                raise MalformedError("the request ended before its body did") from None
            except Exception as error:
                raise unforeseen(request, error) from error

        return handle


async def admitted(request: Request, needed: Needs) -> AbstractContextManager[None]:
    """A block within which whoever asks does and sees no more than is granted."""
    restore(request.scope)
    address = request.client.host if request.client else "unknown"
    guard: Guard | None = request.app.state.guard
    if guard is None:  # the server asks nobody
        return _acting(f"rest:{address}", None)
    if needed.scope is None:
        return _acting(f"rest:{address}", ())
    said = request.headers.getlist("authorization")
    if len(said) > 1:
        raise MalformedError("the header Authorization is there twice", hint="send it once")
    asked = request.app.state.registry, request.path_params
    call = guard.admit
    caller = await to_thread.run_sync(call, needed, said[0] if said else "", address, asked)
    return _acting(f"{caller.name}@{address}", caller.grants)


@contextmanager
def _acting(actor: str, grants: tuple[Grant, ...] | None) -> Iterator[None]:
    with acting_as(actor), limited_to(grants):
        yield


class StrictRequest(Request):
    """A request whose JSON and whose parts are read strictly; `parts` says which are files."""

    def __init__(self, scope: Any, receive: Receive, parts: dict[str, bool]) -> None:
        super().__init__(scope, receive)
        self._parts = parts
        self._read: Any = None

    async def json(self) -> Any:
        """The body as JSON."""
        if self._read is None:
            self._read = [_parse_json(self.headers, await self.body())]
        return self._read[0]

    async def form(self, **_: Any) -> FormData:  # type: ignore[override]
        """The body as its parts."""
        if self._read is None:
            self._read = await _parse_form(self, self._parts)
        form: FormData = self._read
        return form


def _check_target(request: Request, parameters: Mapping[str, bool]) -> None:
    """`parameters` are those that are known, and whether each is a whole number."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"", "identity"}:
        raise MalformedError(f"the encoding {quoted(coding)} is not taken", hint="send it as it is")
    try:
        for text in (request.scope.get("raw_path", b""), request.scope["query_string"]):
            unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise MalformedError("the path or the query is not UTF-8", hint=_UTF8) from None
    if not request.scope["query_string"]:
        return
    seen: set[str] = set()
    for name, text in request.query_params.multi_items():
        if name not in parameters or name in seen:
            fault = "given twice" if name in seen else "not known"
            known = ", ".join(sorted(parameters)) or "none"
            raise MalformedError(
                f"the query parameter {quoted(name)} is {fault}", hint=f"known here: {known}"
            )
        if parameters[name] and not re.fullmatch("0|-?[1-9][0-9]{0,17}", text, re.ASCII):
            raise MalformedError(
                f"the query parameter {quoted(name)} is not a whole number", hint="such as 10"
            )
        seen.add(name)


def limited(request: Request) -> Receive:
    """The body of a request, as long as it is not larger than allowed."""
    length = request.headers.get("content-length", "")
    announced = int(length) if re.fullmatch("[0-9]{1,18}", length) else 0

    def check(size: int) -> None:
        if size > MAX_BODY:
            raise TooLargeError(f"the body has more than {MAX_BODY:,} bytes", hint="send less")

    received = 0

    async def receive() -> Message:
        nonlocal received
        check(announced)
        message = await request.receive()
        received += len(message.get("body", b""))
        check(received)
        return message

    return receive


def _parse_json(headers: Headers, body: bytes) -> Any:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise MalformedError(
            f"the body is {quoted(kind) if kind else 'of no type'}, not JSON",
            hint="send Content-Type: application/json",
        )
    return read_json(body)


def read_json(body: bytes) -> Any:
    """JSON in UTF-8, as its standard says."""
    try:
        text = body.decode()
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise _not_json(Detail(error.msg, "body", error.lineno, error.colno)) from None
    except UnicodeDecodeError as error:
        raise _not_json(Detail(f"not UTF-8 at byte {error.start}", "body")) from None
    except UnicodeEncodeError:
        raise _not_json(Detail("a lone surrogate in a text", "body")) from None
    except RecursionError:
        raise _not_json(Detail("nested too deep", "body")) from None
    except ValueError as error:  # ours, and Python's own for numbers of thousands of digits
        raise _not_json(Detail(str(error).partition(":")[0], "body")) from None
    return value


def _not_json(detail: Detail) -> MalformedError:
    return MalformedError("the body is not JSON", details=[detail], hint="see /docs")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quoted(twice)} is there twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")


class _Parser(MultiPartParser):
    """Insists on the last boundary: without it the end of the body may be missing."""

    ended = False

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers, self._whole(stream))

    def on_end(self) -> None:
        self.ended = True

    async def _whole(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self.ended:
            raise MultiPartException("the last boundary is missing")


async def _parse_form(request: Request, parts: dict[str, bool]) -> FormData:
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise MalformedError("the body is not multipart/form-data", hint="see /docs")
    # As Latin-1 every byte comes through, also those that the framework would guess about.
    headers = Headers({"content-type": f"{kind}; charset=latin-1"})
    parser = _Parser(headers, request.stream())
    try:
        form = await parser.parse()
    except MultiPartException as error:
        what = f"the body is not multipart/form-data: {error.message}"
        raise MalformedError(what, hint="see /docs") from None
    try:
        return FormData(list(_checked_parts(form, parts)))
    except MalformedError:
        await form.close()
        raise


def _checked_parts(form: FormData, parts: dict[str, bool]) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for raw, value in form.multi_items():
        name = _utf8(raw, "the name of a part")
        is_file = parts.get(name)
        if is_file is None or (name in seen and not is_file):
            fault = "not known" if is_file is None else "there twice"
            hint = f"known parts: {', '.join(parts)}"
            raise MalformedError(f"the part {quoted(name)} is {fault}", hint=hint)
        seen.add(name)
        if isinstance(value, UploadFile) != is_file:
            kind = "a file, with a file name" if is_file else "a text, without a file name"
            raise MalformedError(f"the part {name} must be {kind}", hint="see /docs")
        if isinstance(value, UploadFile):
            value.filename = _utf8(value.filename or "", "a file name")
        else:
            value = _utf8(value, f"the part {name}")  # noqa: PLW2901
        yield name, value


def _utf8(latin: str, what: str) -> str:
    try:
        return latin.encode("latin-1").decode()
    except UnicodeError:
        raise MalformedError(f"{what} is not UTF-8", hint=_UTF8) from None


def unforeseen(request: Request, error: Exception) -> SchemaRegistryError:
    """What answers for an error that nobody foresaw; the log has it."""
    what = f"{type(error).__name__}: {quoted(str(error))}"
    trace = error if _log.isEnabledFor(logging.DEBUG) else None
    path = quoted(request.scope["path"])
    _log.error("%s %s failed: %s", request.method, path, what, exc_info=trace)
    return SchemaRegistryError(
        "something went wrong here", hint="the server's log says what; --debug says where"
    )
