"""Data directories with something in them, and what must not change about them."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from conftest import ORDER, delimited
from protolith import SchemaRegistry

NEXT = ORDER.replace("int64 cents = 2;", "int64 cents = 2; string note = 5;")
NEED = 'syntax = "proto2"; message Need { required string who = 1; optional int32 much = 2; }'
PLACE = """
syntax = "proto3";
import "bq_field.proto";
message Place { string at = 1 [(gen_bq_schema.bigquery).type_override = "GEOGRAPHY"]; }
"""
FLAT = 'syntax = "proto3"; message Flat { string a = 1; int64 b = 2; }'
GOOD = b"\x0a\x01a"

_OTHER_FILES = ("-wal", "-shm", ".wal")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_TABLES = """
SELECT schema_name, table_name FROM duckdb_tables()
UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal
"""


def furnish(home: Path) -> None:
    """Schemas with two versions, in two databases, with tables and without; some rows."""
    with SchemaRegistry(home) as registry:
        registry.register_schema(ORDER, "orders", "shop")
        registry.register_schema(ORDER, "orders", "copy")
        registry.register_schema(NEXT, "orders", "shop")
        registry.register_schema(NEED, "need", "shop")
        registry.register_schema(PLACE, "place", "shop")
        for database in ("shop", "SHOP", "system", "information_schema"):
            registry.register_schema(FLAT, "taken", database)
        registry.register_schema(FLAT, "Orders", "shop")
        registry.register_schema(FLAT, "seen", "shop")
        registry.register_json([{"name": "a", "type": "STRING"}], "plain", "shop")
        for table in ("orders", "need", "place", "plain"):
            registry.create_table(f"shop.{table}", "duckdb")
        registry.ingest("shop.orders", delimited(GOOD, GOOD))
        other = "CREATE TABLE shop.taken (a INTEGER NOT NULL, z VARCHAR)"
        registry.engine("duckdb").run([other, "CREATE VIEW shop.seen AS SELECT 'x' AS a, 1 AS b"])


@dataclass
class World:
    """A data directory; its registry where that is open, and the processes at work in it."""

    home: Path
    registry: SchemaRegistry | None = None
    processes: set[int] = field(default_factory=lambda: {os.getpid()})

    def snapshot(self) -> dict[str, Any]:
        """Every row of the store, every table of the engines, every file, every temporary file."""
        return {
            "store": self._store_rows(),
            "duckdb": self._duckdb_rows(),
            "clickhouse": self._clickhouse_tables(),
            "files": self._files(),
            "temporary": self._temporary(),
        }

    def _store_rows(self) -> dict[str, list[Any]]:
        if not (self.home / "registry.db").is_file():
            return {}
        with closing(sqlite3.connect(self.home / "registry.db")) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
                for (name,) in names.fetchall()
            }

    def _duckdb_rows(self) -> dict[str, list[Any]]:
        file = self.home / "tables.duckdb"
        if self.registry is not None:
            query = self.registry.engine("duckdb").query
            return _dump(lambda sql: [tuple(row.values()) for row in query(sql).to_pylist()])
        if not file.exists():
            return {}
        with duckdb.connect(str(file), read_only=True) as connection:
            return _dump(lambda sql: connection.execute(sql).fetchall())

    def _clickhouse_tables(self) -> list[Any]:
        engine = self.registry and self.registry.engines.get("clickhouse")
        if not engine:
            return []
        sql = "SELECT database, name, total_rows FROM system.tables WHERE database != 'system'"
        databases = engine.query("SELECT name FROM system.databases").to_pylist()
        return sorted([*engine.query(sql).to_pylist(), *databases], key=repr)

    def _files(self) -> set[str]:
        inside = (path.relative_to(self.home) for path in self.home.rglob("*"))
        return {
            str(path)
            for path in inside
            if path.parent.parts[:1] != ("clickhouse",) and not path.name.endswith(_OTHER_FILES)
        }

    def _temporary(self) -> set[str]:
        compiles = [f"protolith-compile-{process}-*" for process in self.processes]
        left = {path.name for name in compiles for path in _SHARED_MEMORY.glob(name)}
        folders = (Path(tempfile.gettempdir()), Path())
        return left | {path.name for folder in folders for path in folder.iterdir()}


def _dump(run: Any) -> dict[str, list[Any]]:
    schemas = "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database()"
    found = {"schemas": sorted(run(schemas))}
    for schema, table in run(_TABLES):
        found[f"{schema}.{table}"] = run(f'SELECT * FROM "{schema}"."{table}"')
    return found


@contextmanager
def unchanged(world: World) -> Iterator[None]:
    """After the block everything is as it was before it."""
    before = world.snapshot()
    yield
    after = world.snapshot()
    for part, expected in before.items():
        assert after[part] == expected, part
