"""The registry: what Protolith remembers, and what it does with it."""

from protolith.migrations import PlannedStep
from protolith.registry.administration import Diagnosis
from protolith.registry.asynchronous import AsyncSchemaRegistry
from protolith.registry.deployments import DeployedTable
from protolith.registry.evolution import CompatibilityMode, VersionWaiver
from protolith.registry.migrating import KeptTable, PlannedMigration
from protolith.registry.readiness import Readiness
from protolith.registry.registration import Schema
from protolith.registry.registry import SchemaRegistry
from protolith.registry.relationships import Relationships, SchemaImport
from protolith.registry.topics import Position, TopicFraming, TopicPart
from protolith.registry.values import (
    CreatedTable,
    ExportedRows,
    LoadResult,
    SchemaDetails,
    SchemaField,
    SchemaMetadata,
    SchemaVersion,
    schema_fields,
)

__all__ = [
    "AsyncSchemaRegistry",
    "CompatibilityMode",
    "CreatedTable",
    "DeployedTable",
    "Diagnosis",
    "ExportedRows",
    "KeptTable",
    "LoadResult",
    "PlannedMigration",
    "PlannedStep",
    "Position",
    "Readiness",
    "Relationships",
    "Schema",
    "SchemaDetails",
    "SchemaField",
    "SchemaImport",
    "SchemaMetadata",
    "SchemaRegistry",
    "SchemaVersion",
    "TopicFraming",
    "TopicPart",
    "VersionWaiver",
    "schema_fields",
]
