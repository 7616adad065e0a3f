"""Rows from lists and maps, and placeholders in statements, in ClickHouse."""

from protolith.dialects.base import Dialect
from protolith.dialects.parts import Exploded
from protolith.tables import Column, List, Map


def explode(dialect: Dialect, array: str, type_: List | Map, alias: str) -> Exploded:
    """Rows of a list or map; LEFT ARRAY JOIN gives an empty one a row of default values."""
    element, number, key = (dialect.quote(alias + end) for end in ("", "_ordinal", "_key"))
    ordinal, missing = f"nullIf({number}, 0)", f"{number} = 0"
    if isinstance(type_, List):
        join = f"LEFT ARRAY JOIN {array} AS {element}, arrayEnumerate({array}) AS {number}"
        return Exploded(join, ordinal, element, names=(element, number), missing=missing)
    join = (
        f"LEFT ARRAY JOIN mapKeys({array}) AS {key}, mapValues({array}) AS {element},"
        f" arrayEnumerate(mapKeys({array})) AS {number}"
    )
    names = (element, number, key)
    return Exploded(join, ordinal, element, key=key, names=names, missing=missing)


def placeholder(dialect: Dialect, column: Column, name: str) -> str:
    """A parameter with its type."""
    text = dialect.type_text(column.type, nullable=column.nullable)
    if not isinstance(column.type, Map):
        return f"{{{name}:{text}}}"
    # Drivers write a dictionary as JSON, which is no text of a Map: its entries are taken instead.
    entries = text.replace("Map(", "Array(Tuple(", 1) + ")"
    return f"CAST({{{name}:{entries}}} AS {text})"
