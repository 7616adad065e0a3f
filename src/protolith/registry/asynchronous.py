"""The registry for coroutines: each method does its work in a thread."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import update_wrapper
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from protolith.dialects.bigquery.driven import Converter
from protolith.engines import EngineSettings
from protolith.registry.registry import SchemaRegistry

P = ParamSpec("P")
R = TypeVar("R")


def _awaited(
    method: Callable[Concatenate[SchemaRegistry, P], R],
) -> Callable[Concatenate["AsyncSchemaRegistry", P], Awaitable[R]]:
    async def call(self: "AsyncSchemaRegistry", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, self.registry, *args, **kwargs)

    update_wrapper(call, method)
    return call


class AsyncSchemaRegistry:
    """`SchemaRegistry` with the same methods, awaited. Use it as an async context manager."""

    def __init__(
        self,
        home: str | Path | None = None,
        *,
        converter: Converter | None = None,
        engines: EngineSettings | None = None,
    ) -> None:
        self.registry = SchemaRegistry(home, converter=converter, engines=engines)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    register_schema = _awaited(SchemaRegistry.register_schema)
    register_json = _awaited(SchemaRegistry.register_json)
    register = _awaited(SchemaRegistry.register)
    register_schemas_batch = _awaited(SchemaRegistry.register_schemas_batch)
    get_schema_version = _awaited(SchemaRegistry.get_schema_version)
    get_schema_versions = _awaited(SchemaRegistry.get_schema_versions)
    list_schemas = _awaited(SchemaRegistry.list_schemas)
    get_schema_details = _awaited(SchemaRegistry.get_schema_details)
    get_files = _awaited(SchemaRegistry.get_files)
    descriptors = _awaited(SchemaRegistry.descriptors)
    check_compatibility = _awaited(SchemaRegistry.check_compatibility)
    check_schema_compatibility = _awaited(SchemaRegistry.check_schema_compatibility)
    set_compatibility = _awaited(SchemaRegistry.set_compatibility)
    get_compatibility = _awaited(SchemaRegistry.get_compatibility)
    diff = _awaited(SchemaRegistry.diff)
    waivers = _awaited(SchemaRegistry.waivers)
    table = _awaited(SchemaRegistry.table)
    ddl = _awaited(SchemaRegistry.ddl)
    bq_schema = _awaited(SchemaRegistry.bq_schema)
    lint = _awaited(SchemaRegistry.lint)
    storage_schema = _awaited(SchemaRegistry.storage_schema)
    create_table = _awaited(SchemaRegistry.create_table)
    plan_migration = _awaited(SchemaRegistry.plan_migration)
    migrate = _awaited(SchemaRegistry.migrate)
    drop_kept = _awaited(SchemaRegistry.drop_kept)
    ingest = _awaited(SchemaRegistry.ingest)
    replay = _awaited(SchemaRegistry.replay)
    topic_table = _awaited(SchemaRegistry.topic_table)
    topic_positions = _awaited(SchemaRegistry.topic_positions)
    ingest_topic = _awaited(SchemaRegistry.ingest_topic)
    export_rows = _awaited(SchemaRegistry.export_rows)
    deployments = _awaited(SchemaRegistry.deployments)
    drift = _awaited(SchemaRegistry.drift)
    query = _awaited(SchemaRegistry.query)
    search_schemas = _awaited(SchemaRegistry.search_schemas)
    get_schema_by_id = _awaited(SchemaRegistry.get_schema_by_id)
    get_schema_by_guid = _awaited(SchemaRegistry.get_schema_by_guid)
    relationships = _awaited(SchemaRegistry.relationships)
    referenced_by = _awaited(SchemaRegistry.referenced_by)
    subject_of = _awaited(SchemaRegistry.subject_of)
    delete_schema = _awaited(SchemaRegistry.delete_schema)
    undelete_schema = _awaited(SchemaRegistry.undelete_schema)
    describe_schema = _awaited(SchemaRegistry.describe_schema)
    label_schema = _awaited(SchemaRegistry.label_schema)
    change_schema = _awaited(SchemaRegistry.change_schema)
    get_labels = _awaited(SchemaRegistry.get_labels)
    audit = _awaited(SchemaRegistry.audit)
    export = _awaited(SchemaRegistry.export)
    import_ = _awaited(SchemaRegistry.import_)
    readiness = _awaited(SchemaRegistry.readiness)
    diagnose = _awaited(SchemaRegistry.diagnose)
    close = _awaited(SchemaRegistry.close)
