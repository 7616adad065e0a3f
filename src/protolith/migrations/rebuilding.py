"""A table that is built anew beside the old one, for what no statement changes in place."""

from dataclasses import dataclass, replace

from protolith.changes import (
    Change,
    ChangeComment,
    ChangeNullability,
    DropColumn,
    RebuildTable,
    apply,
)
from protolith.dialects import Dialect
from protolith.dialects.alteration import Check, Step, without_storage
from protolith.tables import Table

BUILDING = "Protolith builds this table: it is not whole yet."
KEPT = "Kept by Protolith: the table before it was built anew. protolith migrate --drop-kept"


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What builds a table anew.

    The new one is made under the name of `beside`, which the old one has after `swap`; `back` takes
    that back. `totals` are queries for what must be the same: the old rows, as they should be, and
    the new ones.
    """

    beside: Table
    make: tuple[str, ...]
    copy: str
    totals: tuple[str, str]
    swap: tuple[str, ...]
    finish: tuple[str, ...]
    back: tuple[str, ...]


def beside(table: Table) -> Table:
    """The place of the table that is built, and then of the one that is kept."""
    return replace(table, name=f"{table.name}__before")


def rebuilt(dialect: Dialect, old: Table, new: Table) -> tuple[Rebuild, Step]:
    """How a table is built anew as another one; raises `LayoutError` where there is no way."""
    copying = dialect.copying(old, new)
    found = copying.columns()
    names = [(dialect.quote(column.name), dialect.quote(column.name)) for column, _ in found]
    values = [(dialect.quote(column.name), value.text) for column, value in found]
    made = replace(beside(new), comment=BUILDING)
    source, target = dialect.qualified(old), dialect.qualified(made)
    swap = copying.swap(old.name, made.name)
    finish = _remark(dialect, new, new.comment)
    rebuild = Rebuild(
        beside=made,
        make=dialect.create(made),
        copy=_copy(source, target, values),
        totals=(copying.total(source, values), copying.total(target, names)),
        swap=(*_remark(dialect, old, KEPT), *swap),
        finish=finish,
        back=(*_remark(dialect, new, BUILDING), *swap, *_remark(dialect, old, old.comment)),
    )
    checks = tuple(
        Check(
            f"SELECT count(*) FROM {source} WHERE {value.lost}",  # noqa: S608
            f"rows have what {column.name} cannot hold",
        )
        for column, value in found
        if value.lost
    )
    why = f"each row is copied into a new table and compared; the old one stays as {made.name}"
    statements = (*rebuild.make, rebuild.copy, *rebuild.swap, *finish)
    step = Step(RebuildTable(), "rebuild", "rewrite", why, statements, checks, loads=False)
    return rebuild, step


def _copy(source: str, target: str, values: list[tuple[str, str]]) -> str:
    names, texts = ", ".join(name for name, _ in values), ",\n  ".join(text for _, text in values)
    return f"INSERT INTO {target} ({names})\nSELECT\n  {texts}\nFROM {source}"


def part(dialect: Dialect, table: Table, step: Step) -> Step:
    """A step of a migration that is a rebuild: what it does is done by copying."""
    change, why = step.change, step.why
    if step.outcome == "nothing":
        return step
    risk = step.risk
    if step.outcome == "impossible":
        risk = "lossy" if _loses(dialect, table, change) else "rewrite"
        why = f"{why}, so the table is built anew"
    return Step(change, "rebuild", risk, why, loads=False)


def _loses(dialect: Dialect, table: Table, change: Change) -> bool:
    if isinstance(change, ChangeNullability):
        return False  # rows without a value are counted, and refused
    table = without_storage(table)
    values = dialect.copying(table, apply(change, table)).columns()
    return isinstance(change, DropColumn) or any(value.lost for _, value in values)


def _remark(dialect: Dialect, table: Table, text: str) -> tuple[str, ...]:
    return dialect.alter(table, ChangeComment((), text)).statements
