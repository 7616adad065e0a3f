"""Moving tables in engines from one version to another."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import partial

from protolith.dialects import dialect
from protolith.dialects.alteration import Risk
from protolith.engines import Engine
from protolith.engines.adoption import adopted
from protolith.errors import ConflictError, EngineUnavailableError, SchemaRegistryError
from protolith.layout import Layout
from protolith.migrations import Migration, PlannedStep, plan, planned_step
from protolith.migrations.rebuilding import beside
from protolith.registry.intents import Intent
from protolith.registry.part import Part
from protolith.store import Deployment, Version
from protolith.tables import Table


@dataclass(frozen=True, slots=True)
class PlannedMigration:
    """How a live table becomes that of another version.

    `rows` and `size` (bytes) are what a step that writes the table again has to write, at most;
    None where there is none. `applied` says whether the steps have run.
    """

    engine: str
    database_name: str
    table_name: str
    from_version: int
    version: int
    risk: Risk
    loads: bool
    rows: int | None
    size: int | None
    steps: list[PlannedStep]
    applied: bool = False

    @property
    def statements(self) -> list[str]:
        """Every statement in its order."""
        return [statement for step in self.steps for statement in step.statements]


@dataclass(frozen=True, slots=True)
class KeptTable:
    """Where a rebuild keeps the table before it; `dropped` says whether there was one."""

    engine: str
    database_name: str
    table_name: str
    dropped: bool


class Migrating(Part):
    """The registry's methods that move tables."""

    @abstractmethod
    def _keep(self, version: Version, engine: str, layout: Layout, *, created: bool) -> None: ...

    def plan_migration(
        self,
        schema_id: str,
        engine: str | None = None,
        *,
        drop_columns: bool = False,
        layout: Layout | None = None,
    ) -> PlannedMigration:
        """What would move the live table of the schema's subject to this version.

        Columns of fields that are gone stay unless `drop_columns`. The layout is the table's own
        unless another one is given. Raises `ConflictError` where the live table has drifted.
        """
        version = self._store.find(schema_id)
        deployment = self._deployment(version, engine)
        wanted = self._table(version, layout or self._layout_of(deployment))
        migration = self._migration(version, deployment, wanted, drop_columns=drop_columns)
        return self._planned(migration, version, deployment)

    def migrate(  # noqa: PLR0913 - each is a choice of its own, and most are by name alone
        self,
        schema_id: str,
        engine: str | None = None,
        *,
        apply: bool = True,
        allow_lossy: bool = False,
        drop_columns: bool = False,
        rebuild: bool = False,
        layout: Layout | None = None,
    ) -> PlannedMigration:
        """Move the live table of the schema's subject to this version, and remember it.

        Where it is interrupted, the same call goes on. Steps that can lose values need
        `allow_lossy`, and building the table anew, every row of it, `rebuild`; the old one is then
        kept beside the new one until `drop_kept`. Without `apply` it only plans.
        """
        if not apply:
            return self.plan_migration(schema_id, engine, drop_columns=drop_columns, layout=layout)
        version = self._store.find(schema_id)
        name = self._deployment(version, engine).engine
        with self._store.migrating(version.subject, name):
            deployment = self._deployment(version, name)
            choices = (layout or self._layout_of(deployment)).choices
            intent = Intent(version.version, choices, drop_columns, allow_lossy, rebuild)
            return self._move(version, deployment, intent)

    def _move(self, version: Version, deployment: Deployment, intent: Intent) -> PlannedMigration:
        layout = Layout.of(intent.layout)
        wanted = self._table(version, layout)
        migration = self._migration(version, deployment, wanted, drop_columns=intent.drop_columns)
        planned = self._planned(migration, version, deployment)
        live = self.engine(deployment.engine)
        key = (version.subject, deployment.engine)
        begin = partial(self._store.keep_intent, *key, intent.to_json())
        try:
            live.migrate(
                migration, allow_lossy=intent.allow_lossy, rebuild=intent.rebuild, begin=begin
            )
        except EngineUnavailableError:
            raise
        except SchemaRegistryError:
            if self._deployment(version, deployment.engine).intent and _untouched(live, migration):
                self._store.keep_intent(*key, None)
            raise
        self._keep(version, deployment.engine, layout, created=True)
        live.forget_migration(wanted)
        return replace(planned, applied=True)

    def drop_kept(self, schema_id: str, engine: str | None = None) -> KeptTable:
        """Drop the table that a rebuild has kept, if there is one."""
        version = self._store.find(schema_id)
        deployment = self._deployment(version, engine)
        table = self._table(version, self._layout_of(deployment))
        with self._store.migrating(version.subject, deployment.engine):
            dropped = self.engine(deployment.engine).drop_kept(table)
        kept = beside(table)
        return KeptTable(deployment.engine, kept.database, kept.name, dropped)

    def _finish(self, subject: str, deployment: Deployment) -> tuple[int, str]:
        """Finish a migration that was cut off, or give it up; the table's version, and a sentence.

        One that goes on with a step that can lose values is not: that is a `ConflictError`, or
        given up if nothing has run.
        """
        intent = Intent.of(deployment.intent or "")
        command = intent.command(subject, deployment)
        with self._store.migrating(subject, deployment.engine, seconds=0):
            version = self._store.find(f"{subject}@{intent.version}", deleted=True)
            wanted = self._table(version, Layout.of(intent.layout))
            drop_columns = intent.drop_columns
            migration = self._migration(version, deployment, wanted, drop_columns=drop_columns)
            done = self.engine(deployment.engine).reached(migration)
            waits = (
                migration.rebuild is not None and not done
            )  # it would keep a server from starting
            if not waits and all(step.risk != "lossy" for step in migration.steps[done:]):
                self._move(version, deployment, intent)
                return version.version, f"its migration to version {version.version} was cut off"
            if done:
                raise ConflictError(
                    f"its migration to version {version.version} was cut off, and what is left can"
                    " lose values",
                    hint=command,
                )
            self._store.keep_intent(subject, deployment.engine, None)
        return deployment.version, f"a migration was cut off before it began; again: {command}"

    def _migration(
        self, version: Version, deployment: Deployment, wanted: Table, *, drop_columns: bool
    ) -> Migration:
        live = self.engine(deployment.engine)
        current = self._store.find(f"{version.subject}@{deployment.version}")
        table = self._table(current, self._layout_of(deployment))
        begun = live.journal(table)
        if begun is not None:
            # One that was interrupted is planned again from what was there before it.
            old = adopted(table, begun.columns, live.dialect)
            migration = plan(
                live.placed(old), live.placed(wanted), live.dialect, drop_columns=drop_columns
            )
            if migration.fingerprint == begun.fingerprint:
                return migration
        try:
            old = live.adopt(table)
        except ConflictError as error:
            if deployment.intent is not None:
                command = Intent.of(deployment.intent).command(version.subject, deployment)
                error.hint = f"a migration was interrupted; this finishes it: {command}"
            elif begun is not None:
                error.hint = "a migration was interrupted: give the same command again to finish it"
            raise
        return plan(live.placed(old), live.placed(wanted), live.dialect, drop_columns=drop_columns)

    def _planned(
        self, migration: Migration, version: Version, deployment: Deployment
    ) -> PlannedMigration:
        rewrites = any(step.outcome in {"rewrite", "rebuild"} for step in migration.steps)
        size = self.engine(deployment.engine).size(migration.old) if rewrites else None
        return PlannedMigration(
            engine=deployment.engine,
            database_name=migration.old.database,
            table_name=migration.old.name,
            from_version=deployment.version,
            version=version.version,
            risk=migration.risk,
            loads=all(step.loads for step in migration.steps),
            rows=None if size is None else size.rows,
            size=None if size is None else size.size,
            steps=[planned_step(step) for step in migration.steps],
        )

    def _check_version(self, before: Deployment | None, version: Version, table: Table) -> None:
        """Raise `ConflictError` if a table of another version is there that has to be moved."""
        if before is None or not before.created or before.version == version.version:
            return
        if not self.engine(before.engine).columns(table.database, table.name):
            return
        current = self._store.find(f"{version.subject}@{before.version}")
        old = self._table(current, self._layout_of(before))
        if not plan(old, table, dialect(before.engine)).empty:
            raise ConflictError(
                f"{before.engine}: {version.subject} is there as version {before.version}",
                hint=f"protolith migrate {version.version_id} --engine {before.engine}",
            )


def _untouched(live: Engine, migration: Migration) -> bool:
    """Whether the live table is what it was before a migration that failed."""
    try:
        return live.reached(migration) == 0
    except SchemaRegistryError:
        return False
