"""Where a live table differs from the one that should be there."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TypeAlias

from protolith.dialects import Dialect
from protolith.engines.difference import Difference, moved, null
from protolith.engines.live import LiveColumn
from protolith.engines.nested import within
from protolith.migrations import PlannedStep

Former: TypeAlias = Callable[[], Collection[str]]
"""The dotted names of the columns of all versions; asked only where a column is extra."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs between the table that should be in an engine and the live one, by name.

    `exists` is false where there is no such table; then no difference is listed. `mend` are the
    steps that would make it what it should be, in their order.
    """

    deployment_id: str
    version: int
    exists: bool
    differences: tuple[Difference, ...] = ()
    mend: tuple[PlannedStep, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything differs, harmless or not, but for columns that were kept."""
        return not self.exists or any(one.kind != "kept" for one in self.differences)


def differences(
    expected: tuple[LiveColumn, ...], live: tuple[LiveColumn, ...], dialect: Dialect
) -> tuple[Difference, ...]:
    """The differences of columns matched by name, expected ones first, extra ones last."""
    there = {column.name: column for column in live}
    found: list[Difference] = []
    for column in expected:
        other = there.get(column.name)
        if other is None:
            found.append(Difference(column.name, "missing", column.type, ""))
        else:
            found += _of_column(column, other, dialect)
    names = {column.name for column in expected}
    found += moved(
        [c.name for c in expected if c.name in there], [c.name for c in live if c.name in names]
    )
    extra = [column for column in live if column.name not in names]
    return (*found, *(Difference(column.name, "extra", "", column.type) for column in extra))


def marked(
    found: tuple[Difference, ...], live: tuple[LiveColumn, ...], former: Former
) -> tuple[Difference, ...]:
    """The differences, with extra columns that were kept for what they are.

    One that refuses NULL stays extra: no row could be loaded.
    """
    refusing = {column.name for column in live if column.nullable is False}
    places = {d.column for d in found if d.kind == "extra" and d.column not in refusing}
    if not places:
        return found
    places &= set(former())
    return tuple(
        replace(d, kind="kept", harmless=True) if d.kind == "extra" and d.column in places else d
        for d in found
    )


def _of_column(expected: LiveColumn, live: LiveColumn, dialect: Dialect) -> list[Difference]:
    found: list[Difference] = []
    if live.type != expected.type:
        found += within(dialect, expected.name, expected.type, live.type)
    elif live.nullable not in (None, expected.nullable):
        nulls = null(expected.nullable), null(live.nullable)
        found.append(Difference(expected.name, "nullability", *nulls))
    there = dict(live.inner_comments) | {live.name: live.comment}
    for path, comment in (expected.name, expected.comment), *expected.inner_comments:
        if there.get(path, comment) != comment:
            found.append(Difference(path, "comment", comment, there[path], harmless=True))
    return found
