"""The registry: what Protolith remembers, and what it does with it."""

from protolith.registry.asynchronous import AsyncSchemaRegistry
from protolith.registry.deployments import DeployedTable
from protolith.registry.migrating import PlannedMigration, PlannedStep
from protolith.registry.registration import Schema
from protolith.registry.registry import SchemaRegistry
from protolith.registry.values import (
    CreatedTable,
    LoadResult,
    SchemaDetails,
    SchemaField,
    SchemaMetadata,
    SchemaVersion,
    schema_fields,
)

__all__ = [
    "AsyncSchemaRegistry",
    "CreatedTable",
    "DeployedTable",
    "LoadResult",
    "PlannedMigration",
    "PlannedStep",
    "Schema",
    "SchemaDetails",
    "SchemaField",
    "SchemaMetadata",
    "SchemaRegistry",
    "SchemaVersion",
    "schema_fields",
]
