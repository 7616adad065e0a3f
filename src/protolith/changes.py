"""What changed between two tables, as values; each is one thing that an engine can be told.

A place is the names from the table down to a column as they are at that moment, so changes are
applied in their order: a later one speaks of what the earlier ones left.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from protolith.errors import Detail, LayoutError
from protolith.tables import Column, FieldPath, List, Map, Note, Record, Storage, Table, Type

Place: TypeAlias = tuple[str, ...]
"""Column names from the table down; empty is the table itself. Lists and maps have no name."""


@dataclass(frozen=True, slots=True)
class AddColumn:
    """A column more, the last of the record at `place`."""

    place: Place
    column: Column


@dataclass(frozen=True, slots=True)
class DropColumn:
    """A column less."""

    place: Place


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """Another name for the same field."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class ChangeType:
    """Another type; the columns of a record change one by one where its shape stays."""

    place: Place
    type: Type


@dataclass(frozen=True, slots=True)
class ChangeNullability:
    """A value may be missing now, or may not any longer."""

    place: Place
    nullable: bool


@dataclass(frozen=True, slots=True)
class ChangeComment:
    """Another comment on a column, or on the table where the place is empty."""

    place: Place
    comment: str


@dataclass(frozen=True, slots=True)
class ChangeDefault:
    """Another default expression, or none."""

    place: Place
    default: str | None


@dataclass(frozen=True, slots=True)
class ChangeAttributes:
    """What BigQuery alone knows of a column, and what makes it the same as before."""

    place: Place
    policy_tags: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]
    path: FieldPath
    role: str


@dataclass(frozen=True, slots=True)
class ReorderColumns:
    """The columns of the record at `place` in another order, by name."""

    place: Place
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeStorage:
    """Another way in which engines keep the rows."""

    storage: tuple[tuple[str, Storage], ...]
    place: Place = ()


@dataclass(frozen=True, slots=True)
class ChangeSource:
    """The message that the table is made from, and what the layout noted; no engine knows them."""

    message: str | None
    notes: tuple[Note, ...]
    place: Place = ()


@dataclass(frozen=True, slots=True)
class RebuildTable:
    """Every row in a table that is made anew, with what cannot be changed in place."""

    place: Place = ()


Change: TypeAlias = (
    AddColumn
    | DropColumn
    | RenameColumn
    | ChangeType
    | ChangeNullability
    | ChangeComment
    | ChangeDefault
    | ChangeAttributes
    | ReorderColumns
    | ChangeStorage
    | ChangeSource
    | RebuildTable
)
Same: TypeAlias = Callable[[Column], Hashable]


def by_field_path(column: Column) -> Hashable:
    """Columns are the same if their field is: for migrations."""
    return column.identity


def by_name(column: Column) -> Hashable:
    """Columns are the same if their name is: for a live table, which knows no field numbers."""
    return column.name


def diff(old: Table, new: Table, same: Same = by_field_path) -> tuple[Change, ...]:
    """The changes that make `new` out of `old`: `apply(diff(old, new), old) == new`.

    Both have the same name. In each record: drops, renames, what changed within columns, adds,
    order; names that are swapped go through a third one.
    """
    if (old.database, old.name) != (new.database, new.name):
        raise LayoutError(f"{old.database}.{old.name} cannot become {new.database}.{new.name}")
    changes = list(_columns((), old.columns, new.columns, same))
    if old.comment != new.comment:
        changes.append(ChangeComment((), new.comment))
    if old.storage != new.storage:
        changes.append(ChangeStorage(new.storage))
    if (old.message, old.notes) != (new.message, new.notes):
        changes.append(ChangeSource(new.message, new.notes))
    return tuple(changes)


def apply(changes: Change | Iterable[Change], table: Table) -> Table:
    """The table after a change, or after several in their order."""
    if isinstance(changes, Iterable):
        for change in changes:
            table = apply(change, table)
        return table
    match changes:
        case ChangeStorage(storage):
            return replace(table, storage=storage)
        case ChangeSource(message, notes):
            return replace(table, message=message, notes=notes)
        case ChangeComment((), comment):
            return replace(table, comment=comment)
        case RebuildTable():
            return table
        case (AddColumn() | ReorderColumns()) as change:
            return _edit(table, change.place, lambda columns: _edited_record(change, columns))
        case other:
            return _edit(table, other.place[:-1], lambda columns: _edited_column(other, columns))


def column_at(table: Table, place: Place) -> Column:
    """The column at a place, or `LayoutError`."""
    columns = table.columns
    found = None
    for name in place:
        found = next((column for column in columns if column.name == name), None)
        if found is None:
            break
        columns = _inside(found.type)
    if found is None:
        raise _nowhere(table, place)
    return found


def with_columns(type_: Type, columns: tuple[Column, ...]) -> Type:
    """The type with other columns in the record that it is or holds."""
    match type_:
        case List(element):
            return List(with_columns(element, columns))
        case Map(key, value):
            return Map(key, with_columns(value, columns))
        case _:
            return Record(columns)


def same_shape(old: Type, new: Type) -> bool:
    """Whether both are records, or hold them in the same lists and maps."""
    match old, new:
        case Record(), Record():
            return True
        case List(a), List(b):
            return same_shape(a, b)
        case Map(key, a), Map(other, b):
            return key == other and same_shape(a, b)
        case _:
            return False


def _columns(
    place: Place, old: tuple[Column, ...], new: tuple[Column, ...], same: Same
) -> Iterator[Change]:
    same = sameness(same, old, new)
    wanted = {same(column): column for column in new}
    kept = [column for column in old if same(column) in wanted]
    if not kept:
        yield from _replaced(place, old, new)
        return
    yield from (DropColumn((*place, c.name)) for c in old if same(c) not in wanted)
    names = {same(column): column.name for column in kept}
    yield from _renames(place, names, {key: wanted[key].name for key in names})
    for column in kept:
        renamed = replace(column, name=wanted[same(column)].name)
        yield from _within((*place, renamed.name), renamed, wanted[same(column)], same)
    added = [column for column in new if same(column) not in names]
    yield from (AddColumn(place, column) for column in added)
    order = [wanted[same(column)].name for column in kept] + [column.name for column in added]
    if order != [column.name for column in new]:
        yield ReorderColumns(place, tuple(column.name for column in new))


def _replaced(place: Place, old: tuple[Column, ...], new: tuple[Column, ...]) -> Iterator[Change]:
    """Every column for other ones: first these, since a table is never without a column."""
    taken = {column.name for column in (*old, *new)}
    wanted = {column.name.lower() for column in new}
    names = []
    for column in old:
        name = column.name
        if name.lower() in wanted:
            name = _third(name, taken)
            taken.add(name)
            yield RenameColumn((*place, column.name), name)
        names.append(name)
    yield from (AddColumn(place, column) for column in new)
    yield from (DropColumn((*place, name)) for name in names)


def sameness(same: Same, *sides: tuple[Column, ...]) -> Same:
    """What tells columns apart: names where it would say of two columns that they are one."""
    good = all(len({same(column) for column in side}) == len(side) for side in sides)
    return same if good else by_name


def _renames(
    place: Place, names: dict[Hashable, str], wanted: dict[Hashable, str]
) -> Iterator[Change]:
    pending = [key for key in names if names[key] != wanted[key]]
    while pending:
        key = next((k for k in pending if _is_free(k, names, wanted, pending)), None)
        if key is not None:
            pending.remove(key)
            target = wanted[key]
        else:  # names go round in a circle: one steps aside
            key = pending[0]
            target = _third(names[key], {*names.values(), *wanted.values()})
        yield RenameColumn((*place, names[key]), target)
        names[key] = target


def _is_free(
    key: Hashable, names: dict[Hashable, str], wanted: dict[Hashable, str], pending: list[Hashable]
) -> bool:
    """Whether nobody has the name who will give it up; some engines ignore case."""
    target = wanted[key].lower()
    return not any(k != key and names[k].lower() == target for k in pending)


def _third(name: str, taken: set[str]) -> str:
    lower = {other.lower() for other in taken}
    number = 1
    while f"{name}__{number}".lower() in lower:
        number += 1
    return f"{name}__{number}"


def _within(place: Place, old: Column, new: Column, same: Same) -> Iterator[Change]:
    if new.nullable and not old.nullable:
        yield ChangeNullability(place, nullable=True)
    if old.type != new.type:
        yield from _type_changes(place, old.type, new.type, same)
    if old.nullable and not new.nullable:
        yield ChangeNullability(place, nullable=False)
    if old.default != new.default:
        yield ChangeDefault(place, new.default)
    if old.comment != new.comment:
        yield ChangeComment(place, new.comment)
    about = ChangeAttributes(place, new.policy_tags, new.attributes, new.path, new.role)
    if about != ChangeAttributes(place, old.policy_tags, old.attributes, old.path, old.role):
        yield about


def _type_changes(place: Place, old: Type, new: Type, same: Same) -> Iterator[Change]:
    before, after = _inside(old), _inside(new)
    keys = sameness(same, before, after)
    shared = {keys(column) for column in before} & {keys(column) for column in after}
    if same_shape(old, new) and shared:
        yield from _columns(place, before, after, same)
    else:
        yield ChangeType(place, new)


def _inside(type_: Type) -> tuple[Column, ...]:
    match type_:
        case Record(columns):
            return columns
        case List(inner) | Map(_, inner):
            return _inside(inner)
        case _:
            return ()


def _edit(
    table: Table, place: Place, edit: Callable[[tuple[Column, ...]], tuple[Column, ...]]
) -> Table:
    def descend(columns: tuple[Column, ...], rest: Place) -> tuple[Column, ...]:
        if not rest:
            return edit(columns)
        if rest[0] not in {column.name for column in columns}:
            raise _nowhere(table, place)
        return tuple(
            replace(c, type=with_columns(c.type, descend(_inside(c.type), rest[1:])))
            if c.name == rest[0]
            else c
            for c in columns
        )

    return replace(table, columns=descend(table.columns, place))


def _edited_record(
    change: AddColumn | ReorderColumns, columns: tuple[Column, ...]
) -> tuple[Column, ...]:
    if isinstance(change, AddColumn):
        return (*columns, change.column)
    there = {column.name: column for column in columns}
    return tuple(there[name] for name in change.names)


def _edited_column(change: Change, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    name = change.place[-1]
    if isinstance(change, DropColumn):
        return tuple(column for column in columns if column.name != name)
    return tuple(_edited(change, c) if c.name == name else c for c in columns)


def _edited(change: Change, column: Column) -> Column:
    match change:
        case RenameColumn(_, name):
            return replace(column, name=name)
        case ChangeType(_, type_):
            return replace(column, type=type_)
        case ChangeNullability(_, nullable):
            return replace(column, nullable=nullable)
        case ChangeComment(_, comment):
            return replace(column, comment=comment)
        case ChangeDefault(_, default):
            return replace(column, default=default)
        case ChangeAttributes(_, tags, attributes, path, role):
            column = replace(column, policy_tags=tags, attributes=attributes)
            return replace(column, path=path, role=role)
        case _:
            return column


def _nowhere(table: Table, place: Place) -> LayoutError:
    details = [Detail("there is no such column", field_path=".".join(place))]
    return LayoutError(f"{table.database}.{table.name} cannot change", details=details)
