"""Rows at the limits of each type come back from each engine as they were."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from dialects.contract import CASES, VALUES, Case, plain, sent
from protolith.arrow import arrow_schema
from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.tables import Scalar

_SHAPES = {
    "0101000000000000000000f03f0000000000000040": b"POINT (1 2)",
    "010200000002000000000000000000000000000000000000000000000000"
    "8066c00000000000805640": b"LINESTRING (0 0, -180 90)",
}
_SPANS = {
    (14, 3, 4_000): b"14 months 3 days 00:00:00.000004",
    (-1, -1, -1_000_000_000): b"-1 months -1 days -00:00:01",
}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    home = tmp_path_factory.mktemp("engines")
    opened = {name: open_engine(name, home) for name in EMBEDDED}
    yield opened
    for engine in opened.values():
        engine.close()


def _as_sent(value: Any) -> Any:
    """DuckDB's own form of spans and shapes as the text that was loaded."""
    match value:
        case dict():
            return {name: _as_sent(item) for name, item in value.items()}
        case list():
            return [_as_sent(item) for item in value]
        case (key, item):
            return key, _as_sent(item)
        case bytes():
            return _SHAPES.get(value.hex(), value)
        case str() if value.startswith("MonthDayNano"):
            months, days, nanoseconds = (part.split("=")[1] for part in value[13:-1].split(", "))
            return _SPANS[int(months), int(days), int(nanoseconds)]
        case _:
            return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("name", EMBEDDED)
def test_rows_at_the_limits_come_back(engines: dict[str, Engine], name: str, case: Case) -> None:
    engine = engines[name]
    stored = engine.dialect.stored(case.table)
    type_, other = case.column.type, stored.columns[1].type
    rows = [{"n": n, "x": sent(type_, other, value)} for n, value in enumerate(case.values)]
    loaded = pa.Table.from_pylist(rows, schema=arrow_schema(stored))
    qualified = engine.dialect.qualified(stored)
    engine.run([f"DROP TABLE IF EXISTS {qualified}"])
    assert engine.create(case.table)
    engine.load(stored, loaded)
    answer = engine.query(f"SELECT x FROM {qualified} ORDER BY n")
    assert [_as_sent(plain(v)) for v in answer["x"]] == [plain(v) for v in loaded["x"]]
    assert engine.compare(case.table) == ()
    read = [engine.dialect.read_type(c.type) for c in engine.columns("shop", "things")]
    assert read == [engine.dialect.as_read(c.type) for c in case.table.columns]


def test_the_contract_has_values_for_each_type() -> None:
    assert {type(type_) for type_ in VALUES} == set(Scalar.__args__)
    assert len(CASES) > 180
