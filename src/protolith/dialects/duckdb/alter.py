"""DuckDB's ALTER TABLE: one change a statement, nested columns by their path.

A path goes through `element` into a list and through `value` into a map. A nested type is changed
by restating the whole column, which casts records by the names of their columns.
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
    zero,
)
from protolith.dialects.base import Dialect
from protolith.dialects.duckdb.expressions import Condition, conversion, held
from protolith.tables import Bytes, Column, List, Map, Record, String, Table, Type


def alter(dialect: Dialect, table: Table, change: Change) -> Step:
    """What DuckDB is told to make a change to a table that has not changed yet."""
    return _Alteration(dialect, table).step(change)


class _Alteration:
    def __init__(self, dialect: Dialect, table: Table) -> None:
        self.dialect = dialect
        self.placed = table
        self.logical = without_storage(table)
        self.table = dialect.stored(self.logical)
        self.prefix = f"ALTER TABLE {dialect.qualified(table)}"

    def step(self, change: Change) -> Step:
        match change:
            case DropColumn() | ChangeType() if in_key(self.placed, "duckdb", change):
                why = "a column of the primary key keeps its type"
                return impossible_step(change, why, "create another table")
            case AddColumn(place, column):
                return self.add(change, place, column)
            case DropColumn(place):
                return self.drop(change, place)
            case RenameColumn(place, name):
                return self.rename(change, place, name)
            case ReorderColumns():
                return self.reorder(change)
            case _:
                return self.column_step(change)

    def reorder(self, change: ReorderColumns) -> Step:
        if change.place:
            why = "the column is written again with its inner columns in another order"
            return Step(change, "rewrite", "rewrite", why, self.restated(change), loads=False)
        return nothing(change, "columns keep their places: rows are loaded by name")

    def column_step(self, change: Change) -> Step:
        match change:
            case ChangeType(place, type_):
                return self.change_type(change, place, self.stored(Column("c", type_)).type)
            case ChangeNullability(place, nullable):
                return self.change_nullability(change, place, nullable=nullable)
            case ChangeComment(place, comment):
                return self.change_comment(change, place, comment)
            case ChangeDefault(place, default):
                return self.change_default(change, place, default)
            case ChangeStorage() if self.other_key(change):
                return impossible_step(change, "the primary key stays", "create another table")
            case _:
                return nothing(change, "DuckDB keeps nothing of it")

    def other_key(self, change: ChangeStorage) -> bool:
        """Whether a change is about DuckDB."""
        return self.placed.stored_in("duckdb") != apply(change, self.placed).stored_in("duckdb")

    def add(self, change: Change, place: Place, column: Column) -> Step:
        default = "" if place else self.dialect.default(column).sql
        column = self.stored(column)
        if place and isinstance(column.type, Record):
            # ADD COLUMN breaks the whole database where one of the outer records is NULL.
            why = "rows that are there have NULL in it; the column is written again"
            return Step(change, "rewrite", "rewrite", why, self.restated(change), loads=False)
        name = self.path((*place, column.name), parent=place)
        last = (self.with_default(column.name, default),)
        text = self.dialect.type_text(column.type)
        add = f"{self.prefix} ADD COLUMN {name} {text}"
        if place:
            return Step(change, "in place", "none", "rows that are there have NULL in it", (add,))
        if isinstance(column.type, List | Map):
            empty = "[]" if isinstance(column.type, List) else "MAP {}"
            add += f" DEFAULT {empty}"
            why = "rows that are there have an empty one"
            return self.commented(Step(change, "in place", "none", why, (add, *last)), column)
        if column.nullable:
            statements = (add, *last) if default else (add,)
            why = "rows that are there have NULL in it"
            return self.commented(Step(change, "in place", "none", why, statements), column)
        step = self.add_required(change, column, add, last if default else ())
        return self.commented(step, column)

    def add_required(self, change: Change, column: Column, add: str, last: tuple[str, ...]) -> Step:
        name = self.dialect.quote(column.name)
        value = self.empty(column.type)
        required = f"{self.prefix} ALTER COLUMN {name} SET NOT NULL"
        if value is None:
            count = f"SELECT count(*) FROM {self.dialect.qualified(self.table)}"  # noqa: S608
            check = Check(count, "rows would have no value in it")
            why = "a value is required and there is none to give: the table must be empty"
            return Step(change, "in place", "none", why, (add, required, *last), (check,))
        why = f"rows that are there get {value}, as a message without the field does"
        last = last or (self.with_default(column.name, ""),)
        statements = (f"{add} DEFAULT {value}", required, *last)
        return Step(change, "in place", "none", why, statements)

    def with_default(self, name: str, default: str) -> str:
        action = f"SET DEFAULT {default}" if default else "DROP DEFAULT"
        return f"{self.prefix} ALTER COLUMN {self.dialect.quote(name)} {action}"

    def empty(self, type_: Type) -> str | None:
        """The value of a message without the field, as SQL; None for what has none."""
        return "''::BLOB" if isinstance(type_, Bytes) else zero(type_)

    def commented(self, step: Step, column: Column) -> Step:
        if not column.comment:
            return step
        comment = self.comment((column.name,), column.comment)
        return replace(step, statements=(*step.statements, comment))

    def drop(self, change: Change, place: Place) -> Step:
        why = "its values are gone for ever"
        drop = f"{self.prefix} DROP COLUMN {self.path(place)}"
        return Step(change, "in place", "lossy", why, (drop,), loads=False)

    def rename(self, change: Change, place: Place, name: str) -> Step:
        new = self.dialect.quote(name)
        rename = f"{self.prefix} RENAME COLUMN {self.path(place)} TO {new}"
        statements: tuple[str, ...] = (rename,)
        if len(place) > 1 and name.lower() == place[-1].lower():
            # The same name in another case is refused within a record.
            third = (*place[:-1], f"{name}__case")
            there = self.path(third, parent=place[:-1])
            aside = self.dialect.quote(third[-1])
            statements = (
                f"{self.prefix} RENAME COLUMN {self.path(place)} TO {aside}",
                f"{self.prefix} RENAME COLUMN {there} TO {new}",
            )
        why = "values stay; queries and views that use the old name break"
        return Step(change, "in place", "none", why, statements, loads=False)

    def change_type(self, change: Change, place: Place, new: Type) -> Step:
        old = chain(self.table, place)[-1].type
        if self.dialect.type_text(old) == self.dialect.type_text(new):
            return nothing(change, "DuckDB has one type for both")
        if len(place) > 1:
            return self.cast(change, place, old, new, self.restated(change))
        step = self.convert(change, place, old, new)
        listed = [isinstance(type_, List | Map) for type_ in (old, new)]
        if chain(self.table, place)[-1].nullable or listed[0] == listed[1] or not step.statements:
            return step
        # Lists are never NOT NULL here, though there is always one.
        name = f"{self.prefix} ALTER COLUMN {self.dialect.quote(place[0])}"
        if listed[1]:
            return replace(step, statements=(f"{name} DROP NOT NULL", *step.statements))
        return replace(step, statements=(*step.statements, f"{name} SET NOT NULL"))

    def convert(self, change: Change, place: Place, old: Type, new: Type) -> Step:
        column = self.dialect.quote(place[0])
        head = f"{self.prefix} ALTER COLUMN {column} TYPE {self.dialect.type_text(new)}"
        using = conversion(column, old, new)
        if using is not None:
            why = "values are written again in the other form"
            return Step(change, "rewrite", "rewrite", why, (f"{head} USING {using}",), loads=False)
        if isinstance(old, List) and old.element == new:
            checks = [self.count(f"len({column}) > 1", "rows have several values")]
            why = "one value is kept of each row"
            last, empty = f"{column}[-1]", self.empty(new)
            if not chain(self.table, place)[-1].nullable:
                last = f"coalesce({last}, {empty})" if empty else last
                checks += [] if empty else [self.count(f"{last} IS NULL", "rows have no value")]
            text = f"{head} USING {last}"
            return Step(change, "rewrite", "lossy", why, (text,), tuple(checks), loads=False)
        if isinstance(old, Bytes) and isinstance(new, String):
            text = f"{head} USING decode({column})"
            check = self.count(
                f"{column} IS NOT NULL AND try(decode({column})) IS NULL", "not UTF-8"
            )
            why = "bytes become text, which they must be"
            return Step(change, "rewrite", "lossy", why, (text,), (check,), loads=False)
        return self.cast(change, place, old, new, (head,))

    def cast(
        self, change: Change, place: Place, old: Type, new: Type, statements: tuple[str, ...]
    ) -> Step:
        if widens(old, new):
            why = "each value is one of the wider type; the column is written again"
            return Step(change, "rewrite", "rewrite", why, statements, loads=False)
        if not narrows(old, new):
            return impossible_step(change, "there is no way from the one type to the other")
        to, back = self.dialect.type_text(new), self.dialect.type_text(old)

        def lost(value: str) -> str:
            there = f"TRY_CAST({value} AS {to})"
            return f"TRY_CAST({there} AS {back}) IS DISTINCT FROM {value}"

        check = self.count(self.anywhere(place, lost), "values do not fit into the new type")
        why = "values that do not fit would be refused, or rounded"
        return Step(change, "rewrite", "lossy", why, statements, (check,), loads=False)

    def change_nullability(self, change: Change, place: Place, *, nullable: bool) -> Step:
        column = chain(self.table, place)[-1]
        if len(place) > 1 or (isinstance(column.type, List | Map) and not nullable):
            return nothing(change, "DuckDB says nothing of NULL inside records, lists and maps")
        name = self.dialect.quote(place[0])
        verb = "DROP" if nullable else "SET"
        statement = f"{self.prefix} ALTER COLUMN {name} {verb} NOT NULL"
        if nullable:
            return Step(change, "in place", "none", "a value may be missing now", (statement,))
        check = self.count(f"{name} IS NULL", "rows have no value")
        why = "each row needs a value from now on"
        return Step(change, "in place", "none", why, (statement,), (check,), loads=False)

    def change_comment(self, change: Change, place: Place, comment: str) -> Step:
        if len(place) > 1:
            return nothing(change, "DuckDB keeps no comments inside records")
        return Step(change, "in place", "none", "a comment alone", (self.comment(place, comment),))

    def change_default(self, change: Change, place: Place, default: str | None) -> Step:
        if len(place) > 1:
            return nothing(change, "DuckDB has no defaults inside records")
        column = chain(self.logical, place)[-1]
        old, new = (self.dialect.default(c).sql for c in (column, replace(column, default=default)))
        if old == new:
            return nothing(change, "DuckDB has the same default for both, or none")
        why = "for rows to come; those that are there stay as they are"
        statements = (self.with_default(column.name, new),)
        return Step(change, "in place", "none", why, statements)

    def comment(self, place: Place, comment: str) -> str:
        name = self.dialect.qualified(self.table)
        text = self.dialect.literal(comment) if comment else "NULL"
        if not place:
            return f"COMMENT ON TABLE {name} IS {text}"
        return f"COMMENT ON COLUMN {name}.{self.dialect.quote(place[0])} IS {text}"

    def restated(self, change: Change) -> tuple[str, ...]:
        name = change.place[0]
        after = self.dialect.stored(apply(change, self.table))
        column = next(column for column in after.columns if column.name == name)
        text = self.dialect.type_text(column.type)
        return (f"{self.prefix} ALTER COLUMN {self.dialect.quote(name)} TYPE {text}",)

    def path(self, place: Place, *, parent: Place | None = None) -> str:
        """A place as DuckDB's dotted path; `parent` if the last column is not there yet."""
        parts: list[str] = []
        columns = chain(self.table, place if parent is None else parent)
        for index, name in enumerate(place):
            parts.append(self.dialect.quote(name))
            if index < len(place) - 1:
                parts += [self.dialect.quote(word) for word in _into(columns[index].type)]
        return ".".join(parts)

    def count(self, condition: str, text: str) -> Check:
        name = self.dialect.qualified(self.table)
        return Check(f"SELECT count(*) FROM {name} WHERE {condition}", text)  # noqa: S608

    def anywhere(self, place: Place, lost: Condition) -> str:
        """Whether a condition holds of a value at a place, in any element on the way there."""
        first, *rest = chain(self.table, place)
        return held(self.dialect, self.dialect.quote(first.name), first.type, tuple(rest), lost)

    def stored(self, column: Column) -> Column:
        return self.dialect.stored(replace(self.table, columns=(column,))).columns[0]


def _into(type_: Type) -> list[str]:
    match type_:
        case List(element):
            return ["element", *_into(element)]
        case Map(_, value):
            return ["value", *_into(value)]
        case _:
            return []
