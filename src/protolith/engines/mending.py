"""What would make a live table what it should be."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from protolith.changes import AddColumn, RenameColumn, ReorderColumns, with_columns
from protolith.dialects import Dialect
from protolith.dialects.alteration import Step
from protolith.engines.difference import Difference, Kind
from protolith.engines.live import LiveColumn
from protolith.errors import Detail, SchemaRegistryError, SchemaValidationError
from protolith.migrations import PlannedStep, keeping, plan, planned_step
from protolith.tables import Column, List, Map, Record, String, Table, Type, records_in

ASIDE = "rename the table, create it again, and copy what is to be kept"

_CHANGES: dict[Kind, str] = {
    "missing": "AddColumn",
    "extra": "DropColumn",
    "type": "ChangeType",
    "nullability": "ChangeNullability",
    "comment": "ChangeComment",
    "order": "ReorderColumns",
}
_HARMLESS = {"ChangeComment", "ReorderColumns"}


@dataclass(frozen=True, slots=True)
class Mend:
    """A step that mends a live table, and the dotted places that it is about."""

    step: PlannedStep
    places: frozenset[str]

    def mends(self, difference: Difference) -> bool:
        """Whether the difference is at one of the places or within it."""
        if (self.step.change in _HARMLESS) != (_CHANGES.get(difference.kind) in _HARMLESS):
            return False
        return any(f"{difference.column}.".startswith(f"{place}.") for place in self.places)


def mending(
    table: Table, live: Sequence[LiveColumn], found: Sequence[Difference], dialect: Dialect
) -> tuple[Mend, ...]:
    """The steps from a live table to the one that should be there, columns matched by name.

    A column of no field is dropped, unless it was kept. What no statement mends has a step that is
    impossible, and says why.
    """
    if not live:
        why, statements = "there is no such table", list(dialect.create(table))
        step = PlannedStep("CreateTable", "", "in place", "none", why, statements, loads=True)
        return (Mend(step, frozenset()),)
    wanted = _wanted(dialect.stored(table), live)
    read = all(_read(dialect, column.type) is not None for column in live)
    try:
        there = _live_table(wanted, live, dialect)
        if any(difference.kind == "kept" for difference in found):
            extra = {difference.column for difference in found if difference.kind == "extra"}
            known = replace(there, columns=_without(there.columns, extra))
            wanted = keeping(known, wanted)
        steps = plan(there, wanted, dialect, drop_columns=True, rebuild=read).steps
    except SchemaRegistryError as error:
        return tuple(_impossible(d, str(error)) for d in found if not d.harmless)
    if not read:
        # Its statements would name types: for that column another one than it has.
        steps = tuple(s for s in steps if not isinstance(s.change, ReorderColumns))
    mends = [_mend(step) for step in steps if step.outcome != "nothing"]
    reasons = [_mend(step) for step in steps if step.outcome == "nothing"]
    for difference in found:
        if difference.harmless or any(mend.mends(difference) for mend in mends):
            continue
        why = next((r.step.why for r in reasons if r.mends(difference)), "")
        mends.append(_impossible(difference, why or f"{dialect.name} has no statement for it"))
    return tuple(mends)


def _without(
    columns: tuple[Column, ...], places: Collection[str], prefix: str = ""
) -> tuple[Column, ...]:
    """The columns but for those at some dotted places."""
    found = []
    for column in columns:
        place = f"{prefix}{column.name}"
        if place in places:
            continue
        type_, inner = column.type, records_in(column.type)
        if inner:
            type_ = with_columns(type_, _without(inner, places, f"{place}."))
        found.append(replace(column, type=type_))
    return tuple(found)


def details(found: Sequence[Difference], mends: Sequence[Mend]) -> list[Detail]:
    """Each difference as a place with a sentence, and what would mend it."""
    told = [
        _detail(difference, [m.step for m in mends if m.mends(difference)]) for difference in found
    ]
    return told + [
        Detail(mend.step.why, mend=tuple(mend.step.statements)) for mend in mends if not mend.places
    ]


def _detail(difference: Difference, steps: list[PlannedStep]) -> Detail:
    detail = difference.detail
    whole = ("impossible", "rebuild")
    why = next((step.why for step in steps if step.outcome in whole), None)
    if why is not None:
        return replace(detail, text=f"{detail.text} ({why})")
    texts = [text for step in steps for text in (*step.statements, step.patch) if text]
    lossy = any(step.risk == "lossy" for step in steps)
    text = f"{detail.text}, and mending can lose values" if lossy else detail.text
    return replace(detail, text=text, mend=tuple(texts))


def _mend(step: Step) -> Mend:
    change = step.change
    place = change.place
    places = {place}
    if isinstance(change, AddColumn):
        places = {(*place, change.column.name)}
    elif isinstance(change, RenameColumn):
        places = {place, (*place[:-1], change.name)}
    if step.outcome == "impossible":
        step = replace(step, instead=ASIDE)
    return Mend(planned_step(step), frozenset(".".join(place) for place in places if place))


def _impossible(difference: Difference, why: str) -> Mend:
    change, place = _CHANGES[difference.kind], difference.column
    step = PlannedStep(change, place, "impossible", "lossy", f"{why}; {ASIDE}", [], loads=True)
    return Mend(step, frozenset([place]))


def _wanted(table: Table, live: Sequence[LiveColumn]) -> Table:
    """The table; a list or map that must lose its NOT NULL is one that may be NULL.

    No table of ours says so, since lists and maps are empty rather than missing.
    """
    refusing = {column.name for column in live if column.nullable is False}
    columns = (
        replace(column, nullable=True)
        if isinstance(column.type, List | Map) and column.name in refusing
        else column
        for column in table.columns
    )
    return replace(table, columns=tuple(columns))


def _live_table(table: Table, live: Sequence[LiveColumn], dialect: Dialect) -> Table:
    """The live table; what an engine does not say of a column is as it should be."""
    known = _by_live_name(table.columns, [column.name for column in live])
    columns = tuple(_live_column(known.get(c.name), c, dialect) for c in live)
    return replace(table, columns=columns)


def _by_live_name(columns: tuple[Column, ...], live: list[str]) -> dict[str, Column]:
    """The columns by the names that they have in the live table, perhaps in another case."""
    found = {column.name: column for column in columns if column.name in live}
    missing = {c.name.lower(): c for c in columns if c.name not in found}
    others = {n: missing.pop(n.lower()) for n in live if n not in found and n.lower() in missing}
    return found | others


def _live_column(known: Column | None, live: LiveColumn, dialect: Dialect) -> Column:
    read = _read(dialect, live.type)
    if read is None:  # nothing is planned for its type
        found = Column(live.name, String()) if known is None else known
        return replace(found, name=live.name, comment=live.comment)
    type_, nullable = read
    nullable = nullable if live.nullable is None else live.nullable
    kinds = (type_,) if known is None else (type_, known.type)
    nullable = nullable and not all(isinstance(kind, List | Map) for kind in kinds)
    if known is None:
        return Column(live.name, type_, nullable=nullable, comment=live.comment)
    type_ = _live_type(known.type, type_, _Reading(dialect, dict(live.inner_comments)), live.name)
    return replace(known, name=live.name, type=type_, nullable=nullable, comment=live.comment)


def _read(dialect: Dialect, text: str) -> tuple[Type, bool] | None:
    """A live type, and whether it may be NULL; None if it is one of no table of ours."""
    try:
        return dialect.read(text)
    except SchemaValidationError:
        return None


@dataclass(frozen=True, slots=True)
class _Reading:
    dialect: Dialect
    comments: Mapping[str, str]
    """Of fields inside records, by their dotted paths."""


def _live_type(known: Type, live: Type, reading: _Reading, path: str) -> Type:
    """A live type with what the registry knows of the columns in it."""
    match known, live:
        case List(a), List(b):
            return List(_live_type(a, b, reading, path))
        case Map(key, a), Map(other, b):
            same = reading.dialect.as_read(key) == other
            return Map(key if same else other, _live_type(a, b, reading, path))
        case Record(columns), Record(others):
            there = _by_live_name(columns, [column.name for column in others])
            return Record(tuple(_inner(there.get(c.name), c, reading, path) for c in others))
        case _:
            return known if reading.dialect.as_read(known) == live else live


def _inner(known: Column | None, live: Column, reading: _Reading, path: str) -> Column:
    if known is None:
        return live
    place = f"{path}.{live.name}"
    return replace(
        known,
        name=live.name,
        type=_live_type(known.type, live.type, reading, place),
        nullable=live.nullable if reading.dialect.nested_required else known.nullable,
        comment=reading.comments.get(place, known.comment),
    )
