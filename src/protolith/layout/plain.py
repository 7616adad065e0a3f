"""SPEC.md's own types: nested and repeated values are JSON, and what it does not name is text."""

from dataclasses import replace

from protolith.errors import LayoutError
from protolith.layout.layouts import Layout
from protolith.tables import (
    Boolean,
    Column,
    Date,
    DateTime,
    EnumName,
    Float,
    Integer,
    Json,
    List,
    Map,
    Record,
    String,
    Table,
    Time,
    Timestamp,
    Type,
)


def with_json_columns(table: Table) -> Table:
    """The table in the json layout: nested and repeated values are JSON documents."""
    return replace(table, columns=tuple(_in_json_layout(column) for column in table.columns))


def without_message(table: Table, layout: Layout) -> Table:
    """A table that was made from a BigQuery JSON schema, in a layout.

    Of the layouts only json says something of it: `LayoutError` for any other choice.
    """
    other = set(layout.choices) - {"style", "storage"}
    if other or layout.style not in ("native", "json"):
        raise LayoutError(
            f"the layout option {min(other or {'style'})} says nothing of a table that was"
            " not made from a message",
            hint="the style json is possible, or register the .proto file",
        )
    made = with_json_columns(table) if layout.style == "json" else table
    return replace(made, storage=layout.storage)


def plain_type(type_: Type) -> Type:
    """The type by which the json layout keeps a type."""
    match type_:
        case Record() | List() | Map():
            return Json()
        case Timestamp() | DateTime():
            return DateTime()
        case Boolean() | Integer() | Float() | EnumName() | Date() | Time():
            return type_
        case _:
            return String()


def _in_json_layout(column: Column) -> Column:
    return replace(column, type=plain_type(column.type))
