"""ClickHouse embedded in this process (`chdb`), through the client that servers are asked with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from protolith.dialects import dialect
from protolith.engines.base import Engine, LiveColumn
from protolith.errors import EngineError, EngineUnavailableError
from protolith.tables import Table

FOLDER = "clickhouse"

_COLUMNS = """
SELECT name, type, comment FROM system.columns
WHERE database = {database:String} AND table = {table:String}
ORDER BY position
"""
# Without the first, NULL for a column that takes none becomes 0 or '' without a word.
_LOAD = {"input_format_null_as_default": 0}


def connect(home: Path) -> "ClickHouseEngine":
    """Open or create the ClickHouse folder under `home`; one process at a time can have it."""
    try:
        client = clickhouse_connect.get_client(dsn=f"chdb://{(home / FOLDER).absolute()}")
    except ClickHouseError as error:
        taken = "already initialized" in str(error)
        raise EngineUnavailableError(
            "ClickHouse is open on another folder in this process"
            if taken
            else f"ClickHouse cannot open the folder {FOLDER}",
            hint="close the other registry first"
            if taken
            else "another process has it open, perhaps `protolith serve`: stop it or ask it",
        ) from None
    return ClickHouseEngine(client)


class ClickHouseEngine(Engine):
    """An open ClickHouse."""

    name = "clickhouse"
    dialect = dialect("clickhouse")

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client

    def run(self, statements: Sequence[str]) -> None:
        with self._turn:
            for statement in statements:
                self._ask(self._client.command, statement)

    def columns(self, database: str, table: str) -> tuple[LiveColumn, ...]:
        parameters = {"database": database, "table": table}
        with self._turn:
            rows = self._ask(self._client.query, _COLUMNS, parameters=parameters).result_rows
        return tuple(LiveColumn(name, type_, comment=comment) for name, type_, comment in rows)

    def canonical(self, types: Sequence[str]) -> list[str]:
        texts = ", ".join(
            f"toTypeName(defaultValueOfTypeName({self.dialect.literal(text)}))" for text in types
        )
        sql = f"SELECT {texts} SETTINGS print_pretty_type_names = 0"
        with self._turn:
            rows = self._ask(self._client.query, sql).result_rows
        return list(rows[0])

    def load(self, table: Table, rows: pa.Table) -> None:
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
            result: pa.Table = self._ask(self._client.query_arrow, sql)
        return result

    def close(self) -> None:
        with self._turn:
            self._client.close()

    @staticmethod
    def _ask(call: Any, *args: Any, **options: Any) -> Any:
        try:
            return call(*args, **options)
        except ClickHouseError as error:
            reason = str(error).partition("\n")[0].rpartition("DB::Exception: ")[2]
            raise EngineError(f"ClickHouse refused: {reason}") from None
