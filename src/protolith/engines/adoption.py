"""The table that is really there: the expected one, with the columns that were kept or put there.

A live table has names and types alone. What the registry knows of a column stays; a column that it
does not know is one of no field, as long as rows can be loaded without it.
"""

from collections.abc import Sequence
from dataclasses import replace

from protolith.changes import with_columns
from protolith.dialects import Dialect
from protolith.engines.live import LiveColumn
from protolith.errors import SchemaValidationError
from protolith.tables import Column, List, Map, Record, Table, Type


def adopted(table: Table, live: Sequence[LiveColumn], dialect: Dialect) -> Table:
    """The table with the live columns that it does not have, in the live order.

    Columns that are missing or of other types stay as they should be: comparing finds them.
    """
    known = {column.name: column for column in table.columns}
    found = [_column(known.get(column.name), column, dialect) for column in live]
    columns = [column for column in found if column is not None]
    there = {column.name for column in columns}
    missing = [column for column in table.columns if column.name not in there]
    return replace(table, columns=(*columns, *missing))


def _column(known: Column | None, live: LiveColumn, dialect: Dialect) -> Column | None:
    try:
        type_, nullable = dialect.read(live.type)
    except SchemaValidationError:  # a type of no table of ours
        return known
    nullable = nullable if live.nullable is None else live.nullable
    if known is not None:
        return replace(known, type=_type(known.type, type_))
    extra = Column(live.name, type_, nullable=nullable, comment=live.comment)
    return _without_value(extra)


def _type(known: Type, live: Type) -> Type:
    match known, live:
        case List(a), List(b):
            return List(_type(a, b))
        case Map(key, a), Map(_, b):
            return Map(key, _type(a, b))
        case Record(columns), Record(there):
            return with_columns(known, _merged(columns, there))
        case _:
            return known


def _merged(known: tuple[Column, ...], live: tuple[Column, ...]) -> tuple[Column, ...]:
    by_name = {column.name: column for column in known}
    found = [
        replace(by_name[column.name], type=_type(by_name[column.name].type, column.type))
        if column.name in by_name
        else _without_value(column)
        for column in live
    ]
    names = {column.name for column in live}
    kept = [column for column in found if column is not None]
    return (*kept, *(column for column in known if column.name not in names))


def _without_value(column: Column) -> Column | None:
    """The column if rows can be loaded without a value for it."""
    if isinstance(column.type, List | Map):
        return replace(column, nullable=False)
    return column if column.nullable else None
