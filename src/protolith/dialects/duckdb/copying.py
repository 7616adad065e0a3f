"""DuckDB's expressions that make rows of one table those of another."""

from protolith.dialects.alteration import widens, zero
from protolith.dialects.copying import Copying, Make, Value
from protolith.tables import Bytes, Column, List, Map, String, Type


class DuckDBCopying(Copying):
    """Records by the names of their columns; anything inside a column may be NULL."""

    def columns(self) -> list[tuple[Column, Value]]:
        return [(column, self._typed(column, value)) for column, value in super().columns()]

    def rows(self, value: str, make: Make) -> Value:
        name = next(self.names)
        item = make(name)
        return Value(
            f"list_transform({value}, lambda {name}: {item.text})", _any(value, name, item.lost)
        )

    def entries(self, value: str, key: Make, make: Make) -> Value:
        name = next(self.names)
        parts = [call(f"struct_extract({name}, '{word}')") for word, call in _words(key, make)]
        entry = f'struct_pack("key" := {parts[0].text}, "value" := {parts[1].text})'
        items = f"list_transform(map_entries({value}), lambda {name}: {entry})"
        lost = " OR ".join(part.lost for part in parts if part.lost)
        return Value(f"map_from_entries({items})", _any(f"map_entries({value})", name, lost))

    def record(self, value: str, parts: list[tuple[Column, Value]], *, maybe: bool) -> str:
        inner = ", ".join(f"{self.dialect.quote(c.name)} := {part.text}" for c, part in parts)
        return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({inner}) END"

    def part(self, value: str, column: Column) -> str:
        return f"struct_extract({value}, {self.dialect.literal(column.name)})"

    def listed(self, value: str, item: str, *, maybe: bool) -> str:
        return f"CASE WHEN {value} IS NULL THEN [] ELSE [{item}] END"

    def last(self, value: str, element: Type) -> Value:
        return Value(f"{value}[-1]", f"len({value}) > 1")

    def filled(self, value: str, new: Type) -> str:
        nothing = "''::BLOB" if isinstance(new, Bytes) else zero(new)
        return value if nothing is None else f"coalesce({value}, {nothing})"

    def cast(self, value: str, old: Type, new: Type, *, maybe: bool) -> Value:
        to, back = self.dialect.type_text(new), self.dialect.type_text(old)
        match old, new:
            case String(), Bytes():
                return Value(f"encode({value})")
            case Bytes(), String():
                lost = f"({value} IS NOT NULL AND try(decode({value})) IS NULL)"
                return Value(f"decode({value})", lost)
        lost = f"TRY_CAST(TRY_CAST({value} AS {to}) AS {back}) IS DISTINCT FROM {value}"
        return Value(f"CAST({value} AS {to})", "" if widens(old, new) else f"({lost})")

    def present(self, value: str, new: Type) -> str:
        return value  # the table refuses what is missing

    def empty(self, column: Column) -> str | None:
        text = self.dialect.type_text(column.type)
        match column.type:
            case List():
                return f"CAST([] AS {text})"
            case Map():
                return f"CAST(MAP {{}} AS {text})"
            case Bytes() if not column.nullable:
                return "''::BLOB"
        if column.nullable:
            return f"CAST(NULL AS {text})"
        value = zero(column.type)
        return None if value is None else f"CAST({value} AS {text})"

    def _typed(self, column: Column, value: Value) -> Value:
        if value.text.startswith('"'):
            return value
        return Value(f"CAST({value.text} AS {self.dialect.type_text(column.type)})", value.lost)

    def total(self, source: str, values: list[tuple[str, str]]) -> str:
        row = f"hash({', '.join(text for _, text in values)})"
        return f"SELECT count(*), sum({row}::HUGEINT)::VARCHAR FROM {source}"  # noqa: S608


def _words(key: Make, make: Make) -> tuple[tuple[str, Make], ...]:
    return (("key", key), ("value", make))


def _any(items: str, name: str, lost: str) -> str:
    if not lost:
        return ""
    return f"coalesce(len(list_filter({items}, lambda {name}: {lost})) > 0, false)"
