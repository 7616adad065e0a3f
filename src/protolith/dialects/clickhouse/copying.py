"""ClickHouse's expressions that make rows of one table those of another."""

from dataclasses import replace

from protolith.dialects.alteration import widens
from protolith.dialects.clickhouse.alter import lost
from protolith.dialects.copying import Copying, Make, Value
from protolith.tables import Column, Decimal, List, Map, Record, Type


class ClickHouseCopying(Copying):
    """Records are tuples without names, which are cast by position into those with names."""

    def columns(self) -> list[tuple[Column, Value]]:
        return [(column, self._typed(column, value)) for column, value in super().columns()]

    def rows(self, value: str, make: Make) -> Value:
        name = next(self.names)
        item = make(name)
        return Value(f"arrayMap({name} -> {item.text}, {value})", _any(value, name, item.lost))

    def entries(self, value: str, key: Make, make: Make) -> Value:
        keys, values = (
            self.rows(f"{f}({value})", m) for f, m in (("mapKeys", key), ("mapValues", make))
        )
        lost = " OR ".join(filter(None, (keys.lost, values.lost)))
        return Value(f"mapFromArrays({keys.text}, {values.text})", lost)

    def record(self, value: str, parts: list[tuple[Column, Value]], *, maybe: bool) -> str:
        made = f"tuple({', '.join(part.text for _, part in parts)})"
        type_ = Record(tuple(column for column, _ in parts))
        if maybe and self._can_be_null(type_):
            return f"if(isNull({value}), NULL, {made})"
        return made

    def part(self, value: str, column: Column) -> str:
        return f"tupleElement({value}, {self.dialect.literal(column.name)})"

    def listed(self, value: str, item: str, *, maybe: bool) -> str:
        return f"if(isNull({value}), [], [{item}])" if maybe else f"[{item}]"

    def last(self, value: str, element: Type) -> Value:
        text = f"{value}[-1]"
        if self._can_be_null(element):
            text = f"if(empty({value}), NULL, {text})"
        return Value(text, f"length({value}) > 1")

    def filled(self, value: str, new: Type) -> str:
        if not self._can_be_null(new):
            return value
        text = self.dialect.type_text(new, nullable=False)
        return f"ifNull({value}, defaultValueOfTypeName({self.dialect.literal(text)}))"

    def cast(self, value: str, old: Type, new: Type, *, maybe: bool) -> Value:
        columns = (Column("c", old, nullable=maybe), Column("c", new, nullable=maybe))
        to = self.dialect.type_text(new, nullable=maybe)
        text = f"CAST({value}, {self.dialect.literal(to)})"
        if isinstance(new, Decimal) and not widens(old, new):  # as it is counted
            text = f"CAST(CAST({value}, 'Nullable(String)'), {self.dialect.literal(to)})"
            text = text if maybe else f"CAST(toString({value}), {self.dialect.literal(to)})"
        condition = "" if widens(old, new) else lost(self.dialect, value, *columns)
        return Value(text, condition)

    def present(self, value: str, new: Type) -> str:
        return f"assumeNotNull({value})"

    def empty(self, column: Column) -> str | None:
        text = self.dialect.type_text(column.type, nullable=column.nullable)
        return f"defaultValueOfTypeName({self.dialect.literal(text)})"

    def total(self, source: str, values: list[tuple[str, str]]) -> str:
        row = f"formatRow('RowBinary', {', '.join(text for _, text in values)})"
        total = f"toString(sum(toUInt128(cityHash64({row}))))"
        return f"SELECT count() AS n, {total} AS s FROM {source}"  # noqa: S608

    def swap(self, name: str, other: str) -> tuple[str, ...]:
        one, two = (self.dialect.qualified(replace(self.new, name=n)) for n in (name, other))
        return (f"EXCHANGE TABLES {one} AND {two}",)

    def _typed(self, column: Column, value: Value) -> Value:
        text = self.dialect.type_text(column.type, nullable=column.nullable)
        return replace(value, text=f"CAST({value.text}, {self.dialect.literal(text)})")

    def _can_be_null(self, type_: Type) -> bool:
        if isinstance(type_, List | Map):
            return False
        return self.dialect.type_text(type_, nullable=True).startswith("Nullable(")


def _any(items: str, name: str, lost: str) -> str:
    return f"arrayExists({name} -> ifNull({lost}, 0), {items})" if lost else ""
