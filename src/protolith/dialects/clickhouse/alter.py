"""ClickHouse's ALTER TABLE: each statement waited for, nested columns by restating the whole one.

A restated record is matched by the names of its columns: one that is renamed would silently be
empty. So names are changed by way of a type without names, where positions match.
"""

from dataclasses import replace

from protolith.changes import (
    AddColumn,
    Change,
    ChangeComment,
    ChangeDefault,
    ChangeNullability,
    ChangeStorage,
    ChangeType,
    DropColumn,
    Place,
    RenameColumn,
    ReorderColumns,
    apply,
)
from protolith.dialects.alteration import (
    Check,
    Step,
    chain,
    impossible_step,
    in_key,
    narrows,
    nothing,
    widens,
    without_storage,
)
from protolith.dialects.base import Dialect
from protolith.dialects.clickhouse.clusters import on_cluster
from protolith.dialects.clickhouse.expressions import Condition, held, unnamed
from protolith.errors import SchemaValidationError
from protolith.tables import Column, Decimal, List, Map, Record, String, Table, Type

WAIT = " SETTINGS mutations_sync = 2, alter_sync = 2"
BESIDE = "__protolith"


def alter(dialect: Dialect, table: Table, change: Change) -> Step:
    """What ClickHouse is told to make a change to a table that has not changed yet."""
    return _Alteration(dialect, table).step(change)


class _Alteration:
    def __init__(self, dialect: Dialect, table: Table) -> None:
        self.dialect = dialect
        self.placed = table
        self.logical = without_storage(table)
        self.table = dialect.stored(self.logical)
        on = on_cluster(dialect, table)
        self.prefix = f"ALTER TABLE {dialect.qualified(table)}{on}"

    def step(self, change: Change) -> Step:
        match change:
            case ChangeStorage():
                after = apply(change, self.placed)
                if self.placed.stored_in("clickhouse") == after.stored_in("clickhouse"):
                    return nothing(change, "it is about another engine")
                why = "the keys and settings of a table that is there stay"
                return impossible_step(change, why, "create another table")
            case _ if self.changes_key(change):
                why = "a column of a key keeps its name and type"
                return impossible_step(change, why, "create another table")
            case ChangeComment(place, _) if len(place) <= 1:
                return Step(change, "in place", "none", "a comment alone", self.comment(change))
            case ReorderColumns((), names):
                return self.reorder(change, names)
            case _ if why := self.misfit(change):
                return impossible_step(change, why)
            case _ if len(change.place) + isinstance(change, AddColumn) > 1:
                return self.inner_step(change)
            case _:
                return self.column_step(change)

    def misfit(self, change: Change) -> str:
        """Why the table's keys and settings cannot stay with a change, or nothing."""
        text = ""
        for table in (apply(change, self.placed), self.placed):
            try:
                self.dialect.clauses(table)
            except SchemaValidationError as error:
                text = "" if text else str(error.details[0])
            else:
                break
        return text and f"the table's keys and settings stay: {text}; create another table"

    def column_step(self, change: Change) -> Step:
        match change:
            case AddColumn(_, column):
                return self.add(change, column)
            case DropColumn((name,)):
                drop = self.alter(f"DROP COLUMN IF EXISTS {self.dialect.quote(name)}")
                why = "its values are gone for ever"
                statements = (*self.written(name), drop)
                return Step(change, "in place", "lossy", why, statements, loads=False)
            case RenameColumn((name,), new):
                text = f"RENAME COLUMN {self.dialect.quote(name)} TO {self.dialect.quote(new)}"
                why = "values stay; queries and views that use the old name break"
                return Step(change, "in place", "none", why, (self.alter(text),), loads=False)
            case ChangeType(place, type_):
                return self.change_type(change, place, type_)
            case ChangeNullability(place, nullable):
                return self.change_nullability(change, place, nullable=nullable)
            case ChangeDefault(place, default):
                return self.change_default(change, place, default)
            case _:
                return nothing(change, "ClickHouse keeps nothing of it")

    def inner_step(self, change: Change) -> Step:
        """A change within a record: its whole column is stated again."""
        if self.unchanged(change):
            return nothing(change, "ClickHouse has one type for both")
        restated = self.restated(change)
        match change:
            case AddColumn():
                why = "the column is written again; rows that are there have nothing in it"
                return Step(change, "rewrite", "rewrite", why, restated, loads=False)
            case DropColumn():
                why = "its values are gone for ever; the column is written again"
                return Step(change, "rewrite", "lossy", why, restated, loads=False)
            case RenameColumn():
                why = "the column is written twice, in between without the names in its records"
                steps = (self.nameless(change.place[0]), *restated)
                return Step(change, "rewrite", "rewrite", why, steps, loads=False)
            case ChangeType(place, type_):
                return self.change_type(change, place, type_)
            case ChangeNullability(place, nullable):
                return self.change_nullability(change, place, nullable=nullable)
            case _:
                why = "the column is written again in another order"
                return Step(change, "rewrite", "rewrite", why, restated, loads=False)

    def add(self, change: Change, column: Column) -> Step:
        stored = self.stored(column)
        comment = f" COMMENT {self.dialect.literal(column.comment)}" if column.comment else ""
        default = self.dialect.default(column).sql
        text = f"{self.definition(stored)}{f' DEFAULT {default}' if default else ''}{comment}"
        add = self.alter(f"ADD COLUMN IF NOT EXISTS {text}")
        holds = "its default" if default else "NULL" if stored.nullable else "0, '' or nothing"
        why = f"rows that are there have {holds} in it"
        return Step(change, "in place", "none", why, (add,))

    def written(self, dropped: str) -> tuple[str, ...]:
        """What writes one other column into each part: a part cannot lose the only one it has."""
        if self.placed.stored_in("clickhouse").order_by:
            return ()  # the key is in each part
        others = [column for column in self.table.columns if column.name != dropped]
        scalars = [c for c in others if not isinstance(c.type, List | Map | Record)]
        name = self.dialect.quote((scalars or others)[0].name)
        return (self.alter(f"UPDATE {name} = {name} WHERE true"),)

    def reorder(self, change: Change, names: tuple[str, ...]) -> Step:
        there = {column.name: column for column in self.table.columns}
        order = [column.name for column in self.table.columns]
        statements = []
        for index, name in enumerate(names):
            if order[index] == name:
                continue
            order.remove(name)
            order.insert(index, name)
            where = f"AFTER {self.dialect.quote(names[index - 1])}" if index else "FIRST"
            text = f"MODIFY COLUMN {self.definition(there[name])} {where}"
            statements.append(self.alter(text))
        why = "the order of columns alone: no row is touched"
        return Step(change, "in place", "none", why, tuple(statements))

    def change_type(self, change: Change, place: Place, new: Type) -> Step:
        old = chain(self.table, place)[-1]
        to = self.stored(replace(old, type=new))
        if self.unchanged(change):
            return nothing(change, "ClickHouse has one type for both")
        if len(place) == 1 and isinstance(to.type, List) and to.type.element == old.type:
            return self.swap(change, old, to)
        if widens(old.type, to.type):
            why = "each value is one of the wider type; the column is written again"
            return Step(change, "rewrite", "rewrite", why, self.restated(change), loads=False)
        scalar = not isinstance(old.type, List | Map)
        if not (scalar and narrows(old.type, to.type)):
            return impossible_step(change, "there is no safe way from the one type to the other")
        lossy: Condition = lambda value, _: lost(self.dialect, value, old, to)  # noqa: E731
        check = self.count(place, lossy, "values do not fit")
        why = "values that do not fit would be cut or wrapped"
        return Step(change, "rewrite", "lossy", why, self.restated(change), (check,), loads=False)

    def change_nullability(self, change: Change, place: Place, *, nullable: bool) -> Step:
        column = chain(self.table, place)[-1]
        if isinstance(column.type, List | Map) or self.unchanged(change):
            return nothing(change, "lists, maps and records of this version are never NULL")
        if nullable:
            why = "the column is written again so that a value may be missing"
            return Step(change, "rewrite", "rewrite", why, self.restated(change), loads=False)
        check = self.count(place, lambda value, _: f"isNull({value})", "rows have no value")
        statements = self.restated(change)
        if len(place) == 1:
            text = self.dialect.type_text(column.type, nullable=False)
            name = self.dialect.quote(column.name)
            empty = f"defaultValueOfTypeName({self.dialect.literal(text)})"
            own = self.dialect.default(chain(self.logical, place)[-1]).sql
            # Without a default, it is refused or leaves a column that cannot be read.
            statements = (
                self.alter(f"MODIFY COLUMN {name} {text} DEFAULT {empty}"),
                self.alter(self.with_default(name, own)),
            )
        why = "each row needs a value from now on; the column is written again"
        return Step(change, "rewrite", "rewrite", why, statements, (check,), loads=False)

    def change_default(self, change: Change, place: Place, default: str | None) -> Step:
        column = chain(self.logical, place)[-1]
        old, new = (self.dialect.default(c).sql for c in (column, replace(column, default=default)))
        if old == new:
            return nothing(change, "ClickHouse has the same default for both, or none")
        name = self.dialect.quote(column.name)
        modify = self.alter(self.with_default(name, new))
        if in_key(self.placed, "clickhouse", change):  # it stands in each part
            return Step(change, "in place", "none", "for rows to come", (modify,))
        # Rows from before the column have no value of their own: they would take the new default.
        keep = f"MATERIALIZE COLUMN {name}" if old else f"UPDATE {name} = {name} WHERE true"
        why = (
            "for rows to come; the column is written, so that those that are there stay as they are"
        )
        return Step(change, "rewrite", "rewrite", why, (self.alter(keep), modify), loads=False)

    def with_default(self, name: str, default: str) -> str:
        return f"MODIFY COLUMN {name} {f'DEFAULT {default}' if default else 'REMOVE DEFAULT'}"

    def swap(self, change: Change, old: Column, new: Column) -> Step:
        """A column of the other form is filled beside the old one and takes its place."""
        name, beside = self.dialect.quote(old.name), self.dialect.quote(old.name + BESIDE)
        text = self.dialect.type_text(new.type, nullable=False)
        filled = f"if(isNull({name}), [], [assumeNotNull({name})])"
        comment = f" COMMENT {self.dialect.literal(old.comment)}" if old.comment else ""
        statements = (
            self.alter(f"DROP COLUMN IF EXISTS {beside}"),
            self.alter(f"ADD COLUMN {beside} {text} DEFAULT {filled}{comment} AFTER {name}"),
            self.alter(f"MATERIALIZE COLUMN {beside}"),
            self.alter(f"MODIFY COLUMN {beside} REMOVE DEFAULT"),
            self.alter(f"DROP COLUMN {name}, RENAME COLUMN {beside} TO {name}"),
        )
        why = "a column of the other form is filled beside the old one and takes its place"
        return Step(change, "rewrite", "rewrite", why, statements, loads=False)

    def changes_key(self, change: Change) -> bool:
        """Whether a change is one of a column that the table is sorted or partitioned by."""
        if not in_key(self.placed, "clickhouse", change):
            return False
        if isinstance(change, DropColumn | RenameColumn):
            return True
        kinds = AddColumn | ReorderColumns | ChangeType | ChangeNullability
        return isinstance(change, kinds) and not self.unchanged(change)

    def comment(self, change: ChangeComment) -> tuple[str, ...]:
        text = self.dialect.literal(change.comment)
        if not change.place:
            return (self.alter(f"MODIFY COMMENT {text}"),)
        return (self.alter(f"COMMENT COLUMN {self.dialect.quote(change.place[0])} {text}"),)

    def unchanged(self, change: Change) -> bool:
        """Whether the changed column has the same text as before."""
        name = change.place[0]
        after = self.dialect.stored(apply(change, self.logical))
        return self.definition(_named(self.table, name)) == self.definition(_named(after, name))

    def restated(self, change: Change) -> tuple[str, ...]:
        after = self.dialect.stored(apply(change, self.logical))
        column = _named(after, change.place[0])
        return (self.alter(f"MODIFY COLUMN {self.definition(column)}"),)

    def nameless(self, name: str) -> str:
        column = _named(self.table, name)
        text = unnamed(self.dialect, column.type, nullable=column.nullable)
        return self.alter(f"MODIFY COLUMN {self.dialect.quote(name)} {text}")

    def definition(self, column: Column) -> str:
        text = self.dialect.type_text(column.type, nullable=column.nullable)
        return f"{self.dialect.quote(column.name)} {text}"

    def stored(self, column: Column) -> Column:
        return self.dialect.stored(replace(self.logical, columns=(column,))).columns[0]

    def alter(self, action: str) -> str:
        return f"{self.prefix} {action}{WAIT}"

    def count(self, place: Place, condition: Condition, text: str) -> Check:
        columns = chain(self.table, place)
        found = held(self.dialect, self.dialect.quote(columns[0].name), columns, condition)
        table = self.dialect.qualified(self.table)
        return Check(f"SELECT countIf({found}) AS n FROM {table}", text)  # noqa: S608


def _named(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def _width(number: Decimal) -> int:
    return next(
        w for w, most in ((32, 9), (64, 18), (128, 38), (256, 76)) if number.precision <= most
    )


def lost(dialect: Dialect, value: str, old: Column, new: Column) -> str:
    """The condition that a value would not be the same in another type."""
    back = dialect.type_text(old.type, nullable=True)
    plain = dialect.type_text(new.type, nullable=False)
    there = f"accurateCastOrNull({value}, {dialect.literal(plain)})"
    if isinstance(new.type, Decimal):
        there = f"toDecimal{_width(new.type)}OrNull(toString({value}), {new.type.scale})"
    returned = f"accurateCastOrNull({there}, {dialect.literal(back)})"
    if isinstance(old.type, String | Decimal):
        returned = f"toString({there})"
        value = f"toString({value})"
    wide = (
        f" OR abs({there}) >= {10 ** (new.type.precision - new.type.scale)}"
        if (isinstance(new.type, Decimal))
        else ""
    )
    return f"({value} IS NOT NULL AND ({there} IS NULL OR {returned} != {value}{wide}))"
