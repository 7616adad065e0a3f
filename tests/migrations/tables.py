"""Random tables, tables that became of them, and rows."""

from dataclasses import replace
from decimal import Decimal as Number
from typing import Any

from hypothesis import strategies as st

from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    Decimal,
    Float,
    Integer,
    Json,
    List,
    Map,
    Record,
    String,
    Table,
    Type,
)

NAMES = ("a", "b", "c", "d", "e", "Select", "k")
SCALARS: tuple[Type, ...] = (
    Boolean(),
    Integer(32),
    Integer(64),
    Integer(32, signed=False),
    Integer(64, signed=False),
    Float(32),
    Float(64),
    Decimal(38, 9),
    Decimal(20, 0),
    String(),
    Bytes(),
)
VALUES: dict[Type, tuple[Any, ...]] = {
    Boolean(): (True, False),
    Integer(32): (0, -(2**31), 2**31 - 1),
    Integer(64): (0, -(2**63), 2**63 - 1, 2**53 + 1, 300),
    Integer(32, signed=False): (0, 2**32 - 1),
    Integer(64, signed=False): (0, 2**64 - 1, 1),
    Float(32): (0.0, -1.5, 3.0),
    Float(64): (0.0, 1e300, 0.1, float("inf")),
    Decimal(38, 9): (Number(0), Number("-0.000000001"), Number("12345678901234567890.5")),
    Decimal(20, 0): (Number(0), Number(2**64 - 1)),
    String(): ("", "é", "12", "it's \\"),
    Bytes(): (b"", b"\xff\x00", b"12"),
    Json(): ("{}",),
}


@st.composite
def columns(draw: st.DrawFn, depth: int = 2) -> tuple[Column, ...]:
    numbers = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True))
    names = draw(st.permutations(NAMES))
    return tuple(_column(draw, names[i], number, depth) for i, number in enumerate(numbers))


def _column(draw: st.DrawFn, name: str, number: int, depth: int) -> Column:
    type_ = draw(types(depth))
    maybe = False if isinstance(type_, List | Map) else draw(st.sampled_from([True, True, False]))
    comment = draw(st.sampled_from(["", "", "it's"]))
    return Column(name, type_, nullable=maybe, path=(number,), comment=comment)


def types(depth: int) -> st.SearchStrategy[Type]:
    scalars = st.sampled_from(SCALARS)
    if depth == 0:
        return scalars
    record = columns(depth - 1).map(Record)
    inner = scalars | record
    keys = st.sampled_from([String(), Integer(32), Boolean()])
    return scalars | record | inner.map(List) | st.builds(Map, keys, inner)


@st.composite
def pairs(draw: st.DrawFn, *, wild: bool = True) -> tuple[Table, Table]:
    old = draw(columns())
    new = draw(columns()) if wild and draw(st.booleans()) else _changed(draw, old, 2)
    return Table("d", "t", old, comment="x"), Table("d", "t", new, comment=draw(st.text("xy'")))


def _changed(draw: st.DrawFn, old: tuple[Column, ...], depth: int) -> tuple[Column, ...]:
    kept = [column for column in old if draw(st.sampled_from([True, True, True, False]))]
    kept = kept or list(old)
    numbers = sorted(set(range(1, 9)) - {column.path[0] for column in old})
    added = draw(st.integers(0, 2))
    found = [_other(draw, column, depth) for column in kept]
    found += [_column(draw, "?", number, depth - 1) for number in numbers[:added]]
    names = [column.name for column in found]
    fresh = [name for name in draw(st.permutations(NAMES)) if name not in names]
    shuffled = draw(st.permutations(names)) if draw(st.booleans()) else names
    found = [replace(column, name=name) for column, name in zip(found, shuffled, strict=True)]
    while any(column.name == "?" for column in found):
        spot = next(i for i, column in enumerate(found) if column.name == "?")
        found[spot] = replace(found[spot], name=fresh.pop())
    if fresh and draw(st.booleans()):
        found[0] = replace(found[0], name=fresh.pop())
    return tuple(draw(st.permutations(found)) if draw(st.booleans()) else found)


def _other(draw: st.DrawFn, column: Column, depth: int) -> Column:
    type_ = column.type
    match type_:
        case Record(inner):
            type_ = Record(_changed(draw, inner, depth - 1))
        case List(Record(inner)):
            type_ = List(Record(_changed(draw, inner, depth - 1)))
        case Map(key, Record(inner)):
            type_ = Map(key, Record(_changed(draw, inner, depth - 1)))
        case Integer(32):
            type_ = draw(st.sampled_from([type_, Integer(64), Decimal(38, 9)]))
        case Float(32):
            type_ = draw(st.sampled_from([type_, Float(64)]))
        case _ if draw(st.integers(0, 5)) == 0:
            type_ = draw(st.sampled_from(SCALARS))
    if draw(st.integers(0, 5)) == 0:
        type_ = _turned(type_)
    maybe = not isinstance(type_, List | Map) and (column.nullable or draw(st.booleans()))
    comment = draw(st.sampled_from([column.comment, "new"]))
    return replace(column, type=type_, nullable=maybe, comment=comment)


def _turned(type_: Type) -> Type:
    """A single value for a list, and a list for a single value."""
    match type_:
        case List(element):
            return element
        case Map():
            return type_
        case single:
            return List(single)


def rows(table: Table) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(_record(table.columns), min_size=1, max_size=4)


def _record(inner: tuple[Column, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({column.name: _value(column) for column in inner})


def _value(column: Column) -> st.SearchStrategy[Any]:
    values = _of(column.type)
    return st.none() | values if column.nullable else values


def _of(type_: Type) -> st.SearchStrategy[Any]:
    match type_:
        case Record(inner):
            return _record(inner)
        case List(element):
            return st.lists(_of(element), max_size=2)
        case Map(key, value):
            return st.lists(st.tuples(_of(key), _of(value)), max_size=2, unique_by=lambda e: e[0])
        case scalar:
            return st.sampled_from(VALUES[scalar])


def moved(row: dict[str, Any], old: tuple[Column, ...], new: tuple[Column, ...]) -> dict[str, Any]:
    """What a row of the old columns is in the new ones, whose types are the same or wider."""
    before = {column.identity: column for column in old}
    out = {}
    for column in new:
        source = before.get(column.identity)
        if source is None:
            out[column.name] = _empty(column)
        else:
            out[column.name] = _moved(row[source.name], source.type, column.type)
    return out


def _empty(column: Column) -> Any:
    if isinstance(column.type, List | Map):
        return []
    return None if column.nullable else NOTHING


NOTHING = object()
"""The value of a required column that is new: whatever the engine gives."""


def _moved(value: Any, old: Type, new: Type) -> Any:
    match old, new:
        case _ if value is None:
            return [] if isinstance(new, List | Map) else None
        case Record(a), Record(b):
            return moved(value, a, b)
        case List(a), List(b):
            return [_moved(item, a, b) for item in value]
        case Map(_, a), Map(_, b):
            return [(key, _moved(item, a, b)) for key, item in value]
        case List(a), _:  # of several, none may be lost
            return _moved(value[-1], a, new) if value else NOTHING
        case _, List(b):
            return [_moved(value, old, b)]
        case a, b:
            numbers = isinstance(a, Integer | Decimal | Float | Boolean)
            numbers = numbers and isinstance(b, Integer | Decimal | Float)
            return value if numbers or a == b else NOTHING


def alike(found: Any, wanted: Any) -> bool:
    """Whether a value is the wanted one; an empty list is as good as none in a new inner column."""
    if wanted is NOTHING:
        return True
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(alike(found[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        found = [] if found is None else found
        return len(found) == len(wanted) and all(
            alike(a, b) for a, b in zip(found, wanted, strict=True)
        )
    if isinstance(wanted, tuple):
        return all(alike(a, b) for a, b in zip(found, wanted, strict=True))
    if isinstance(wanted, str) and isinstance(found, bytes):
        return found.decode() == wanted
    return bool(found == wanted)
