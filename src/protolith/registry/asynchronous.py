"""The registry for coroutines: each method does its work in a thread."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import update_wrapper
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from protolith.dialects.bigquery.driven import Converter
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
        self, home: str | Path | None = None, *, converter: Converter | None = None
    ) -> None:
        self.registry = SchemaRegistry(home, converter=converter)

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
    table = _awaited(SchemaRegistry.table)
    ddl = _awaited(SchemaRegistry.ddl)
    bq_schema = _awaited(SchemaRegistry.bq_schema)
    lint = _awaited(SchemaRegistry.lint)
    storage_schema = _awaited(SchemaRegistry.storage_schema)
    create_table = _awaited(SchemaRegistry.create_table)
    plan_migration = _awaited(SchemaRegistry.plan_migration)
    migrate = _awaited(SchemaRegistry.migrate)
    ingest = _awaited(SchemaRegistry.ingest)
    deployments = _awaited(SchemaRegistry.deployments)
    drift = _awaited(SchemaRegistry.drift)
    query = _awaited(SchemaRegistry.query)
    close = _awaited(SchemaRegistry.close)
