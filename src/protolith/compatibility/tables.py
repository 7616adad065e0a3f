"""What a change does to tables: the plan that would move one, and who used the old columns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from protolith.changes import (
    AddColumn,
    Change,
    ChangeAttributes,
    ChangeComment,
    ChangeDefault,
    ChangeNullability,
    ChangeType,
    DropColumn,
    Place,
    RenameColumn,
    ReorderColumns,
    apply,
    diff,
)
from protolith.compatibility import positions
from protolith.compatibility.facts import EnumFacts, FieldFacts
from protolith.compatibility.findings import Direction, Finding, Mode, Severity
from protolith.compatibility.index import index
from protolith.compatibility.table_plans import ENGINES, Side, creatable, migration_of
from protolith.dialects import Dialect, dialect
from protolith.dialects.alteration import Step, chain, widens
from protolith.errors import ConflictError, SchemaRegistryError
from protolith.tables import (
    Column,
    Decimal,
    EnumName,
    Float,
    Integer,
    List,
    Map,
    Table,
    Type,
    records_in,
)

RULES: dict[type[Change], str] = {
    AddColumn: "COLUMN_ADDED",
    DropColumn: "COLUMN_NO_DELETE",
    RenameColumn: "COLUMN_SAME_NAME",
    ChangeType: "COLUMN_SAME_TYPE",
    ChangeNullability: "COLUMN_SAME_MODE",
    ChangeComment: "COLUMN_SAME_COMMENT",
    ChangeDefault: "COLUMN_SAME_DEFAULT",
    ChangeAttributes: "COLUMN_SAME_ATTRIBUTES",
    ReorderColumns: "COLUMN_SAME_ORDER",
}
"""Not of storage: both sides have one layout; nor of sources, which no engine knows."""
_TOLD = (AddColumn, RenameColumn, ChangeType, ChangeNullability)
_VALUE_WHYS: tuple[tuple[Direction, str], ...] = (
    ("backward", "rows that are there keep the old one, and rows to come have the new one"),
    ("forward", "queries for the old one do not find the rows to come"),
)
_MOVE = "protolith migrate moves the table"
_NOTHING = "nothing needs to be done"
_KEEP = "keep it as it was, or add a field with a new number"


def compare_tables(
    old: Side, new: Side, mode: Mode, engines: Iterable[str] = ENGINES
) -> list[Finding]:
    """What moves a table of the old version to the new one, in each engine that can have it."""
    found: list[Finding] = []
    for name in engines:
        speaker = dialect(name)
        if old.table is not None and old != new and creatable(speaker, old.table):
            found += _Comparison(old, new, old.table, speaker).findings()
    return merged(one for one in found if mode.startswith(("FULL", one.direction.upper())))


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The same findings; those that differ by the engine alone are one."""
    found: dict[Finding, tuple[tuple[str, str], ...]] = {}
    for one in findings:
        key = replace(one, engines=())
        found[key] = found.get(key, ()) + one.engines
    return [replace(one, engines=engines) for one, engines in found.items()]


@dataclass(frozen=True, slots=True)
class _Comparison:
    old: Side
    new: Side
    table: Table
    dialect: Dialect

    def findings(self) -> Iterator[Finding]:
        if self.table != self.new.table:
            yield from self.moved()
        else:
            yield from self.renamed_values()

    def moved(self) -> Iterator[Finding]:
        """What the plan does, or why there is none."""
        try:
            migration = migration_of(self.table, self.new, self.dialect)
        except ConflictError as error:
            yield from self.refused(error, "COLUMN_NAME_FREE", "lossy")
            return
        except SchemaRegistryError as error:
            yield from self.refused(error, "TABLE_STORABLE", "error")
            return
        table = self.table
        for step in migration.steps:
            yield from self.step(table, step)
            table = apply(step.change, table)
        yield from self.dropped(self.new.table or migration.new)
        yield from self.renamed_values()

    def refused(self, error: SchemaRegistryError, rule: str, severity: Severity) -> list[Finding]:
        about = next(iter(error.details), None)
        said = f"{error.message}: {about.text}" if about else error.message
        where = about.field_path if about and about.field_path else ""
        table = self.new.table or self.table
        columns = _named(table, tuple(where.split("."))) if where else ()
        fix = error.hint or _KEEP
        values = where, where
        return [
            self.finding(
                rule, "backward", severity, columns, values=values, why=said, fix=fix,
                told="impossible", named=where,
            )
        ]  # fmt: skip

    def step(self, before: Table, step: Step) -> Iterator[Finding]:
        change = step.change
        rule = RULES.get(type(change))
        if rule is None or (step.outcome == "nothing" and not isinstance(change, _TOLD)):
            return
        values = self.values(before, apply(change, before), change)
        columns = _columns(before, change)
        if isinstance(change, ChangeNullability) and _never_null(step, columns[-1]):
            return
        severity, fix = _judged(step)
        told = _told(step)
        yield self.finding(
            rule, "backward", severity, columns, values=values, why=_why(step), fix=fix, told=told
        )
        for worst, why in () if step.outcome == "impossible" else _for_users(step, columns):
            fix = _KEEP if worst != "safe" else _NOTHING
            yield self.finding(
                rule, "forward", worst, columns, values=values, why=why, fix=fix, told=told
            )

    def dropped(self, new: Table) -> Iterator[Finding]:
        """Fields that are gone: their columns stay, so no step speaks of them."""
        table = self.table
        for change in diff(table, new):
            if isinstance(change, DropColumn):
                columns = chain(table, change.place)
                values = self.text(table, change.place), "absent"
                why = "the column stays with its values, and rows to come have none in it"
                yield self.finding(
                    "COLUMN_NO_DELETE", "backward", "safe", columns, values=values, why=why,
                    fix="drop it with protolith migrate --drop-columns", told="nothing",
                )  # fmt: skip
                yield self.finding(
                    "COLUMN_NO_DELETE", "forward", "safe", columns, values=values, why=why,
                    fix=_NOTHING, told="nothing",
                )  # fmt: skip
            table = apply(change, table)

    def renamed_values(self) -> Iterator[Finding]:
        """What rows hold of an enum by its name or its number, where that is another one now."""
        if _same_values(self.old, self.new):
            return
        for columns in _leaves(self.table.columns):
            values = _changed_values(columns, self.old, self.new)
            for direction, why in _VALUE_WHYS if values else ():
                yield self.finding(
                    "COLUMN_SAME_VALUES", direction, "lossy", columns, why=why, told="nothing",
                    values=(", ".join(old for old, _ in values), ", ".join(n for _, n in values)),
                    fix="keep names and numbers of values, or update the rows that have them",
                )  # fmt: skip

    def values(self, before: Table, after: Table, change: Change) -> tuple[str, str]:
        match change:
            case AddColumn(place, column):
                return "absent", self.text(after, (*place, column.name))
            case RenameColumn(place, name):
                return place[-1], name
            case ChangeType(place, _):
                return self.text(before, place), self.text(after, place)
            case _:
                return _plain_values(before, change)

    def text(self, table: Table, place: Place) -> str:
        # By itself: where maps are stored as lists, the place leads through other columns.
        alone = replace(table, columns=(chain(table, place)[-1],))
        return self.dialect.type_text(self.dialect.stored(alone).columns[0].type)

    def finding(  # noqa: PLR0913 - a finding has this many parts
        self,
        rule: str,
        direction: Direction,
        severity: Severity,
        columns: Sequence[Column],
        *,
        values: tuple[str, str],
        why: str,
        fix: str,
        told: str,
        named: str = "",
    ) -> Finding:
        path = _path(columns)
        here, there = (_field(side, path) for side in (self.new, self.old))
        field = here or there
        dotted = named or ".".join(column.name for column in columns)
        table = self.new.table or self.table
        top = table.message or f"{table.database}.{table.name}"
        line, column = _position(self.new, here)
        was = (there.file, *_position(self.old, there)) if there else ()
        return Finding(
            rule=rule, level="table", direction=direction, severity=severity,
            subject=field.full_name if field else f"{top}.{dotted}".rstrip("."),
            old=values[0], new=values[1], why=why, fix=fix,
            file=here.file if here else there.file if there else "", line=line, column=column,
            old_place=":".join(str(spot) for spot in was if spot),
            field_path=path, engines=((self.dialect.name, told),),
        )  # fmt: skip


def _plain_values(before: Table, change: Change) -> tuple[str, str]:
    """What changes, in words that are the same in every engine."""
    column = chain(before, change.place)[-1] if change.place else None
    match change:
        case ChangeNullability(_, nullable):
            return ("NOT NULL", "NULL") if nullable else ("NULL", "NOT NULL")
        case ChangeComment(_, comment):
            return column.comment if column else before.comment, comment
        case ChangeDefault(_, default):
            return (column and column.default) or "none", default or "none"
        case ChangeAttributes(_, tags):
            return ", ".join(column.policy_tags if column else ()), ", ".join(tags)
        case ReorderColumns(_, names):
            inside = records_in(column.type) if column else before.columns
            return ", ".join(one.name for one in inside), ", ".join(names)
        case _:
            return "", ""


def _judged(step: Step) -> tuple[Severity, str]:
    """How bad a step is for the rows that are there, and what to do about it."""
    if step.outcome == "impossible":
        return "error", step.instead or _KEEP
    if step.outcome == "nothing":
        return "safe", _NOTHING
    required = isinstance(step.change, ChangeNullability) and not step.change.nullable
    if step.risk == "lossy" or step.checks or required:  # the rows decide: they are not known here
        return "lossy", _KEEP
    return "safe", _MOVE


def _never_null(step: Step, column: Column) -> bool:
    """Whether nothing changes for anybody: lists and maps are empty, not NULL."""
    return step.outcome == "nothing" and isinstance(column.type, List | Map)


def _why(step: Step) -> str:
    return "; ".join([step.why, *(f"refused where {check.text}" for check in step.checks)])


def _told(step: Step) -> str:
    """The outcome and what the engine is told, as one text."""
    what = "; ".join(step.statements) or ("tables.patch" if step.patch else "")
    return f"{step.outcome}: {what}" if what else step.outcome


def _for_users(step: Step, columns: Sequence[Column]) -> Iterator[tuple[Severity, str]]:
    """What it is to queries and loads that know the old columns, where the table can be moved."""
    match step.change:
        case AddColumn(_, column):
            if column.nullable or isinstance(column.type, List | Map):
                yield "safe", "queries do not name it, and older messages leave it empty"
            else:
                yield "error", "older messages have no value for it, and it must have one"
        case RenameColumn():
            yield "broken", "queries that use the old name fail"
        case ChangeType(_, type_):
            if step.outcome == "nothing" or _fits(columns[-1].type, type_):
                yield "safe", "every value of the old type is one of the new"
            else:
                yield "broken", "queries and messages of the old type no longer fit the column"
        case ChangeNullability(_, nullable):
            if nullable:
                yield "safe", "older messages fit; queries may meet NULL"
            else:
                yield "error", "older messages without a value are refused"
        case _:
            return


def _fits(old: Type, new: Type) -> bool:
    """Whether queries for one type take the other: text for numbers is none that they expect."""
    numbers = (Integer, Float, Decimal)
    alike = type(old) is type(new) or (isinstance(old, numbers) and isinstance(new, numbers))
    return alike and widens(old, new)


def _columns(table: Table, change: Change) -> tuple[Column, ...]:
    found = chain(table, change.place)
    return (*found, change.column) if isinstance(change, AddColumn) else found


def _named(table: Table, place: Place) -> tuple[Column, ...]:
    try:
        return chain(table, place)
    except StopIteration:
        return ()


def _path(columns: Sequence[Column]) -> tuple[int, ...]:
    """The field numbers down to a column; a map's value has the number 2 in its entry."""
    numbers: list[int] = []
    for place, column in enumerate(columns):
        numbers += column.path
        if place < len(columns) - 1 and isinstance(column.type, Map):
            numbers.append(2)
    return tuple(numbers)


def _field(side: Side, path: Sequence[int]) -> FieldFacts | None:
    """The field at the end of a path of numbers, or the last one that is a field."""
    if side.schema is None or side.table is None or side.table.message is None:
        return None
    known = index(side.schema).messages
    message, found = known.get(side.table.message), None
    for number in path:
        field = message.fields.get(number) if message else None
        if field is None:
            return None
        found, message = field, known.get(field.type_name)
    return found


def _leaves(
    columns: Sequence[Column], above: tuple[Column, ...] = ()
) -> Iterator[tuple[Column, ...]]:
    """The columns that are no records, each with those that it is in."""
    for column in columns:
        inside = records_in(column.type)
        yield from _leaves(inside, (*above, column)) if inside else ((*above, column),)


def _changed_values(columns: Sequence[Column], old: Side, new: Side) -> list[tuple[str, str]]:
    """Of an enum that is kept by name the names that changed, by number the numbers."""
    leaf, path = columns[-1].type, _path(columns)
    while isinstance(leaf, List | Map):
        path += (2,) if isinstance(leaf, Map) else ()
        leaf = leaf.value if isinstance(leaf, Map) else leaf.element
    was, now = (_enum(side, path) for side in (old, new))
    if was is None or now is None:
        return []
    if isinstance(leaf, EnumName):
        both = [(was.names[n], names) for n, names in now.names.items() if n in was.names]
        return [(before[0], after[0]) for before, after in both if before[0] not in after]
    names = [name for name in was.numbers if name in now.numbers]
    return [
        (f"{name} = {was.numbers[name]}", f"{name} = {now.numbers[name]}")
        for name in names
        if was.numbers[name] != now.numbers[name]
    ]


def _same_values(old: Side, new: Side) -> bool:
    """Whether no enum differs, as the file of the message and all that it imports are the same."""
    if old.schema is None or new.schema is None or not (old.table and new.table):
        return False
    message = new.table.message
    if message is None or message != old.table.message:
        return False
    after = index(new.schema)
    return after.messages.home(message) in after.unchanged(index(old.schema))


def _enum(side: Side, path: Sequence[int]) -> EnumFacts | None:
    field = _field(side, path)
    if field is None or side.schema is None or field.kind != "enum":
        return None
    return index(side.schema).enums.get(field.type_name)


def _position(side: Side, field: FieldFacts | None) -> tuple[int | None, int | None]:
    if field is None or side.schema is None:
        return None, None
    return positions.find(side.schema, field.file, field.path)
