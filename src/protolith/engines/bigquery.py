"""BigQuery's service."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Any, TypeVar

import pyarrow as pa
import requests
from google.api_core.exceptions import Conflict, GoogleAPICallError, GoogleAPIError, NotFound
from google.api_core.exceptions import ServerError as ServiceError
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY
from pyarrow import parquet

from protolith.arrow import arrow_schema
from protolith.dialects import dialect
from protolith.dialects.bigquery.schema_json import from_json, to_json
from protolith.engines.base import Engine
from protolith.engines.bigquery_particulars import particulars
from protolith.engines.bigquery_resource import bare, merged, resource, shortened
from protolith.engines.live import LiveColumn
from protolith.engines.loads import Load, check_same_load
from protolith.engines.migrating import JOURNAL, Entry, Size, check_rows, columns_text, detail
from protolith.engines.particulars import Particular
from protolith.engines.settings import EngineSettings, Service
from protolith.errors import (
    ConflictError,
    Detail,
    EngineError,
    EngineUnavailableError,
    SchemaValidationError,
)
from protolith.migrations import Migration
from protolith.migrations.rebuilding import Rebuild
from protolith.tables import Column, Interval, List, Range, Table, walk

R = TypeVar("R")

_FAILURES = (GoogleAPIError, GoogleAuthError, requests.RequestException)

_JOURNAL = """
SELECT fingerprint, done, sequence, live_columns FROM {}
WHERE database_name = {} AND table_name = {}
ORDER BY sequence DESC LIMIT 1
"""

RETRY: Retry = DEFAULT_RETRY.with_timeout(30)
"""How long a request is tried again; the client's own default is ten minutes."""
JOB_RETRY: Retry = DEFAULT_JOB_RETRY.with_timeout(30)
"""How long a query is, whose default is forty minutes."""


def connect(_home: Path, settings: EngineSettings) -> "BigQueryEngine":
    """Connect to the project of the settings; nothing is asked of the service yet."""
    service = Service.of(settings)
    options: dict[str, Any] = {"project": service.project, "location": service.location}
    if service.endpoint:
        options |= {"credentials": AnonymousCredentials()}  # type: ignore[no-untyped-call]
        options |= {"client_options": {"api_endpoint": service.endpoint}}
    try:
        client = bigquery.Client(**options)
    except (GoogleAuthError, OSError, ValueError):  # their sentences show paths
        raise EngineUnavailableError(
            "BigQuery cannot be used: there are no credentials for it",
            hint="gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
        ) from None
    return BigQueryEngine(client)


class BigQueryEngine(Engine):
    """A project in BigQuery. Its tables are made and changed as JSON schemas, not by statements."""

    name = "bigquery"

    def __init__(self, client: bigquery.Client) -> None:
        super().__init__()
        self.dialect = dialect("bigquery")
        self._client = client

    def run(self, statements: Sequence[str]) -> None:
        with self._turn:
            for statement in statements:
                self._ask(self._client.query_and_wait, statement, job_retry=JOB_RETRY)

    def check_place(self, table: Table) -> None:
        live = self._get(table.database, table.name)
        if live is not None and live.table_type != "TABLE":
            raise ConflictError(
                f"bigquery: a {live.table_type} is in the place of {table.database}.{table.name}",
                hint="choose another name, or drop it",
            )

    def columns(self, database: str, table: str) -> tuple[LiveColumn, ...]:
        live = self._get(database, table)
        fields = [] if live is None else live.to_api_repr()["schema"].get("fields", [])
        return tuple(self._live_column(field) for field in fields)

    def canonical(self, types: Sequence[str]) -> list[str]:
        return list(types)  # they are written by the dialect on both sides

    def placed(self, table: Table) -> Table:
        return shortened(table)

    def particulars(self, table: Table) -> Iterable[Particular]:
        live = self._get(table.database, table.name)
        return () if live is None else particulars(self.dialect, table, live.to_api_repr())

    def make(self, table: Table) -> None:
        self.dialect.create(table)  # what the service is documented to refuse is refused here
        named = {"tableReference": self._reference(table).to_api_repr()}
        new = bigquery.Table.from_api_repr(resource(table) | named)
        with self._turn:
            dataset = f"{self._client.project}.{table.database}"
            self._ask(self._client.create_dataset, dataset, exists_ok=True)
            self._ask(self._client.create_table, new, exists_ok=True)

    def patch(self, table: Table) -> None:
        """Give the live table what BigQuery takes without a rebuild, in one request.

        That is columns and nested fields that it does not have, last in their record, NULLABLE in
        place of REQUIRED, and comments. Whatever else the live schema says goes back unchanged; a
        change by somebody else between reading and writing is refused (`EngineError`).
        """
        with self._turn:
            live = self._ask(self._client.get_table, self._reference(table))
            whole = live.to_api_repr()
            fields = merged(whole["schema"].get("fields", []), to_json(shortened(table)))
            changed = bigquery.Table.from_api_repr(whole | {"schema": {"fields": fields}})
            self._ask(self._client.update_table, changed, ["schema"])

    def load(self, table: Table, rows: pa.Table, load_id: str | None = None) -> bool:
        """Append rows in one load job; with a load id the name of the job is made of it.

        BigQuery takes one job of a name, and remembers it for six months.
        """
        _check_loadable(table)
        with self._turn, tempfile.TemporaryFile(prefix="protolith-") as file:
            _write(rows, file)
            live = self._ask(self._client.get_table, self._reference(table))
            for name in _job_names(live, load_id):
                file.seek(0)
                job, begun = self._begin(file, live, name)
                if begun:
                    self._ask(job.result)
                    break
                if self._has_loaded(job):
                    before = Load(job.output_rows or 0, 0, finished=True)
                    check_same_load(table, load_id or "", before, rows.num_rows)
                    return False
        return True

    def _begin(self, file: IO[bytes], live: bigquery.Table, name: str | None) -> tuple[Any, bool]:
        """The load job of that name, and whether it did not exist before."""
        options = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
        options.enable_list_inference = True  # else a list is a record with a list
        config = bigquery.LoadJobConfig(
            source_format="PARQUET",
            create_disposition="CREATE_NEVER",
            write_disposition="WRITE_APPEND",
            parquet_options=options,
            schema=live.schema,  # else text cannot become GEOGRAPHY or JSON
        )
        send = self._client.load_table_from_file
        try:
            return send(file, live.reference, job_config=config, job_id=name), True
        except Conflict:
            return self._ask(self._client.get_job, name), False
        except _FAILURES as error:
            raise _refusal(error) from None

    def _has_loaded(self, job: Any) -> bool:
        try:
            self._ask(job.result)
        except EngineError:  # a job that failed has loaded nothing, and keeps its name
            return False
        return True

    def forget_loads(self, table: Table, load_ids: Sequence[str] = ()) -> None:
        """A new table has other names of jobs."""

    def query(self, sql: str) -> pa.Table:
        with self._turn:
            found = self._ask(self._client.query_and_wait, sql, job_retry=JOB_RETRY)
            # Through REST: the faster way is one more service, with rights of its own.
            rows: pa.Table = self._asked(lambda: found.to_arrow(create_bqstorage_client=False))
        return rows

    def settle(self, table: Table) -> None:
        """Nothing goes on in a table after its statement has ended."""

    def run_steps(self, migration: Migration, first: int) -> None:
        if not migration.steps:
            return
        columns = columns_text(self, migration)
        for number, step in enumerate(migration.steps[first:], first):
            self._write_journal(migration, number, columns)
            check_rows(self, step.checks, step)
            self.run(step.statements)
            if step.patch:
                self.patch(migration.tables[number + 1])
        self.verify(migration.new)
        self._write_journal(migration, len(migration.steps), columns)

    def migrate(
        self,
        migration: Migration,
        *,
        allow_lossy: bool = False,
        rebuild: bool = False,
        begin: Callable[[], None] = lambda: None,
    ) -> int:
        if migration.rebuild is not None:
            self.run_rebuild(migration, migration.rebuild, swapped=False)
        return super().migrate(migration, allow_lossy=allow_lossy, rebuild=rebuild, begin=begin)

    def run_rebuild(self, migration: Migration, rebuild: Rebuild, *, swapped: bool) -> None:
        name = f"{migration.old.database}.{migration.old.name}"
        parts = [step for step in migration.steps if step.outcome == "rebuild"]
        raise ConflictError(
            f"bigquery: {name} has to be built anew, which is planned and not run",
            details=[detail(step) for step in parts],
            hint="the plan has the statements: run them yourself, in their order",
        )

    def remark(self, table: Table) -> str | None:
        found = self._get(table.database, table.name)
        return None if found is None else found.description or ""

    def _write_journal(self, migration: Migration, done: int, columns: str) -> None:
        if not self.columns(JOURNAL.database, JOURNAL.name):
            self.make(JOURNAL)
        finished = done == len(migration.steps)
        self._add_to_journal(migration.old, migration.fingerprint, done, finished, columns)

    def _add_to_journal(self, table: Table, *words: object) -> None:
        """Write a line more: the last one counts, and there is no moment without one."""
        last = self._last_entry(table)
        sequence = 1 if last is None else last["sequence"] + 1
        *begun, columns = words
        line = (table.database, table.name, *begun, sequence, columns)
        schema = arrow_schema(JOURNAL)
        row = dict(zip(schema.names, line, strict=True))
        self.load(JOURNAL, pa.Table.from_pylist([row], schema=schema))

    def _last_entry(self, table: Table) -> dict[str, Any] | None:
        if not self.columns(JOURNAL.database, JOURNAL.name):
            return None
        places = map(self.dialect.literal, (table.database, table.name))
        rows = self.query(_JOURNAL.format(self.dialect.qualified(JOURNAL), *places)).to_pylist()
        return rows[0] if rows else None

    def journal(self, table: Table) -> Entry | None:
        with self._turn:
            last = self._last_entry(table)
        if last is None or not last["fingerprint"]:
            return None
        return Entry(last["fingerprint"], last["done"], last["live_columns"])

    def forget_migration(self, table: Table) -> None:
        with self._turn:
            if self.journal(table) is not None:
                self._add_to_journal(table, "", 0, True, "")  # noqa: FBT003 - a value of a column

    def size(self, table: Table) -> Size:
        found = self._get(table.database, table.name)
        return Size(0, 0) if found is None else Size(found.num_rows or 0, found.num_bytes or 0)

    def close(self) -> None:
        with self._turn:
            self._client.close()  # type: ignore[no-untyped-call]

    def _expected(self, table: Table) -> tuple[LiveColumn, ...]:
        columns = self.dialect.stored(shortened(table)).columns
        return tuple(self._column(column) for column in columns)

    def _live_column(self, field: Mapping[str, Any]) -> LiveColumn:
        try:
            (column,) = from_json([field], table="t", database="d").columns
        except SchemaValidationError:  # a type or a name that no table of ours can have
            nullable = field.get("mode") != "REQUIRED"
            return LiveColumn(field["name"], field["type"], nullable, field.get("description", ""))
        return self._column(column)

    def _column(self, column: Column) -> LiveColumn:
        text = self.dialect.type_text(bare((column,))[0].type)
        maybe = column.nullable or isinstance(column.type, List)
        inner = [(path, c.comment) for path, c in walk((column,)) if "." in path]
        return LiveColumn(column.name, text, maybe, column.comment, tuple(inner))

    def _reference(self, table: Table) -> bigquery.TableReference:
        dataset = bigquery.DatasetReference(self._client.project, table.database)
        return dataset.table(table.name)

    def _get(self, database: str, name: str) -> bigquery.Table | None:
        reference = bigquery.DatasetReference(self._client.project, database).table(name)
        with self._turn:
            try:
                return self._client.get_table(reference, retry=RETRY)
            except NotFound:
                return None
            except _FAILURES as error:
                raise _refusal(error) from None

    def _ask(self, call: Callable[..., R], *args: Any, **options: Any) -> R:
        return self._asked(lambda: call(*args, retry=RETRY, **options))

    def _asked(self, call: Callable[[], R]) -> R:
        try:
            return call()
        except _FAILURES as error:
            raise _refusal(error) from None


def _write(rows: pa.Table, file: IO[bytes]) -> None:
    try:
        parquet.write_table(rows, file)
    except pa.ArrowInvalid as error:  # among them NULL where none may be
        raise EngineError(f"rows refused before BigQuery was asked: {error}") from None


def _job_names(live: bigquery.Table, load_id: str | None) -> Iterator[str | None]:
    """The name of each attempt at a load; without an id the client makes one up."""
    if load_id is None:
        yield None
        return
    for attempt in count():
        text = f"{live.reference} {live.created} {attempt} {load_id}"
        yield f"protolith_{hashlib.sha256(text.encode()).hexdigest()}"


def _check_loadable(table: Table) -> None:
    """Refuse what Parquet cannot carry into BigQuery."""
    for path, column in walk(table.columns):
        element = column.type.element if isinstance(column.type, List) else column.type
        if isinstance(element, Interval | Range):
            raise EngineError(
                f"bigquery: rows cannot be loaded into {table.database}.{table.name}",
                details=[Detail("Parquet has nothing for this type", field_path=path)],
                hint="load it with INSERT statements of your own",
            )


def _refusal(error: Exception) -> EngineError | EngineUnavailableError:
    """The service's own first sentence; without one it was not reached."""
    if isinstance(error, GoogleAPICallError) and not isinstance(error, ServiceError):
        said = [found["message"] for found in error.errors if found.get("message")]
        reason = str(said[0] if said else error.message).partition("\n")[0]
        return EngineError(f"BigQuery refused: {reason}")
    if isinstance(error, GoogleAuthError):
        hint = "gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS"
        return EngineUnavailableError("BigQuery did not take the credentials", hint=hint)
    return EngineUnavailableError("BigQuery does not answer", hint="try again in a moment")
