"""What requests and answers hold, where it is not one of the registry's own values."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from protolith.compatibility import Finding
from protolith.compatibility import Mode as Promise
from protolith.engines import NAMES
from protolith.engines.settings import Mode
from protolith.layout import DEFAULT_DATABASE
from protolith.layout.choices import OPTIONS, values_of
from protolith.lint import LintFinding
from protolith.tables import Note

_FIELDS = {"type": "array", "items": {"type": "object"}}
# The registry checks it, so that the error is the same as in Python; this only describes it.
JsonSchema = Annotated[Any, WithJsonSchema({"anyOf": [_FIELDS, {"type": "object"}]})]


def engine_names() -> dict[str, Any]:
    """The engines for the OpenAPI page; the registry checks the name."""
    return {"enum": list(NAMES)}


def layout_options() -> dict[str, Any]:
    """What a layout may hold, for the OpenAPI page; `Layout.of` checks it."""
    options = {part.name: {"enum": list(values_of(part))} for part in OPTIONS}
    return {"properties": options | {name: {"type": "object"} for name in ("columns", "storage")}}


class Body(BaseModel):
    """A request body: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class CheckResponse(BaseModel):
    """Whether each level is compatible, and every finding, the worst first."""

    compatible: dict[str, bool]
    findings: list[Finding]


class SetCompatibility(Body):
    """A mode, the levels that count (wire, json, table), or a policy instead of them."""

    mode: Promise
    levels: list[Literal["wire", "json", "table"]] = Field(default=["wire"], min_length=1)
    policy: str | None = None


class ErrorDetail(BaseModel):
    """One place where something is wrong."""

    text: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    field_path: str | None = None
    record: int | None = None
    offset: int | None = None
    rule: str | None = None
    mend: tuple[str, ...] | None = None


class ErrorBody(BaseModel):
    """Every error's answer.

    `code` is stable, `detail` repeats the message for older clients; the server's log has the
    `request_id` too.
    """

    error_code: int
    code: str
    message: str
    hint: str | None = None
    details: list[ErrorDetail] = Field(default_factory=list)
    detail: str
    request_id: str | None = None


class SchemaRegistrationResponse(BaseModel):
    """A registered version; `warnings` is what BigQuery would refuse or lose of its schema."""

    schema_id: str
    message: str
    table_name: str
    database_name: str
    field_count: int
    version: int
    warnings: list[LintFinding] = Field(default_factory=list)


class RegisterJson(Body):
    """A BigQuery JSON schema to register; `waivers` hold RULE:PATH=REASON."""

    columns: JsonSchema = Field(alias="schema_json")
    table_name: str
    database_name: str = DEFAULT_DATABASE
    description: str | None = None
    waivers: list[str] = Field(default_factory=list)
    waived_by: str = ""


class ImportedFile(Body):
    """The name of an import, and whose version it is; without a number the latest."""

    name: str
    subject: str
    version: int | None = Field(None, ge=1)


class BatchItem(Body):
    """One schema of a batch: `proto_content` (text, or text by file name) or `schema_json`.

    `references` may name other members of the batch, in any order, by their `table_name`;
    `waivers` hold RULE:PATH=REASON, and `waived_by` says who.
    """

    proto_content: str | dict[str, str] | None = None
    columns: JsonSchema | None = Field(None, alias="schema_json")
    table_name: str | None = None
    database_name: str = DEFAULT_DATABASE
    description: str | None = None
    message: str | None = None
    references: list[ImportedFile] | None = None
    waivers: list[str] | None = None
    waived_by: str | None = None


class RegisterBatch(Body):
    """Schemas to register, all or none."""

    schemas: list[BatchItem] = Field(min_length=1, max_length=1000)


class BatchResponse(BaseModel):
    """The ids of a batch, in its order."""

    schema_ids: list[str]


class DdlResponse(BaseModel):
    """The statements as one text, and what the layout or the engine left out."""

    schema_id: str
    dialect: str
    ddl: str
    notes: list[Note]


class StorageDescriptorResponse(BaseModel):
    """A serialized `google.protobuf.DescriptorProto` in base64, and what to know about it."""

    schema_id: str
    descriptor: str
    notes: list[Note]


class CreateTable(Body):
    """The engine to create the table in, and a layout: options, `columns` and `storage` by name."""

    engine: str = Field(json_schema_extra=engine_names())
    layout: dict[str, Any] | None = Field(default=None, json_schema_extra=layout_options())


class ApplyMigration(Body):
    """The engine whose table moves, and what is allowed; see the plan first."""

    engine: str = Field(json_schema_extra=engine_names())
    allow_lossy: bool = False
    drop_columns: bool = False
    rebuild: bool = False
    layout: dict[str, Any] | None = Field(default=None, json_schema_extra=layout_options())


class CompatibilityRequest(Body):
    """Two BigQuery JSON schemas; `schema_id` may stand for the old one."""

    old_schema: JsonSchema | None = None
    schema_id: str | None = None
    new_schema: JsonSchema


class CompatibilityResponse(BaseModel):
    """Whether the new schema can take the place of the old one, and why not."""

    is_compatible: bool
    issues: list[dict[str, Any]]


class EngineHealth(BaseModel):
    """Whether an engine's driver is installed, and where the engine is; nothing is opened."""

    installed: bool
    mode: Mode


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Health(BaseModel):
    """The server is alive; which compiler it uses and what confines it, and its engines."""

    status: Literal["ok"] = "ok"
    version: str
    compiler: str
    jail: str
    engines: dict[str, EngineHealth]


class ChangeSubject(Body):
    """What to change about a subject; a label that is null is taken away."""

    description: str | None = None
    labels: dict[str, str | None] = Field(default_factory=dict)


class Numbers(BaseModel):
    """The versions that were changed."""

    versions: list[int]
