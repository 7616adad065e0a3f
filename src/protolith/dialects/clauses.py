"""What `Storage` says, held against the table and against what an engine has."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from protolith.dialects.base import Dialect, impossible
from protolith.dialects.expressions import Writer, parse
from protolith.errors import LayoutError, quoted
from protolith.tables import Column, List, Map, Record, Storage, Table, walk

WORDS = {
    "partition_by": "PARTITION BY",
    "order_by": "ORDER BY",
    "primary_key": "PRIMARY KEY",
    "ttl": "TTL",
    "engine": "ENGINE",
    "cluster": "ON CLUSTER",
    "settings": "SETTINGS",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The columns that clauses of a dialect may name; `fold` where upper and lower case are one."""

    dialect: Dialect
    table: Table
    fold: bool = False

    def column(self, name: str, clause: str) -> Column:
        """The column of the table that a name is."""
        return self.sql((name,), clause)[1]

    def sql(self, parts: tuple[str, ...], clause: str) -> tuple[str, Column]:
        """The SQL of a name's parts, each as the table spells it, and its column."""
        at, columns, spelled = ".".join(parts), self.table.columns, []
        column: Column | None = None
        for part in parts:
            matches = [c for c in columns if self._key(c.name) == self._key(part)]
            if not matches:
                raise self._unknown(at, clause)
            column = matches[0]
            spelled.append(self.dialect.quote(column.name))
            columns = column.type.columns if isinstance(column.type, Record) else ()
        if column is None:
            raise self._unknown(at, clause)
        return ".".join(spelled), column

    def refused(
        self, clause: str, text: str, *, path: str | None = None, hint: str | None = None
    ) -> LayoutError:
        """The error for a clause that the engine would not take for this table."""
        return impossible(
            self.dialect, self.table, path, f"{WORDS.get(clause, clause)}: {text}", hint=hint
        )

    def expression(
        self, text: str, clause: str, functions: Mapping[str, str]
    ) -> tuple[str, Writer]:
        """An expression over the table's columns as SQL, and what wrote it."""
        at = f"storage.{self.dialect.name}.{clause}"
        writer = Writer(
            self.dialect, text, at, functions, find=lambda parts: self.sql(parts, clause)
        )
        return writer.write(parse(self.dialect, text, at=at)), writer

    def _key(self, name: str) -> str:
        return name.lower() if self.fold else name

    def _unknown(self, name: str, clause: str) -> LayoutError:
        known = [path for path, _ in walk(self.table.columns)]
        near = get_close_matches(name, known, n=3, cutoff=0.6)
        if not near:
            near = [path for path in known if path.lower() == name.lower()]
        text = f"there is no column {quoted(name)} that it could name"
        hint = f"perhaps {' or '.join(near)}" if near else f"there are {', '.join(known[:10])}"
        return self.refused(clause, text, path=name, hint=hint)


def check_known(dialect: Dialect, table: Table, known: Collection[str]) -> Storage:
    """Return how a dialect keeps a table's rows, or raise for a clause that it does not have."""
    storage = table.stored_in(dialect.name)
    for part in fields(storage):
        if getattr(storage, part.name) and part.name not in known:
            engine = type(dialect).__name__
            has = " and ".join(WORDS[name] for name in known) or "none"
            raise impossible(
                dialect,
                table,
                None,
                f"{engine} has no {WORDS[part.name]} in CREATE TABLE",
                hint=f"leave storage.{dialect.name}.{part.name} out; of these clauses it has {has}",
            )
    return storage


def settings(storage: Storage) -> dict[str, Any]:
    """The settings with their values."""
    return {name: json.loads(text) for name, text in storage.settings}


def is_nested(column: Column) -> bool:
    """Whether a column holds more than one plain value."""
    return isinstance(column.type, Record | List | Map)
