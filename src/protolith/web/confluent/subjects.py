"""Subjects and their versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from protolith.registry.confluent import SchemaRequest
from protolith.registry.confluent.answers import schema_text
from protolith.web.access import needs
from protolith.web.api import Registry, read, work_in_thread
from protolith.web.confluent.answers import (
    Compatible,
    Registered,
    SchemaAnswer,
    schema_request,
)
from protolith.web.confluent.lenient import (
    ROUTES,
    Answer,
    Flag,
    Paged,
    Word,
    body_of,
)

router = APIRouter(**ROUTES)

Pairs = Annotated[list[str] | None, Query()]


@router.get("/subjects", openapi_extra=needs("read"), response_model=list[str])
async def list_subjects(
    registry: Registry,
    paged: Paged,
    subjectPrefix: Word = None,
    deleted: Flag = False,
    deletedOnly: Flag = False,
    deleted_only: Flag = False,
) -> Response:
    """Every subject's name; with `deleted` those that are softly deleted too."""
    only = deletedOnly or deleted_only
    call = registry.confluent.subjects.listed
    found = await work_in_thread(call, subjectPrefix, deleted=deleted, only=only)
    return Answer(paged.of(found))


@router.delete("/subjects/{subject}", openapi_extra=needs("admin"), response_model=list[int])
async def delete_subject(registry: Registry, subject: str, permanent: Flag = False) -> Response:
    """Delete a subject: softly, then again with `permanent`; the numbers of its versions."""
    call = registry.confluent.subjects.delete
    return Answer(await work_in_thread(call, subject, permanent=permanent))


@router.post(
    "/subjects/{subject}",
    response_model=SchemaAnswer,
    openapi_extra=schema_request() | needs("read"),
)
async def look_up_schema(
    request: Request,
    registry: Registry,
    subject: str,
    normalize: Flag = False,
    deleted: Flag = False,
    format: Word = None,
) -> Response:
    """The version of a subject that has the schema of the body."""
    body = await body_of(request)
    subjects = registry.confluent.subjects

    def work() -> Any:
        wanted = SchemaRequest.of(body)
        found = subjects.look_up(subject, wanted, normalize=normalize, deleted=deleted)
        return subjects.body(found, form=format or "", named=subject)

    return Answer(await work_in_thread(work))


@router.get("/subjects/{subject}/versions", openapi_extra=needs("read"), response_model=list[int])
async def list_versions(
    registry: Registry,
    subject: str,
    paged: Paged,
    deleted: Flag = False,
    deletedOnly: Flag = False,
    deleted_only: Flag = False,
    deletedAsNegative: Flag = False,
) -> Response:
    """The numbers of a subject's versions."""
    only = deletedOnly or deleted_only
    subjects = registry.confluent.subjects

    def work() -> list[int]:
        found = subjects.numbers(subject, deleted=deleted, only=only)
        if deletedAsNegative and deleted:
            gone = set(subjects.numbers(subject, deleted=True)) - set(subjects.live(subject))
            found = [-number if number in gone else number for number in found]
        return found

    return Answer(paged.of(await read(registry, work)))


@router.post(
    "/subjects/{subject}/versions",
    response_model=Registered,
    openapi_extra=schema_request() | needs("write"),
)
async def register_schema(
    request: Request, registry: Registry, subject: str, normalize: Flag = False
) -> Response:
    """Register the schema of the body; content that the subject has is the version that it is.

    `schema` is .proto text, or a `FileDescriptorProto` in base64, and comes back only where the
    subject's config adds metadata or rules.
    """
    body = await body_of(request)

    def work() -> dict[str, Any]:
        wanted = SchemaRequest.of(body)
        found, more = registry.confluent.subjects.register(subject, wanted, normalize=normalize)
        answer = {"id": found.id, "version": found.version, "guid": found.guid}
        if more:
            full = registry.confluent.subjects.body(found)
            keys = ("schemaType", "references", "metadata", "ruleSet")
            kept = {key: full[key] for key in keys if key in full}
            answer |= {"schema": wanted.schema or full["schema"], **kept}
        return answer

    return Answer(await work_in_thread(work))


@router.get(
    "/subjects/{subject}/metadata", openapi_extra=needs("read"), response_model=SchemaAnswer
)
async def latest_with_metadata(
    registry: Registry,
    subject: str,
    key: Pairs = None,
    value: Pairs = None,
    deleted: Flag = False,
    format: Word = None,
) -> Response:
    """The newest version whose metadata has each `key` with its `value`."""
    subjects = registry.confluent.subjects

    def work() -> dict[str, Any]:
        pairs = list(zip(key or [], value or [], strict=False))
        found = subjects.with_metadata(subject, pairs, deleted=deleted)
        return subjects.body(found, form=format or "", named=subject)

    return Answer(await work_in_thread(work))


@router.get(
    "/subjects/{subject}/versions/{version}",
    openapi_extra=needs("read"),
    response_model=SchemaAnswer,
)
async def get_version(
    registry: Registry,
    subject: str,
    version: str,
    deleted: Flag = False,
    format: Word = None,
    referenceFormat: Word = None,
    reference_format: Word = None,
) -> Response:
    """A version of a subject by its number, or `latest`."""
    subjects = registry.confluent.subjects
    qualified = "qualified" in (referenceFormat, reference_format)

    def work() -> dict[str, Any]:
        found = subjects.version(subject, version, deleted=deleted)
        return subjects.body(found, form=format or "", qualified=qualified, named=subject)

    return Answer(await read(registry, work))


@router.get(
    "/subjects/{subject}/versions/{version}/schema",
    openapi_extra=needs("read"),
    response_class=PlainTextResponse,
)
async def get_version_text(
    registry: Registry, subject: str, version: str, deleted: Flag = False, format: Word = None
) -> Response:
    """The schema alone."""
    call = registry.confluent.subjects.version
    found = await read(registry, call, subject, version, deleted=deleted)
    return PlainTextResponse(schema_text(found, format or ""))


@router.get(
    "/subjects/{subject}/versions/{version}/referencedby",
    openapi_extra=needs("read"),
    response_model=list[int],
)
@router.get(
    "/subjects/{subject}/versions/{version}/referencedBy",
    openapi_extra=needs("read"),
    response_model=list[int],
    include_in_schema=False,
)
async def list_users(
    registry: Registry,
    subject: str,
    version: str,
    paged: Paged,
    deleted: Flag = False,
) -> Response:
    """The ids of the schemas that import a version."""
    call = registry.confluent.subjects.users
    found = await read(registry, call, subject, version, deleted=deleted)
    return Answer(paged.of(found))


@router.delete(
    "/subjects/{subject}/versions/{version}", openapi_extra=needs("admin"), response_model=int
)
async def delete_version(
    registry: Registry, subject: str, version: str, permanent: Flag = False
) -> Response:
    """Delete a version: softly, then again with `permanent`; its number."""
    call = registry.confluent.subjects.delete_version
    return Answer(await work_in_thread(call, subject, version, permanent=permanent))


@router.post(
    "/compatibility/subjects/{subject}/versions",
    response_model=Compatible,
    openapi_extra=schema_request() | needs("read"),
)
async def check_all(
    request: Request,
    registry: Registry,
    subject: str,
    verbose: Flag = False,
) -> Response:
    """Whether the schema of the body could be registered."""
    return await _check(request, registry, (subject, None), verbose=verbose)


@router.post(
    "/compatibility/subjects/{subject}/versions/{version}",
    response_model=Compatible,
    openapi_extra=schema_request() | needs("read"),
)
async def check_one(
    request: Request,
    registry: Registry,
    subject: str,
    version: str,
    verbose: Flag = False,
) -> Response:
    """Whether the schema of the body is compatible with a version, or with `latest`."""
    return await _check(request, registry, (subject, version), verbose=verbose)


async def _check(
    request: Request, registry: Registry, target: tuple[str, str | None], *, verbose: bool
) -> Response:
    body = await body_of(request)
    subject, version = target

    def work() -> dict[str, Any]:
        wanted = SchemaRequest.of(body)
        return registry.confluent.checking.check(subject, wanted, version, verbose=verbose)

    return Answer(await work_in_thread(work))
