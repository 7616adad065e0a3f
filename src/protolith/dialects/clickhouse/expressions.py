"""ClickHouse's expressions and types for values within a column."""

from collections.abc import Callable
from typing import TypeAlias

from protolith.dialects.base import Dialect
from protolith.tables import Column, List, Map, Record, Type

Condition: TypeAlias = Callable[[str, Column], str]
"""A condition on a value that is given as an expression, of a column of the value's type."""


def held(dialect: Dialect, value: str, columns: tuple[Column, ...], condition: Condition) -> str:
    """Whether a condition holds of a value down the columns, in any element on the way."""
    return _held(dialect, value, columns[0].type, columns, condition)


def _held(
    dialect: Dialect, value: str, type_: Type, columns: tuple[Column, ...], condition: Condition
) -> str:
    column, *rest = columns
    if not rest:
        return condition(value, column)
    match type_:
        case List(element):
            return _any(dialect, value, element, columns, condition)
        case Map(_, inner):
            return _any(dialect, f"mapValues({value})", inner, columns, condition)
        case _:
            # x.a does not resolve within a lambda in every version
            part = f"tupleElement({value}, {dialect.literal(rest[0].name)})"
            return _held(dialect, part, rest[0].type, tuple(rest), condition)


def _any(
    dialect: Dialect, items: str, type_: Type, columns: tuple[Column, ...], condition: Condition
) -> str:
    name = f"x{len(items)}"  # another one at each depth
    inner = _held(dialect, name, type_, columns, condition)
    return f"arrayExists({name} -> ifNull({inner}, 0), {items})"


def unnamed(dialect: Dialect, type_: Type, *, nullable: bool) -> str:
    """A type's text without the names in its tuples: values go into it by their positions."""
    match type_:
        case Record(columns):
            inner = ", ".join(unnamed(dialect, c.type, nullable=c.nullable) for c in columns)
            # How NULL is written around a record depends on the version.
            whole = dialect.type_text(type_, nullable=nullable)
            text = f"Tuple({inner})"
            return f"Nullable({text})" if whole.startswith("Nullable(") else text
        case List(element):
            return f"Array({unnamed(dialect, element, nullable=False)})"
        case Map(key, value):
            text = dialect.type_text(key, nullable=False)
            return f"Map({text}, {unnamed(dialect, value, nullable=True)})"
        case scalar:
            return dialect.type_text(scalar, nullable=nullable)
