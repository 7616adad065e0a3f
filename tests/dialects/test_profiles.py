"""What an older version of an engine gets instead."""

import pyarrow as pa
import pytest

from protolith import Column, LayoutError, MalformedError, NotFoundError, Table, dialect
from protolith.decoding.values import RecordError, ranged
from protolith.engines.missing_records import without_missing_records
from protolith.tables import Date, Geography, Integer, List, Record, Time, Timestamp

INNER = Record((Column("x", Integer(), nullable=False),))
TABLE = Table("d", "t", (Column("r", INNER), Column("h", Time()), Column("g", Geography())))


def test_the_profile_is_the_newest_that_is_not_newer() -> None:
    for version, profile in (("25.8.2.1", "25.8"), ("26.7.2", "26.3"), ("27.1", "26.9")):
        assert dialect("clickhouse", version=version).version == profile
    assert dialect("duckdb", version="1.5.6").version == "1.4"
    with pytest.raises(MalformedError, match="not supported"):
        dialect("clickhouse", version="24.8")


def test_clickhouse_without_null_records() -> None:
    text = dialect("clickhouse", version="25.8").script(TABLE)
    assert "`r` Tuple(`x` Nullable(Int64))" in text
    assert "`h` Nullable(String)" in text
    assert "`h` Nullable(String)" in dialect("clickhouse", version="26.3").script(TABLE)
    assert "`r` Nullable(Tuple(`x` Int64))" in dialect("clickhouse").script(TABLE)
    notes = dialect("clickhouse", version="26.3").stored(TABLE).notes
    assert [f"{note.field_path}: {note.text}" for note in notes] == [
        "h: kept as String: clickhouse 26.3 has no type for it",
        "r: in ClickHouse 26.3 a missing record is one of NULLs",
    ]
    assert dialect("clickhouse").stored(TABLE).notes == ()


def test_a_version_may_stand_in_the_name() -> None:
    assert dialect("clickhouse@25.8.2").version == "25.8"
    assert dialect("duckdb@1.4").script(TABLE) == dialect("duckdb", version="1.4").script(TABLE)
    for name in ("bigquery@1", "postgresql@18", "mysql@8", "@1"):
        with pytest.raises(NotFoundError):
            dialect(name)
    for name in ("clickhouse@24.8", "duckdb@x"):
        with pytest.raises(MalformedError, match="not supported"):
            dialect(name)


def test_duckdb_before_2() -> None:
    inner = Record((Column("g", Geography()), Column("gs", List(Geography()), nullable=False)))
    shapes = Table("d", "t", (Column("r", inner),))
    assert [note.field_path for note in dialect("duckdb@1.4").stored(shapes).notes] == [
        "r.g",
        "r.gs",
    ]
    assert '"g" VARCHAR' in dialect("duckdb", version="1.4").script(TABLE)
    nanos = Table("d", "t", (Column("n", List(Record((Column("at", Timestamp(9)),)))),))
    assert "TIMESTAMPTZ_NS" in dialect("duckdb").script(nanos)
    with pytest.raises(LayoutError, match=r"n\.at: DuckDB 1\.4 keeps no nanoseconds"):
        dialect("duckdb", version="1.4").script(nanos)


@pytest.mark.parametrize(
    ("type_", "last"),
    [
        (Timestamp(), 10_413_791_999_999_999),
        (Timestamp(9), 10_413_791_999_999_999_999),
        (Date(), 120_529),
    ],
)
def test_years_that_would_be_clamped_are_refused(type_: Timestamp | Date, last: int) -> None:
    years = dialect("clickhouse", version="26.3").timestamp_range()
    check = ranged(lambda value, _row: value, type_, years, "at")
    assert check(last, None) == last
    with pytest.raises(RecordError, match="1900 to 2299"):
        check(last + 1, None)


def test_missing_records_become_records_of_nulls() -> None:
    rows = pa.table({"r": pa.array([None, {"x": 1}]), "l": pa.array([[None, {"x": 2}], []])})
    made = without_missing_records(rows)
    assert made.to_pylist() == [
        {"r": {"x": None}, "l": [{"x": None}, {"x": 2}]},
        {"r": {"x": 1}, "l": []},
    ]
    assert made["r"].null_count == 0
