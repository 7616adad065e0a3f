"""The registry: register, look up, translate, create, load, query."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from protolith.compatibility import Waiver, compare_schemas
from protolith.counts import count
from protolith.descriptors import DescriptorSet
from protolith.dialects import dialect
from protolith.dialects.bigquery.bq_schema import bq_schema
from protolith.dialects.bigquery.driven import CONVERTER_VARIABLE, Converter, check_converter
from protolith.dialects.bigquery.storage import StorageSchema, storage_schema
from protolith.dialects.parts import Written
from protolith.engines import Drift, Engine, Engines, EngineSettings, Former, check_name
from protolith.errors import (
    ConflictError,
    EngineUnavailableError,
    NotFoundError,
    SchemaRegistryError,
)
from protolith.layout import DEFAULT_DATABASE, NATIVE, Layout
from protolith.lint import LintFinding
from protolith.registry.administration import Administration
from protolith.registry.batches import prepare_batch
from protolith.registry.cache import SchemaCache
from protolith.registry.confluent import Confluent
from protolith.registry.deployments import DeployedTable, deployed, drift_of, former_columns
from protolith.registry.evolution import Evolution
from protolith.registry.identities import Identities
from protolith.registry.judging import Known
from protolith.registry.migrating import Migrating
from protolith.registry.references import resolve
from protolith.registry.registration import (
    JsonSubmission,
    Schema,
    Submission,
    descriptors_of,
    linted,
    prepare,
)
from protolith.registry.topics import TopicLoading
from protolith.registry.unloading import Unloading
from protolith.registry.values import (
    CreatedTable,
    SchemaDetails,
    SchemaVersion,
    schema_version,
    version_values,
)
from protolith.store import Deployment, File, Reference, Store, Version, make_home, open_store
from protolith.store.access import check_new
from protolith.store.access import current as current_grants
from protolith.tables import Table, check_text


class SchemaRegistry(Administration, Evolution, Migrating, TopicLoading, Unloading):
    """Schemas, their versions, their tables, all under one data directory.

    The directory defaults to the environment variable `PROTOLITH_HOME`, else `.protolith`. Use it
    as a context manager, or call `close`. Methods may be called from several threads. Wherever a
    `schema_id` is taken, `database.table` (its latest version) and `database.table@3` are too.
    The `converter` makes BigQuery JSON schemas: "protolith", or "protoc" with the real plugin;
    it defaults to the environment variable `PROTOLITH_CONVERTER`, else to "protolith". `engines`
    says where engines are; it defaults to what the environment says.
    """

    def __init__(
        self,
        home: str | Path | None = None,
        *,
        converter: Converter | None = None,
        engines: EngineSettings | None = None,
    ) -> None:
        self.home = Path(home or os.environ.get("PROTOLITH_HOME") or ".protolith")
        self.converter = check_converter(
            converter or os.environ.get(CONVERTER_VARIABLE) or "protolith"
        )
        self.engines = Engines(self.home, engines)
        self._cache: SchemaCache[tuple[Version, list[Deployment]]] = SchemaCache()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store and every engine that was opened."""
        self.engines.close()
        self.__dict__.pop("confluent", None)
        if "_store" in self.__dict__:
            self._cache.clear()
            self._targets.clear()
            self._store.close()
            del self.__dict__["_store"]
            self.__dict__.pop("identities", None)

    # ── register ──

    def register_schema(  # noqa: PLR0913 - SPEC.md gives four, and two are by name alone
        self,
        proto_content: Schema,
        table_name: str | None = None,
        database_name: str = DEFAULT_DATABASE,
        description: str | None = None,
        *,
        message: str | None = None,
        references: Sequence[Reference] = (),
        waivers: Sequence[Waiver] = (),
    ) -> str:
        """Register a protobuf schema and return its `schema_id`.

        The same content again gives the same id and version; other content for the same table is
        its next version. `message` chooses which message is the table; `references` say
        which imports are files that other subjects have registered, `waivers` which findings of
        the subject's mode pass.
        """
        rest = message, tuple(references), tuple(waivers)
        about = (table_name, database_name, description, *rest)
        submission = Submission(proto_content, *about)
        return self.register(submission).schema_id

    def register_json(
        self,
        schema_json: Any,
        table_name: str,
        database_name: str = DEFAULT_DATABASE,
        description: str | None = None,
        *,
        waivers: Sequence[Waiver] = (),
    ) -> str:
        """Register a BigQuery JSON schema and return its `schema_id`."""
        about = table_name, database_name, description, tuple(waivers)
        submission = JsonSubmission(schema_json, *about)
        return self.register(submission).schema_id

    def register(self, submission: Submission | JsonSubmission) -> SchemaVersion:
        """Register a submission and return its version, whatever else has its `schema_id`."""
        if isinstance(submission, Submission) and submission.references:
            pinned, dependencies = resolve(self._store, submission.references)
            submission = replace(submission, references=pinned)
            new = prepare(submission, self.converter, dependencies)
        else:
            new = prepare(submission, self.converter)  # before there is a store, if it is refused
        version = self._keep_versions([new])[0]
        return schema_version(version, self._store.deployments(version.subject))

    def register_schemas_batch(self, schemas: Sequence[Mapping[str, Any]]) -> list[str]:
        """Register several schemas, all or none, and return their ids in the same order.

        Each is a mapping with the arguments of `register_schema`, or with `schema_json` in place
        of `proto_content`. `references` may name other members, in any order, by their
        `table_name`; `waivers` are texts such as RULE:PATH=REASON, and `waived_by` says who. The
        error names the index of every schema that has a fault.
        """
        ready = prepare_batch(self._store, schemas, self.converter)
        return [version.schema_id for version in self._keep_versions(ready, label="schemas")]

    # ── look up ──

    def get_schema_version(self, schema_id: str) -> SchemaVersion:
        """A version with its text, its BigQuery JSON schema and its fields."""
        return schema_version(*self._looked_up(schema_id))

    def get_schema_versions(self, schema_id: str) -> list[dict[str, Any]]:
        """The history of the schema's table, the newest version first."""
        history = self._store.history(self._store.find(schema_id).subject)
        return [asdict(line) for line in history]

    def get_schema_details(self, schema_id: str) -> SchemaDetails:
        """A version, the history of its table, and where tables exist."""
        version = self._store.find(schema_id)
        deployments = self._store.deployments(version.subject)
        return SchemaDetails(
            **version_values(version, deployments),
            description=self._store.subject(version.subject).description,
            versions=self._store.history(version.subject),
            deployments=deployments,
            notes=list(self._table(version).notes),
            warnings=linted(version),
        )

    def get_files(self, schema_id: str) -> list[File]:
        """The submitted files, byte for byte; none for descriptors and JSON schemas."""
        return list(self._store.files(self._store.find(schema_id).version_id))

    def check_schema_compatibility(self, old_schema: Any, new_schema: Any) -> dict[str, Any]:
        """Compare two BigQuery JSON schemas: `{"is_compatible": bool, "issues": [...]}`."""
        return compare_schemas(old_schema, new_schema)

    # ── tables ──

    def table(self, schema_id: str, layout: Layout = NATIVE) -> Table:
        """The table that a version is laid out as."""
        return self._table(self._store.find(schema_id), layout)

    def ddl(
        self, schema_id: str, dialect_name: str, layout: Layout = NATIVE, write: Written = "table"
    ) -> str:
        """The statements for a version's table in a dialect, or for its views, or an insert."""
        return dialect(dialect_name).script(self.table(schema_id, layout), write)

    def bq_schema(self, schema_id: str, *, parameter: str = "") -> bytes:
        """A version's BigQuery JSON schema, byte for byte as protoc-gen-bq-schema writes it."""
        version = self._store.find(schema_id)
        if version.descriptors is None:
            columns = json.loads(version.schema_json)
            return f"{json.dumps(columns, indent=1, ensure_ascii=False)}\n".encode()
        return bq_schema(
            descriptors_of(version),
            version.message,
            parameter=check_text(parameter, "the parameter"),
            converter=self.converter,
        )

    def descriptors(self, schema_id: str) -> DescriptorSet:
        """A version's compiled files; `LayoutError` for one that was registered as JSON."""
        return descriptors_of(self._store.find(schema_id))

    def lint(self, schema_id: str) -> list[LintFinding]:
        """What BigQuery would refuse or lose of a version's BigQuery JSON schema."""
        return linted(self._store.find(schema_id))

    def storage_schema(self, schema_id: str) -> StorageSchema:
        """A version's message as the Storage Write API takes it, with notes."""
        version = self._store.find(schema_id)
        return storage_schema(descriptors_of(version), version.message)

    def create_table(
        self, schema_id: str, engine: str, layout: Layout | None = None
    ) -> CreatedTable:
        """Create a version's table in an engine and remember that it is there.

        The table keeps its layout; without one it is that of the subject's table in the engine,
        else the native one. Doing it again changes nothing. A table of that name with other
        columns is a `ConflictError` that names each difference.
        """
        version = self._store.find(schema_id)
        check_new(f"{version.database}.{version.table}")  # another subject may be of that name
        check_name(engine)
        before = {d.engine: d for d in self._store.deployments(version.subject)}.get(engine)
        if layout is None:
            layout = self._layout_of(before) if before is not None else NATIVE
        table = self._table(version, layout)
        dialect(engine).create(table)  # what the engine cannot have is refused before it is opened
        live = self.engine(engine)
        self._check_version(before, version, table)
        if before is None:
            self._keep(version, engine, layout, created=False)
        try:
            former: Former = frozenset  # only a migration keeps columns, and it keeps the version
            if before is not None and before.version == version.version:
                former = former_columns(self._store, version.subject, live, layout)
            created = live.create(table, former)
        except SchemaRegistryError as error:
            # A server that went away may have created it: that stays unfinished.
            if before is None and not isinstance(error, EngineUnavailableError):
                self._store.drop_deployment(version.subject, engine)
            raise
        self._keep(version, engine, layout, created=True)
        return CreatedTable(
            engine=engine,
            database_name=table.database,
            table_name=table.name,
            version=version.version,
            created=created,
            layout=layout.choices,
            notes=list(live.dialect.stored(table).notes),
        )

    def deployments(self) -> list[DeployedTable]:
        """Every subject's tables in engines, each with its `deployment_id`."""
        found = sorted(self._store.all_deployments().items())
        return [deployed(subject, d) for subject, there in found for d in there]

    def drift(self, subject: str, engine: str | None = None) -> Drift:
        """What differs between a subject's live table and what the registry believes is there."""
        deployment = self._deployment(self._store.find(subject), engine)
        name = self._store.find(subject).subject
        version = self._store.find(f"{name}@{deployment.version}")  # whatever version was asked for
        layout, live = self._layout_of(deployment), self.engine(deployment.engine)
        former = former_columns(self._store, name, live, layout)
        return drift_of(self._table(version, layout), live, deployment.version, former)

    def query(self, engine: str, sql: str) -> pa.Table:
        """Run one query in an engine and return its rows."""
        return self.engine(engine).query(check_text(sql, "the query"))

    def engine(self, name: str) -> Engine:
        """The engine of that name, opened when first asked for."""
        check_name(name)
        make_home(self.home)
        return self.engines.open(name)

    @cached_property
    def identities(self) -> Identities:
        """Who may come in through a server: tokens and users."""
        return Identities(self._store)

    @cached_property
    def confluent(self) -> Confluent:
        """The registry as clients of Confluent's schema registry see it."""
        return Confluent(self._store, self.converter, self._keep_versions, self._judge)

    # ── inside ──

    def _looked_up(self, schema_id: str) -> tuple[Version, list[Deployment]]:
        """A version and its subject's tables; as long as nobody commits, from the cache."""
        # The stamp is read before the answer, which is never newer than that.
        key = self._store.stamp(), schema_id, current_grants()
        found = self._cache.get_schema(key) if key[0] is not None else None
        count("lookups", cache="miss" if found is None else "hit")
        if found is None:
            version = self._store.find(schema_id)
            found = version, self._store.deployments(version.subject)
            if key[0] is not None:
                self._cache.put_schema(key, found)
        return found

    @property
    def reads_at_once(self) -> bool:
        """Whether a point read takes microseconds: from a file, not from a server."""
        return not self._store.waits

    @cached_property
    def _store(self) -> Store:
        make_home(self.home)
        return open_store(self.home)

    def _keep(self, version: Version, engine: str, layout: Layout, *, created: bool) -> None:
        self._store.keep_deployment(
            version.subject, engine, version.version, created=created, layout=layout.to_json()
        )

    def _layout_of(self, deployment: Deployment) -> Layout:
        return Layout.of(json.loads(deployment.layout))

    def _table(self, version: Version, layout: Layout = NATIVE) -> Table:
        return Known.of(version, version.version).laid_out(layout)

    def _deployment(self, version: Version, engine: str | None) -> Deployment:
        """The one table of a subject, or that in an engine."""
        if engine is not None:
            check_name(engine)
        there = {d.engine: d for d in self._store.deployments(version.subject) if d.created}
        if engine is None and len(there) > 1:
            raise ConflictError(
                f"{version.subject} has tables in {' and '.join(there)}", hint="say which engine"
            )
        found = next(iter(there.values()), None) if engine is None else there.get(engine)
        if found is None:
            where = f" in {engine}" if engine else ""
            raise NotFoundError(
                f"{version.subject} has no table{where} yet",
                hint=f"protolith create {version.subject} --engine {engine or 'duckdb'}",
            )
        return found
