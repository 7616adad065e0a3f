"""Schemas by id and GUID, and what the server says of itself."""

from importlib.metadata import version as version_of
from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from protolith.registry import SchemaRegistry
from protolith.registry.confluent.answers import schema_text
from protolith.registry.confluent.names import DEFAULT_CONTEXT, matches, split
from protolith.store import Version
from protolith.web.access import needs
from protolith.web.api import Registry, read, work_in_thread
from protolith.web.confluent.answers import SchemaAnswer
from protolith.web.confluent.lenient import ROUTES, Answer, AskedRoute, Flag, Paged, Word

router = APIRouter(**ROUTES)
listing = APIRouter(**ROUTES | {"route_class": AskedRoute})


@listing.get("/schemas", openapi_extra=needs("read"), include_in_schema=False)
async def list_every_version(
    registry: Registry,
    paged: Paged,
    subjectPrefix: Word = None,
    deleted: Flag = False,
    latestOnly: Flag = False,
    format: Word = None,
) -> Response:
    """The versions of all subjects, with what `GET /schemas` of our own says of each."""
    subjects = registry.confluent.subjects

    def work() -> list[Any]:
        found = subjects.every_version(subjectPrefix, deleted=deleted, latest=latestOnly)
        return [
            {
                **subjects.body(one, form=format or ""),
                "schema_id": one.schema_id,
                "table_name": one.table,
                "database_name": one.database,
                "version_hash": one.version_hash,
                "created_at": one.created_at.isoformat(),
            }
            for one in paged.of(found)
        ]

    return Answer(await work_in_thread(work))


@router.get("/", openapi_extra=needs(None), response_model=dict[str, str])
async def root() -> Response:
    """Nothing; clients ask whether the server is there."""
    return Answer({})


@router.get("/schemas/types", openapi_extra=needs("read"), response_model=list[str])
async def schema_types() -> Response:
    """The types of schemas: protobuf."""
    return Answer(["PROTOBUF"])


@router.get("/schemas/ids/{id}", openapi_extra=needs("read"), response_model=SchemaAnswer)
async def get_by_id(
    registry: Registry,
    id: str,
    subject: Word = None,
    format: Word = None,
    referenceFormat: Word = None,
    reference_format: Word = None,
    fetchMaxId: Flag = False,
) -> Response:
    """The schema of an id; with `subject` also the version that has it there."""
    subjects = registry.confluent.subjects
    qualified = "qualified" in (referenceFormat, reference_format)

    def work() -> dict[str, Any]:
        found, named = subjects.by_id(id, subject)
        body = subjects.body(found, form=format or "", qualified=qualified, named=subject)
        # Python's client remembers what has a subject, and fails later if it had no id.
        hidden = set() if named else {"id", "subject", "version"}
        answer = {key: value for key, value in body.items() if key not in hidden}
        return answer | ({"maxId": registry.confluent.highest_id()} if fetchMaxId else {})

    return Answer(await read(registry, work))


@router.get(
    "/schemas/ids/{id}/schema", openapi_extra=needs("read"), response_class=PlainTextResponse
)
async def get_text_by_id(
    registry: Registry, id: str, subject: Word = None, format: Word = None
) -> Response:
    """The schema of an id alone."""
    found, _ = await read(registry, registry.confluent.subjects.by_id, id, subject)
    return PlainTextResponse(schema_text(found, format or ""))


@router.get("/schemas/ids/{id}/subjects", openapi_extra=needs("read"), response_model=list[str])
async def subjects_of_id(
    registry: Registry,
    id: str,
    paged: Paged,
    subject: Word = None,
    deleted: Flag = False,
) -> Response:
    """The subjects that have the schema of an id."""
    found = await _with_id(registry, id, subject, deleted=deleted)
    return Answer(paged.of(list(dict.fromkeys(one.subject for one in found))))


@router.get(
    "/schemas/ids/{id}/versions", openapi_extra=needs("read"), response_model=list[dict[str, Any]]
)
async def versions_of_id(
    registry: Registry,
    id: str,
    paged: Paged,
    subject: Word = None,
    deleted: Flag = False,
) -> Response:
    """The versions that have the schema of an id."""
    there = await _with_id(registry, id, subject, deleted=deleted)
    found = [{"subject": one.subject, "version": one.version} for one in there]
    return Answer(paged.of(found))


@router.get("/schemas/guids/{guid}", openapi_extra=needs("read"), response_model=SchemaAnswer)
async def get_by_guid(registry: Registry, guid: str, format: Word = None) -> Response:
    """The schema of a GUID."""
    subjects = registry.confluent.subjects
    found = await read(registry, subjects.by_guid, guid)
    body = await read(registry, subjects.body, found, form=format or "")
    return Answer({k: v for k, v in body.items() if k not in ("id", "subject", "version")})


@router.get(
    "/schemas/guids/{guid}/ids", openapi_extra=needs("read"), response_model=list[dict[str, Any]]
)
async def ids_of_guid(registry: Registry, guid: str) -> Response:
    """The id of a GUID, in each context that has it."""
    subjects = registry.confluent.subjects
    found = await read(registry, subjects.by_guid, guid)
    there = await read(registry, subjects.with_id, str(found.id), deleted=True)
    contexts = {split(one.subject)[0] for one in there}
    ordered = sorted(contexts, key=lambda name: (name != DEFAULT_CONTEXT, name))
    return Answer([{"context": context, "id": found.id} for context in ordered])


@router.get("/contexts", openapi_extra=needs("read"), response_model=list[str])
async def list_contexts(registry: Registry, paged: Paged, contextPrefix: Word = None) -> Response:
    """The contexts, the default one first."""
    found = await work_in_thread(registry.confluent.contexts)
    chosen = [name for name in found if not contextPrefix or name.startswith(contextPrefix)]
    return Answer(paged.of(chosen))


@router.delete(
    "/contexts/{context}",
    openapi_extra=needs("admin", "*"),
    status_code=204,
    response_class=Response,
)
async def delete_context(registry: Registry, context: str) -> Response:
    """Forget what is set for a context without subjects."""
    await work_in_thread(registry.confluent.delete_context, context)
    return Response(status_code=204)


@router.get("/v1/metadata/id", openapi_extra=needs("read"), response_model=dict[str, Any])
async def server_id() -> Response:
    """Which cluster the server belongs to."""
    cluster = {"kafka-cluster": "", "schema-registry-cluster": "protolith"}
    return Answer({"id": "", "scope": {"path": [], "clusters": cluster}})


@router.get("/v1/metadata/version", openapi_extra=needs("read"), response_model=dict[str, str])
async def server_version() -> Response:
    """The server's version."""
    return Answer({"version": version_of("protolith"), "commitId": ""})


async def _with_id(
    registry: SchemaRegistry, id: str, subject: str | None, *, deleted: bool
) -> list[Version]:
    found = await read(registry, registry.confluent.subjects.with_id, id, deleted=deleted)
    return [one for one in found if not subject or matches(one.subject, subject)]
