"""What the registry answers with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from protolith.errors import Detail
from protolith.lint import LintFinding
from protolith.store import Deployment, Subject, Summary, Version
from protolith.tables import Note


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field of a BigQuery JSON schema."""

    name: str
    type: str
    mode: str
    description: str | None = None
    policy_tags: list[str] | None = None
    nested_fields: "list[SchemaField] | None" = None


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """A registered version.

    `schema_id` is the table and the first digits of `version_hash`, the SHA-256 of the submitted
    text. `schema_json` is the BigQuery JSON schema, `proto_content` the submitted text of a single
    file (None for several files, descriptors, or a JSON schema), `engines_created` the engines
    where this version's table exists, `version` its number within `database_name.table_name`. `id`,
    `guid` and `fingerprint` are those of the content, wherever it is registered, for ever.
    """

    schema_id: str
    version_hash: str
    table_name: str
    database_name: str
    proto_content: str | None
    schema_json: list[dict[str, Any]]
    fields: list[SchemaField]
    created_at: datetime
    engines_created: list[str]
    version: int = 1
    message: str | None = None
    id: int = 0
    guid: str = ""
    fingerprint: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class SchemaMetadata:
    """A subject and its latest version; it is named as the table, or by a client of Kafka."""

    schema_id: str
    table_name: str
    database_name: str
    version: int
    created_at: datetime
    last_updated: datetime
    description: str | None
    engines_created: list[str] = field(default_factory=list)
    subject: str = ""


@dataclass(frozen=True, slots=True)
class SchemaDetails(SchemaVersion):
    """A version, the history of its subject, and the subject's tables.

    `notes` says what the layout decided or lost, by field path; `warnings` what BigQuery would
    refuse or lose of the BigQuery JSON schema.
    """

    description: str | None = None
    versions: list[Summary] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    warnings: list[LintFinding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CreatedTable:
    """A table in an engine; `created` is False where the same table was there already.

    `layout` holds the choices that differ from the native layout.
    """

    engine: str
    database_name: str
    table_name: str
    version: int
    created: bool
    layout: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load did: rows loaded, records refused, and what the rows do not hold.

    `rejected` names the first thousand refused records. `unknown_fields` counts values of fields
    that the schema does not know, by `message.number`; `cut` counts values that lost digits below
    a microsecond, by column. `left_out` names the fields that have no column in the table.
    `already_loaded` says that a load with this `load_id` was there, so that nothing was added.
    """

    engine: str
    database_name: str
    table_name: str
    version: int
    rows: int
    rejected_count: int
    rejected: list[Detail]
    unknown_fields: dict[str, int]
    cut: dict[str, int]
    left_out: list[str] = field(default_factory=list)
    load_id: str | None = None
    already_loaded: bool = False


@dataclass(frozen=True, slots=True)
class ExportedRows:
    """Rows that were written as messages of a version; `notes` say what they may have lost."""

    engine: str
    database_name: str
    table_name: str
    version: int
    rows: int
    notes: list[Note] = field(default_factory=list)


def schema_fields(schema_json: Sequence[dict[str, Any]]) -> list[SchemaField]:
    """The fields of a BigQuery JSON schema."""
    return [
        SchemaField(
            name=data["name"],
            type=data["type"],
            mode=data.get("mode", "NULLABLE"),
            description=data.get("description"),
            policy_tags=data["policyTags"]["names"] if data.get("policyTags") else None,
            nested_fields=schema_fields(data["fields"]) if data.get("fields") else None,
        )
        for data in schema_json
    ]


def schema_version(version: Version, deployments: Sequence[Deployment]) -> SchemaVersion:
    """A kept version as an answer."""
    return SchemaVersion(**version_values(version, deployments))


def version_values(version: Version, deployments: Sequence[Deployment]) -> dict[str, Any]:
    """The values of a `SchemaVersion`, by name."""
    schema_json = json.loads(version.schema_json)
    return {
        "schema_id": version.schema_id,
        "version_hash": version.version_hash,
        "table_name": version.table,
        "database_name": version.database,
        "proto_content": version.proto_content,
        "schema_json": schema_json,
        "fields": schema_fields(schema_json),
        "created_at": version.created_at,
        "engines_created": engines_with(version.version, deployments),
        "version": version.version,
        "message": version.message,
        "id": version.id,
        "guid": version.guid,
        "fingerprint": version.fingerprint,
        "subject": version.subject,
    }


def schema_metadata(subject: Subject, deployments: Sequence[Deployment]) -> SchemaMetadata:
    """A kept subject as an answer."""
    return SchemaMetadata(
        schema_id=subject.schema_id,
        table_name=subject.table,
        database_name=subject.database,
        version=subject.latest_version,
        created_at=subject.created_at,
        last_updated=subject.last_updated,
        description=subject.description,
        engines_created=engines_with(subject.latest_version, deployments),
        subject=subject.name,
    )


def engines_with(version: int, deployments: Sequence[Deployment]) -> list[str]:
    """The engines where the table of this version exists."""
    return [d.engine for d in deployments if d.created and d.version == version]
