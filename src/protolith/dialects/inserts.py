"""An INSERT of one row with a placeholder for each column."""

import re

from protolith.dialects.base import Dialect
from protolith.tables import Table


def insert(dialect: Dialect, table: Table) -> str:
    """The statement; placeholders are named as their columns if all of those are identifiers."""
    columns = dialect.stored(table).columns
    plain = all(re.fullmatch(r"[A-Za-z_]\w*", column.name, re.ASCII) for column in columns)
    names = ", ".join(dialect.quote(column.name) for column in columns)
    values = ", ".join(
        dialect.placeholder(column, column.name if plain else f"p{number}")
        for number, column in enumerate(columns, 1)
    )
    return f"INSERT INTO {dialect.qualified(table)} ({names})\nVALUES ({values})"
