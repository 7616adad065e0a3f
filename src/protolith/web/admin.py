"""Routes that keep a registry in order: lists, search, deleting, labels, the audit trail."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from protolith.errors import MalformedError
from protolith.registry import Diagnosis, Relationships, SchemaMetadata
from protolith.registry.administration import MAX_PAGE
from protolith.store import About, Change, Search
from protolith.web.access import needs
from protolith.web.api import ERRORS, Registry, work_in_thread
from protolith.web.bodies import ChangeSubject, Numbers
from protolith.web.requests import StrictRoute

# Lists come before the routes of one schema, which would take "search" for its id; the others come
# after them, so that what is not allowed somewhere is answered by the route of that place.
lists = APIRouter(responses=ERRORS, route_class=StrictRoute)
router = APIRouter(responses=ERRORS, route_class=StrictRoute)

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Text = Annotated[str | None, Query()]


@lists.get("/schemas", openapi_extra=needs("read"))
async def list_schemas(
    request: Request,
    response: Response,
    registry: Registry,
    limit: Limit = MAX_PAGE,
    after: Annotated[str, Query()] = "",
    deleted: Annotated[bool, Query()] = False,
) -> list[SchemaMetadata]:
    """Every subject, `database_name.table_name`, with its latest version, by name, in pages.

    Where there is more, the header `Link` has the next page's address; `after` is the last name.
    """
    page = await work_in_thread(registry.list_schemas, limit=limit, after=after, deleted=deleted)
    _link(request, response, page, limit)
    return page


@lists.get("/schemas/search", openapi_extra=needs("read"))
async def search_schemas(
    request: Request,
    response: Response,
    registry: Registry,
    text: Text = None,
    name: Text = None,
    field: Text = None,
    type: Text = None,  # noqa: A002
    description: Text = None,
    tag: Text = None,
    label: Text = None,
    limit: Limit = MAX_PAGE,
    after: Annotated[str, Query()] = "",
) -> list[SchemaMetadata]:
    """Subjects that have all that is given, in pages like `GET /schemas`.

    `text` is part of a name, a description or a field; `type` a field's BigQuery type; `tag` part
    of a field's policy tag; `label` a label's key, or `key=value`.
    """
    wanted = Search(text, name, field, type, description, tag, label)
    page = await work_in_thread(registry.search_schemas, wanted, limit=limit, after=after)
    _link(request, response, page, limit)
    return page


@router.delete("/schemas/{schema_id}", openapi_extra=needs("admin", "schema_id"))
async def delete_schema(
    registry: Registry,
    schema_id: str,
    for_good: Annotated[bool, Query()] = False,
    force: Annotated[bool, Query()] = False,
) -> Numbers:
    """Delete a version, or all of `database.table`: softly, then again with `for_good`.

    What others import stays; what has a table in an engine too, unless `force` says otherwise.
    """
    call = registry.delete_schema
    return Numbers(versions=await work_in_thread(call, schema_id, for_good=for_good, force=force))


@router.post("/schemas/{schema_id}/undelete", openapi_extra=needs("admin", "schema_id"))
async def undelete_schema(registry: Registry, schema_id: str) -> Numbers:
    """Take back a soft delete, of a version or of all of `database.table`."""
    return Numbers(versions=await work_in_thread(registry.undelete_schema, schema_id))


@router.patch("/schemas/{schema_id}", openapi_extra=needs("write", "schema_id"))
async def change_schema(registry: Registry, schema_id: str, body: ChangeSubject) -> About:
    """Change a subject's description, set labels, and take away those that are null."""
    if not body.model_fields_set:
        raise MalformedError("nothing to change is given", hint="description, labels")

    description = body.description if "description" in body.model_fields_set else ...
    change = registry.change_schema
    return await work_in_thread(change, schema_id, body.labels, description=description)


@router.get("/schemas/{schema_id}/labels", openapi_extra=needs("read", "schema_id"))
async def get_labels(registry: Registry, schema_id: str) -> dict[str, str]:
    """The labels of a subject."""
    return await work_in_thread(registry.get_labels, schema_id)


@router.get("/schemas/{schema_id}/referencedby", openapi_extra=needs("read", "schema_id"))
async def referenced_by(registry: Registry, schema_id: str) -> list[str]:
    """The versions that import a version, as `database.table@3`."""
    return await work_in_thread(registry.referenced_by, schema_id)


@router.get("/schemas/{schema_id}/relationships", openapi_extra=needs("read", "schema_id"))
async def relationships(registry: Registry, schema_id: str) -> Relationships:
    """What the versions of a subject import, which versions import them, and its tables."""
    return await work_in_thread(registry.relationships, schema_id)


@router.get("/audit", openapi_extra=needs("admin"))
async def get_audit(
    registry: Registry,
    subject: Text = None,
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    limit: Limit = 100,
) -> list[Change]:
    """Who changed what when, the newest first; `before` a sequence number is the next page."""
    return await work_in_thread(registry.audit, subject, before=before, limit=limit)


@router.get("/doctor", openapi_extra=needs("admin"))
async def diagnose(registry: Registry) -> list[Diagnosis]:
    """Every table that is registered, compared with what its engine has."""
    return await work_in_thread(registry.diagnose)


def _link(request: Request, response: Response, page: list[Any], limit: int) -> None:
    if len(page) == limit:
        query = dict(request.query_params) | {"after": page[-1].subject}
        response.headers["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
