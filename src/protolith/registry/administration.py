"""What keeps a registry in order: finding, deleting, labels, the audit trail, mending."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Literal

from protolith.errors import BusyError, EngineUnavailableError, MalformedError, SchemaRegistryError
from protolith.layout import Layout
from protolith.limits import DATA
from protolith.registry.deployments import former_columns
from protolith.registry.intents import Intent
from protolith.registry.part import Part
from protolith.registry.readiness import Readiness, readiness
from protolith.registry.relationships import Relationships, relationships
from protolith.registry.values import SchemaMetadata, SchemaVersion, schema_metadata, schema_version
from protolith.store import (
    About,
    Change,
    Deployment,
    Search,
    Subject,
    Version,
    scopes,
)
from protolith.store.transfer import export_store, import_store
from protolith.tables import check_text

MAX_PAGE = DATA.page


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One table of the registry as its engine has it.

    `state` is "fine"; "differs" where the engine has another table or none; "unfinished" where the
    registry never heard whether it was created, or moved; "unknown" where the engine does not
    answer. `mended` says that the registry and the engine agree since.
    """

    subject: str
    engine: str
    version: int
    state: Literal["fine", "differs", "unfinished", "unknown"]
    message: str = ""
    mended: bool = False


class Administration(Part):
    """The part of `SchemaRegistry` that looks after what is registered."""

    if TYPE_CHECKING:

        def _finish(self, subject: str, deployment: Deployment) -> tuple[int, str]: ...

    # ── find ──

    def list_schemas(
        self, *, limit: int | None = None, after: str = "", deleted: bool = False
    ) -> list[SchemaMetadata]:
        """Every subject with its latest version, by name; or a page: `limit` of those after one.

        With `deleted` also those that are softly deleted.
        """
        _check_page(limit, after)
        return self._metadata(self._store.subjects(limit=limit, after=after, deleted=deleted))

    def search_schemas(
        self, wanted: Search, *, limit: int | None = None, after: str = ""
    ) -> list[SchemaMetadata]:
        """The subjects that have all that is wanted, by name, in pages like `list_schemas`."""
        _check_page(limit, after)
        return self._metadata(self._store.search(wanted, limit=limit, after=after))

    def get_schema_by_id(self, number: int) -> SchemaVersion:
        """A version with the content of a global id; one that is not deleted if there is one."""
        return self._found(self._store.find_id(number)[0])

    def get_schema_by_guid(self, guid: str) -> SchemaVersion:
        """A version with the content of a GUID; one that is not deleted if there is one."""
        return self._found(self._store.find_guid(check_text(guid, "the GUID"))[0])

    def referenced_by(self, schema_id: str) -> list[str]:
        """The versions that import a version, as `database.table@3`."""
        version = self._store.find(schema_id)
        found = self._store.referenced_by(version.subject, version.version)
        return [other.version_id for other in found]

    def relationships(self, subject: str) -> Relationships:
        """Which subjects a subject imports, which import it, and its tables in engines."""
        return relationships(self._store, subject)

    def subject_of(self, schema_id: str) -> str:
        """The subject, `database.table`, of a version, also of one that is softly deleted."""
        return self._store.find(schema_id, deleted=True).subject

    # ── change ──

    def delete_schema(
        self, schema_id: str, *, for_good: bool = False, force: bool = False
    ) -> list[int]:
        """Delete a version, or with `database.table` every one; return the numbers deleted.

        Softly at first: it is hidden, can be undeleted, and still says what its id means.
        `for_good` deletes what is softly deleted already. A version that others import, and,
        without `force`, one that has a table in an engine, is a `ConflictError`; the table itself
        is never dropped. Neither numbers nor ids are ever given again.
        """
        return self._store.delete(*self._named(schema_id), for_good=for_good, force=force)

    def undelete_schema(self, schema_id: str) -> list[int]:
        """Take back a soft delete, of a version or of a whole subject; the numbers restored."""
        return self._store.restore(*self._named(schema_id))

    def describe_schema(self, schema_id: str, description: str | None) -> None:
        """Change the description of a subject."""
        self._store.describe(self._store.find(schema_id).subject, description)

    def label_schema(self, schema_id: str, labels: Mapping[str, str | None]) -> dict[str, str]:
        """Set labels of a subject, take away those that are None, and return all it has then."""
        return self._store.label(self._store.find(schema_id).subject, labels)

    def change_schema(
        self,
        schema_id: str,
        labels: Mapping[str, str | None],
        *,
        description: str | EllipsisType | None = ...,
    ) -> About:
        """Change labels, and the description if one is given, at once; return all of both."""
        subject = self._store.find(schema_id).subject
        return self._store.change_about(subject, labels, description=description)

    def get_labels(self, schema_id: str) -> dict[str, str]:
        """The labels of a subject."""
        return self._store.labels(self._store.find(schema_id).subject)

    def audit(
        self, subject: str | None = None, *, before: int | None = None, limit: int = 100
    ) -> list[Change]:
        """Who changed what when, the newest first; of all, or of a subject and its versions."""
        _check_page(limit, subject or "")
        if before is not None and not 0 < before < 2**31:
            raise MalformedError("before is not a sequence number", hint="a number from 1")
        return self._store.changes(subject, before=before, limit=limit)

    def export(self, folder: Path) -> dict[str, int]:
        """Write everything that is registered into a new folder of plain files."""
        return export_store(self._store, folder)

    def import_(self, folder: Path) -> dict[str, int]:
        """Read what `export` wrote into an empty registry; every id stays what it was."""
        return import_store(self._store, folder)

    # ── mend ──

    def readiness(self) -> Readiness:
        """Whether the registry could do its work now; what keeps it from that is said by part."""
        return readiness(lambda: self._store, self.engine)

    def diagnose(self, *, mend: bool = False, unfinished: bool = False) -> list[Diagnosis]:
        """Compare every table that is registered with its engine.

        With `mend` what was cut off while a table was created is finished: the table is created if
        it is missing, and forgotten if that cannot be. A migration that was cut off is finished
        too, unless what is left of it can lose values. A table that differs is only reported.
        With `unfinished` alone those that were cut off are looked at.
        """
        return [
            (self._diagnose if deployment.intent is None else self._diagnose_migration)(
                subject, deployment, mend=mend
            )
            for subject, deployments in self._store.all_deployments().items()
            for deployment in deployments
            if not (unfinished and deployment.created and deployment.intent is None)
        ]

    def _diagnose(self, subject: str, deployment: Deployment, *, mend: bool) -> Diagnosis:
        about = (subject, deployment.engine, deployment.version)
        try:
            live = self.engine(deployment.engine)
        except SchemaRegistryError as error:
            return Diagnosis(*about, "unknown", error.message)
        try:
            version = self._store.find(f"{subject}@{deployment.version}", deleted=True)
            layout = Layout.of(json.loads(deployment.layout))
            table = self._table(version, layout)
            former = former_columns(self._store, subject, live, layout)
            if deployment.created:
                live.verify(table, former)
                return Diagnosis(*about, "fine")
            if mend:
                live.create(table, former)
        except EngineUnavailableError as error:  # a server may be away only now
            return Diagnosis(*about, "unknown", error.message)
        except SchemaRegistryError as error:
            if mend and not deployment.created:
                self._store.drop_deployment(subject, deployment.engine)
                return Diagnosis(*about, "unfinished", str(error), mended=True)
            return Diagnosis(*about, "differs", str(error))
        if mend:
            self._store.keep_deployment(*about, created=True, layout=deployment.layout)
        return Diagnosis(*about, "unfinished", "its creation was cut off", mended=mend)

    def _diagnose_migration(self, subject: str, deployment: Deployment, *, mend: bool) -> Diagnosis:
        about = (subject, deployment.engine)
        intent = Intent.of(deployment.intent or "")
        command = intent.command(subject, deployment)
        if not mend:
            said = f"its migration to version {intent.version} was cut off; this finishes it"
            return Diagnosis(*about, deployment.version, "unfinished", f"{said}: {command}")
        try:
            version, said = self._finish(subject, deployment)
        except (EngineUnavailableError, BusyError) as error:
            return Diagnosis(*about, deployment.version, "unknown", error.message)
        except SchemaRegistryError as error:
            said = f"{error.message}; this finishes it: {command}"
            return Diagnosis(*about, deployment.version, "unfinished", said)
        return Diagnosis(*about, version, "unfinished", said, mended=True)

    # ── inside ──

    def _metadata(self, subjects: list[Subject]) -> list[SchemaMetadata]:
        if not subjects:
            return []
        first, last = subjects[0].name, subjects[-1].name
        tables = self._store.all_deployments(first=first, last=last)
        return [schema_metadata(subject, tables.get(subject.name, [])) for subject in subjects]

    def _found(self, version: Version) -> SchemaVersion:
        return schema_version(version, self._store.deployments(version.subject))

    def _named(self, schema_id: str) -> tuple[str, int | None]:
        if "." in schema_id and "@" not in schema_id:
            return check_text(schema_id, "the schema id"), None
        if self._store.ask(scopes.read_numbers, schema_id):
            return schema_id, None
        version = self._store.find(schema_id, deleted=True)
        return version.subject, version.version


def _check_page(limit: int | None, after: str) -> None:
    check_text(after, "after")
    if limit is not None and not 0 < limit <= MAX_PAGE:
        raise MalformedError("limit is not the size of a page", hint=f"from 1 to {MAX_PAGE}")
