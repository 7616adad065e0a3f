"""Everything of a store as plain files, and back, between databases too; ids stay.

A folder holds `protolith-export.json` and, for each table, its rows as JSON lines: times as ISO
8601 in UTC, bytes as base64.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Column, Connection, DateTime, LargeBinary, Table, func, insert, select, text

from protolith.errors import ConflictError, MalformedError, NotFoundError, SchemaRegistryError
from protolith.store.base import Store
from protolith.store.tables import AUDIT, CONTENTS, EXPORTED, FORMAT

HEAD = "protolith-export.json"

_BATCH = 500


def export_store(store: Store, folder: Path) -> dict[str, int]:
    """Write all rows into a new folder, as they are at one moment; the number of each table's."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ConflictError(f"{folder} is there already", hint="name a new folder") from None
    except OSError as error:
        raise SchemaRegistryError(f"{folder} cannot be made: {error.strerror}") from None
    head: dict[str, Any] = {"format": FORMAT, "tables": {}}
    with store.reading() as connection:
        _begin_at_one_moment(connection)
        for table in EXPORTED:
            with (folder / f"{table.name}.jsonl").open("wb") as file:
                count, digest = _write(connection, table, file)
            head["tables"][table.name] = {"rows": count, "sha256": digest}
        connection.exec_driver_sql("ROLLBACK")
    (folder / HEAD).write_text(json.dumps(head, indent=1) + "\n")  # last: without it nothing is
    return {name: about["rows"] for name, about in head["tables"].items()}


def import_store(store: Store, folder: Path) -> dict[str, int]:
    """Read an exported folder into a store in which nothing is yet; all or nothing."""
    head = _read_head(folder)

    def work(connection: Connection) -> dict[str, int]:
        for table in EXPORTED:
            if connection.execute(select(func.count()).select_from(table)).scalar():
                raise ConflictError(
                    f"the store has rows in {table.name}", hint="import into an empty store"
                )
        counts = {
            table.name: _read(connection, table, folder, head[table.name]) for table in EXPORTED
        }
        _go_on_counting(connection)
        return counts

    return store.write(work, repeatable=False)


def _begin_at_one_moment(connection: Connection) -> None:
    isolation = " ISOLATION LEVEL REPEATABLE READ" if connection.dialect.name != "sqlite" else ""
    connection.exec_driver_sql(f"BEGIN{isolation}")


def _write(connection: Connection, table: Table, file: BinaryIO) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    statement = select(table).order_by(*table.primary_key.columns)
    rows = connection.execute(statement.execution_options(yield_per=_BATCH))
    for row in rows.mappings():
        line = json.dumps({name: _plain(value) for name, value in row.items()}).encode() + b"\n"
        digest.update(line)
        file.write(line)
        count += 1
    return count, digest.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


def _read_head(folder: Path) -> dict[str, Any]:
    try:
        head = json.loads((folder / HEAD).read_text())
        tables: dict[str, Any] = head["tables"]
        found = int(head["format"])
    except OSError:
        raise NotFoundError(f"there is no {HEAD} in {folder}", hint="protolith export") from None
    except (ValueError, KeyError, TypeError):
        raise MalformedError(f"{folder / HEAD} is not what an export writes") from None
    if found != FORMAT:
        raise ConflictError(
            f"{folder} has format {found}, this Protolith has {FORMAT}",
            hint="export it again with this version",
        )
    missing = {table.name for table in EXPORTED} - set(tables)
    if missing:
        raise MalformedError(f"{folder / HEAD} lacks {', '.join(sorted(missing))}")
    return tables


def _read(connection: Connection, table: Table, folder: Path, about: Any) -> int:
    path, digest, count = folder / f"{table.name}.jsonl", hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            lines = iter(file)
            while batch := list(islice(lines, _BATCH)):
                for line in batch:
                    digest.update(line)
                count += len(batch)
                connection.execute(insert(table), list(_rows(table, batch)))
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError) as error:
        raise MalformedError(f"{path} is damaged: {error}", hint="nothing was imported") from None
    if {"rows": count, "sha256": digest.hexdigest()} != about:
        raise MalformedError(f"{path} is not as it was exported", hint="nothing was imported")
    return count


def _rows(table: Table, lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        row = json.loads(line)
        yield {column.name: _value(column, row[column.name]) for column in table.columns}


def _value(column: Column[Any], value: Any) -> Any:
    match value, column.type:
        case str(), LargeBinary():
            return base64.b64decode(value, validate=True)
        case str(), DateTime():
            return datetime.fromisoformat(value)
        case _:
            return value


def _go_on_counting(connection: Connection) -> None:
    """PostgreSQL counts by itself only what it numbered itself; SQLite looks at the rows."""
    if connection.dialect.name == "sqlite":
        return
    for column in (CONTENTS.c.content_id, AUDIT.c.sequence):
        highest = connection.execute(select(func.max(column))).scalar()
        sequence = text("SELECT setval(pg_get_serial_sequence(:table, :column), :next, false)")
        names = {"table": column.table.name, "column": column.name}
        connection.execute(sequence, {**names, "next": (highest or 0) + 1})
