"""Which topics and tables use which subjects."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from protolith.registry import SchemaRegistry
from protolith.registry.confluent import ConfluentError, translating
from protolith.web.access import needs
from protolith.web.api import Registry, work_in_thread
from protolith.web.confluent.answers import object_request
from protolith.web.confluent.lenient import ROUTES, Answer, Flag, Paged, Word, body_of

router = APIRouter(**ROUTES)

Types = Annotated[list[str] | None, Query()]
Object = dict[str, Any]


def _wanted(
    resourceType: Word = None, associationType: Types = None, lifecycle: Word = None
) -> Object:
    return {
        "resourceType": resourceType,
        "associationType": associationType,
        "lifecycle": lifecycle,
    }


Wanted = Annotated[Object, Depends(_wanted)]


@router.get(
    "/associations/resources/{namespace}/{name}",
    openapi_extra=needs("read"),
    response_model=list[Object],
)
async def by_name(
    registry: Registry,
    namespace: str,
    name: str,
    paged: Paged,
    wanted: Wanted,
) -> Response:
    """The subjects that a topic uses, or with `resourceType=table` a table; `-` is any name."""
    found = await work_in_thread(registry.confluent.associations.by_name, namespace, name, wanted)
    return Answer(paged.of(found))


@router.get(
    "/associations/resources/{resource_id}",
    openapi_extra=needs("read"),
    response_model=list[Object],
)
async def by_id(
    registry: Registry,
    resource_id: str,
    paged: Paged,
    wanted: Wanted,
) -> Response:
    """The subjects that the resource with this id uses."""
    found = await work_in_thread(registry.confluent.associations.by_id, resource_id, wanted)
    return Answer(paged.of(found))


@router.get(
    "/associations/subjects/{subject}", openapi_extra=needs("read"), response_model=list[Object]
)
async def by_subject(
    registry: Registry,
    subject: str,
    paged: Paged,
    wanted: Wanted,
) -> Response:
    """The topics and tables that use a subject."""
    found = await work_in_thread(registry.confluent.associations.by_subject, subject, wanted)
    return Answer(paged.of(found))


@router.post(
    "/associations", response_model=Object, openapi_extra=object_request() | needs("admin", "*")
)
async def create(request: Request, registry: Registry, dryRun: Flag = False) -> Response:
    """Say which subjects a topic uses."""
    body = await body_of(request)
    call = registry.confluent.associations.create
    return Answer(await work_in_thread(call, body, dry_run=dryRun))


@router.put(
    "/associations/resources/{resource_id}",
    response_model=Object,
    openapi_extra=object_request() | needs("admin", "*"),
)
async def replace(
    request: Request, registry: Registry, resource_id: str, dryRun: Flag = False
) -> Response:
    """Say anew which subjects a topic uses."""
    body = await body_of(request)
    if isinstance(body, dict):
        body = {**body, "resourceId": resource_id}
    call = registry.confluent.associations.create
    return Answer(await work_in_thread(call, body, dry_run=dryRun, replacing=True))


@router.delete(
    "/associations/resources/{resource_id}",
    openapi_extra=needs("admin", "*"),
    status_code=204,
    response_class=Response,
)
async def delete(
    registry: Registry,
    resource_id: str,
    resourceType: Word = None,
    associationType: Types = None,
    cascadeLifecycle: Flag = False,
) -> Response:
    """Forget what a topic uses."""
    wanted = _wanted(resourceType, associationType, None)
    call = registry.confluent.associations.delete
    await work_in_thread(call, resource_id, wanted, cascade=cascadeLifecycle)
    return Response(status_code=204)


@router.post(
    "/associations:batchGet",
    status_code=207,
    response_model=Object,
    openapi_extra=object_request() | needs("read"),
)
async def get_many(request: Request, registry: Registry) -> Response:
    """Several questions; one result each."""
    return await _many(request, registry, _get_one)


@router.post(
    "/associations:batchMutate",
    status_code=207,
    response_model=Object,
    openapi_extra=object_request() | needs("admin", "*"),
)
async def change_many(request: Request, registry: Registry) -> Response:
    """Several changes; one result each, whatever becomes of the others."""
    return await _many(request, registry, _change_one)


async def _many(
    request: Request, registry: Registry, each: Callable[[SchemaRegistry, Any], Any]
) -> Response:
    body = await body_of(request)
    asked = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(asked, list):
        raise ConfluentError(42212, "Invalid batch: requests is not a list")

    def work() -> list[dict[str, Any]]:
        return [_result(registry, one, each) for one in asked]

    return Answer({"results": await work_in_thread(work)}, 207)


def _result(
    registry: SchemaRegistry, one: Any, each: Callable[[SchemaRegistry, Any], Any]
) -> dict[str, Any]:
    try:
        with translating():
            return {"result": each(registry, one)}
    except ConfluentError as error:
        return {"error": {"error_code": error.number, "message": error.message}}


def _get_one(registry: SchemaRegistry, one: Any) -> Any:
    if not isinstance(one, dict):
        raise ConfluentError(42212, "Invalid request: it is not an object")
    name, namespace = one.get("resourceName"), one.get("resourceNamespace") or "-"
    if isinstance(one.get("resourceId"), str):
        return registry.confluent.associations.by_id(one["resourceId"], one)
    if not isinstance(name, str) or not isinstance(namespace, str):
        raise ConfluentError(42212, "Invalid request: resourceName is missing")
    return registry.confluent.associations.by_name(namespace, name, one)


def _change_one(registry: SchemaRegistry, one: Any) -> Any:
    return registry.confluent.associations.create(one, replacing=True)
