"""Views without nesting: plain columns for tools that know nothing else.

The first view of a table has the fields of its records as columns `a_b`, and leaves lists and
maps. For each list of records and each map there is one more: a row per element, or one row where
there is none, with the plain columns of all that is around it and the number of the element.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from protolith.dialects.base import Dialect
from protolith.dialects.parts import View
from protolith.errors import NotFoundError, quoted
from protolith.tables import Column, List, Map, Note, Record, Table, Type, walk

_FLAT = "flat"


@dataclass(frozen=True, slots=True)
class _Step:
    """A list or map, by the names that lead to it from the table or from the element before."""

    names: tuple[str, ...]
    type: List | Map


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one row per element is wanted: through one list or map after the other."""

    steps: tuple[_Step, ...] = ()

    @property
    def path(self) -> str:
        """The dotted name of the last list or map."""
        return ".".join(name for step in self.steps for name in step.names)


@dataclass(slots=True)
class _Query:
    """The SELECT of one view while it is written."""

    dialect: Dialect
    table: Table
    columns: list[tuple[str, str]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def add(self, sql: str, path: tuple[str, ...]) -> None:
        """Add an output column; a second one of a name gets a number behind it."""
        wanted = name = "_".join(path)
        number = 1
        while name.lower() in self.names:
            number += 1
            name = f"{wanted}_{number}"
        if name != wanted:
            self.notes.append(
                Note(".".join(path), f"{name} in the view: {wanted} is there already")
            )
        self.names.add(name.lower())
        self.columns.append((sql, name))

    def add_plain(
        self, sql: str, path: tuple[str, ...], type_: Type, *, missing: str = "", lists: bool = True
    ) -> None:
        """Add a value, or the values inside it if it is a record."""
        match type_:
            case Record(columns):
                for column in columns:
                    inner = self.dialect.field(sql, column.name)
                    self.add_plain(
                        inner, (*path, column.name), column.type, missing=missing, lists=lists
                    )
            case List() | Map():
                if lists:
                    self.add(sql, path)
            case _:
                self.add(f"if({missing}, NULL, {sql})" if missing else sql, path)

    def text(self, source: str) -> str:
        """The query."""
        body = ",\n".join(f"  {sql} AS {self.dialect.quote(name)}" for sql, name in self.columns)
        return f"SELECT\n{body}\nFROM {source}"


def flatten(dialect: Dialect, table: Table) -> tuple[View, ...]:
    """The flattened views of a table as a dialect stores it."""
    stored = dialect.stored(table)
    names = _Names(table)
    return tuple(
        _view(dialect, stored, place, *names.choose(place)) for place in _places(stored.columns)
    )


def flatten_one(dialect: Dialect, table: Table, path: str, name: str | None) -> View:
    """One view: of the table, or with a row per element of the list or map at a dotted path."""
    stored = dialect.stored(table)
    places = {place.path: place for place in _places(stored.columns, scalars=True)}
    if path not in places:
        near = get_close_matches(path, [known for known in places if known], n=3)
        hint = f"perhaps {' or '.join(near)}" if near else "a list or map by its dotted name"
        raise NotFoundError(f"{table.name} has no list or map {quoted(path)}", hint=hint)
    return _view(dialect, stored, places[path], name or _Names(table).choose(places[path])[0], ())


class _Names:
    """The names of a table's views; no two are the same, in upper or lower case."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._taken = {table.name.lower()}

    def choose(self, place: _Place) -> tuple[str, tuple[Note, ...]]:
        """A name, and a note if it is not the obvious one."""
        last = place.path.replace(".", "_") or _FLAT
        wanted = name = f"{self._table.name}_{last}"
        number = 1
        while name.lower() in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name.lower())
        said = Note(place.path, f"its view is {name}: {wanted} is there already")
        return name, () if name == wanted else (said,)


def _places(columns: tuple[Column, ...], *, scalars: bool = False) -> Iterator[_Place]:
    yield _Place()
    yield from _places_in(columns, (), (), scalars=scalars)


def _places_in(
    columns: tuple[Column, ...], names: tuple[str, ...], steps: tuple[_Step, ...], *, scalars: bool
) -> Iterator[_Place]:
    for column in columns:
        path = (*names, column.name)
        match column.type:
            case Record(inner):
                yield from _places_in(inner, path, steps, scalars=scalars)
            case List(element) if scalars or isinstance(element, Record):
                taken = (*steps, _Step(path, column.type))
                yield _Place(taken)
                if isinstance(element, Record):
                    yield from _places_in(element.columns, (), taken, scalars=scalars)
            case Map(_, value):
                taken = (*steps, _Step(path, column.type))
                yield _Place(taken)
                if isinstance(value, Record):
                    yield from _places_in(value.columns, (), taken, scalars=scalars)


def _view(
    dialect: Dialect, table: Table, place: _Place, name: str, notes: tuple[Note, ...]
) -> View:
    query = _Query(dialect, table)
    alias = _alias(table)
    source = f"{dialect.qualified(table)} AS {dialect.quote(alias)}"
    for column in table.columns:
        sql = dialect.field(dialect.quote(alias), column.name)
        query.add_plain(sql, (column.name,), column.type, lists=not place.steps)
    columns = tuple(_kept(dialect, alias, column.name) for column in table.columns)
    path: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    element = dialect.quote(alias)
    for number, step in enumerate(place.steps, 1):
        for part in step.names:
            element = dialect.field(element, part)
        exploded = dialect.explode(element, step.type, f"{alias}{number}")
        source = dialect.chain(source, exploded.join, dialect.quote(alias), carried)
        carried = (*(carried or columns), *exploded.names)
        path = (*path, *step.names)
        query.add(exploded.ordinal, (*path, "ordinal"))
        last = number == len(place.steps)
        value, inner = step.type.element if isinstance(step.type, List) else step.type.value, path
        if isinstance(step.type, Map):
            query.add_plain(exploded.key, (*path, "key"), step.type.key, missing=exploded.missing)
            inner = (*path, "value")
        element = exploded.element
        query.add_plain(element, inner, value, missing=exploded.missing, lists=last)
    view = Table(table.database, name, table.columns, storage=table.storage)
    statements = dialect.replace_view(view, query.text(source))
    found = (*notes, *query.notes)
    return View(name, tuple(column for _, column in query.columns), statements, found)


def _kept(dialect: Dialect, alias: str, name: str) -> str:
    return f"{dialect.field(dialect.quote(alias), name)} AS {dialect.quote(name)}"


def _alias(table: Table) -> str:
    """A name that no column begins with: it is the beginning of every other name made up here."""
    alias = "t"
    while any(c.name.lower().startswith(alias) for _, c in walk(table.columns)):
        alias = "_" + alias
    return alias
