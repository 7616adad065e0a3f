"""What a store promises, and the statements that every database shares."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from protolith.errors import ConflictError, NotFoundError, naming, quoted
from protolith.store import modes
from protolith.store.tables import DEPLOYMENTS, FILES, SCHEMAS, VERSIONS
from protolith.tables import check_text

ID_DIGITS = 12
_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class File:
    """A submitted file: its path among the others, and its bytes."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that is ready to be kept; everything that can fail has been done.

    `after` is the subject's latest version that it was checked against (0 for none): where the
    subject has moved on, the version is refused with `MovedOnError` and must be checked again.
    """

    database: str
    table: str
    version_hash: str
    schema_json: str
    roots: tuple[str, ...] = ()
    message: str | None = None
    proto_content: str | None = None
    descriptors: bytes | None = None
    files: tuple[File, ...] = ()
    description: str | None = None
    after: int | None = None
    waivers: tuple[modes.KeptWaiver, ...] = ()

    @property
    def subject(self) -> str:
        """What is versioned: `database.table`."""
        return f"{self.database}.{self.table}"


@dataclass(frozen=True, slots=True)
class Version:
    """A kept version. `schema_id` is its name for users, such as `orders_1f2e3d4c5b6a`."""

    version_id: str
    schema_id: str
    database: str
    table: str
    version: int
    version_hash: str
    schema_json: str
    roots: tuple[str, ...]
    message: str | None
    proto_content: str | None
    descriptors: bytes | None
    created_at: datetime

    @property
    def subject(self) -> str:
        """What is versioned: `database.table`."""
        return f"{self.database}.{self.table}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject and its latest version."""

    database: str
    table: str
    latest_version: int
    schema_id: str
    description: str | None
    created_at: datetime
    last_updated: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of a subject's history; `proto_size` counts the characters of a single file."""

    version_id: str
    schema_id: str
    version: int
    version_hash: str
    created_at: datetime
    proto_size: int | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version's table in an engine; not `created` means that the engine has not answered yet."""

    engine: str
    version: int
    created: bool
    layout: str
    created_at: datetime


_VERSION: Select[Any] = select(VERSIONS, SCHEMAS.c.table_name, SCHEMAS.c.database_name).join_from(
    VERSIONS, SCHEMAS
)
_BY_NUMBER = _VERSION.where(
    VERSIONS.c.schema_id == bindparam("subject"), VERSIONS.c.version == bindparam("number")
)
_LATEST = _VERSION.where(
    VERSIONS.c.schema_id == bindparam("subject"), VERSIONS.c.version == SCHEMAS.c.latest_version
)
_BY_NAME = _VERSION.where(VERSIONS.c.name == bindparam("name")).order_by(VERSIONS.c.version_id)
_BY_HASH = _VERSION.where(
    VERSIONS.c.schema_id == bindparam("subject"), VERSIONS.c.version_hash == bindparam("hash")
)
_HISTORY = (
    select(
        VERSIONS.c.version_id,
        VERSIONS.c.name,
        VERSIONS.c.version,
        VERSIONS.c.version_hash,
        VERSIONS.c.created_at,
        func.length(VERSIONS.c.proto_content),
    )
    .where(VERSIONS.c.schema_id == bindparam("subject"))
    .order_by(VERSIONS.c.version.desc())
)
_SUBJECTS = (
    select(SCHEMAS, VERSIONS.c.name)
    .join(VERSIONS, VERSIONS.c.schema_id == SCHEMAS.c.schema_id)
    .where(VERSIONS.c.version == SCHEMAS.c.latest_version)
    .order_by(SCHEMAS.c.database_name, SCHEMAS.c.table_name)
)
_SUBJECT = _SUBJECTS.where(SCHEMAS.c.schema_id == bindparam("subject"))
_NAME_HASH = select(VERSIONS.c.version_hash).where(VERSIONS.c.name == bindparam("name"))
_LATEST_NUMBER = select(SCHEMAS.c.latest_version).where(SCHEMAS.c.schema_id == bindparam("subject"))
_FILES = (
    select(FILES.c.path, FILES.c.content)
    .where(FILES.c.version_id == bindparam("version_id"))
    .order_by(FILES.c.path)
)
_ALL_DEPLOYMENTS = select(DEPLOYMENTS).order_by(DEPLOYMENTS.c.engine)
_DEPLOYMENTS = _ALL_DEPLOYMENTS.where(DEPLOYMENTS.c.schema_id == bindparam("subject"))


class Store(ABC):
    """The memory of the registry. Writes are transactions; reads see what is committed."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to read from."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that commits at the end of the block.

        Raises `BusyError` when it is not free in time and `StorageFullError` on a full disk.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""

    def add(self, versions: Sequence[NewVersion], *, label: str = "versions") -> list[Version]:
        """Keep versions, all or none; content that a subject has already is that version.

        An error about one of several says which: `label[index]`.
        """
        kept = []
        with self.writing() as connection:
            for index, version in enumerate(versions):
                with naming(f"{label}[{index}]") if len(versions) > 1 else nullcontext():
                    kept.append(_add(connection, version))
        return kept

    def find(self, reference: str) -> Version:
        """A version by its schema id, by `database.table` (the latest) or `database.table@3`."""
        with self.reading() as connection:
            rows = connection.execute(*_lookup(reference)).mappings().all()
        if len(rows) == 1:
            return _version(rows[0])
        if not rows:
            raise NotFoundError(
                f"no schema {quoted(reference)}",
                hint="a schema id, database.table, or database.table@version",
            )
        names = ", ".join(row["version_id"] for row in rows[:_MAX_SHOWN])
        raise ConflictError(f"{reference} names several versions: {names}", hint="use one of these")

    def find_content(self, subject: str, version_hash: str) -> Version | None:
        """The version of a subject that has this content, if there is one."""
        with self.reading() as connection:
            values = {"subject": subject, "hash": version_hash}
            row = connection.execute(_BY_HASH, values).mappings().first()
        return None if row is None else _version(row)

    def history(self, subject: str) -> list[Summary]:
        """Every version of a subject, the newest first."""
        with self.reading() as connection:
            rows = connection.execute(_HISTORY, {"subject": subject}).all()
        return [Summary(*row[:4], row[4].replace(tzinfo=UTC), row[5]) for row in rows]

    def subjects(self) -> list[Subject]:
        """Every subject with its latest version, by name."""
        with self.reading() as connection:
            rows = connection.execute(_SUBJECTS).mappings().all()
        return [_subject(row) for row in rows]

    def subject(self, subject: str) -> Subject:
        """One subject with its latest version, by `database.table`."""
        with self.reading() as connection:
            row = connection.execute(_SUBJECT, {"subject": subject}).mappings().first()
        if row is None:
            raise NotFoundError(f"no schema {quoted(subject)}")
        return _subject(row)

    def files(self, version_id: str) -> tuple[File, ...]:
        """The submitted files of a version, byte for byte, by path."""
        with self.reading() as connection:
            rows = connection.execute(_FILES, {"version_id": version_id}).all()
        return tuple(File(path, content) for path, content in rows)

    def deployments(self, subject: str) -> list[Deployment]:
        """The tables of a subject, by engine."""
        with self.reading() as connection:
            rows = connection.execute(_DEPLOYMENTS, {"subject": subject}).mappings().all()
        return [_deployment(row) for row in rows]

    def all_deployments(self) -> dict[str, list[Deployment]]:
        """The tables of every subject that has some."""
        found: dict[str, list[Deployment]] = {}
        with self.reading() as connection:
            for row in connection.execute(_ALL_DEPLOYMENTS).mappings():
                found.setdefault(row["schema_id"], []).append(_deployment(row))
        return found

    def keep_deployment(
        self, subject: str, engine: str, version: int, *, created: bool, layout: str
    ) -> None:
        """Say which version's table is, or is about to be, in an engine."""
        key = (DEPLOYMENTS.c.schema_id == subject) & (DEPLOYMENTS.c.engine == engine)
        values = {"version": version, "table_created": created, "layout": layout}
        with self.writing() as connection:
            if connection.execute(update(DEPLOYMENTS).where(key).values(values)).rowcount == 0:
                row = {"schema_id": subject, "engine": engine, "created_at": _now(), **values}
                connection.execute(insert(DEPLOYMENTS), row)

    def drop_deployment(self, subject: str, engine: str) -> None:
        """Forget a deployment that did not come about."""
        key = (DEPLOYMENTS.c.schema_id == subject) & (DEPLOYMENTS.c.engine == engine)
        with self.writing() as connection:
            connection.execute(delete(DEPLOYMENTS).where(key))


def _lookup(reference: str) -> tuple[Select[Any], dict[str, Any]]:
    subject, at, number = check_text(reference, "the schema id").partition("@")
    if "." not in subject:
        return _BY_NAME, {"name": reference}
    if not at:
        return _LATEST, {"subject": subject}
    if not re.fullmatch(r"[1-9][0-9]{0,8}", number):
        raise NotFoundError(f"{quoted(number)} is not a version number", hint="for example @3")
    return _BY_NUMBER, {"subject": subject, "number": int(number)}


def _add(connection: Connection, new: NewVersion) -> Version:
    values = {"subject": new.subject, "hash": new.version_hash}
    row = connection.execute(_BY_HASH, values).mappings().first()
    if row is not None:
        return _same(_version(row), new)
    latest = connection.execute(_LATEST_NUMBER, {"subject": new.subject}).scalar()
    modes.check_after(new.subject, new.after, latest or 0)
    number = (latest or 0) + 1
    _keep_subject(connection, new, number)
    version_id = f"{new.subject}@{number}"
    connection.execute(
        insert(VERSIONS),
        {
            "version_id": version_id,
            "schema_id": new.subject,
            "version": number,
            "name": _free_name(connection, new),
            "version_hash": new.version_hash,
            "proto_content": new.proto_content,
            "schema_json": new.schema_json,
            "message": new.message,
            "descriptors": new.descriptors,
            "roots": json.dumps(new.roots),
            "created_at": _now(),
        },
    )
    if new.files:
        rows = [{"version_id": version_id, "path": f.path, "content": f.content} for f in new.files]
        connection.execute(insert(FILES), rows)
    modes.keep_waivers(connection, version_id, new.waivers)
    return _version(connection.execute(_BY_HASH, values).mappings().one())


def _same(version: Version, new: NewVersion) -> Version:
    if version.message != new.message:
        raise ConflictError(
            f"{version.version_id} has this content already, with the message {version.message}",
            hint=f"register the message {new.message} under another table name",
        )
    return version


def _keep_subject(connection: Connection, new: NewVersion, number: int) -> None:
    now = _now()
    values: dict[str, Any] = {
        "current_version_hash": new.version_hash,
        "latest_version": number,
        "last_updated": now,
    }
    if new.description is not None:
        values["description"] = new.description
    if number > 1:
        row = SCHEMAS.c.schema_id == new.subject
        connection.execute(update(SCHEMAS).where(row).values(values))
        return
    values |= {"schema_id": new.subject, "table_name": new.table, "database_name": new.database}
    connection.execute(insert(SCHEMAS), values | {"created_at": now})


def _free_name(connection: Connection, new: NewVersion) -> str:
    """The table with as many digits of the hash, from twelve, as no other content has."""
    for digits in range(ID_DIGITS, len(new.version_hash) + 1):
        name = f"{new.table}_{new.version_hash[:digits]}"
        hashes = connection.execute(_NAME_HASH, {"name": name}).scalars()
        if all(other == new.version_hash for other in hashes):
            return name
    raise ConflictError(f"{new.table}: another content has the same SHA-256")


def _version(row: RowMapping) -> Version:
    return Version(
        version_id=row["version_id"],
        schema_id=row["name"],
        database=row["database_name"],
        table=row["table_name"],
        version=row["version"],
        version_hash=row["version_hash"],
        schema_json=row["schema_json"],
        roots=tuple(json.loads(row["roots"])),
        message=row["message"],
        proto_content=row["proto_content"],
        descriptors=row["descriptors"],
        created_at=row["created_at"].replace(tzinfo=UTC),
    )


def _subject(row: RowMapping) -> Subject:
    return Subject(
        database=row["database_name"],
        table=row["table_name"],
        latest_version=row["latest_version"],
        schema_id=row["name"],
        description=row["description"],
        created_at=row["created_at"].replace(tzinfo=UTC),
        last_updated=row["last_updated"].replace(tzinfo=UTC),
    )


def _deployment(row: RowMapping) -> Deployment:
    return Deployment(
        engine=row["engine"],
        version=row["version"],
        created=row["table_created"],
        layout=row["layout"],
        created_at=row["created_at"].replace(tzinfo=UTC),
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
