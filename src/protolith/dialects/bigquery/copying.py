"""BigQuery's expressions that make rows of one table those of another."""

from protolith.dialects.alteration import widens, zero
from protolith.dialects.copying import Copying, Make, Value
from protolith.tables import Bytes, Column, List, String, Type


class BigQueryCopying(Copying):
    """Lists are made again by queries over their elements, in their order."""

    def rows(self, value: str, make: Make) -> Value:
        name = next(self.names)
        item = make(name)
        order = f"{name}_order"
        array = (
            f"ARRAY(SELECT {item.text} FROM UNNEST({value}) AS {name}"  # noqa: S608
            f" WITH OFFSET AS {order} ORDER BY {order})"
        )
        if not item.lost:
            return Value(array)
        return Value(array, f"EXISTS(SELECT 1 FROM UNNEST({value}) AS {name} WHERE {item.lost})")  # noqa: S608

    def entries(self, value: str, key: Make, make: Make) -> Value:
        raise NotImplementedError("a map is a list of records here")

    def record(self, value: str, parts: list[tuple[Column, Value]], *, maybe: bool) -> str:
        inner = ", ".join(f"{part.text} AS {self.dialect.quote(c.name)}" for c, part in parts)
        return f"IF({value} IS NULL, NULL, STRUCT({inner}))" if maybe else f"STRUCT({inner})"

    def part(self, value: str, column: Column) -> str:
        return f"{value}.{self.dialect.quote(column.name)}"

    def listed(self, value: str, item: str, *, maybe: bool) -> str:
        return f"IF({value} IS NULL, [], [{item}])" if maybe else f"[{item}]"

    def last(self, value: str, element: Type) -> Value:
        return Value(
            f"{value}[SAFE_OFFSET(ARRAY_LENGTH({value}) - 1)]", f"ARRAY_LENGTH({value}) > 1"
        )

    def filled(self, value: str, new: Type) -> str:
        nothing = "b''" if isinstance(new, Bytes) else zero(new)
        return value if nothing is None else f"IFNULL({value}, {nothing})"

    def cast(self, value: str, old: Type, new: Type, *, maybe: bool) -> Value:
        if isinstance(old, Bytes) and isinstance(new, String):
            text = f"SAFE_CONVERT_BYTES_TO_STRING({value})"
            return Value(text, f"({text} IS NULL AND {value} IS NOT NULL)")
        to, back = self.dialect.type_text(new), self.dialect.type_text(old)
        lost = f"SAFE_CAST(SAFE_CAST({value} AS {to}) AS {back}) IS DISTINCT FROM {value}"
        return Value(f"CAST({value} AS {to})", "" if widens(old, new) else f"({lost})")

    def present(self, value: str, new: Type) -> str:
        return value  # the table refuses what is missing

    def empty(self, column: Column) -> str | None:
        text = self.dialect.type_text(column.type)
        if isinstance(column.type, List):
            return f"CAST([] AS {text})"
        if column.nullable:
            return f"CAST(NULL AS {text})"
        value = "b''" if isinstance(column.type, Bytes) else zero(column.type)
        return None if value is None else f"CAST({value} AS {text})"

    def total(self, source: str, values: list[tuple[str, str]]) -> str:
        row = ", ".join(f"{text} AS {name}" for name, text in values)
        row = f"FARM_FINGERPRINT(TO_JSON_STRING(STRUCT({row})))"
        total = f"CAST(SUM(CAST({row} AS BIGNUMERIC)) AS STRING)"
        return f"SELECT COUNT(*) AS n, {total} AS s FROM {source}"  # noqa: S608
