"""The questions that both databases answer, prepared once, and their rows as values."""

import json
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, TypeAlias

from sqlalchemy import RowMapping, Select, bindparam, func, select

from protolith.errors import NotFoundError, quoted
from protolith.store.tables import (
    CONTENTS,
    DEPLOYMENTS,
    FILES,
    LABELS,
    REFERENCES,
    SCHEMAS,
    VERSIONS,
)
from protolith.store.values import Deployment, Subject, Version
from protolith.tables import check_text

Found: TypeAlias = RowMapping | Mapping[str, Any]

ALL = 2**31 - 1

_THERE = VERSIONS.c.deleted_at.is_(None) | bindparam("deleted", value=False)
_OF_SUBJECT = VERSIONS.c.schema_id == bindparam("subject")

VERSION: Select[Any] = (
    select(
        VERSIONS,
        SCHEMAS.c.table_name,
        SCHEMAS.c.database_name,
        CONTENTS.c.fingerprint,
        CONTENTS.c.guid,
    )
    .join_from(VERSIONS, SCHEMAS)
    .join(CONTENTS, CONTENTS.c.content_id == VERSIONS.c.content_id)
)
BY_NUMBER = VERSION.where(_OF_SUBJECT, VERSIONS.c.version == bindparam("number"), _THERE)
LATEST = VERSION.where(_OF_SUBJECT, _THERE).order_by(VERSIONS.c.version.desc()).limit(1)
# A name is a schema id; or a subject's whose name has no dot, and then it means its latest version.
BY_NAME = VERSION.where(
    (VERSIONS.c.name == bindparam("name"))
    | (
        (VERSIONS.c.schema_id == bindparam("name"))
        & (VERSIONS.c.version == SCHEMAS.c.latest_version)
    ),
    _THERE,
).order_by(VERSIONS.c.version_id)
BY_HASH = VERSION.where(
    _OF_SUBJECT, VERSIONS.c.version_hash == bindparam("hash"), VERSIONS.c.deleted_at.is_(None)
).limit(1)
BY_CONTENT = VERSION.where(
    _OF_SUBJECT,
    CONTENTS.c.fingerprint == bindparam("fingerprint"),
    VERSIONS.c.deleted_at.is_(None),
)
# A deleted version's id still says what bytes mean, so these do not ask whether it is there.
BY_ID = VERSION.where(VERSIONS.c.content_id == bindparam("id")).order_by(
    VERSIONS.c.deleted_at.is_not(None), VERSIONS.c.version_id
)
BY_GUID = VERSION.where(CONTENTS.c.guid == bindparam("guid")).order_by(
    VERSIONS.c.deleted_at.is_not(None), VERSIONS.c.version_id
)
HISTORY = (
    select(
        VERSIONS.c.version_id,
        VERSIONS.c.name,
        VERSIONS.c.version,
        VERSIONS.c.version_hash,
        VERSIONS.c.created_at,
        func.length(VERSIONS.c.proto_content),
    )
    .where(_OF_SUBJECT, _THERE, VERSIONS.c.version < bindparam("before"))
    .order_by(VERSIONS.c.version.desc())
    .limit(bindparam("limit"))
)
_OTHERS = VERSIONS.alias("others")
_NEWEST = (
    select(func.max(_OTHERS.c.version))
    .where(_OTHERS.c.schema_id == SCHEMAS.c.schema_id)
    .scalar_subquery()
)
_SUBJECTS = select(SCHEMAS, VERSIONS.c.name, VERSIONS.c.version, VERSIONS.c.deleted_at).join(
    VERSIONS, VERSIONS.c.schema_id == SCHEMAS.c.schema_id
)
LIVE_SUBJECTS = _SUBJECTS.where(VERSIONS.c.version == SCHEMAS.c.latest_version)
ALL_SUBJECTS = _SUBJECTS.where(VERSIONS.c.version == _NEWEST)
SUBJECT = LIVE_SUBJECTS.where(SCHEMAS.c.schema_id == bindparam("subject"))
SUBJECT_PAGE, ALL_SUBJECTS_PAGE = (
    statement.where(SCHEMAS.c.schema_id > bindparam("after"))
    .order_by(SCHEMAS.c.schema_id)
    .limit(bindparam("limit"))
    for statement in (LIVE_SUBJECTS, ALL_SUBJECTS)
)
SUBJECT_FILES = (
    select(FILES.c.path, FILES.c.content)
    .where(FILES.c.version_id == bindparam("version_id"))
    .order_by(FILES.c.path)
)
SUBJECT_REFERENCES = (
    select(REFERENCES.c.name, REFERENCES.c.subject, REFERENCES.c.version)
    .where(REFERENCES.c.version_id == bindparam("version_id"))
    .order_by(REFERENCES.c.name)
)
REFERENCED_BY = (
    VERSION.join(REFERENCES, REFERENCES.c.version_id == VERSIONS.c.version_id)
    .where(
        REFERENCES.c.subject == bindparam("subject"),
        REFERENCES.c.version == bindparam("number"),
        _THERE,
    )
    .order_by(VERSIONS.c.version_id)
)
RELATIONS = (
    select(
        VERSIONS.c.schema_id,
        VERSIONS.c.version,
        REFERENCES.c.name,
        REFERENCES.c.subject,
        REFERENCES.c.version,
    )
    .join(REFERENCES, REFERENCES.c.version_id == VERSIONS.c.version_id)
    .where(_OF_SUBJECT | (REFERENCES.c.subject == bindparam("subject")), _THERE)
    .order_by(VERSIONS.c.schema_id, VERSIONS.c.version, REFERENCES.c.name)
)
ALL_DEPLOYMENTS = select(DEPLOYMENTS).order_by(DEPLOYMENTS.c.schema_id, DEPLOYMENTS.c.engine)
DEPLOYMENTS_OF = ALL_DEPLOYMENTS.where(DEPLOYMENTS.c.schema_id == bindparam("subject"))
DEPLOYMENTS_BETWEEN = ALL_DEPLOYMENTS.where(
    DEPLOYMENTS.c.schema_id >= bindparam("first"), DEPLOYMENTS.c.schema_id <= bindparam("last")
)
LABELS_OF = (
    select(LABELS.c.key, LABELS.c.value)
    .where(LABELS.c.schema_id == bindparam("subject"))
    .order_by(LABELS.c.key)
)


def lookup(reference: str, *, deleted: bool) -> tuple[Select[Any], dict[str, Any]]:
    """The question for a schema id, `database.table` or `database.table@3`."""
    subject, at, number = check_text(reference, "the schema id").rpartition("@")
    if not at:
        subject, number = number, ""
    numbered = re.fullmatch(r"[1-9][0-9]{0,8}", number)
    if "." not in subject and not numbered:
        return BY_NAME, {"name": reference, "deleted": deleted}
    if not at:
        return LATEST, {"subject": subject, "deleted": deleted}
    if not numbered:
        raise NotFoundError(f"{quoted(number)} is not a version number", hint="for example @3")
    return BY_NUMBER, {"subject": subject, "number": int(number), "deleted": deleted}


def version(row: Found) -> Version:
    """A row of `VERSION`."""
    return Version(
        version_id=row["version_id"],
        schema_id=row["name"],
        subject=row["schema_id"],
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
        id=row["content_id"],
        guid=row["guid"],
        fingerprint=row["fingerprint"],
        deleted=row["deleted_at"] is not None,
        metadata=row["metadata"],
        rule_set=row["rule_set"],
    )


def subject(row: Found) -> Subject:
    """A row of `LIVE_SUBJECTS` or `ALL_SUBJECTS`."""
    return Subject(
        name=row["schema_id"],
        database=row["database_name"],
        table=row["table_name"],
        latest_version=row["version"],
        schema_id=row["name"],
        description=row["description"],
        created_at=row["created_at"].replace(tzinfo=UTC),
        last_updated=row["last_updated"].replace(tzinfo=UTC),
        deleted=row["latest_version"] == 0,
    )


def deployment(row: Found) -> Deployment:
    """A row of `DEPLOYMENTS`."""
    return Deployment(
        engine=row["engine"],
        version=row["version"],
        created=row["table_created"],
        layout=row["layout"],
        created_at=row["created_at"].replace(tzinfo=UTC),
        intent=row["intent"],
    )
