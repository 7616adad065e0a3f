"""Protolith's own routes."""

import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, BinaryIO, ParamSpec, TypeVar, cast

from anyio import to_thread
from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, UploadFile
from fastapi.responses import PlainTextResponse, Response

from protolith.compatibility import Mode, verdict
from protolith.compatibility.comparison import DEFAULT_LEVELS
from protolith.compatibility.findings import Level
from protolith.compiler import open_upload
from protolith.decoding import Framing, Source
from protolith.dialects import dialect as find_dialect
from protolith.dialects.parts import Written
from protolith.engines import Drift
from protolith.errors import MalformedError, NotFoundError, RowsRejectedError
from protolith.layout import DEFAULT_DATABASE, Layout
from protolith.lint import LintFinding
from protolith.registry import (
    CreatedTable,
    DeployedTable,
    KeptTable,
    LoadResult,
    PlannedMigration,
    SchemaDetails,
    SchemaRegistry,
)
from protolith.registry.deployments import split_id
from protolith.registry.loading import NOTHING_LOADED
from protolith.registry.references import reference_of
from protolith.registry.registration import JsonSubmission, Submission, waivers_of
from protolith.store import Summary
from protolith.web.access import needs
from protolith.web.bodies import (
    ApplyMigration,
    BatchResponse,
    CheckResponse,
    CompatibilityRequest,
    CompatibilityResponse,
    CreateTable,
    DdlResponse,
    ErrorBody,
    RegisterBatch,
    RegisterJson,
    SchemaRegistrationResponse,
    StorageDescriptorResponse,
    engine_names,
)
from protolith.web.requests import StrictRoute

P = ParamSpec("P")
R = TypeVar("R")

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 404, 409, 413, 422, 503, 507)
}

router = APIRouter(responses=ERRORS, route_class=StrictRoute)


async def get_registry(request: Request) -> SchemaRegistry:
    """The registry of the application."""
    return cast("SchemaRegistry", request.app.state.registry)


Registry = Annotated[SchemaRegistry, Depends(get_registry)]


async def work_in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run what compiles, scans, writes or waits, as a read from PostgreSQL may, in a thread."""
    return await to_thread.run_sync(lambda: call(*args, **kwargs))


async def read(
    registry: SchemaRegistry, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Make point reads: at once where they take less time than a thread, else in one."""
    if registry.reads_at_once:
        return call(*args, **kwargs)
    return await work_in_thread(call, *args, **kwargs)


@router.post("/schemas/register", openapi_extra=needs("write"))
async def register_schema(
    registry: Registry,
    proto_file: Annotated[list[UploadFile], File()],
    table_name: Annotated[str | None, Form()] = None,
    database_name: Annotated[str, Form()] = DEFAULT_DATABASE,
    description: Annotated[str | None, Form()] = None,
    message: Annotated[str | None, Form()] = None,
    waivers: Annotated[str, Form()] = "",
    waived_by: Annotated[str, Form()] = "",
    references: Annotated[str, Form()] = "",
) -> SchemaRegistrationResponse:
    """Register a .proto file, several that import each other, a .zip of them, or descriptors.

    Descriptors are a serialized `FileDescriptorSet` in a file called `.binpb`, `.pb` or `.desc`.
    `waivers` holds findings to let pass, one a line: RULE:PATH=REASON, and `waived_by` says who.
    `references` says which imports other subjects have registered, one a line:
    NAME.proto=database.table@3, or without the number the latest version.
    """
    parts = [(part.filename or "schema.proto", await part.read()) for part in proto_file]

    def work() -> SchemaRegistrationResponse:
        submitted = open_upload(parts)
        agreed = waivers_of(waivers.splitlines(), waived_by)
        imports = tuple(reference_of(line) for line in references.splitlines() if line.strip())
        about = (table_name, database_name, description, message, imports, agreed)
        return _register(registry, Submission(submitted, *about))

    return await work_in_thread(work)


@router.post("/schemas/register-json", openapi_extra=needs("write"))
async def register_json(registry: Registry, body: RegisterJson) -> SchemaRegistrationResponse:
    """Register a BigQuery JSON schema: a list of fields, or an object with `fields`."""
    agreed = waivers_of(body.waivers, body.waived_by)
    about = (body.table_name, body.database_name, body.description, agreed)
    return await work_in_thread(_register, registry, JsonSubmission(body.columns, *about))


@router.post("/schemas/register-batch", openapi_extra=needs("write"))
async def register_batch(registry: Registry, body: RegisterBatch) -> BatchResponse:
    """Register several schemas, all or none; the error names the index of each with a fault."""
    schemas = [item.model_dump(by_alias=True, exclude_none=True) for item in body.schemas]
    ids = await work_in_thread(registry.register_schemas_batch, schemas)
    return BatchResponse(schema_ids=ids)


@router.post("/schemas/compatibility", openapi_extra=needs("read"))
async def check_compatibility(
    registry: Registry, body: CompatibilityRequest
) -> CompatibilityResponse:
    """Whether a BigQuery JSON schema can take the place of another."""
    old: Any = body.old_schema
    if (old is None) == (body.schema_id is None):
        raise MalformedError("one of old_schema and schema_id is needed", hint="see /docs")
    if body.schema_id is not None:
        old = (await work_in_thread(registry.get_schema_version, body.schema_id)).schema_json
    answer = await work_in_thread(registry.check_schema_compatibility, old, body.new_schema)
    return CompatibilityResponse.model_validate(answer)


@router.post("/compatibility/check", openapi_extra=needs("read"))
async def check_files(
    registry: Registry,
    proto_file: Annotated[list[UploadFile], File()],
    subject: Annotated[str, Form()],
    mode: Annotated[Mode, Form()] = "FULL_TRANSITIVE",
    message: Annotated[str | None, Form()] = None,
    levels: Annotated[str, Form()] = ",".join(DEFAULT_LEVELS),
    engines: Annotated[str, Form()] = "",
    policy: Annotated[str | None, Form()] = None,
    categories: Annotated[str, Form()] = "FILE",
) -> CheckResponse:
    """What files would break for the versions of a subject; nothing is registered.

    `levels` are wire, json, source and table, with commas; `table` asks about the tables that the
    subject has, or about those `engines`, such as duckdb,clickhouse. A `policy`, buf or confluent,
    answers instead of the levels; `categories` are those of buf's rules, such as WIRE_JSON,CSR.
    """
    parts = [(part.filename or "schema.proto", await part.read()) for part in proto_file]
    asked: list[Level] = _listed(levels) or list(DEFAULT_LEVELS)  # type: ignore[assignment]  # `check` refuses others

    def work() -> CheckResponse:
        found = registry.check_compatibility(
            open_upload(parts), subject, mode, message, levels=asked, policy=policy,
            engines=_listed(engines) or None, categories=_listed(categories),
        )  # fmt: skip
        answers = verdict(found)
        known: dict[str, bool] = {level: answers[level] for level in asked}
        return CheckResponse(compatible=known, findings=found)

    return await work_in_thread(work)


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


@router.get("/schemas/{schema_id}", openapi_extra=needs("read", "schema_id"))
async def get_schema(registry: Registry, schema_id: str) -> SchemaDetails:
    """A version by its id, by `database.table` (the latest) or `database.table@3`."""
    return await work_in_thread(registry.get_schema_details, schema_id)


@router.get("/schemas/{schema_id}/versions", openapi_extra=needs("read", "schema_id"))
async def get_versions(registry: Registry, schema_id: str) -> list[Summary]:
    """The history of a subject, the newest version first."""
    history = await work_in_thread(registry.get_schema_versions, schema_id)
    return [Summary(**line) for line in history]


@router.get(
    "/schemas/{schema_id}/ddl/{dialect}",
    openapi_extra=needs("read", "schema_id"),
    response_model=DdlResponse,
)
async def get_ddl(
    registry: Registry,
    schema_id: str,
    dialect: str,
    layout: Annotated[str, Query()] = "",
    write: Annotated[Written, Query()] = "table",
    accept: Annotated[str, Header()] = "*/*",
) -> Response | DdlResponse:
    """The statements that create the table; as plain text with `Accept: text/plain`.

    `layout` holds a style or options, such as `flat` or `enums=number,maps=entries`, or what
    `layout` of `POST /schemas/{schema_id}/tables` is, as JSON. `write=views` gives views without
    nesting, `write=insert` an INSERT of one row with placeholders.
    """
    options = Layout.from_text(layout)
    text = await work_in_thread(registry.ddl, schema_id, dialect, options, write=write)
    if accept.startswith("text/plain"):
        return PlainTextResponse(text)
    laid_out = await work_in_thread(registry.table, schema_id, options)
    notes = await work_in_thread(find_dialect(dialect).notes, laid_out, write)
    return DdlResponse(schema_id=schema_id, dialect=dialect, ddl=text, notes=list(notes))


@router.get(
    "/schemas/{schema_id}/bq-schema",
    openapi_extra=needs("read", "schema_id"),
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "array"}}}}},
)
async def get_bq_schema(
    registry: Registry, schema_id: str, parameter: Annotated[str, Query()] = ""
) -> Response:
    """The BigQuery JSON schema, byte for byte as protoc-gen-bq-schema writes it.

    `parameter` is the plugin's own, such as `enum-as-string`.
    """
    text = await work_in_thread(registry.bq_schema, schema_id, parameter=parameter)
    return Response(text, media_type="application/json")


@router.get("/schemas/{schema_id}/lint", openapi_extra=needs("read", "schema_id"))
async def lint_schema(registry: Registry, schema_id: str) -> list[LintFinding]:
    """What BigQuery would refuse or lose of the BigQuery JSON schema, by field path."""
    return await work_in_thread(registry.lint, schema_id)


@router.get(
    "/schemas/{schema_id}/storage-descriptor",
    openapi_extra=needs("read", "schema_id"),
    response_model=StorageDescriptorResponse,
)
async def get_storage_descriptor(
    registry: Registry, schema_id: str, accept: Annotated[str, Header()] = "*/*"
) -> Response | StorageDescriptorResponse:
    """The message for BigQuery's Storage Write API: one self-contained `DescriptorProto`.

    Serialized, in base64; as it is with `Accept: application/x-protobuf`.
    """
    schema = await work_in_thread(registry.storage_schema, schema_id)
    data = schema.descriptor.SerializeToString(deterministic=True)
    if accept.startswith("application/x-protobuf"):
        return Response(data, media_type="application/x-protobuf")
    return StorageDescriptorResponse(
        schema_id=schema_id, descriptor=b64encode(data).decode(), notes=list(schema.notes)
    )


@router.post("/schemas/{schema_id}/tables", openapi_extra=needs("write", "schema_id"))
async def create_table(registry: Registry, schema_id: str, body: CreateTable) -> CreatedTable:
    """Create the table in an engine; doing it again changes nothing.

    `layout` holds options by name, such as `{"style": "flat", "enums": "number"}`, and under
    `columns` and `storage` what a mapping file says; the table keeps them.
    """
    layout = None if body.layout is None else Layout.of(body.layout)
    return await work_in_thread(registry.create_table, schema_id, body.engine, layout)


@router.post(
    "/schemas/{schema_id}/ingest",
    openapi_extra=needs("write", "schema_id")
    | {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def ingest(
    request: Request,
    registry: Registry,
    schema_id: str,
    engine: Annotated[str | None, Query(json_schema_extra=engine_names())] = None,
    framing: Annotated[Framing, Query()] = "delimited",
    column: Annotated[str | None, Query()] = None,
    skip_bad: Annotated[bool, Query()] = False,
    load_id: Annotated[str | None, Query()] = None,
) -> LoadResult:
    """Load protobuf messages, length-delimited unless `framing` says otherwise.

    `column` names the one that holds them in Parquet or Arrow. With a bad record nothing is loaded,
    unless `skip_bad` is set; each is reported. A `load_id` is loaded once, so that a request can be
    sent again that had no answer; `content` makes one of the body.
    """
    async with _spooled(request) as data:
        source = Source(data, framing, column)
        result = await work_in_thread(
            registry.ingest, schema_id, source, engine, skip_bad=skip_bad, load_id=load_id
        )
    if result.rejected and not result.rows and not result.already_loaded:
        raise RowsRejectedError(
            "no record could be loaded", details=result.rejected, hint=NOTHING_LOADED
        )
    return result


@router.get("/schemas/{schema_id}/migration/{engine}", openapi_extra=needs("read", "schema_id"))
async def get_migration(
    registry: Registry, schema_id: str, engine: str, *, drop_columns: bool = False
) -> PlannedMigration:
    """How the live table would become that of this version: every statement with its risk."""
    return await work_in_thread(
        registry.plan_migration, schema_id, engine, drop_columns=drop_columns
    )


@router.post("/schemas/{schema_id}/migrations", openapi_extra=needs("write", "schema_id"))
async def apply_migration(
    registry: Registry, schema_id: str, body: ApplyMigration
) -> PlannedMigration:
    """Move the live table to this version; where it is interrupted, the same request goes on."""
    return await work_in_thread(
        registry.migrate,
        schema_id,
        body.engine,
        allow_lossy=body.allow_lossy,
        drop_columns=body.drop_columns,
        rebuild=body.rebuild,
        layout=None if body.layout is None else Layout.of(body.layout),
    )


@router.delete(
    "/schemas/{schema_id}/migrations/{engine}/kept", openapi_extra=needs("admin", "schema_id")
)
async def drop_kept_table(registry: Registry, schema_id: str, engine: str) -> KeptTable:
    """Drop the table that a rebuild has kept, if there is one."""
    return await work_in_thread(registry.drop_kept, schema_id, engine)


@router.get("/deployments", openapi_extra=needs("read"))
async def list_deployments(registry: Registry) -> list[DeployedTable]:
    """Every table in an engine; its id is `database.table:engine`."""
    return await work_in_thread(registry.deployments)


@router.get("/deployments/{deployment_id}/drift", openapi_extra=needs("read"))
async def get_drift(registry: Registry, deployment_id: str) -> Drift:
    """What differs between the live table and what the registry believes, column by column."""
    return await work_in_thread(registry.drift, *split_id(deployment_id))


@asynccontextmanager
async def _spooled(request: Request) -> AsyncIterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(max_size=1024 * 1024) as file:
        async for chunk in request.stream():
            file.write(chunk)
        file.seek(0)
        yield cast("BinaryIO", file)


def _register(
    registry: SchemaRegistry, submission: Submission | JsonSubmission
) -> SchemaRegistrationResponse:
    version = registry.register(submission)
    name = f"{version.subject}@{version.version}"
    warnings: list[LintFinding] = []
    with suppress(NotFoundError):  # deleted since: it was kept all the same
        warnings = registry.lint(name)
    return SchemaRegistrationResponse(
        schema_id=version.schema_id,
        message="Schema registered successfully",
        table_name=version.table_name,
        database_name=version.database_name,
        field_count=len(version.fields),
        version=version.version,
        warnings=warnings,
    )
