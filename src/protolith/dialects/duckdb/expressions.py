"""DuckDB's expressions for values within a column."""

from collections.abc import Callable
from typing import TypeAlias

from protolith.dialects.base import Dialect
from protolith.tables import Bytes, Column, List, Map, Record, String, Type

Condition: TypeAlias = Callable[[str], str]
"""A condition on a value that is given as an expression."""


def held(
    dialect: Dialect, value: str, type_: Type, rest: tuple[Column, ...], condition: Condition
) -> str:
    """Whether a condition holds of a value down the columns `rest`, in any element on the way."""
    if not rest:
        return condition(value)
    match type_:
        case List(element):
            return _any(dialect, value, element, rest, condition)
        case Map(_, inner):
            return _any(dialect, f"map_values({value})", inner, rest, condition)
        case _:
            part = f"struct_extract({value}, {dialect.literal(rest[0].name)})"
            return held(dialect, part, rest[0].type, rest[1:], condition)


def conversion(column: str, old: Type, new: Type) -> str | None:
    """A column's value in another form that holds the same; None if there is none."""
    match old, new:
        case String(), Bytes():
            return f"encode({column})"  # a plain cast refuses what is not ASCII
        case _, List(element) if element == old:
            return f"CASE WHEN {column} IS NULL THEN [] ELSE [{column}] END"
        case Map(key, value), List(Record((first, second))):
            same = (first.name, second.name) == ("key", "value")
            fits = same and (first.type, second.type) == (key, value)
            return f"map_entries({column})" if fits else None
        case List(Record((first, second))), Map(key, value):
            return (
                f"map_from_entries({column})" if (first.type, second.type) == (key, value) else None
            )
        case _:
            return None


def _any(
    dialect: Dialect, items: str, type_: Type, rest: tuple[Column, ...], condition: Condition
) -> str:
    name = f"x{items.count('(') + len(items)}"  # another one at each depth
    inner = held(dialect, name, type_, rest, condition)
    return f"coalesce(len(list_filter({items}, lambda {name}: {inner})) > 0, false)"
