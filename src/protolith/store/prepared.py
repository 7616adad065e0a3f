"""Point reads from SQLite without SQLAlchemy's way around each: that takes as long as the read.

The statements are the same. Each is compiled once; its rows get the values that its types say.
"""

import sqlite3
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

Row = dict[str, Any]

_DIALECT = sqlite_dialect()


class Prepared:
    """A statement with its parameters in their order, and how its columns are read."""

    def __init__(self, statement: Select[Any]) -> None:
        compiled: Any = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self._order: list[str] = compiled.positiontup
        self._known: dict[str, Any] = compiled.params
        self._names = [str(column.key) for column in statement.selected_columns]
        self._readers = [
            (str(column.key), reader)
            for column in statement.selected_columns
            if (reader := column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None))
        ]

    def run(self, connection: sqlite3.Connection, values: Mapping[str, Any]) -> list[Row]:
        """The rows that it finds."""
        given = {**self._known, **values}
        found = connection.execute(self.sql, [given[name] for name in self._order]).fetchall()
        rows = [dict(zip(self._names, row, strict=True)) for row in found]
        for row in rows:
            for name, reader in self._readers:
                row[name] = reader(row[name])
        return rows


class Readers:
    """Connections that only read, each used by one thread at a time and kept for the next."""

    def __init__(self, file: Path, pragmas: tuple[str, ...]) -> None:
        self._file, self._pragmas = file, pragmas
        self._free: deque[sqlite3.Connection] = deque()
        self._prepared: dict[Select[Any], Prepared] = {}

    def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> list[Row]:
        """The rows that a statement finds; the statement is one of the module's own."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = Prepared(statement)
        try:
            connection = self._free.pop()
        except IndexError:
            connection = self._open()
        try:
            rows = prepared.run(connection, values)
        except BaseException:
            connection.close()
            raise
        self._free.append(connection)
        return rows

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
        for pragma in self._pragmas:
            connection.execute(pragma).close()
        return connection

    def close(self) -> None:
        """Close those that nobody uses."""
        with suppress(IndexError):
            while True:
                self._free.pop().close()
