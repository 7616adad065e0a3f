"""Commands that keep a registry in order."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from protolith.cli import DONE, FINDINGS
from protolith.cli.output import OUTPUT
from protolith.cli.registry import open_registry
from protolith.errors import MalformedError
from protolith.registry import SchemaMetadata
from protolith.store import Search, open_store
from protolith.store.copies import back_up, put_back
from protolith.store.postgres import PostgresStore

_COLUMNS = ("subject", "version", "schema_id", "engines", "description")
_Flag = Annotated[bool, Parameter(negative="")]


def db_upgrade() -> None:
    """Bring the store to the format of this Protolith; an empty PostgreSQL database too.

    SQLite does it by itself when opened, and keeps a copy of the older file beside it.
    """
    store = open_store(_home(), checked=False)
    try:
        if isinstance(store, PostgresStore):
            before, after = store.upgrade()
            text = f"format {after}" if before == after else f"format {before} → {after}"
            OUTPUT.value({"before": before, "after": after}, text)
        else:
            OUTPUT.value({"store": "sqlite"}, "SQLite is upgraded when it is opened: done")
    finally:
        store.close()


def search(
    text: str | None = None,
    *,
    name: str | None = None,
    field: str | None = None,
    type: str | None = None,  # noqa: A002
    description: str | None = None,
    tag: str | None = None,
    label: str | None = None,
    limit: int = 100,
    after: str = "",
) -> None:
    """Find subjects that have all that is given.

    Parameters
    ----------
    text: str | None
        Part of a name, a description, or a field.
    name: str | None
        Part of the subject's name.
    field: str | None
        Part of a field's path in the latest version.
    type: str | None
        A field's BigQuery type.
    description: str | None
        Part of the subject's description or of a field's.
    tag: str | None
        Part of a field's policy tag.
    label: str | None
        A label's key, or key=value.
    limit: int
        How many at most.
    after: str
        The last name of the page before.
    """
    wanted = Search(text, name, field, type, description, tag, label)
    with open_registry() as registry:
        found = registry.search_schemas(wanted, limit=limit, after=after)
    if not found:
        OUTPUT.say("nothing was found")
        return
    OUTPUT.rows([subject_row(schema) for schema in found], _COLUMNS)
    if len(found) == limit:
        OUTPUT.say(f"for more: --after {found[-1].subject}")


def subject_row(schema: SchemaMetadata) -> dict[str, object]:
    """A subject as a line of a list."""
    return {
        "subject": schema.subject,
        "version": schema.version,
        "schema_id": schema.schema_id,
        "engines": ",".join(schema.engines_created),
        "description": schema.description or "",
    }


def delete(subject: str, *, for_good: _Flag = False, force: _Flag = False) -> None:
    """Delete a version, or a whole subject: softly, and then again for good.

    Parameters
    ----------
    subject: str
        database.table@3 or a schema id for one version, database.table for all.
    for_good: bool
        Delete what is softly deleted already; nothing brings it back.
    force: bool
        Also where a table is in an engine; the table stays there.
    """
    with open_registry() as registry:
        numbers = registry.delete_schema(subject, for_good=for_good, force=force)
    how = "deleted for good" if for_good else "deleted"
    listed = ", ".join(map(str, numbers))
    OUTPUT.value({"subject": subject, "versions": numbers}, f"{how}: version {listed}")


def undelete(subject: str) -> None:
    """Take back a soft delete.

    Parameters
    ----------
    subject: str
        database.table@3 or a schema id for one version, database.table for all.
    """
    with open_registry() as registry:
        numbers = registry.undelete_schema(subject)
    listed = ", ".join(map(str, numbers))
    OUTPUT.value({"subject": subject, "versions": numbers}, f"restored: version {listed}")


def relationships(subject: str) -> None:
    """Show what a subject imports, who imports it, and its tables in engines.

    Parameters
    ----------
    subject: str
        database.table, or a schema id of it.
    """
    with open_registry() as registry:
        found = registry.relationships(subject)
    if OUTPUT.format == "json":
        OUTPUT.value(found, "")
        return
    OUTPUT.value(None, f"{found.subject}: {found.message or 'a JSON schema'}")
    for heading, links in (("imports", found.imports), ("imported by", found.imported_by)):
        if links:
            OUTPUT.text(f"\n{heading}\n")
            OUTPUT.rows([asdict(link) for link in links], ("importer", "name", "imported"))
    if found.tables:
        OUTPUT.text("\ntables\n")
        OUTPUT.rows([asdict(t) for t in found.tables], ("deployment_id", "version", "created"))


def label(subject: str, *labels: str, description: str | None = None) -> None:
    """Set labels of a subject, or its description, and show its labels.

    Parameters
    ----------
    subject: str
        database.table or a schema id.
    labels: str
        key=value sets a label, key= takes it away.
    description: str | None
        A sentence about the table.
    """
    changes: dict[str, str | None] = {}
    for text in labels:
        key, equals, value = text.partition("=")
        if not equals:
            raise MalformedError(f"{text} is not key=value", hint="key= takes a label away")
        changes[key] = value or None
    with open_registry() as registry:
        found = registry.get_labels(subject)
        if changes or description is not None:
            words = ... if description is None else description
            found = registry.change_schema(subject, changes, description=words).labels
    OUTPUT.rows(
        [{"label": key, "value": value} for key, value in found.items()], ("label", "value")
    )


def audit(subject: str | None = None, *, limit: int = 100, before: int | None = None) -> None:
    """Show who changed what when, the newest first.

    Parameters
    ----------
    subject: str | None
        database.table or database.table@3; everything if not given.
    limit: int
        How many at most.
    before: int | None
        The last sequence number of the page before.
    """
    with open_registry() as registry:
        changes = registry.audit(subject, before=before, limit=limit)
    columns = ("sequence", "at", "actor", "action", "object", "details")
    OUTPUT.rows([asdict(change) for change in changes], columns)


def backup(file: Path) -> None:
    """Copy the registry, as it is at one moment, into a new file; the server may go on.

    Parameters
    ----------
    file: Path
        The file to make.
    """
    size = back_up(_home(), file)
    OUTPUT.value({"path": str(file), "bytes": size}, f"{file}: {size:,} bytes")


def restore(
    file: Path, *, next_id: Annotated[int, Parameter(validator=Number(gte=1, lt=2**31))] = 1
) -> None:
    """Make a backup the registry; what is there is kept beside it. Stop the server first.

    Ids that were given since the backup are not given again: they go on above those of the registry
    that is there. Where that is lost, say above which.

    Parameters
    ----------
    file: Path
        What `protolith backup` made.
    next_id: int
        New content gets this id or a higher one.
    """
    found = put_back(_home(), file, next_id=next_id)
    about = f"; what was there is now {found.kept}" if found.kept else ""
    told = {"restored": str(file), **asdict(found)}
    OUTPUT.value(told, f"restored{about}; new content gets ids from {found.next_id} on")
    if not found.certain:
        OUTPUT.say("ids that were given since the backup may be given again: --next-id avoids it")


def export(folder: Path) -> None:
    """Write everything that is registered as plain files, for another Protolith to import.

    Parameters
    ----------
    folder: Path
        The folder to make.
    """
    with open_registry() as registry:
        counts = registry.export(folder)
    OUTPUT.value(counts, f"{folder}: {counts['schema_versions']} versions")


def import_(folder: Path) -> None:
    """Read what `protolith export` wrote into an empty registry; every id stays what it was.

    Parameters
    ----------
    folder: Path
        The folder of an export.
    """
    with open_registry() as registry:
        counts = registry.import_(folder)
    OUTPUT.value(counts, f"{counts['schema_versions']} versions imported")


def doctor(*, mend: _Flag = False) -> int:
    """Compare every registered table with what its engine has; exit with 100 if one differs.

    Parameters
    ----------
    mend: bool
        Finish what was cut off while a table was created or moved.
    """
    with open_registry() as registry:
        found = registry.diagnose(mend=mend)
    if not found:
        OUTPUT.say("no tables are registered yet")
        return DONE
    columns = ("subject", "engine", "version", "state", "mended", "message")
    OUTPUT.rows([asdict(diagnosis) for diagnosis in found], columns)
    return DONE if all(d.state == "fine" or d.mended for d in found) else FINDINGS


def _home() -> Path:
    return Path(OUTPUT.home or os.environ.get("PROTOLITH_HOME") or ".protolith")
