"""What DuckDB keeps of a table beside its columns: defaults, a primary key, a comment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolith.engines.particulars import Particular, commented, defaults
from protolith.tables import Table

if TYPE_CHECKING:
    from protolith.engines.base import Engine

_SCRATCH = "protolith_defaults"
_DEFAULTS = """
SELECT column_name AS name, column_default AS value FROM duckdb_columns()
WHERE database_name = {} AND schema_name = {} AND table_name = {}
"""
_KEY = """
SELECT constraint_column_names AS names FROM duckdb_constraints()
WHERE database_name = current_database() AND schema_name = {} AND table_name = {}
AND constraint_type = 'PRIMARY KEY'
"""
_COMMENT = """
SELECT coalesce(comment, '') AS comment FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = {} AND table_name = {}
"""


def particulars(engine: "Engine", table: Table) -> Iterator[Particular]:
    """What is not as it should be."""
    dialect = engine.dialect
    name = dialect.qualified(table)
    place = dialect.literal(table.database), dialect.literal(table.name)

    def alter(column: str, default: str) -> str:
        action = f"SET DEFAULT {default}" if default else "DROP DEFAULT"
        return f"ALTER TABLE {name} ALTER COLUMN {dialect.quote(column)} {action}"

    live = _read_defaults(engine, _DEFAULTS.format("current_database()", *place))
    yield from defaults(table, _expected_defaults(engine, table), live, alter)
    yield from _key(engine, table, place)
    (found,) = engine.query(_COMMENT.format(*place)).to_pylist()
    text = dialect.literal(table.comment) if table.comment else "NULL"
    yield from commented(table.comment, found["comment"], f"COMMENT ON TABLE {name} IS {text}")


def _expected_defaults(engine: "Engine", table: Table) -> dict[str, str]:
    """The defaults as DuckDB reports them, which is not as they were written."""
    dialect = engine.dialect
    parts = [
        f"{dialect.quote(column.name)} {dialect.type_text(stored.type)} DEFAULT {text}"
        for column, stored in zip(table.columns, dialect.stored(table).columns, strict=True)
        if (text := dialect.default(column).sql)
    ]
    if not parts:
        return {}
    engine.run([f"CREATE OR REPLACE TEMP TABLE {_SCRATCH} ({', '.join(parts)})"])
    try:
        return _read_defaults(engine, _DEFAULTS.format("'temp'", "'main'", f"'{_SCRATCH}'"))
    finally:
        engine.run([f"DROP TABLE temp.{_SCRATCH}"])


def _read_defaults(engine: "Engine", sql: str) -> dict[str, str]:
    rows = engine.query(sql).to_pylist()
    return {row["name"]: "" if row["value"] in (None, "NULL") else row["value"] for row in rows}


def _key(engine: "Engine", table: Table, place: tuple[str, str]) -> Iterator[Particular]:
    found = [row["names"] for row in engine.query(_KEY.format(*place)).to_pylist()]
    live = ", ".join(found[0]) if found else ""
    key = table.stored_in("duckdb").primary_key
    expected = ", ".join(key)
    if live == expected:
        return
    if live:
        why = "the primary key of a table that is there stays"
        yield Particular("primary_key", expected, live, why=why)
        return
    quoted = ", ".join(map(engine.dialect.quote, key))
    add = f"ALTER TABLE {engine.dialect.qualified(table)} ADD PRIMARY KEY ({quoted})"
    why = "refused where two rows have the same key"
    yield Particular("primary_key", expected, live, (add,), why)
