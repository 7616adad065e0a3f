"""What a store promises; only how it reads and writes is each database's own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC
from functools import partial
from types import EllipsisType
from typing import Any, TypeVar

from sqlalchemy import Connection, Select

from protolith.errors import ConflictError, NotFoundError, naming, quoted
from protolith.store import (
    access,
    audit,
    deployments,
    labels,
    modes,
    registration,
    removal,
    scopes,
    search,
    statements,
)
from protolith.store.tables import SCHEMAS
from protolith.store.values import (
    About,
    Change,
    Deployment,
    File,
    KeptMode,
    KeptWaiver,
    NewVersion,
    Reference,
    Subject,
    Summary,
    Version,
)

T = TypeVar("T")

_MAX_SHOWN = 10


class Store(ABC):
    """The memory of the registry. Writes are transactions; reads see what is committed."""

    waits = True
    """Whether a point read may have to wait for somebody else."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to read from."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that commits at the end of the block.

        Raises `BusyError` when it is not free in time, `StorageFullError` on a full disk, and
        `StoreUnavailableError` where the disk or the server fails.
        """

    def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[statements.Found]:
        """What a prepared question finds."""
        with self.reading() as connection:
            return connection.execute(statement, dict(values)).mappings().all()

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""

    @abstractmethod
    def stamp(self) -> object | None:
        """A value that differs once anybody has committed; None where that cannot be told."""

    @abstractmethod
    def lock(self, connection: Connection, subjects: Sequence[str]) -> None:
        """Let nobody else change these subjects until the transaction ends."""

    @abstractmethod
    def migrating(
        self, subject: str, engine: str, *, seconds: float = 5
    ) -> AbstractContextManager[None]:
        """Let nobody else move a table for the block; who dies lets it go.

        Raises `BusyError` where somebody else does for longer than these seconds.
        """

    def write(self, work: Callable[[Connection], T], *, repeatable: bool = True) -> T:
        """Do work in a transaction and return its value once it is committed.

        Where it is not known whether it was committed, `repeatable` work is done again.
        """
        with self.writing() as connection:
            return work(connection)

    # ── versions ──

    def add(self, versions: Sequence[NewVersion], *, label: str = "versions") -> list[Version]:
        """Keep versions, all or none; content that a subject has already is that version.

        An error about one of several says which: `label[index]`.
        """
        concerned = {new.subject for new in versions}
        for subject in sorted(concerned):
            access.check_new(subject)
        concerned |= {ref.subject for new in versions for ref in new.references}

        order = registration.order(versions)

        def work(connection: Connection) -> list[Version]:
            self.lock(connection, sorted(concerned))
            kept: dict[int, Version] = {}
            for index in order:
                with naming(f"{label}[{index}]") if len(versions) > 1 else nullcontext():
                    new = registration.settled(versions[index], kept)
                    kept[index] = registration.add(connection, new)
            return [kept[index] for index in range(len(versions))]

        return self.write(work)

    def find(self, reference: str, *, deleted: bool = False) -> Version:
        """A version by its schema id, by `database.table` (the latest) or `database.table@3`.

        With `deleted` also one that is only softly deleted.
        """
        found = self.rows(*statements.lookup(reference, deleted=deleted))
        rows = [row for row in found if access.may("read", row["schema_id"])]
        if len(rows) == 1:
            return statements.version(rows[0])
        if not rows:
            raise access.missing(reference)
        names = ", ".join(row["version_id"] for row in rows[:_MAX_SHOWN])
        raise ConflictError(f"{reference} names several versions: {names}", hint="use one of these")

    def find_content(self, subject: str, version_hash: str) -> Version | None:
        """The version of a subject that has this content, if there is one."""
        rows = self.rows(statements.BY_HASH, {"subject": subject, "hash": version_hash})
        return statements.version(rows[0]) if rows and access.may("read", subject) else None

    def find_fingerprint(self, subject: str, fingerprint: str) -> Version | None:
        """The version of a subject whose content has this fingerprint, if there is one."""
        values = {"subject": subject, "fingerprint": fingerprint}
        rows = self.rows(statements.BY_CONTENT, values)
        return statements.version(rows[0]) if rows and access.may("read", subject) else None

    def find_id(self, content_id: int) -> list[Version]:
        """Every version with the content of this id, those that are not deleted first."""
        return self._versions(statements.BY_ID, {"id": content_id}, f"the id {content_id}")

    def find_guid(self, guid: str) -> list[Version]:
        """Every version with the content of this GUID, those that are not deleted first."""
        return self._versions(statements.BY_GUID, {"guid": guid}, f"the GUID {quoted(guid)}")

    def _versions(self, statement: Any, values: dict[str, Any], what: str) -> list[Version]:
        found = self.rows(statement, values)
        rows = [row for row in found if access.may("read", row["schema_id"])]
        if not rows:
            raise NotFoundError(f"no schema has {what}", hint="protolith subject list")
        return [statements.version(row) for row in rows]

    def history(
        self,
        subject: str,
        *,
        limit: int | None = None,
        before: int | None = None,
        deleted: bool = False,
    ) -> list[Summary]:
        """The versions of a subject, the newest first: at most `limit`, those under `before`."""
        values = {"subject": subject, "deleted": deleted}
        values |= {"before": before or statements.ALL, "limit": limit or statements.ALL}
        with self.reading() as connection:
            rows = connection.execute(statements.HISTORY, values).all()
        if not access.may("read", subject):
            return []
        return [Summary(*row[:4], row[4].replace(tzinfo=UTC), row[5]) for row in rows]

    def files(self, version_id: str) -> tuple[File, ...]:
        """The submitted files of a version, byte for byte, by path."""
        with self.reading() as connection:
            values = {"version_id": version_id}
            rows = connection.execute(statements.SUBJECT_FILES, values).all()
        return tuple(File(path, content) for path, content in rows)

    def references(self, version_id: str) -> tuple[Reference, ...]:
        """What a version imports from other subjects, by name."""
        with self.reading() as connection:
            values = {"version_id": version_id}
            rows = connection.execute(statements.SUBJECT_REFERENCES, values).all()
        return tuple(Reference(*row) for row in rows)

    def referenced_by(self, subject: str, number: int, *, deleted: bool = False) -> list[Version]:
        """The versions that import a version."""
        values = {"subject": subject, "number": number, "deleted": deleted}
        with self.reading() as connection:
            rows = connection.execute(statements.REFERENCED_BY, values).mappings().all()
        return [statements.version(row) for row in rows if access.may("read", row["schema_id"])]

    def relations(self, subject: str) -> list[tuple[str, int, Reference]]:
        """What versions of a subject import, and who imports one: subject, number, and what."""
        with self.reading() as connection:
            rows = connection.execute(statements.RELATIONS, {"subject": subject}).all()
        seen = (row for row in rows if access.may("read", row[0]))
        return [(row[0], row[1], Reference(*row[2:])) for row in seen]

    # ── subjects ──

    def subjects(
        self, *, limit: int | None = None, after: str = "", deleted: bool = False
    ) -> list[Subject]:
        """Subjects with their latest version, by name: at most `limit`, those after `after`.

        With `deleted` also those of which every version is softly deleted.
        """
        statement = statements.ALL_SUBJECTS_PAGE if deleted else statements.SUBJECT_PAGE
        if seen := access.conditions(SCHEMAS.c.schema_id):
            statement = statement.where(*seen)
        values = {"after": after, "limit": limit or statements.ALL}
        with self.reading() as connection:
            rows = connection.execute(statement, values).mappings().all()
        return [statements.subject(row) for row in rows]

    def subject(self, subject: str) -> Subject:
        """One subject with its latest version, by `database.table`."""
        with self.reading() as connection:
            values = {"subject": subject}
            row = connection.execute(statements.SUBJECT, values).mappings().first()
        if row is None or not access.may("read", subject):
            raise NotFoundError(f"no schema {quoted(subject)}")
        return statements.subject(row)

    def search(
        self, wanted: "search.Search", *, limit: int | None = None, after: str = ""
    ) -> list[Subject]:
        """The subjects that a search finds, by name, in pages like `subjects`."""
        with self.reading() as connection:
            return search.find(connection, wanted, limit=limit or statements.ALL, after=after)

    def describe(self, subject: str, description: str | None) -> None:
        """Change a subject's description."""
        access.check("write", subject)
        self._change(subject, lambda connection: labels.describe(connection, subject, description))

    def label(self, subject: str, changes: Mapping[str, str | None]) -> dict[str, str]:
        """Set labels of a subject, take away those that are None, and return all it has then."""
        access.check("write", subject)
        return self._change(subject, lambda connection: labels.change(connection, subject, changes))

    def change_about(
        self,
        subject: str,
        changes: Mapping[str, str | None],
        *,
        description: str | EllipsisType | None = ...,
    ) -> About:
        """`label`, and `describe` unless there is no description, at once; what is said then."""

        def change(connection: Connection) -> About:
            if description is not ...:
                labels.describe(connection, subject, description)
            if changes:
                labels.change(connection, subject, changes)
            return labels.about(connection, subject)

        return self._change(subject, change)

    def labels(self, subject: str) -> dict[str, str]:
        """The labels of a subject."""
        with self.reading() as connection:
            return labels.read(connection, subject)

    def delete(
        self,
        subject: str,
        number: int | None = None,
        *,
        for_good: bool = False,
        force: bool = False,
    ) -> list[int]:
        """Delete a version, or all of a subject, and return the numbers that were deleted.

        At first softly: it can be restored, and is still found by its id. `for_good` deletes what
        is softly deleted already. What others refer to, and, without `force`, what has a table in
        an engine, is a `ConflictError`. A number is never given again.
        """
        access.check("admin", subject)
        wanted = removal.Removal(subject, number, for_good=for_good, force=force)
        return self._change(subject, lambda connection: removal.delete(connection, wanted))

    def restore(self, subject: str, number: int | None = None) -> list[int]:
        """Take back the soft delete of a version, or of all; return the numbers restored."""
        access.check("admin", subject)
        return self._change(subject, lambda conn: removal.restore(conn, subject, number))

    def _change(
        self, subject: str, change: Callable[[Connection], T], *, repeatable: bool = False
    ) -> T:
        def work(connection: Connection) -> T:
            self.lock(connection, [subject])
            return change(connection)

        return self.write(work, repeatable=repeatable)

    # ── compatibility ──

    def mode(self, subject: str) -> tuple[bool, KeptMode]:
        """What is kept for a subject, or for `modes.EVERYWHERE`; false if it is inherited."""
        with self.reading() as connection:
            return modes.read_mode(connection, subject)

    def has_mode(self, subject: str) -> bool:
        """Whether a mode is kept for a subject itself, apart from what clients of Kafka set."""
        with self.reading() as connection:
            return modes.has_mode(connection, subject)

    def keep_mode(self, subject: str, kept: KeptMode | None) -> None:
        """Keep a mode instead of the one before; None forgets it."""
        access.check("admin", subject or None)
        self._change(subject, lambda connection: modes.keep_mode(connection, subject, kept))

    def waivers(self, subject: str) -> dict[int, list[KeptWaiver]]:
        """The waivers beside the versions of a subject, by the version's number."""
        with self.reading() as connection:
            return modes.read_waivers(connection, subject)

    # ── what Kafka's clients ask and set ──

    def find_exactly(self, subject: str, number: int | None, *, deleted: bool = False) -> Version:
        """A version of a subject of any name, without a number the latest."""
        statement = statements.LATEST if number is None else statements.BY_NUMBER
        values = {"subject": subject, "deleted": deleted}
        values |= {} if number is None else {"number": number}
        rows = self.rows(statement, values)
        if not rows or not access.may("read", subject):
            raise NotFoundError(f"no schema {quoted(subject)}", hint="GET /subjects")
        return statements.version(rows[0])

    def ask(self, question: Callable[..., T], *values: Any) -> T:
        """What a question of `store.scopes` answers."""
        with self.reading() as connection:
            return question(connection, *values)

    def keep_setting(self, kind: scopes.Kind, scope: str, value: Mapping[str, Any] | None) -> None:
        """Set something for a scope instead of what was; None forgets it."""
        access.check_new(scope, "admin")
        self._change(scope, lambda conn: scopes.keep_setting(conn, kind, scope, value))

    # ── tables in engines ──

    def deployments(self, subject: str) -> list[Deployment]:
        """The tables of a subject, by engine."""
        rows = self.rows(statements.DEPLOYMENTS_OF, {"subject": subject})
        return [statements.deployment(row) for row in rows]

    def all_deployments(
        self, *, first: str | None = None, last: str | None = None
    ) -> dict[str, list[Deployment]]:
        """The tables of every subject that has some, or of those from `first` to `last`."""
        statement, values = statements.ALL_DEPLOYMENTS, {}
        if first is not None and last is not None:
            statement, values = statements.DEPLOYMENTS_BETWEEN, {"first": first, "last": last}
        found: dict[str, list[Deployment]] = {}
        with self.reading() as connection:
            for row in connection.execute(statement, values).mappings():
                if access.may("read", row["schema_id"]):
                    found.setdefault(row["schema_id"], []).append(statements.deployment(row))
        return found

    def keep_deployment(
        self, subject: str, engine: str, version: int, *, created: bool, layout: str
    ) -> None:
        """Say which version's table is, or is about to be, in an engine; no intent is left."""
        access.check("write", subject)
        kept = Deployment(engine, version, created, layout, audit.now())
        change = partial(deployments.keep, subject=subject, deployment=kept)
        self._change(subject, change, repeatable=True)

    def keep_intent(self, subject: str, engine: str, intent: str | None) -> None:
        """Say what a migration is about to do to a table, as JSON; None, that it will not."""
        access.check("write", subject)
        change = partial(deployments.keep_intent, subject=subject, engine=engine, intent=intent)
        self._change(subject, change, repeatable=True)

    def drop_deployment(self, subject: str, engine: str) -> None:
        """Forget a deployment that did not come about."""
        access.check("write", subject)
        change = partial(deployments.drop, subject=subject, engine=engine)
        self._change(subject, change, repeatable=True)

    # ── audit ──

    def changes(
        self, name: str | None = None, *, before: int | None = None, limit: int = 100
    ) -> list[Change]:
        """Who changed what when, the newest first; of all, or of a subject and its versions."""
        with self.reading() as connection:
            return audit.read(connection, name=name, before=before, limit=limit)
