"""Config and mode, of subjects, contexts and all."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from protolith.web.access import needs
from protolith.web.api import Registry, work_in_thread
from protolith.web.confluent.answers import object_request
from protolith.web.confluent.lenient import ROUTES, Answer, Flag, body_of

router = APIRouter(**ROUTES)

Object = dict[str, Any]


@router.get("/config", openapi_extra=needs("read"), response_model=Object)
async def get_default_config(registry: Registry) -> Response:
    """What new versions must keep to, and more, where nothing else is set."""
    return Answer(await work_in_thread(registry.confluent.settings.config, None))


@router.put("/config", response_model=Object, openapi_extra=object_request() | needs("admin", "*"))
async def set_default_config(request: Request, registry: Registry) -> Response:
    """Set what the body holds for all; keys that it leaves out stay."""
    body = await body_of(request)
    return Answer(await work_in_thread(registry.confluent.settings.set_config, None, body))


@router.delete("/config", openapi_extra=needs("admin", "*"), response_model=Object)
async def delete_default_config(registry: Registry) -> Response:
    """Forget what is set for all."""
    return Answer(await work_in_thread(registry.confluent.settings.delete_config, None))


@router.get("/config/{subject}", openapi_extra=needs("read"), response_model=Object)
async def get_config(registry: Registry, subject: str, defaultToGlobal: Flag = False) -> Response:
    """What is set for a subject, or for a context such as `:.name:`."""
    call = registry.confluent.settings.config
    return Answer(await work_in_thread(call, subject, inherited=defaultToGlobal))


@router.put(
    "/config/{subject}", response_model=Object, openapi_extra=object_request() | needs("admin")
)
async def set_config(request: Request, registry: Registry, subject: str) -> Response:
    """Set what the body holds for a subject or a context."""
    body = await body_of(request)
    return Answer(await work_in_thread(registry.confluent.settings.set_config, subject, body))


@router.delete("/config/{subject}", openapi_extra=needs("admin"), response_model=Object)
async def delete_config(registry: Registry, subject: str) -> Response:
    """Let a subject or a context inherit again; what was set."""
    return Answer(await work_in_thread(registry.confluent.settings.delete_config, subject))


@router.get("/mode", openapi_extra=needs("read"), response_model=Object)
async def get_default_mode(registry: Registry) -> Response:
    """Whether subjects may change, where nothing else is set."""
    return Answer({"mode": await work_in_thread(registry.confluent.settings.access, None)})


@router.put("/mode", response_model=Object, openapi_extra=object_request() | needs("admin", "*"))
async def set_default_mode(request: Request, registry: Registry, force: Flag = False) -> Response:
    """Say whether subjects may change: READWRITE, READONLY and others."""
    return await _set_mode(request, registry, None, force=force)


@router.delete("/mode", openapi_extra=needs("admin", "*"), response_model=Object)
async def delete_default_mode(registry: Registry, recursive: Flag = False) -> Response:
    """Forget the mode of all."""
    call = registry.confluent.settings.delete_access
    return Answer({"mode": await work_in_thread(call, None, recursive=recursive)})


@router.get("/mode/{subject}", openapi_extra=needs("read"), response_model=Object)
async def get_mode(registry: Registry, subject: str, defaultToGlobal: Flag = False) -> Response:
    """Whether a subject may change."""
    call = registry.confluent.settings.access
    return Answer({"mode": await work_in_thread(call, subject, inherited=defaultToGlobal)})


@router.put(
    "/mode/{subject}", response_model=Object, openapi_extra=object_request() | needs("admin")
)
async def set_mode(
    request: Request, registry: Registry, subject: str, force: Flag = False
) -> Response:
    """Say whether a subject, or those of a context, may change."""
    return await _set_mode(request, registry, subject, force=force)


@router.delete("/mode/{subject}", openapi_extra=needs("admin"), response_model=Object)
async def delete_mode(registry: Registry, subject: str, recursive: Flag = False) -> Response:
    """Let a subject or a context inherit its mode again; the one it had."""
    call = registry.confluent.settings.delete_access
    return Answer({"mode": await work_in_thread(call, subject, recursive=recursive)})


async def _set_mode(
    request: Request, registry: Registry, subject: str | None, *, force: bool
) -> Response:
    body = await body_of(request)
    call = registry.confluent.settings.set_access
    return Answer({"mode": await work_in_thread(call, subject, body, force=force)})
