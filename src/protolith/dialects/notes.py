"""What a dialect leaves out of a table, or adds to it, for people to read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolith.errors import ExpressionError
from protolith.tables import List, Map, Note, Storage, Table, records_in, walk

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
    yield from _of_the_version(dialect, table)
    if table.stored_in(dialect.name) != Storage():
        yield from dialect.clauses(table).notes


def _of_the_version(dialect: "Dialect", table: Table) -> Iterator[Note]:
    """A note for each value that this version keeps by another type than the newest one."""
    newest = dialect.at(dialect.versions[-1]) if dialect.versions else dialect
    if newest.version == dialect.version:
        return
    for path, column in walk(table.columns):
        type_ = column.type
        while isinstance(type_, List | Map):
            type_ = type_.element if isinstance(type_, List) else type_.value
        if dialect.storable(type_) != newest.storable(type_):
            shown = dialect.type_text(type_, nullable=False)
            yield Note(
                path, f"kept as {shown}: {dialect.name} {dialect.version} has no type for it"
            )
