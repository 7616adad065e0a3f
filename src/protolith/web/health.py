"""Whether the server lives, whether it is ready, and what it counts."""

from dataclasses import asdict

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from protolith.compiler import compiler_version, jail
from protolith.registry import Readiness
from protolith.web.access import needs
from protolith.web.api import ERRORS, Registry, work_in_thread
from protolith.web.bodies import EngineHealth, Health, Live
from protolith.web.metrics import CONTENT_TYPE
from protolith.web.requests import StrictRoute

router = APIRouter(responses=ERRORS, route_class=StrictRoute)


@router.get("/health", openapi_extra=needs(None))
async def health(request: Request, registry: Registry) -> Health:
    """Whether the server is alive, and what it works with."""
    return Health(
        version=request.app.version,
        compiler=compiler_version(),
        jail=jail(),
        engines={
            name: EngineHealth(installed=installed, mode=mode)
            for name, (installed, mode) in registry.engines.states().items()
        },
    )


@router.get("/health/live", openapi_extra=needs(None))
async def live() -> Live:
    """Whether the process answers at all; it looks at nothing."""
    return Live()


@router.get("/health/ready", openapi_extra=needs(None), responses={503: {"model": Readiness}})
async def ready(registry: Registry) -> Readiness:
    """Whether it can do its work: store, compiler, and the engines that have tables; else 503."""
    found = await work_in_thread(registry.readiness)
    if found.ready:
        return found
    return JSONResponse(asdict(found), 503, {"Retry-After": "5"})  # type: ignore[return-value]


@router.get(
    "/metrics",
    openapi_extra=needs("read"),
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """What was counted since the start, as Prometheus reads it: no name of a subject is in it."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)


def waiting_for_threads() -> float:
    """How many requests wait for a thread."""
    return float(to_thread.current_default_thread_limiter().statistics().tasks_waiting)
