"""Planning: the changes between two tables, each told to the table that the ones before it left."""

from contextlib import suppress
from dataclasses import replace

from protolith.changes import (
    Change,
    ChangeNullability,
    ChangeType,
    RenameColumn,
    ReorderColumns,
    apply,
    diff,
    same_shape,
    with_columns,
)
from protolith.dialects import Dialect
from protolith.dialects.alteration import Check, Step, chain
from protolith.errors import ConflictError, Detail, LayoutError
from protolith.migrations.rebuilding import part, rebuilt
from protolith.migrations.values import Migration, fingerprint
from protolith.tables import Column, List, Map, Table, Type, records_in


def plan(
    old: Table, new: Table, dialect: Dialect, *, drop_columns: bool = False, rebuild: bool = True
) -> Migration:
    """The migration of a table to another one in an engine.

    A column whose field is gone stays, and may be NULL from then on, unless `drop_columns`. Where a
    change is impossible in place but values can be copied, the whole table is built anew, unless
    not even that is wanted.
    """
    target = new if drop_columns else keeping(old, new)
    tables, steps = [old], []
    checks: list[Check] = []
    for change in diff(old, target):
        checks += _early_checks(old, tables[-1], change, dialect)
        step = dialect.alter(tables[-1], change)
        steps.append(step)
        # What the engine does instead counts: a column that is NULL after all, an order that stays.
        tables.append(tables[-1] if _stays(step) else apply(step.change, tables[-1]))
    if rebuild and any(step.outcome == "impossible" for step in steps):
        with suppress(LayoutError):  # that says which values cannot be copied: the steps say why
            return _built_anew(old, target, dialect)
    return Migration(
        dialect=dialect.name,
        steps=tuple(steps),
        tables=tuple(tables),
        checks=tuple(checks),
        fingerprint=fingerprint(tuple(tables), tuple(steps)),
    )


def _stays(step: Step) -> bool:
    if isinstance(step.change, ReorderColumns):
        return step.outcome == "nothing"
    # After a name that stays, changes speak of the new one all the same.
    return step.outcome == "impossible" and not isinstance(step.change, RenameColumn)


def _built_anew(old: Table, target: Table, dialect: Dialect) -> Migration:
    rebuild, last = rebuilt(dialect, old, target)
    table, steps = old, []
    for change in diff(old, target):
        steps.append(part(dialect, table, dialect.alter(table, change)))
        table = apply(change, table)
    steps.append(last)
    tables = (*(old for _ in steps), target)
    return Migration(
        dialect=dialect.name,
        steps=tuple(steps),
        tables=tables,
        checks=last.checks,
        fingerprint=fingerprint(tables, tuple(steps)),
        rebuild=rebuild,
    )


def _early_checks(old: Table, table: Table, change: Change, dialect: Dialect) -> tuple[Check, ...]:
    """What a step will ask, asked of the table before the migration, by the names of then."""
    if not isinstance(change, ChangeType | ChangeNullability):
        return ()
    place: list[str] = []
    columns = old.columns
    for column in chain(table, change.place):
        found = next((c for c in columns if c.identity == column.identity), None)
        if found is None:
            return ()
        place.append(found.name)
        columns = records_in(found.type)
    return dialect.alter(old, replace(change, place=tuple(place))).checks


def keeping(old: Table, new: Table) -> Table:
    """The new table with the columns that only the old one has, each behind its neighbour."""
    return replace(new, columns=_kept(old.columns, new.columns, ""))


def _kept(old: tuple[Column, ...], new: tuple[Column, ...], prefix: str) -> tuple[Column, ...]:
    before = {column.identity: column for column in old}
    found = [
        replace(column, type=_kept_type(before[column.identity], column, prefix))
        if column.identity in before
        else column
        for column in new
    ]
    wanted = {column.identity for column in new}
    place = 0
    for column in old:
        if column.identity in wanted:
            place = 1 + next(i for i, c in enumerate(found) if c.identity == column.identity)
            continue
        _check_name(column, new, prefix)
        nullable = not isinstance(column.type, List | Map)
        found.insert(place, replace(column, nullable=nullable))
        place += 1
    return tuple(found)


def _kept_type(old: Column, new: Column, prefix: str) -> Type:
    if not same_shape(old.type, new.type):
        return new.type
    inner = records_in(old.type), records_in(new.type)
    if {c.identity for c in inner[0]}.isdisjoint(c.identity for c in inner[1]):
        return new.type
    return with_columns(new.type, _kept(*inner, f"{prefix}{new.name}."))


def _check_name(column: Column, new: tuple[Column, ...], prefix: str) -> None:
    other = next((c for c in new if c.name.lower() == column.name.lower()), None)
    if other is None:
        return
    numbers = [".".join(map(str, c.path)) or "none" for c in (column, other)]
    text = f"has the field number {numbers[1]} now; the column that is there has {numbers[0]}"
    raise ConflictError(
        "a name is used again for another field",
        details=[Detail(text, field_path=prefix + other.name)],
        hint="give the field its old number or another name, or drop the columns of old fields",
    )
