"""What the store takes and gives."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class File:
    """A submitted file: its path among the others, and its bytes."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Reference:
    """A file that a schema imports from another: the import's name, and whose version it is."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class Beside:
    """A file that a schema imports from one that is registered together with it, at `index`.

    With a `version` it is refused if that one comes to have another number.
    """

    name: str
    index: int
    version: int | None = None


@dataclass(frozen=True, slots=True)
class KeptWaiver:
    """A finding that is agreed to: its rule, the full name or field numbers, why and by whom."""

    rule: str
    subject: str
    reason: str
    who: str


@dataclass(frozen=True, slots=True)
class KeptMode:
    """What new versions of a subject must keep to."""

    mode: str
    levels: tuple[str, ...]
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that is ready to be kept; everything that can fail has been done.

    `after` is the subject's latest version that it was checked against (0 for none), or the one
    that has its content; `follows` is the index of the one that it was checked against, of those
    that are registered with it; `judged` is the mode that it was checked under. Where the subject
    has moved on, the version is refused with `MovedOnError` and must be checked again. `metadata`
    and `rule_set` are JSON documents for clients, kept as they are.
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
    references: tuple[Reference, ...] = ()
    after: int | None = None
    follows: int | None = None
    judged: KeptMode | None = None
    waivers: tuple[KeptWaiver, ...] = ()
    beside: tuple[Beside, ...] = ()
    named: str | None = None
    metadata: str | None = None
    rule_set: str | None = None

    @property
    def subject(self) -> str:
        """What is versioned: `database.table`, unless it is named otherwise."""
        return self.named or f"{self.database}.{self.table}"


@dataclass(frozen=True, slots=True)
class Version:
    """A kept version. `schema_id` is its name for users, such as `orders_1f2e3d4c5b6a`.

    `id`, `guid` and `fingerprint` are those of its content, whichever subjects have it.
    """

    version_id: str
    schema_id: str
    subject: str
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
    id: int
    guid: str
    fingerprint: str
    deleted: bool = False
    metadata: str | None = None
    rule_set: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject, usually `database.table`, and its latest version; of a deleted one, its last."""

    name: str
    database: str
    table: str
    latest_version: int
    schema_id: str
    description: str | None
    created_at: datetime
    last_updated: datetime
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What people say about a subject."""

    description: str | None
    labels: dict[str, str]


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
    """A version's table in an engine; not `created` means that the engine has not answered yet.

    `intent` is a JSON document: what a migration of the table is about to do.
    """

    engine: str
    version: int
    created: bool
    layout: str
    created_at: datetime
    intent: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the audit trail: who did what to what, and when."""

    sequence: int
    at: datetime
    actor: str
    action: str
    object: str
    details: dict[str, Any] = field(default_factory=dict)
