"""What an engine is told to make a change, what that costs, and what has to be true before."""

import re
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from protolith.changes import Change, Place
from protolith.tables import (
    Boolean,
    Column,
    Date,
    Decimal,
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
    Type,
)

Risk: TypeAlias = Literal["none", "rewrite", "lossy"]
Outcome: TypeAlias = Literal["nothing", "in place", "rewrite", "rebuild", "impossible"]

NEW_NUMBER = "give the field a new number: it becomes a column of its own"

_DIGITS = {32: 10, 64: 20}
_EXACT = {32: 24, 64: 53}  # bits of a whole number that a float keeps


@dataclass(frozen=True, slots=True)
class Check:
    """A query for a number that must be zero before a step runs; `text` says what it counts."""

    sql: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One change in an engine: what is run, what it risks, and why.

    `statements` run in their order, each finished before the next, and may be run again from the
    first after a crash. `loads` says whether rows may be loaded meanwhile. `patch` is BigQuery's
    whole new schema as JSON, where a change is not SQL. `instead` is what to do about a schema
    whose change is impossible.
    """

    change: Change
    outcome: Outcome
    risk: Risk
    why: str
    statements: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    loads: bool = True
    patch: str = ""
    instead: str = ""

    @property
    def sentence(self) -> str:
        """Why, and what to do instead."""
        return f"{self.why}; {self.instead}" if self.instead else self.why


def nothing(change: Change, why: str) -> Step:
    """The step of a change that the engine does not see."""
    return Step(change, "nothing", "none", why)


def impossible_step(change: Change, why: str, instead: str = NEW_NUMBER) -> Step:
    """The step of a change that the engine cannot make."""
    return Step(change, "impossible", "lossy", why, instead=instead)


def widens(old: Type, new: Type) -> bool:
    """Whether each value of the old type is one of the new type."""
    match old, new:
        case List(a), List(b):
            return a == b or widens(a, b)
        case Map(key, a), Map(other, b):
            return (key == other or widens(key, other)) and (a == b or widens(a, b))
        case Boolean(), Integer() | String():
            return True
        case Integer(bits, signed), _:
            return _integer_widens(bits, signed=signed, new=new)
        case Float(), Float(bits):
            return bits >= old.bits
        case Decimal(p, s), Decimal(q, t):
            return t >= s and q - t >= p - s
        case Float() | Decimal() | EnumName() | Json() | Date() | Time(), String():
            return True
        case _:
            return False


def _integer_widens(bits: int, *, signed: bool, new: Type) -> bool:
    match new:
        case Integer(wider, to_signed):
            if signed == to_signed:
                return wider >= bits
            return not signed and wider > bits
        case Float(wider):
            return bits <= _EXACT[wider]
        case Decimal(precision, scale):
            return precision - scale >= _DIGITS[bits]
        case String():
            return True
        case _:
            return False


def narrows(old: Type, new: Type) -> bool:
    """Whether values of the old type can be asked, one by one, if they are one of the new."""
    match old, new:
        case List(a), List(b):
            return _same_or_cast(a, b)
        case Map(key, a), Map(other, b):
            return key == other and _same_or_cast(a, b)
        case Integer() | Float() | Decimal(), Integer() | Float() | Decimal():
            return True
        case String(), Integer() | Float() | Decimal() | Boolean() | Date():
            return True
        case _:
            return False


def _same_or_cast(old: Type, new: Type) -> bool:
    return old == new or widens(old, new) or narrows(old, new)


def chain(table: Table, place: Place) -> tuple[Column, ...]:
    """The columns from the table down to a place."""
    found: list[Column] = []
    columns = table.columns
    for name in place:
        column = next(column for column in columns if column.name == name)
        found.append(column)
        inner = column.type
        while isinstance(inner, List | Map):
            inner = inner.element if isinstance(inner, List) else inner.value
        columns = inner.columns if isinstance(inner, Record) else ()
    return tuple(found)


def in_key(table: Table, engine: str, change: Change) -> bool:
    """Whether a change is one of a column that an engine sorts, partitions or finds rows by."""
    storage = table.stored_in(engine)
    key = (*storage.order_by, *storage.primary_key, storage.partition_by)
    return bool(change.place) and change.place[0] in re.findall(r"\w+", " ".join(key))


def without_storage(table: Table) -> Table:
    """The columns alone: keys name columns that are there only before or after a change."""
    return replace(table, storage=())


def zero(type_: Type) -> str | None:
    """What rows that are there get in a new column that must have a value, as an SQL literal."""
    match type_:
        case Boolean():
            return "false"
        case Integer() | Float() | Decimal():
            return "0"
        case String():
            return "''"
        case _:
            return None
