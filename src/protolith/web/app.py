"""The server: one FastAPI application, and one table from errors to statuses."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from protolith import errors
from protolith.compiler import self_test
from protolith.registry import Diagnosis, SchemaRegistry
from protolith.registry.confluent import ConfluentError
from protolith.registry.identities import FAILURE_SECONDS
from protolith.web import confluent
from protolith.web.access import CHALLENGE, Guard, describe_credentials
from protolith.web.admin import lists
from protolith.web.admin import router as admin
from protolith.web.api import router
from protolith.web.bodies import ErrorBody
from protolith.web.evolution import router as evolution
from protolith.web.front import Front
from protolith.web.health import router as health
from protolith.web.health import waiting_for_threads
from protolith.web.limits import server_limits
from protolith.web.logs import REQUEST_ID
from protolith.web.metrics import Metrics
from protolith.web.oidc import Issuer, OidcSettings
from protolith.web.paths import RawPath

STATUS: dict[type[errors.SchemaRegistryError], int] = {
    errors.ProtocExecutionError: 422,
    errors.SchemaValidationError: 400,
    errors.TooLargeError: 413,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.RowsRejectedError: 422,
    errors.EngineError: 422,
    errors.CompilerUnavailableError: 503,
    errors.BrokerUnavailableError: 503,
    errors.EngineUnavailableError: 503,
    errors.UnauthenticatedError: 401,
    errors.ForbiddenError: 403,
    errors.RateLimitedError: 429,
    errors.BusyError: 503,
    errors.StorageFullError: 507,
    errors.StoreUnavailableError: 503,
    errors.StoreDamagedError: 500,
    errors.SchemaRegistryError: 500,
}
_HEADERS = {
    401: {"WWW-Authenticate": CHALLENGE},
    429: {"Retry-After": f"{FAILURE_SECONDS:.0f}"},
    503: {"Retry-After": "5"},
}


def create_app(
    home: str | Path | None = None, *, authentication: bool = False, hosts: Collection[str] = ()
) -> FastAPI:
    """The application over the data directory `home`, as `SchemaRegistry` takes it.

    With `authentication` it answers those alone who are known: by a token, a password, or a JWT of
    the issuer that the environment names. `hosts` are the names it may be asked by, empty for all.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with SchemaRegistry(home) as registry:
            app.state.registry = registry
            if authentication:
                app.state.guard = Guard(registry.identities, issuer())
            await to_thread.run_sync(check_ready, registry)
            yield

    app = FastAPIOffline(
        title="Protolith",
        summary="A protobuf schema registry for analytics.",
        version=version("protolith"),
        lifespan=lifespan,
        redoc_url=None,
        static_url="/static/docs",
    )
    app.state.guard = None
    if authentication:
        describe_credentials(app)
    for part in (health, *confluent.ROUTERS, lists, router, admin, evolution):
        app.include_router(part)
    app.router.redirect_slashes = False
    app.state.metrics = metrics = Metrics()
    metrics.watch("threads_waiting", "Requests that wait for a thread.", waiting_for_threads)
    limits = server_limits()
    app.add_middleware(Front, answer=answered, limits=limits, metrics=metrics, hosts=hosts)
    app.add_middleware(RawPath)  # outermost: it passes a copy of the request on
    app.add_exception_handler(errors.SchemaRegistryError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    return app


def issuer() -> Issuer | None:
    """The issuer of JWTs that the environment names."""
    settings = OidcSettings.from_environment()
    return None if settings is None else Issuer(settings)


def check_ready(registry: SchemaRegistry) -> list[Diagnosis]:
    """Finish what was cut off, and say what that cannot be; raise what keeps it from starting.

    That is the store, the compiler, or its jail.
    """
    found = registry.diagnose(mend=True, unfinished=True)
    self_test()
    return [one for one in found if not one.mended]


def status_of(error: errors.SchemaRegistryError) -> int:
    """The status that answers an error."""
    if isinstance(error, ConfluentError):
        return error.status
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def answered(_request: Request, error: errors.SchemaRegistryError) -> JSONResponse:
    """The answer to a request that is refused."""
    return _answer(status_of(error), error)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.SchemaRegistryError)  # noqa: S101
    return answered(request, error)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    details = [
        errors.Detail(str(found["msg"]), field_path=".".join(map(str, found["loc"])))
        for found in error.errors()
    ]
    message = f"the request to {request.url.path} is not of the right form"
    return _answer(400, errors.MalformedError(message, details=details, hint="see /docs"))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = error.headers or {}
    refused: errors.SchemaRegistryError
    match error.status_code:
        case 404:
            refused = errors.NotFoundError("there is nothing at this path", hint="see /docs")
        case 405:
            hint = f"allowed: {headers.get('Allow', 'see /docs')}"
            refused = errors.MalformedError(f"{request.method} is not allowed here", hint=hint)
        case _:
            refused = errors.MalformedError(str(error.detail), hint="see /docs")
    answer = _answer(error.status_code, refused)
    answer.headers.update(headers)
    return answer


def _answer(status: int, error: errors.SchemaRegistryError) -> JSONResponse:
    body = ErrorBody.model_validate(
        {
            "error_code": error.number if isinstance(error, ConfluentError) else status * 100,
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": [asdict(detail) for detail in error.details],
            "detail": str(error),
            "request_id": REQUEST_ID.get(),
        }
    )
    return JSONResponse(body.model_dump(), status, headers=_HEADERS.get(status))
