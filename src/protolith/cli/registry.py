"""Commands on the registry under the data directory."""

import sys
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, replace
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from protolith.cli import DONE, FINDINGS, LAYOUT_OPTIONS
from protolith.cli.layouts import chosen_layout
from protolith.cli.output import OUTPUT, progress_line, step_lines
from protolith.compiler.sources import check_name
from protolith.decoding import Compression, Framing, Source
from protolith.errors import (
    ConflictError,
    MalformedError,
    NotFoundError,
    RowsRejectedError,
)
from protolith.layout import DEFAULT_DATABASE, Choices
from protolith.registry import SchemaRegistry
from protolith.registry.loading import NOTHING_LOADED
from protolith.registry.references import reference_of
from protolith.registry.registration import Submission, waivers_of
from protolith.registry.spool import Progress
from protolith.registry.values import LoadResult


def register(
    path: Path,
    *,
    table: str | None = None,
    database: str = DEFAULT_DATABASE,
    message: str | None = None,
    description: str | None = None,
    reference: list[str] | None = None,
    waive: Annotated[list[str] | None, Parameter(negative="")] = None,
) -> None:
    """Register a schema; the same content again gives the same id and version.

    A version that the subject's mode refuses is not stored; the exit code is 100.

    Parameters
    ----------
    path: Path
        A .proto file, a directory or .zip of them, or compiled descriptors (.binpb, .pb, .desc).
    table: str | None
        The table's name, if not that of the message.
    database: str
        The table's database.
    message: str | None
        The message that is the table, if several could be.
    description: str | None
        A sentence about the table.
    reference: list[str] | None
        An import that another subject has registered: NAME.proto=database.table@3.
    waive: list[str] | None
        A finding to let pass, as RULE:PATH=REASON; it is kept beside the version. Once for each.
    """
    agreed = waivers_of(waive or [], getuser() if waive else "")
    references = tuple(map(reference_of, reference or ()))
    about = (table, database, description, message, references, agreed)
    with open_registry() as registry:
        version = registry.register(Submission(path, *about))
    schema_id = version.schema_id
    name = f"{version.subject}@{version.version}"
    answer = {"schema_id": schema_id, "subject": version.subject, "version": version.version}
    OUTPUT.value(answer | {"message": version.message}, f"{schema_id}  {name}  {version.message}")


def subject_list(
    *,
    limit: int | None = None,
    after: str = "",
    deleted: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List subjects with their latest version: every one, or a page.

    Parameters
    ----------
    limit: int | None
        How many at most.
    after: str
        The last name of the page before.
    deleted: bool
        Also those that are softly deleted.
    """
    with open_registry() as registry:
        rows = [
            {
                "subject": schema.subject,
                "version": schema.version,
                "schema_id": schema.schema_id,
                "engines": ",".join(schema.engines_created),
                "description": schema.description or "",
            }
            for schema in registry.list_schemas(limit=limit, after=after, deleted=deleted)
        ]
    if not rows:
        OUTPUT.say("nothing is registered yet: protolith register FILE.proto")
        return
    OUTPUT.rows(rows, ("subject", "version", "schema_id", "engines", "description"))


def subject_show(subject: str) -> None:
    """Show a version: its fields, its history, its tables.

    Parameters
    ----------
    subject: str
        database.table (the latest version), database.table@3, or a schema id.
    """
    with open_registry() as registry:
        details = registry.get_schema_details(subject)
        waivers = registry.waivers(subject)
    if OUTPUT.format == "json":
        OUTPUT.value(details, "")
        return
    OUTPUT.text(f"{details.subject}@{details.version}\n")
    OUTPUT.text(f"schema id  {details.schema_id}\nmessage    {details.message}\n")
    if details.description:
        OUTPUT.value(None, f"about      {details.description}")
    OUTPUT.text("\n")
    fields = [asdict(field) for field in details.fields]
    OUTPUT.rows(fields, ("name", "type", "mode", "description"))
    OUTPUT.text("\n")
    OUTPUT.rows([asdict(v) for v in details.versions], ("version", "schema_id", "created_at"))
    if details.deployments:
        OUTPUT.text("\n")
        OUTPUT.rows([asdict(d) for d in details.deployments], ("engine", "version", "created_at"))
    if waivers:
        OUTPUT.text("\n")
        OUTPUT.rows([asdict(w) for w in waivers], ("version", "rule", "subject", "reason", "who"))
    OUTPUT.notes(details.notes)


def pull(subject: str, directory: Path = Path()) -> None:
    """Write the submitted files of a version, byte for byte.

    Parameters
    ----------
    subject: str
        database.table (the latest version), database.table@3, or a schema id.
    directory: Path
        Where to write them; a file that is there with other content is never overwritten.
    """
    with open_registry() as registry:
        files = registry.get_files(subject)
    if not files:
        raise NotFoundError(f"{subject} was registered without .proto files")
    for file in files:
        check_name(file.path)
    targets = [(directory / file.path, file.content) for file in files]
    for target, content in targets:
        if target.exists() and target.read_bytes() != content:
            raise ConflictError(f"{target} is there with other content", hint="choose a directory")
    for target, content in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        OUTPUT.value({"path": str(target), "bytes": len(content)}, str(target))


def create(
    subject: str,
    *,
    engine: str,
    layout: str | None = None,
    options: Annotated[Choices | None, LAYOUT_OPTIONS] = None,
) -> None:
    """Create the table of a version in an engine; doing it again changes nothing.

    Parameters
    ----------
    subject: str
        database.table (the latest version), database.table@3, or a schema id.
    engine: str
        duckdb, clickhouse or bigquery.
    layout: str | None
        A mapping file (.toml), a style such as flat, or options such as enums=number,maps=entries.
    """
    with open_registry() as registry:
        table = registry.create_table(subject, engine, chosen_layout(layout, options))
    verb = "created" if table.created else "is there already:"
    name = f"{table.database_name}.{table.table_name}"
    OUTPUT.value(table, f"{engine}: {verb} {name} (version {table.version})")


def drift(subject: str, *, engine: str | None = None) -> int:
    """Compare a live table with what the registry believes; the exit code is 100 if it differs.

    What would mend it is shown, and not run. Columns that a migration kept are shown, and are no
    difference.

    Parameters
    ----------
    subject: str
        database.table, or a schema id.
    engine: str | None
        duckdb, clickhouse or bigquery, if the table is in several.
    """
    with open_registry() as registry:
        found = registry.drift(subject, engine)
    lines = [
        f"  {difference}{' (harmless)' if difference.harmless else ''}"
        for difference in found.differences
    ]
    if not found.exists:
        lines = ["  there is no such table"]
    if found.mend:
        lines += ["what would mend it:", *(f"  {line}" for line in step_lines(found.mend))]
    name = f"{found.deployment_id} (version {found.version})"
    OUTPUT.value(
        found, "\n".join([f"{name}: {'differs' if found.differs else 'no drift'}", *lines])
    )
    return FINDINGS if found.differs else DONE


def ingest(
    file: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    subject: str,
    engine: str | None = None,
    sql: str | None = None,
    sql_engine: str = "duckdb",
    framing: Framing = "delimited",
    column: str | None = None,
    compression: Compression = "auto",
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    dead_letters: Path | None = None,
    load_id: str | None = None,
) -> None:
    """Load messages into the table of a version; a bad record means that nothing is loaded.

    Parameters
    ----------
    file: str | None
        A file of messages, a folder, a pattern such as 'events-*.gz', or - for standard input.
    subject: str
        database.table (the latest version), database.table@3, or a schema id.
    engine: str | None
        duckdb, clickhouse or bigquery, if the table is in several.
    sql: str | None
        A query with a column of messages, in place of a file.
    sql_engine: str
        The engine that is asked: duckdb, clickhouse or bigquery.
    framing: Framing
        How messages lie in the file; docs/loading.md has a line on each.
    column: str | None
        That column, if several are of bytes.
    compression: Compression
        gzip, zstd or none; auto: as the file's name says (.gz, .zst).
    skip_bad: bool
        Leave bad records out, and report them.
    dead_letters: Path | None
        Leave them out, and keep their bytes in this file for protolith replay.
    load_id: str | None
        A name of this load: run again, it adds nothing. content: made of the bytes and the version.
    """
    if (file is None) == (sql is None):
        raise MalformedError("messages are in a file or in a query", hint="give one of the two")
    progress = Progress()
    with ExitStack() as opened:
        registry = opened.enter_context(open_registry())
        data: Any = sys.stdin.buffer if file == "-" else Path(file or "")
        if sql is not None:
            data = opened.enter_context(registry.engine(sql_engine).read(sql))
        opened.enter_context(shown(progress))
        result = registry.ingest(
            subject,
            Source(data, framing, column, compression),
            engine,
            skip_bad=skip_bad,
            dead_letters=dead_letters,
            load_id=load_id,
            progress=progress,
        )
    _loaded(result)


def replay(
    file: Path,
    *,
    subject: str | None = None,
    engine: str | None = None,
    load_id: str | None = None,
) -> None:
    """Load dead letters again; those that are loaded leave the file.

    Parameters
    ----------
    file: Path
        What ingest --dead-letters wrote.
    subject: str | None
        The version that they are read as, if not the one that refused them: database.table@4.
    engine: str | None
        duckdb, clickhouse or bigquery, if the table is in several.
    load_id: str | None
        A name of this load: run again after a crash, it adds nothing.
    """
    with open_registry() as registry:
        result = registry.replay(file, subject, engine, load_id=load_id)
    _loaded(result)


def shown(progress: Progress) -> AbstractContextManager[None]:
    """Show on a terminal how far a load is, as long as it runs."""
    began = time.monotonic()

    def line() -> str:
        rate = progress.read_bytes / 1e6 / (time.monotonic() - began)
        skipped = f", {progress.rejected_count:,} skipped" if progress.rejected_count else ""
        return f"{progress.rows:,} rows, {rate:.1f} MB/s{skipped}"

    return progress_line(line)


def _loaded(result: LoadResult) -> None:
    nothing = result.rejected_count > 0 and result.rows == 0 and not result.already_loaded
    OUTPUT.account(replace(result, rejected=[]) if nothing else result)
    where = f"{result.engine}: {result.database_name}.{result.table_name}"
    skipped = f", {result.rejected_count} skipped" if result.rejected_count else ""
    done = f"{result.rows} rows loaded{skipped}"
    if result.already_loaded:
        done = f"nothing added: the load {result.load_id} is there already"
    OUTPUT.value(result, f"{where}: {done}")
    if nothing:
        raise RowsRejectedError(
            "no record could be loaded", details=result.rejected, hint=NOTHING_LOADED
        )


def query(sql: str, *, engine: str) -> None:
    """Run a query and print its rows.

    Parameters
    ----------
    sql: str
        The query in the engine's own SQL.
    engine: str
        duckdb, clickhouse or bigquery.
    """
    with open_registry() as registry:
        table = registry.query(engine, sql)
    OUTPUT.rows(table.to_pylist(), table.column_names)


def open_registry() -> SchemaRegistry:
    """The registry under the data directory that the command line names."""
    return SchemaRegistry(OUTPUT.home)
