"""What DuckDB has beside columns: a primary key."""

from protolith.dialects.base import Dialect
from protolith.dialects.clauses import Names, check_known, is_nested
from protolith.dialects.parts import Clauses
from protolith.tables import Interval, Note, Range, Table


def write_clauses(dialect: Dialect, table: Table) -> Clauses:
    """The primary key, of columns that are never NULL."""
    storage = check_known(dialect, table, ("primary_key",))
    if not storage.primary_key:
        return Clauses()
    names = Names(dialect, table, fold=True)
    columns = [names.column(name, "primary_key") for name in storage.primary_key]
    for column in columns:
        if is_nested(column) or isinstance(column.type, Interval | Range):
            raise names.refused("primary_key", "not of this type", path=column.name)
        if column.nullable:  # the table would say NOT NULL and refuse what the layout may give
            raise names.refused(
                "primary_key",
                "the column may be NULL",
                path=column.name,
                hint="choose columns that are required",
            )
    if len({column.name for column in columns}) < len(columns):
        raise names.refused("primary_key", "a column is named twice")
    key = ", ".join(dialect.quote(column.name) for column in columns)
    text = "as part of a primary key the column cannot be dropped or change its type"
    notes = tuple(Note(column.name, text) for column in columns)
    return Clauses(inside=f",\n  PRIMARY KEY ({key})", notes=notes)
