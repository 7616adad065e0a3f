"""Messages of any version for the table that is there: fields find their columns by number."""

from dataclasses import dataclass, field, replace

from protolith.changes import same_shape, with_columns
from protolith.dialects.alteration import widens
from protolith.errors import Detail, LayoutError
from protolith.tables import Column, List, Map, Table, Type, records_in


def fitted(table: Table, own: Table) -> tuple[Table, list[str]]:
    """A live table as messages of another version fill it, and the fields that have no column.

    `own` is that version laid out by itself. Columns have the types of that version where the
    table's are wider; a column of none of its fields is one of no field. Raises `LayoutError` for
    a column that must have a value, or whose type does not fit.
    """
    fit = _Fit()
    columns = fit.columns(table.columns, own.columns, "")
    if fit.faults:
        raise LayoutError(
            f"messages of this version do not fit into {table.database}.{table.name}",
            details=fit.faults,
            hint="load them as messages of the table's version, or migrate the table",
        )
    return replace(table, columns=columns, message=own.message), fit.left_out


@dataclass
class _Fit:
    faults: list[Detail] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def columns(
        self, columns: tuple[Column, ...], own: tuple[Column, ...], prefix: str
    ) -> tuple[Column, ...]:
        known = {column.identity for column in columns}
        fields = {column.identity: column for column in own}
        # A column that was kept has no field any more, but an older version has one of its name.
        kept = {column.name: column for column in own if column.identity not in known}
        found = [fields.get(c.identity) or (None if c.path else kept.get(c.name)) for c in columns]
        there = {column.identity for column in found if column is not None}
        self.left_out += [f"{prefix}{c.name}" for c in own if c.identity not in there]
        return tuple(self.column(c, f, prefix) for c, f in zip(columns, found, strict=True))

    def column(self, column: Column, own: Column | None, prefix: str) -> Column:
        path = f"{prefix}{column.name}"
        if own is not None:
            type_ = self.type(column.type, own.type, path)
            return replace(column, type=type_, path=own.path, role=own.role)
        if not column.nullable and not isinstance(column.type, List | Map):
            text = "needs a value, and messages of this version have none"
            self.faults.append(Detail(text, field_path=path))
        return replace(column, path=(), role="")

    def type(self, type_: Type, own: Type, path: str) -> Type:
        if type_ == own:
            return type_
        if same_shape(type_, own):
            inner = self.columns(records_in(type_), records_in(own), f"{path}.")
            return with_columns(type_, inner)
        if not widens(own, type_):
            text = "has another type in this version, and its values do not all fit"
            self.faults.append(Detail(text, field_path=path))
        return own
