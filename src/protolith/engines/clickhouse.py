"""ClickHouse embedded in this process (`chdb`), through the client that servers are asked with."""

import fcntl
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from protolith.dialects import dialect
from protolith.engines.base import Engine
from protolith.engines.drift import LiveColumn
from protolith.engines.missing_records import without_missing_records
from protolith.errors import ConflictError, EngineError, EngineUnavailableError
from protolith.tables import Table

FOLDER = "clickhouse"

_LOCK = "status"
_COLUMNS = """
SELECT name, type, comment FROM system.columns
WHERE database = {database:String} AND table = {table:String}
ORDER BY position
"""
_VIEW = """
SELECT engine FROM system.tables
WHERE database = {database:String} AND name = {table:String} AND engine LIKE '%View'
"""
# Without the first, NULL for a column that takes none becomes 0 or '' without a word.
_LOAD = {"input_format_null_as_default": 0}


def connect(home: Path, _setting: str | None = None) -> "ClickHouseEngine":
    """Open or create the ClickHouse folder under `home`; one process at a time can have it."""
    folder = Path(os.path.realpath(home / FOLDER))  # what chdb calls it in its messages
    if _is_held_elsewhere(folder / _LOCK):  # chdb would also write to standard error
        raise EngineUnavailableError(
            f"the folder {FOLDER} is open in another process",
            hint="perhaps `protolith serve` has it: stop it or ask it",
        )
    try:
        client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    except ClickHouseError as error:
        if "already initialized" in str(error):
            raise EngineUnavailableError(
                "ClickHouse is open on another folder in this process",
                hint="close the other registry first",
            ) from None
        raise EngineUnavailableError(
            f"ClickHouse cannot open the folder {FOLDER}", hint="put a copy back, or move it away"
        ) from None
    return ClickHouseEngine(client, folder)


def _is_held_elsewhere(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return f"PID: {os.getpid()}\n" not in lock.read_text()
    except OSError:  # there is none yet
        return False
    return False


class ClickHouseEngine(Engine):
    """An open ClickHouse."""

    name = "clickhouse"

    def __init__(self, client: Any, folder: Path) -> None:
        super().__init__()
        self.dialect = dialect("clickhouse", version=client.server_version)
        self._client = client
        self._folder = folder

    def run(self, statements: Sequence[str]) -> None:
        with self._turn:
            for statement in statements:
                self._ask(self._client.command, statement)

    def columns(self, database: str, table: str) -> tuple[LiveColumn, ...]:
        parameters = {"database": database, "table": table}
        with self._turn:
            rows = self._ask(self._client.query, _COLUMNS, parameters=parameters).result_rows
        return tuple(LiveColumn(name, type_, comment=comment) for name, type_, comment in rows)

    def check_place(self, table: Table) -> None:
        parameters = {"database": table.database, "table": table.name}
        with self._turn:
            rows = self._ask(self._client.query, _VIEW, parameters=parameters).result_rows
        if rows:
            raise ConflictError(
                f"clickhouse: a {rows[0][0]} is in the place of {table.database}.{table.name}",
                hint="choose another name, or drop the view",
            )

    def canonical(self, types: Sequence[str]) -> list[str]:
        texts = ", ".join(
            f"toTypeName(defaultValueOfTypeName({self.dialect.literal(text)}))" for text in types
        )
        sql = f"SELECT {texts} SETTINGS print_pretty_type_names = 0"
        with self._turn:
            rows = self._ask(self._client.query, sql).result_rows
        return list(rows[0])

    def load(self, table: Table, rows: pa.Table) -> None:
        if self.dialect.version != self.dialect.versions[-1]:
            rows = without_missing_records(rows)
        with self._turn:
            self._ask(
                self._client.insert_arrow,
                self.dialect.quote(table.name),
                rows,
                database=self.dialect.quote(table.database),
                settings=_LOAD,
            )

    def query(self, sql: str) -> pa.Table:
        with self._turn:
            try:
                result: pa.Table = self._ask(self._client.query_arrow, sql)
            except (pa.ArrowInvalid, OSError):  # what Arrow says of an answer that is not one table
                raise EngineError(
                    "ClickHouse answered with no table: one query is needed"
                ) from None
        return result

    def close(self) -> None:
        with self._turn:
            self._client.close()

    def _ask(self, call: Any, *args: Any, **options: Any) -> Any:
        try:
            return call(*args, **options)
        except ClickHouseError as error:
            first = str(error).partition("\n")[0]
            reason = re.split(r"DB::\w*Exception: ", first)[-1].replace(str(self._folder), FOLDER)
            raise EngineError(f"ClickHouse refused: {reason}") from None
