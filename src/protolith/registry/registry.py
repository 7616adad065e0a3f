"""The registry: register, look up, translate, create, load, query."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Self

import pyarrow as pa

from protolith.compatibility import compare_schemas
from protolith.decoding import ReferenceDecoder
from protolith.descriptors import DescriptorSet
from protolith.dialects import dialect
from protolith.dialects.bigquery.schema_json import from_json
from protolith.engines import Engine, open_engine
from protolith.errors import (
    ConflictError,
    LayoutError,
    MalformedError,
    NotFoundError,
    SchemaRegistryError,
)
from protolith.layout import DEFAULT_DATABASE, lay_out
from protolith.registry.loading import Framing, load
from protolith.registry.registration import Schema, prepare, prepare_json
from protolith.registry.values import (
    CreatedTable,
    LoadResult,
    SchemaDetails,
    SchemaMetadata,
    SchemaVersion,
    schema_details,
    schema_metadata,
    schema_version,
)
from protolith.store import File, NewVersion, SQLiteStore, Store, Version
from protolith.tables import Table

NATIVE = json.dumps({"kind": "native"})


class SchemaRegistry:
    """Schemas, their versions, their tables, all under one data directory.

    The directory defaults to the environment variable `PROTOLITH_HOME`, else `.protolith`. Use it
    as a context manager, or call `close`. Methods may be called from several threads. Wherever a
    `schema_id` is taken, `database.table` (its latest version) and `database.table@3` are too.
    """

    def __init__(self, home: str | Path | None = None) -> None:
        self.home = Path(home or os.environ.get("PROTOLITH_HOME") or ".protolith")
        self._engines: dict[str, Engine] = {}
        self._opening = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store and every engine that was opened."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()
        if "_store" in self.__dict__:
            self._store.close()
            del self.__dict__["_store"]

    # ── register ──

    def register_schema(
        self,
        proto_content: Schema,
        table_name: str | None = None,
        database_name: str = DEFAULT_DATABASE,
        description: str | None = None,
        *,
        message: str | None = None,
    ) -> str:
        """Register a protobuf schema and return its `schema_id`.

        The same content again gives the same id and version; other content for the same table is
        its next version. `message` chooses which message is the table.
        """
        new, _ = prepare(proto_content, table_name, database_name, description, message=message)
        return self._store.add([new])[0].schema_id

    def register_json(
        self,
        schema_json: Any,
        table_name: str,
        database_name: str = DEFAULT_DATABASE,
        description: str | None = None,
    ) -> str:
        """Register a BigQuery JSON schema and return its `schema_id`."""
        new, _ = prepare_json(schema_json, table_name, database_name, description)
        return self._store.add([new])[0].schema_id

    def register_schemas_batch(self, schemas: Sequence[Mapping[str, Any]]) -> list[str]:
        """Register several schemas, all or none, and return their ids in the same order.

        Each is a mapping with the arguments of `register_schema`, or with `schema_json` in place
        of `proto_content`. An error names the index of the schema that caused it.
        """
        ready = [_prepare_at(index, schema) for index, schema in enumerate(schemas)]
        return [version.schema_id for version in self._store.add(ready)]

    # ── look up ──

    def get_schema_version(self, schema_id: str) -> SchemaVersion:
        """A version with its text, its BigQuery JSON schema and its fields."""
        version = self._store.find(schema_id)
        return schema_version(version, self._store.deployments(version.subject))

    def get_schema_versions(self, schema_id: str) -> list[dict[str, Any]]:
        """The history of the schema's table, the newest version first."""
        history = self._store.history(self._store.find(schema_id).subject)
        return [asdict(line) for line in history]

    def list_schemas(self) -> list[SchemaMetadata]:
        """Every subject with its latest version."""
        deployments = self._store.all_deployments()
        return [
            schema_metadata(subject, deployments.get(f"{subject.database}.{subject.table}", []))
            for subject in self._store.subjects()
        ]

    def get_schema_details(self, schema_id: str) -> SchemaDetails:
        """A version, the history of its table, and where tables exist."""
        version = self._store.find(schema_id)
        subject = version.subject
        return schema_details(
            version,
            self._store.subject(subject),
            self._store.history(subject),
            self._store.deployments(subject),
            self._table(version).notes,
        )

    def get_files(self, schema_id: str) -> list[File]:
        """The submitted files, byte for byte; none for descriptors and JSON schemas."""
        return list(self._store.files(self._store.find(schema_id).version_id))

    def check_schema_compatibility(self, old_schema: Any, new_schema: Any) -> dict[str, Any]:
        """Compare two BigQuery JSON schemas: `{"is_compatible": bool, "issues": [...]}`."""
        return compare_schemas(old_schema, new_schema)

    # ── tables ──

    def table(self, schema_id: str) -> Table:
        """The table that a version is laid out as."""
        return self._table(self._store.find(schema_id))

    def ddl(self, schema_id: str, dialect_name: str) -> str:
        """The statements that create a version's table, for a dialect."""
        return dialect(dialect_name).script(self.table(schema_id))

    def create_table(self, schema_id: str, engine: str) -> CreatedTable:
        """Create a version's table in an engine and remember that it is there.

        Doing it again changes nothing. A table of that name with other columns is a
        `ConflictError` that names each difference.
        """
        version = self._store.find(schema_id)
        table = self._table(version)
        live = self.engine(engine)
        before = {d.engine: d for d in self._store.deployments(version.subject)}.get(engine)
        if before is None:
            self._keep(version, engine, created=False)
        try:
            created = live.create(table)
        except SchemaRegistryError:
            if before is None:
                self._store.drop_deployment(version.subject, engine)
            raise
        self._keep(version, engine, created=True)
        return CreatedTable(
            engine, table.database, table.name, version.version, created, list(table.notes)
        )

    def ingest(
        self,
        schema_id: str,
        data: bytes | BinaryIO | Path,
        engine: str | None = None,
        *,
        framing: Framing = "delimited",
        skip_bad: bool = False,
    ) -> LoadResult:
        """Load protobuf messages into a version's table.

        The data is length-delimited unless `framing="single"`. The engine may be left out where
        the table exists in one alone. A bad record means that nothing is loaded, unless
        `skip_bad`; either way it is reported with its index, byte offset and reason.
        """
        version = self._store.find(schema_id)
        table = self._table(version)
        if version.descriptors is None:
            raise LayoutError(
                f"{version.version_id} was registered as a JSON schema: no message to decode",
                hint="register the .proto file under this table name",
            )
        name = self._deployed_engine(version, engine)
        live = self.engine(name)
        live.verify(table)
        descriptors = DescriptorSet.from_bytes(version.descriptors, version.roots)
        decoder = ReferenceDecoder(descriptors, live.dialect.stored(table))
        account = load(data, decoder, live, framing=framing, skip_bad=skip_bad)
        return LoadResult(
            engine=name,
            database_name=table.database,
            table_name=table.name,
            version=version.version,
            rows=account.rows,
            rejected_count=account.rejected_count,
            rejected=account.rejected,
            unknown_fields=dict(account.unknown_fields),
            cut=dict(account.cut),
        )

    def query(self, engine: str, sql: str) -> pa.Table:
        """Run one query in an engine and return its rows."""
        return self.engine(engine).query(sql)

    def engine(self, name: str) -> Engine:
        """The embedded engine of that name, opened when first asked for."""
        with self._opening:
            if name not in self._engines:
                self.home.mkdir(parents=True, exist_ok=True)
                self._engines[name] = open_engine(name, self.home)
            return self._engines[name]

    # ── inside ──

    @cached_property
    def _store(self) -> Store:
        self.home.mkdir(parents=True, exist_ok=True)
        return SQLiteStore(self.home)

    def _keep(self, version: Version, engine: str, *, created: bool) -> None:
        self._store.keep_deployment(
            version.subject, engine, version.version, created=created, layout=NATIVE
        )

    def _table(self, version: Version) -> Table:
        if version.descriptors is None:
            schema = json.loads(version.schema_json)
            return from_json(schema, table=version.table, database=version.database)
        descriptors = DescriptorSet.from_bytes(version.descriptors, version.roots)
        return lay_out(descriptors, version.message, table=version.table, database=version.database)

    def _deployed_engine(self, version: Version, engine: str | None) -> str:
        there = [d.engine for d in self._store.deployments(version.subject) if d.created]
        if engine is None and len(there) == 1:
            return there[0]
        if engine is None and there:
            raise ConflictError(
                f"{version.subject} has tables in {' and '.join(there)}", hint="say which engine"
            )
        if engine is None or engine not in there:
            where = f" in {engine}" if engine else ""
            raise NotFoundError(
                f"{version.subject} has no table{where} yet",
                hint=f"protolith create {version.subject} --engine {engine or 'duckdb'}",
            )
        return engine


def _prepare_at(index: int, schema: Mapping[str, Any]) -> NewVersion:
    try:
        return _prepare_mapping(schema)
    except SchemaRegistryError as error:
        error.message = f"schemas[{index}]: {error.message}"
        raise


def _prepare_mapping(schema: Mapping[str, Any]) -> NewVersion:
    known = {"proto_content", "schema_json", "table_name", "database_name", "description"}
    unknown = sorted(set(schema) - known - {"message"})
    if unknown or ("proto_content" in schema) == ("schema_json" in schema):
        raise MalformedError(
            f"unknown key {unknown[0]!r}" if unknown else "proto_content or schema_json is needed",
            hint=f"known keys: {', '.join(sorted({*known, 'message'}))}",
        )
    rest = schema.get("database_name"), schema.get("description")
    if "schema_json" in schema:
        return prepare_json(schema["schema_json"], schema.get("table_name") or "", *rest)[0]
    message = schema.get("message")
    new, _ = prepare(schema["proto_content"], schema.get("table_name"), *rest, message=message)
    return new
