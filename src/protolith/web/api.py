"""Protolith's own routes."""

import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, BinaryIO, ParamSpec, TypeVar, cast

from anyio import to_thread
from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, UploadFile
from fastapi.responses import PlainTextResponse, Response

from protolith.compatibility import Mode, verdict
from protolith.compatibility.comparison import SERVED
from protolith.compiler import compiler_version, jail, open_upload
from protolith.decoding import Framing
from protolith.engines import Drift
from protolith.errors import MalformedError, RowsRejectedError
from protolith.layout import DEFAULT_DATABASE, Layout
from protolith.lint import LintFinding
from protolith.registry import (
    CreatedTable,
    DeployedTable,
    LoadResult,
    PlannedMigration,
    SchemaDetails,
    SchemaMetadata,
    SchemaRegistry,
)
from protolith.registry.deployments import split_id
from protolith.registry.loading import NOTHING_LOADED
from protolith.registry.registration import JsonSubmission, Submission
from protolith.store import Summary
from protolith.web.bodies import (
    ApplyMigration,
    BatchResponse,
    CheckResponse,
    CompatibilityRequest,
    CompatibilityResponse,
    CreateTable,
    DdlResponse,
    ErrorBody,
    Health,
    RegisterBatch,
    RegisterJson,
    SchemaRegistrationResponse,
    StorageDescriptorResponse,
    engine_names,
)
from protolith.web.requests import StrictRoute

P = ParamSpec("P")
R = TypeVar("R")

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 404, 409, 413, 422, 503, 507)
}

router = APIRouter(responses=_ERRORS, route_class=StrictRoute)


async def _registry(request: Request) -> SchemaRegistry:
    return cast("SchemaRegistry", request.app.state.registry)


Registry = Annotated[SchemaRegistry, Depends(_registry)]


async def _work(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run what compiles, scans, writes or waits in a thread; point reads stay on the loop."""
    return await to_thread.run_sync(lambda: call(*args, **kwargs))


@router.get("/health")
async def health(request: Request) -> Health:
    """Whether the server is alive."""
    return Health(version=request.app.version, compiler=compiler_version(), jail=jail())


@router.post("/schemas/register")
async def register_schema(
    registry: Registry,
    proto_file: Annotated[list[UploadFile], File()],
    table_name: Annotated[str | None, Form()] = None,
    database_name: Annotated[str, Form()] = DEFAULT_DATABASE,
    description: Annotated[str | None, Form()] = None,
    message: Annotated[str | None, Form()] = None,
) -> SchemaRegistrationResponse:
    """Register a .proto file, several that import each other, a .zip of them, or descriptors.

    Descriptors are a serialized `FileDescriptorSet` in a file called `.binpb`, `.pb` or `.desc`.
    """
    parts = [(part.filename or "schema.proto", await part.read()) for part in proto_file]

    def work() -> SchemaRegistrationResponse:
        submitted = open_upload(parts)
        about = (table_name, database_name, description, message)
        return _register(registry, Submission(submitted, *about))

    return await _work(work)


@router.post("/schemas/register-json")
async def register_json(registry: Registry, body: RegisterJson) -> SchemaRegistrationResponse:
    """Register a BigQuery JSON schema: a list of fields, or an object with `fields`."""
    about = (body.table_name, body.database_name, body.description)
    return await _work(_register, registry, JsonSubmission(body.columns, *about))


@router.post("/schemas/register-batch")
async def register_batch(registry: Registry, body: RegisterBatch) -> BatchResponse:
    """Register several schemas, all or none; an error names the index that caused it."""
    schemas = [item.model_dump(by_alias=True, exclude_none=True) for item in body.schemas]
    ids = await _work(registry.register_schemas_batch, schemas)
    return BatchResponse(schema_ids=ids)


@router.post("/schemas/compatibility")
async def check_compatibility(
    registry: Registry, body: CompatibilityRequest
) -> CompatibilityResponse:
    """Whether a BigQuery JSON schema can take the place of another."""
    old: Any = body.old_schema
    if (old is None) == (body.schema_id is None):
        raise MalformedError("one of old_schema and schema_id is needed", hint="see /docs")
    if body.schema_id is not None:
        old = registry.get_schema_version(body.schema_id).schema_json
    answer = await _work(registry.check_schema_compatibility, old, body.new_schema)
    return CompatibilityResponse.model_validate(answer)


@router.post("/compatibility/check")
async def check_files(
    registry: Registry,
    proto_file: Annotated[list[UploadFile], File()],
    subject: Annotated[str, Form()],
    mode: Annotated[Mode, Form()] = "FULL_TRANSITIVE",
    message: Annotated[str | None, Form()] = None,
) -> CheckResponse:
    """What files would break for the versions of a subject; nothing is registered."""
    parts = [(part.filename or "schema.proto", await part.read()) for part in proto_file]

    def work() -> CheckResponse:
        found = registry.check_compatibility(open_upload(parts), subject, mode, message)
        levels: dict[str, bool] = {level: verdict(found)[level] for level in SERVED}
        return CheckResponse(compatible=levels, findings=found)

    return await _work(work)


@router.get("/schemas")
async def list_schemas(registry: Registry) -> list[SchemaMetadata]:
    """Every subject, `database_name.table_name`, with its latest version."""
    return await _work(registry.list_schemas)


@router.get("/schemas/{schema_id}")
async def get_schema(registry: Registry, schema_id: str) -> SchemaDetails:
    """A version by its id, by `database.table` (the latest) or `database.table@3`."""
    return await _work(registry.get_schema_details, schema_id)


@router.get("/schemas/{schema_id}/versions")
async def get_versions(registry: Registry, schema_id: str) -> list[Summary]:
    """The history of a subject, the newest version first."""
    return [Summary(**line) for line in registry.get_schema_versions(schema_id)]


@router.get("/schemas/{schema_id}/ddl/{dialect}", response_model=DdlResponse)
async def get_ddl(
    registry: Registry,
    schema_id: str,
    dialect: str,
    layout: Annotated[str, Query()] = "",
    accept: Annotated[str, Header()] = "*/*",
) -> Response | DdlResponse:
    """The statements that create the table; as plain text with `Accept: text/plain`.

    `layout` holds options such as `enums=number,maps=entries`.
    """
    text = await _work(registry.ddl, schema_id, dialect, Layout.from_text(layout))
    if accept.startswith("text/plain"):
        return PlainTextResponse(text)
    return DdlResponse(schema_id=schema_id, dialect=dialect, ddl=text)


@router.get(
    "/schemas/{schema_id}/bq-schema",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "array"}}}}},
)
async def get_bq_schema(
    registry: Registry, schema_id: str, parameter: Annotated[str, Query()] = ""
) -> Response:
    """The BigQuery JSON schema, byte for byte as protoc-gen-bq-schema writes it.

    `parameter` is the plugin's own, such as `enum-as-string`.
    """
    text = await _work(registry.bq_schema, schema_id, parameter=parameter)
    return Response(text, media_type="application/json")


@router.get("/schemas/{schema_id}/lint")
async def lint_schema(registry: Registry, schema_id: str) -> list[LintFinding]:
    """What BigQuery would refuse or lose of the BigQuery JSON schema, by field path."""
    return await _work(registry.lint, schema_id)


@router.get("/schemas/{schema_id}/storage-descriptor", response_model=StorageDescriptorResponse)
async def get_storage_descriptor(
    registry: Registry, schema_id: str, accept: Annotated[str, Header()] = "*/*"
) -> Response | StorageDescriptorResponse:
    """The message for BigQuery's Storage Write API: one self-contained `DescriptorProto`.

    Serialized, in base64; as it is with `Accept: application/x-protobuf`.
    """
    schema = await _work(registry.storage_schema, schema_id)
    data = schema.descriptor.SerializeToString(deterministic=True)
    if accept.startswith("application/x-protobuf"):
        return Response(data, media_type="application/x-protobuf")
    return StorageDescriptorResponse(
        schema_id=schema_id, descriptor=b64encode(data).decode(), notes=list(schema.notes)
    )


@router.post("/schemas/{schema_id}/tables")
async def create_table(registry: Registry, schema_id: str, body: CreateTable) -> CreatedTable:
    """Create the table in an engine; doing it again changes nothing.

    `layout` holds options by name, such as `{"enums": "number"}`; the table keeps them.
    """
    layout = None if body.layout is None else Layout.of(body.layout)
    return await _work(registry.create_table, schema_id, body.engine, layout)


@router.post(
    "/schemas/{schema_id}/ingest",
    openapi_extra={
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
    skip_bad: Annotated[bool, Query()] = False,
) -> LoadResult:
    """Load protobuf messages: length-delimited, or one message with `framing=single`.

    With a bad record nothing is loaded, unless `skip_bad` is set; each is reported.
    """
    async with _spooled(request) as data:
        result = await _work(
            registry.ingest, schema_id, data, engine, framing=framing, skip_bad=skip_bad
        )
    if result.rejected and not result.rows:
        raise RowsRejectedError(
            "no record could be loaded", details=result.rejected, hint=NOTHING_LOADED
        )
    return result


@router.get("/schemas/{schema_id}/migration/{engine}")
async def get_migration(
    registry: Registry, schema_id: str, engine: str, *, drop_columns: bool = False
) -> PlannedMigration:
    """How the live table would become that of this version: every statement with its risk."""
    return await _work(registry.plan_migration, schema_id, engine, drop_columns=drop_columns)


@router.post("/schemas/{schema_id}/migrations")
async def apply_migration(
    registry: Registry, schema_id: str, body: ApplyMigration
) -> PlannedMigration:
    """Move the live table to this version; where it is interrupted, the same request goes on."""
    return await _work(
        registry.migrate,
        schema_id,
        body.engine,
        allow_lossy=body.allow_lossy,
        drop_columns=body.drop_columns,
        layout=None if body.layout is None else Layout.of(body.layout),
    )


@router.get("/deployments")
async def list_deployments(registry: Registry) -> list[DeployedTable]:
    """Every table in an engine; its id is `database.table:engine`."""
    return await _work(registry.deployments)


@router.get("/deployments/{deployment_id}/drift")
async def get_drift(registry: Registry, deployment_id: str) -> Drift:
    """What differs between the live table and what the registry believes, column by column."""
    return await _work(registry.drift, *split_id(deployment_id))


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
    name = f"{version.database_name}.{version.table_name}@{version.version}"
    return SchemaRegistrationResponse(
        schema_id=version.schema_id,
        message="Schema registered successfully",
        table_name=version.table_name,
        database_name=version.database_name,
        field_count=len(version.fields),
        version=version.version,
        warnings=registry.lint(name),
    )
