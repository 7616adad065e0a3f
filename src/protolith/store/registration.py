"""How a version comes to be kept: its number, its content's id, its name; all or nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from protolith.errors import ConflictError, MalformedError, MovedOnError, NotFoundError
from protolith.store import access, audit, modes, statements
from protolith.store.identity import BIGQUERY, PROTOBUF, fingerprint_of, guid
from protolith.store.tables import CONTENTS, FIELDS, FILES, REFERENCES, SCHEMAS, VERSIONS
from protolith.store.values import Beside, NewVersion, Reference, Version

ID_DIGITS = 12

_STATE = select(SCHEMAS.c.latest_version, SCHEMAS.c.last_version).where(
    SCHEMAS.c.schema_id == bindparam("subject")
)
_CONTENT = select(CONTENTS.c.content_id).where(CONTENTS.c.fingerprint == bindparam("fingerprint"))
# Both databases read this; in PostgreSQL it waits for whoever is adding the same content.
_ADD_CONTENT = text(
    "INSERT INTO schema_contents (fingerprint, guid, type, created_at)"
    " VALUES (:fingerprint, :guid, :type, :created_at) ON CONFLICT DO NOTHING RETURNING content_id"
).bindparams(bindparam("created_at", type_=CONTENTS.c.created_at.type))
_NAME_CONTENT = select(VERSIONS.c.content_id).where(VERSIONS.c.name == bindparam("name"))
_REFERENCED = select(VERSIONS.c.version_id).where(
    VERSIONS.c.schema_id == bindparam("subject"),
    VERSIONS.c.version == bindparam("number"),
    VERSIONS.c.deleted_at.is_(None),
)
_ADD_VERSION, _ADD_FILES, _ADD_REFERENCES = map(insert, (VERSIONS, FILES, REFERENCES))
_ADD_SUBJECT, _ADD_FIELDS = map(insert, (SCHEMAS, FIELDS))
_MOVE_SUBJECT = (
    update(SCHEMAS)
    .where(SCHEMAS.c.schema_id == bindparam("subject"))
    .values(
        current_version_hash=bindparam("current_version_hash"),
        latest_version=bindparam("latest_version"),
        last_version=bindparam("last_version"),
        last_updated=bindparam("last_updated"),
        description=func.coalesce(bindparam("description"), SCHEMAS.c.description),
    )
)
_DROP_FIELDS = delete(FIELDS).where(FIELDS.c.schema_id == bindparam("subject"))


def add(connection: Connection, new: NewVersion) -> Version:
    """Keep a version; content that the subject has already is that version."""
    kind = BIGQUERY if new.descriptors is None else PROTOBUF
    print_ = fingerprint_of(new)
    same = {"subject": new.subject, "fingerprint": print_}
    row = connection.execute(statements.BY_CONTENT, same).mappings().first()
    if row is not None:
        return _same(statements.version(row), new)
    state = connection.execute(_STATE, {"subject": new.subject}).first()
    latest, last = state or (0, 0)
    if new.after is not None and new.after != latest:
        raise MovedOnError(
            f"{new.subject} is at version {latest} by now, not {new.after}",
            hint="check against the newest version, and try again",
        )
    if new.judged is not None and new.judged != modes.read_mode(connection, new.subject)[1]:
        raise MovedOnError(
            f"{new.subject} has another mode by now than {new.judged.mode}",
            hint="check under the new mode, and try again",
        )
    for reference in new.references:
        _check_reference(connection, reference.subject, reference.version)
    number = last + 1
    _keep_subject(connection, new, number, first=state is None)
    content_id = _content_id(connection, kind, print_)
    _keep_version(connection, new, number, content_id, print_)
    index_fields(connection, new.subject, new.schema_json)
    version_id = f"{new.subject}@{number}"
    modes.keep_waivers(connection, version_id, new.waivers)
    audit.record(connection, "register", version_id, id=content_id, fingerprint=print_)
    return statements.version(connection.execute(statements.BY_CONTENT, same).mappings().one())


def order(versions: Sequence[NewVersion]) -> list[int]:
    """The indexes of versions, each after those that it imports and its subject's before it."""
    sorter: TopologicalSorter[int] = TopologicalSorter()
    before: dict[str, int] = {}
    for index, new in enumerate(versions):
        sorter.add(index, *(one.index for one in new.beside))
        if new.subject in before:
            sorter.add(index, before[new.subject])
        before[new.subject] = index
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " → ".join(versions[index].subject for index in reversed(error.args[1]))
        raise MalformedError(
            f"the order of versions contradicts their imports: {circle}",
            hint="a version may import only what can be registered before it",
        ) from None
    found, ready = [], list[int]()
    while sorter.is_active():  # as they were given, where imports allow it: so do ids count
        for index in sorter.get_ready():
            heappush(ready, index)
        found.append(heappop(ready))
        sorter.done(found[-1])
    return found


def settled(new: NewVersion, kept: Mapping[int, Version]) -> NewVersion:
    """A version that says its own batch's members by the numbers that these have got."""
    found = tuple(_reference(one, kept[one.index]) for one in new.beside)
    after = new.after if new.follows is None else kept[new.follows].version
    return replace(new, references=(*new.references, *found), beside=(), after=after)


def _reference(one: Beside, kept: Version) -> Reference:
    if one.version not in (None, kept.version):
        raise ConflictError(
            f"{kept.subject} has become version {kept.version}, not {one.version}",
            hint="leave out the reference's number: it is that of the batch's own member",
        )
    return Reference(one.name, kept.subject, kept.version)


def index_fields(connection: Connection, subject: str, schema_json: str) -> None:
    """Make the fields of a subject's latest version those that a search finds."""
    connection.execute(_DROP_FIELDS, {"subject": subject})
    rows = [
        {"schema_id": subject, "position": position, **field}
        for position, field in enumerate(_fields(json.loads(schema_json)))
    ]
    if rows:
        connection.execute(_ADD_FIELDS, rows)


def _fields(columns: list[dict[str, Any]], above: str = "") -> Iterator[dict[str, Any]]:
    for column in columns:
        path = f"{above}{column['name']}"
        tags = column.get("policyTags", {}).get("names")
        yield {
            "path": path,
            "type": column.get("type", ""),
            "description": column.get("description"),
            "tags": "\n".join(tags) if tags else None,
        }
        yield from _fields(column.get("fields", []), f"{path}.")


def _same(version: Version, new: NewVersion) -> Version:
    if version.message != new.message:
        raise ConflictError(
            f"{version.version_id} has this content already, with the message {version.message}",
            hint=f"register the message {new.message} under another table name",
        )
    return version


def _check_reference(connection: Connection, subject: str, number: int) -> None:
    values = {"subject": subject, "number": number}
    there = access.may("read", subject) and connection.execute(_REFERENCED, values).first()
    if not there:
        raise NotFoundError(f"there is no {subject}@{number} to refer to", hint="register it first")


def _keep_subject(connection: Connection, new: NewVersion, number: int, *, first: bool) -> None:
    now = audit.now()
    values: dict[str, Any] = {
        "current_version_hash": new.version_hash,
        "latest_version": number,
        "last_version": number,
        "last_updated": now,
        "description": new.description,
    }
    if first:
        name = {"schema_id": new.subject, "table_name": new.table, "database_name": new.database}
        connection.execute(_ADD_SUBJECT, values | name | {"created_at": now})
    else:
        connection.execute(_MOVE_SUBJECT, values | {"subject": new.subject})


def _content_id(connection: Connection, kind: str, print_: str) -> int:
    key = {"fingerprint": print_}
    found = connection.execute(_CONTENT, key).scalar()
    if found is None:
        about = {"guid": guid(print_), "type": kind, "created_at": audit.now()}
        found = connection.execute(_ADD_CONTENT, key | about).scalar()
    if found is None:  # somebody else was adding it
        found = connection.execute(_CONTENT, key).scalar_one()
    return int(found)


def _keep_version(
    connection: Connection, new: NewVersion, number: int, content_id: int, print_: str
) -> None:
    version_id = f"{new.subject}@{number}"
    digits = print_ if new.references else new.version_hash
    connection.execute(
        _ADD_VERSION,
        {
            "version_id": version_id,
            "schema_id": new.subject,
            "version": number,
            "name": _free_name(connection, new.table, digits, content_id),
            "version_hash": new.version_hash,
            "proto_content": new.proto_content,
            "schema_json": new.schema_json,
            "message": new.message,
            "descriptors": new.descriptors,
            "roots": json.dumps(new.roots),
            "created_at": audit.now(),
            "content_id": content_id,
            "metadata": new.metadata,
            "rule_set": new.rule_set,
        },
    )
    if new.files:
        files = [
            {"version_id": version_id, "path": f.path, "content": f.content} for f in new.files
        ]
        connection.execute(_ADD_FILES, files)
    if new.references:
        rows = [
            {"version_id": version_id, "name": r.name, "subject": r.subject, "version": r.version}
            for r in new.references
        ]
        connection.execute(_ADD_REFERENCES, rows)


def _free_name(connection: Connection, table: str, digits: str, content_id: int) -> str:
    """The table with as many digits of the hash, from twelve, as no other content has."""
    for length in range(ID_DIGITS, len(digits) + 1):
        name = f"{table}_{digits[:length]}"
        others = connection.execute(_NAME_CONTENT, {"name": name}).scalars()
        if all(other == content_id for other in others):
            return name
    raise ConflictError(f"{table}: another content has the same SHA-256")
