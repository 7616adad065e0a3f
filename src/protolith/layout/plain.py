"""SPEC.md's own types: nested and repeated values are JSON, and what it does not name is text."""

from dataclasses import replace

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
