"""Loads by the profile of an older engine: what that engine would change is refused."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from conftest import delimited
from protolith import RowsRejectedError, SchemaRegistry, dialect

PROTO = """
syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Visit { Stay stay = 1; message Stay { repeated google.protobuf.Timestamp at = 1; } }
"""
FIRST, LAST = -2_208_988_800, 10_413_791_999  # 1900-01-01 and the last second of 2299


def _visit(*seconds: int) -> bytes:
    times = b"".join(_field(Timestamp(seconds=second)) for second in seconds)
    return _field(times)


def _field(value: bytes | Timestamp) -> bytes:
    data = value if isinstance(value, bytes) else value.SerializeToString()
    return b"\x0a" + bytes([len(data)]) + data


@pytest.fixture
def old(registry: SchemaRegistry) -> SchemaRegistry:
    """A registry whose ClickHouse is taken for a 25.8."""
    registry.engine("clickhouse").dialect = dialect("clickhouse", version="25.8")
    registry.register_schema(PROTO, "visits", "shop")
    registry.create_table("shop.visits", "clickhouse")
    return registry


def _count(registry: SchemaRegistry) -> int:
    (row,) = registry.query("clickhouse", "SELECT count() AS n FROM shop.visits").to_pylist()
    return int(row["n"])


@pytest.mark.parametrize("second", [FIRST - 1, LAST + 1])
def test_an_instant_that_25_8_would_clamp_is_refused(old: SchemaRegistry, second: int) -> None:
    good = _visit(FIRST, LAST)
    with pytest.raises(RowsRejectedError, match=r"keeps only the years 1900 to 2299") as caught:
        old.ingest("shop.visits", delimited(good, _visit(0, second)))
    assert caught.value.details[0].record == 1
    assert "stay.at" in str(caught.value)
    assert _count(old) == 0
    kept = old.ingest("shop.visits", delimited(good, _visit(0, second)), skip_bad=True)
    assert (kept.rows, kept.rejected_count) == (1, 1)
    sql = "SELECT toUnixTimestamp64Micro(arrayJoin(stay.at)) AS at FROM shop.visits"
    found = [row["at"] for row in old.query("clickhouse", sql).to_pylist()]
    assert found == [FIRST * 1_000_000, LAST * 1_000_000]


def test_the_newest_keeps_them(registry: SchemaRegistry) -> None:
    registry.register_schema(PROTO, "visits", "shop")
    registry.create_table("shop.visits", "clickhouse")
    assert registry.ingest("shop.visits", delimited(_visit(FIRST - 1, LAST + 1))).rows == 1
    sql = "SELECT toUnixTimestamp64Micro(arrayJoin(stay.at)) AS at FROM shop.visits"
    found = [row["at"] for row in registry.query("clickhouse", sql).to_pylist()]
    assert found == [(FIRST - 1) * 1_000_000, (LAST + 1) * 1_000_000]
