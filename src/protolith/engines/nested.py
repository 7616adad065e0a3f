"""Where two types differ within, each place by its path."""

from collections.abc import Iterator

from protolith.dialects import Dialect
from protolith.engines.difference import Difference, moved, null
from protolith.errors import MalformedError
from protolith.tables import Column, List, Map, Record, Type


def within(dialect: Dialect, name: str, expected: str, live: str) -> list[Difference]:
    """How the type of a column differs: by nested places if both texts can be read, else whole."""
    whole = [Difference(name, "type", expected, live)]
    try:
        (wanted, maybe), (found, other) = dialect.read(expected), dialect.read(live)
    except MalformedError:  # a type that is none of ours
        return whole
    parts = list(_types(dialect, wanted, found, name))
    if any(part.column == name and part.kind == "type" for part in parts):
        return whole
    if maybe != other:
        parts.insert(0, Difference(name, "nullability", null(maybe), null(other)))
    return parts or whole  # types that share a reading and not a text


def _types(dialect: Dialect, wanted: Type, found: Type, path: str) -> Iterator[Difference]:
    match wanted, found:
        case Record(columns), Record(others):
            yield from _records(dialect, columns, others, path)
        case List(element), List(other):
            yield from _types(dialect, element, other, path)
        case Map(key, value), Map(other_key, other) if key == other_key:
            yield from _types(dialect, value, other, path)
        case _ if wanted != found:
            texts = dialect.type_text(wanted), dialect.type_text(found)
            yield Difference(path, "type", *texts)


def _records(
    dialect: Dialect, wanted: tuple[Column, ...], found: tuple[Column, ...], path: str
) -> Iterator[Difference]:
    there = {column.name: column for column in found}
    names = {column.name for column in wanted}
    for column in wanted:
        place = f"{path}.{column.name}"
        other = there.get(column.name)
        if other is None:
            yield Difference(place, "missing", _text(dialect, column), "")
            continue
        yield from _types(dialect, column.type, other.type, place)
        if column.nullable != other.nullable and type(column.type) is type(other.type):
            yield Difference(place, "nullability", null(column.nullable), null(other.nullable))
    yield from moved(
        [c.name for c in wanted if c.name in there],
        [c.name for c in found if c.name in names],
        prefix=f"{path}.",
    )
    for column in found:
        if column.name not in names:
            yield Difference(f"{path}.{column.name}", "extra", "", _text(dialect, column))


def _text(dialect: Dialect, column: Column) -> str:
    return dialect.type_text(column.type, nullable=column.nullable)
