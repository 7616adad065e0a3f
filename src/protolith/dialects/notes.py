"""What a dialect leaves out of a table, or adds to it, for people to read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolith.errors import ExpressionError
from protolith.tables import Note, Storage, Table, records_in, walk

if TYPE_CHECKING:
    from protolith.dialects.base import Dialect


def left_out(dialect: "Dialect", table: Table) -> Iterator[Note]:
    """A note for each default that is not written, and those on how the rows are kept."""
    for column in table.columns:
        try:
            reason = dialect.default(column).reason
        except ExpressionError as error:  # `create` refuses the table; here it is only looked at
            reason = error.details[0].text
        if reason:
            yield Note(column.name, f"default not written for {dialect.name}: {reason}")
        for path, inner in walk(records_in(column.type), f"{column.name}."):
            if inner.default is not None:
                yield Note(path, f"default not written for {dialect.name}: it is inside a record")
    if table.stored_in(dialect.name) != Storage():
        yield from dialect.clauses(table).notes
