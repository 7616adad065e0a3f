"""What Confluent's clients send and get, for the OpenAPI page; the routes answer without them."""

from typing import Any

from pydantic import BaseModel, Field

from protolith.web.bodies import ErrorBody

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 404, 409, 415, 422, 503, 507)
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "schema": {"type": "string"},
        "schemaType": {"type": "string", "enum": ["PROTOBUF"]},
        "references": {"type": "array", "items": {"type": "object"}},
        "metadata": {"type": "object"},
        "ruleSet": {"type": "object"},
    },
    "required": ["schema", "schemaType"],
}


def schema_request() -> dict[str, Any]:
    """A request whose body is a schema."""
    return object_request(_SCHEMA)


def object_request(schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request whose body is an object."""
    content = {"application/json": {"schema": schema or {"type": "object"}}}
    return {"requestBody": {"required": True, "content": content}}


class SchemaReferenceAnswer(BaseModel):
    """An import: its name in the file, and whose version it is."""

    name: str
    subject: str
    version: int


class SchemaAnswer(BaseModel):
    """A version; what is empty is left out."""

    subject: str | None = None
    version: int | None = None
    id: int | None = None
    guid: str
    schemaType: str
    schema_: str = Field(alias="schema")
    references: list[SchemaReferenceAnswer] = Field(default_factory=list)
    metadata: dict[str, Any] | None = None
    ruleSet: dict[str, Any] | None = None
    ts: int
    deleted: bool | None = None


class Registered(BaseModel):
    """A registered version."""

    id: int
    version: int
    guid: str


class Compatible(BaseModel):
    """Whether it is compatible; with `verbose` why not, and what our own levels find."""

    is_compatible: bool
    messages: list[str] | None = None
    policy: str | None = None
    findings: list[dict[str, Any]] | None = None
