"""The rows of one table as those of another: an expression for each column, and what it loses."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from protolith.changes import by_field_path, sameness
from protolith.dialects.alteration import NEW_NUMBER, narrows, widens
from protolith.dialects.parts import impossible
from protolith.tables import Bytes, Column, Geography, Json, List, Map, Record, String, Table, Type

if TYPE_CHECKING:
    from protolith.dialects.base import Dialect


@dataclass(frozen=True, slots=True)
class Value:
    """An expression, and a condition for what it would lose; with none it loses nothing."""

    text: str
    lost: str = ""


Make: TypeAlias = Callable[[str], Value]


class Copying(ABC):
    """How an engine writes values of one type as those of another."""

    def __init__(self, dialect: "Dialect", old: Table, new: Table) -> None:
        self.dialect = dialect
        self.old, self.new = dialect.stored(old), dialect.stored(new)
        self.names = (f"x{number}" for number in count(1))  # of elements

    def columns(self) -> list[tuple[Column, Value]]:
        """The columns of the new table, each with its value in a row of the old one."""
        return self._columns(
            self.old.columns, self.new.columns, lambda c: self.dialect.quote(c.name), ""
        )

    @abstractmethod
    def rows(self, value: str, make: Make) -> Value:
        """A list with each element made into another one."""

    @abstractmethod
    def entries(self, value: str, key: Make, make: Make) -> Value:
        """A map with each value made into another one."""

    @abstractmethod
    def record(self, value: str, parts: list[tuple[Column, Value]], *, maybe: bool) -> str:
        """A record of these columns; NULL where `value`, which is one `maybe`, is NULL."""

    @abstractmethod
    def part(self, value: str, column: Column) -> str:
        """A column of a record."""

    @abstractmethod
    def listed(self, value: str, item: str, *, maybe: bool) -> str:
        """A list of one item, or of none where the value is NULL."""

    @abstractmethod
    def last(self, value: str, element: Type) -> Value:
        """The last element of a list; NULL of an empty one, where the type has it."""

    @abstractmethod
    def filled(self, value: str, new: Type) -> str:
        """A value, or in place of NULL that of a message without the field."""

    @abstractmethod
    def cast(self, value: str, old: Type, new: Type, *, maybe: bool) -> Value:
        """A plain value as one of another type."""

    @abstractmethod
    def present(self, value: str, new: Type) -> str:
        """A value that is not NULL as one that cannot be."""

    @abstractmethod
    def empty(self, column: Column) -> str | None:
        """What a column has in rows that were written without it; None if nothing can be given."""

    @abstractmethod
    def total(self, source: str, values: list[tuple[str, str]]) -> str:
        """A query for the number of rows and a sum over the values in them, each with its name."""

    def swap(self, name: str, other: str) -> tuple[str, ...]:
        """What gives two tables each other's names."""
        third = f"{name}__swapped"
        return tuple(
            f"ALTER TABLE {self.dialect.qualified(replace(self.new, name=a))}"
            f" RENAME TO {self.dialect.quote(b)}"
            for a, b in ((name, third), (other, name), (third, other))
        )

    def refused(self, path: str) -> Exception:
        text = "there is no way from the one type to the other"
        return impossible(self.dialect, self.new, path, text, hint=NEW_NUMBER)

    def _columns(
        self,
        old: tuple[Column, ...],
        new: tuple[Column, ...],
        at: Callable[[Column], str],
        prefix: str,
    ) -> list[tuple[Column, Value]]:
        same = sameness(by_field_path, old, new)
        before = {same(column): column for column in old}
        found = []
        for column in new:
            source, path = before.get(same(column)), prefix + column.name
            if source is not None:
                found.append((column, self._column(source, column, at(source), path)))
                continue
            empty = self.empty(column)
            if empty is None:
                raise self.refused(path)
            found.append((column, Value(empty)))
        return found

    def _column(self, old: Column, new: Column, value: str, path: str) -> Value:
        maybe, wanted = map(_may_be_null, (old, new))
        if "." in path and not self.dialect.nested_required:
            maybe = wanted = True
        return self._value(old.type, new.type, value, path, maybe=maybe, wanted=wanted)

    def _value(  # noqa: PLR0913 - what is known of a value
        self, old: Type, new: Type, value: str, path: str, *, maybe: bool, wanted: bool
    ) -> Value:
        match old, new:
            case List(a), List(b):
                return self._rows(value, a, b, path)
            case Map(key, a), Map(other, b):
                keys: Make = lambda v: self._inner(key, other, v, path)  # noqa: E731
                unmoved = keys("v") == self._inner(a, b, "v", path) == Value("v")
                make: Make = lambda v: self._inner(a, b, v, path)  # noqa: E731
                return Value(value) if unmoved else self.entries(value, keys, make)
            case _, List(element):
                item = self._value(old, element, value, path, maybe=maybe, wanted=True)
                if not maybe:
                    return Value(self.listed(value, item.text, maybe=False), item.lost)
                lost = f"({value} IS NOT NULL AND {item.lost})" if item.lost else ""
                text = self.present(item.text, element)
                return Value(self.listed(value, text, maybe=True), lost)
            case List(element), _:
                last = self.last(value, element)
                item = self._value(element, new, last.text, path, maybe=True, wanted=True)
                text = item.text if wanted else self.filled(item.text, new)
                none = "" if wanted or text != item.text else f"{text} IS NULL"
                return Value(text, " OR ".join(filter(None, (last.lost, item.lost, none))))
        found = self._plain(old, new, value, path, maybe=maybe)
        if not maybe or wanted:
            return found
        lost = " OR ".join(filter(None, (f"{value} IS NULL", found.lost)))
        return Value(self.present(found.text, new), f"({lost})")

    def _plain(self, old: Type, new: Type, value: str, path: str, *, maybe: bool) -> Value:
        match old, new:
            case Record(a), Record(b):
                return self._record(value, a, b, path, maybe=maybe)
            case (Record() | Map(), _) | (_, Record() | Map()):
                raise self.refused(path)
        if self.dialect.type_text(old) == self.dialect.type_text(new):
            return Value(value)
        if widens(old, new):
            return replace(self.cast(value, old, new, maybe=maybe), lost="")
        text = isinstance(old, String | Bytes | Json | Geography)
        if narrows(old, new) or (text and isinstance(new, String | Bytes)):
            return self.cast(value, old, new, maybe=maybe)
        raise self.refused(path)

    def _inner(self, old: Type, new: Type, value: str, path: str) -> Value:
        """A value in a list or a map, where there is no NULL but in the values of some maps."""
        return self._value(old, new, value, path, maybe=False, wanted=False)

    def _rows(self, value: str, old: Type, new: Type, path: str) -> Value:
        if self._inner(old, new, "v", path) == Value("v"):
            return Value(value)
        return self.rows(value, lambda item: self._inner(old, new, item, path))

    def _record(
        self,
        value: str,
        old: tuple[Column, ...],
        new: tuple[Column, ...],
        path: str,
        *,
        maybe: bool,
    ) -> Value:
        parts = self._columns(old, new, lambda column: self.part(value, column), f"{path}.")
        as_before = [(c.name, self.part(value, c)) for c in old]
        if [(c.name, part.text) for c, part in parts] == as_before:
            return Value(value)
        lost = " OR ".join(part.lost for _, part in parts if part.lost)
        lost = f"({value} IS NOT NULL AND ({lost}))" if lost and maybe else lost
        return Value(self.record(value, parts, maybe=maybe), lost)


def _may_be_null(column: Column) -> bool:
    return column.nullable and not isinstance(column.type, List | Map)
