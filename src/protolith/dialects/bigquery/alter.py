"""BigQuery's changes: top-level columns by DDL, nested ones by `tables.patch`, the rest not at all.

A patch is the whole new schema as JSON. It may add columns that can be NULL, always last in their
record, let values be missing, and change descriptions and policy tags; nothing else.
"""

import json
from dataclasses import replace
from itertools import pairwise

from protolith.changes import (
    AddColumn,
    Change,
    ChangeAttributes,
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
    NEW_NUMBER,
    Step,
    chain,
    impossible_step,
    in_key,
    nothing,
    widens,
    without_storage,
)
from protolith.dialects.base import Dialect
from protolith.tables import (
    Bytes,
    Column,
    Date,
    DateTime,
    Decimal,
    Float,
    Integer,
    List,
    Map,
    String,
    Table,
    Type,
    walk,
)

_INSTEAD = f"{NEW_NUMBER}; or create another table"
_STAY = "leave it as it is: whoever writes rows can see to it that none is NULL"


def alter(dialect: Dialect, table: Table, change: Change) -> Step:
    """What BigQuery is told to make a change to a table that has not changed yet."""
    return _Alteration(dialect, table).step(change)


class _Alteration:
    def __init__(self, dialect: Dialect, table: Table) -> None:
        self.dialect = dialect
        self.placed = table
        self.logical = without_storage(table)
        self.prefix = f"ALTER TABLE {dialect.qualified(table)}"

    def step(self, change: Change) -> Step:
        match change:
            case DropColumn() | RenameColumn() if in_key(self.placed, "bigquery", change):
                why = "a column that the table is partitioned or clustered by stays"
                return impossible_step(change, why, "create another table")
            case AddColumn(place, column):
                return self.add(change, place, column)
            case DropColumn(place):
                if len(place) > 1:
                    return impossible_step(change, "columns within records stay", _INSTEAD)
                why = "its values are gone for ever"
                return self.ddl(change, f"DROP COLUMN {self.name(place)}", why, lossy=True)
            case RenameColumn(place, name):
                if len(place) > 1:
                    instead = "give the old one as the column's name"
                    return impossible_step(change, "names within records stay", instead)
                return self.rename(change, place[0], name)
            case ChangeType(place, _):
                return self.change_type(change, place)
            case _:
                return self.about_step(change)

    def about_step(self, change: Change) -> Step:
        match change:
            case ChangeNullability(place, nullable):
                return self.change_nullability(change, place, nullable=nullable)
            case ChangeComment((), comment):
                text = f"SET OPTIONS (description={self.dialect.literal(comment)})"
                return self.ddl(change, text, "a description alone")
            case ChangeComment() | ChangeAttributes():
                return self.patch(change, "what is said of the column alone")
            case ChangeDefault(place, default):
                return self.change_default(change, place, default)
            case ReorderColumns():
                return nothing(change, "columns keep their places: rows are loaded by name")
            case ChangeStorage():
                after = apply(change, self.placed)
                if after.stored_in("bigquery") == self.placed.stored_in("bigquery"):
                    return nothing(change, "it is about another engine")
                return impossible_step(
                    change, "partitions and clusters stay", "create another table"
                )
            case _:
                return nothing(change, "BigQuery keeps nothing of it")

    def add(self, change: AddColumn, place: Place, column: Column) -> Step:
        required = not (column.nullable or isinstance(column.type, List | Map))
        why = "rows that are there have NULL in it"
        if required:
            why += "; a required column cannot be added, so it may be NULL"
            change = replace(change, column=replace(column, nullable=True))
        if place or any(inner.comment for path, inner in walk((column,)) if "." in path):
            return self.patch(change, why)  # no statement says anything of fields that it adds
        text = self.dialect.type_text(column.type)
        add = f"ADD COLUMN {self.dialect.quote(column.name)} {text}"
        if column.comment:
            add += f" OPTIONS (description={self.dialect.literal(column.comment)})"
        return self.ddl(change, add, why)

    def rename(self, change: Change, old: str, new: str) -> Step:
        # Names are the same that differ in case alone: there is a third one in between.
        names = [old, f"{old}__case", new] if old.lower() == new.lower() else [old, new]
        quoted = [self.dialect.quote(name) for name in names]
        texts = (f"{self.prefix} RENAME COLUMN {a} TO {b}" for a, b in pairwise(quoted))
        return Step(change, "in place", "none", "queries that use the old name break", tuple(texts))

    def change_type(self, change: Change, place: Place) -> Step:
        was = chain(self.logical, place)[-1].type
        old = self.stored(was)
        new = self.stored(chain(apply(change, self.logical), place)[-1].type)
        text = self.dialect.type_text(new)
        if self.dialect.type_text(old) == text:
            return nothing(change, "BigQuery has one type for both")
        if len(place) > 1 or not _widens(old, new):
            return impossible_step(change, "the type cannot change in place", _INSTEAD)
        alter = f"ALTER COLUMN {self.name(place)} SET DATA TYPE {text}"
        if isinstance(new, Float) and not widens(was, new):
            why = "numbers of more digits than FLOAT64 has are rounded"
            return self.ddl(change, alter, why, lossy=True)
        return self.ddl(change, alter, "each value is one of the wider type")

    def change_nullability(self, change: Change, place: Place, *, nullable: bool) -> Step:
        if isinstance(chain(self.logical, place)[-1].type, List | Map):
            return nothing(change, "repeated columns are never NULL")
        if not nullable:
            return impossible_step(
                change, "a column that may be NULL cannot be required again", _STAY
            )
        if len(place) > 1:
            return self.patch(change, "a value may be missing now")
        text = f"ALTER COLUMN {self.name(place)} DROP NOT NULL"
        return self.ddl(change, text, "a value may be missing now")

    def change_default(self, change: Change, place: Place, default: str | None) -> Step:
        if len(place) > 1:
            return nothing(change, "BigQuery has no defaults within records")
        action = "DROP DEFAULT" if default is None else f"SET DEFAULT {default}"
        text = f"ALTER COLUMN {self.name(place)} {action}"
        return self.ddl(change, text, "for rows to come; those that are there stay as they are")

    def stored(self, type_: Type) -> Type:
        """By itself: a place through a map leads through other columns where maps are lists."""
        return self.dialect.stored(Table("", "", (Column("c", type_),))).columns[0].type

    def ddl(self, change: Change, action: str, why: str, *, lossy: bool = False) -> Step:
        statement = f"{self.prefix} {action}"
        risk = "lossy" if lossy else "none"
        return Step(change, "in place", risk, why, (statement,))  # type: ignore[arg-type]

    def patch(self, change: Change, why: str) -> Step:
        from protolith.dialects.bigquery.schema_json import to_json  # noqa: PLC0415  # it imports us

        after = to_json(apply(change, self.logical))
        if after == to_json(self.logical):
            return nothing(change, "BigQuery keeps nothing of it")
        text = json.dumps(after, ensure_ascii=False)
        return Step(change, "in place", "none", why, patch=text)

    def name(self, place: Place) -> str:
        return self.dialect.quote(place[0])


def _widens(old: Type, new: Type) -> bool:
    match old, new:
        case Integer(), Decimal(precision, scale):
            return precision - scale >= 19  # noqa: PLR2004 - digits of an INT64
        case Integer() | Decimal(), Float():
            return True
        case Decimal(p, s), Decimal(q, t):
            return t >= s and q - t >= p - s
        case String(a), String(b):
            return b is None or (a is not None and b >= a)
        case Bytes(a), Bytes(b):
            return b is None or (a is not None and b >= a)
        case Date(), DateTime():
            return True
        case _:
            return False
