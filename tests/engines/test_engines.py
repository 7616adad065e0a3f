"""What an open engine does: both embedded ones, ClickHouse over HTTP, and BigQuery.

`clickhouse_server.py` and `fake_bigquery.py` say what is at the other end of the last two.
"""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from protolith import (
    Column,
    ConflictError,
    EngineError,
    EngineUnavailableError,
    NotFoundError,
    Table,
)
from protolith.arrow import arrow_schema
from protolith.cli import main
from protolith.engines import EMBEDDED, NAMES, Engine, EngineSettings, open_engine
from protolith.engines.settings import DRIVERS
from protolith.tables import Boolean, Bytes, Integer, List, Map, Record, String, Timestamp

TABLE = Table(
    "shop",
    "things",
    (
        Column("id", Integer(64, signed=False), nullable=False),
        Column("at", Timestamp()),
        Column("raw", Bytes()),
        Column("r", Record((Column("x", Integer()), Column("y", String())))),
        Column("l", List(Record((Column("x", Integer()),))), nullable=False),
        Column("m", Map(String(), Boolean()), nullable=False),
    ),
)
ROWS = [
    {"id": 2**64 - 1, "at": -62135596800_000_000, "raw": b"\xff\0", "r": {"x": 1, "y": ""}}
    | {"l": [{"x": None}, {"x": -(2**63)}], "m": [("", True), ("k", None)]},
    {"id": 0, "at": 253402300799_999_999, "raw": None, "r": None, "l": [], "m": []},
]


def _rows(engine: Engine, *rows: dict[str, Any]) -> pa.Table:
    if engine.name == "bigquery":  # its maps are lists of records
        rows = tuple(row | {"m": [{"key": k, "value": v} for k, v in row["m"]]} for row in rows)
    return pa.Table.from_pylist(list(rows), schema=arrow_schema(engine.dialect.stored(TABLE)))


def test_rows_come_back_as_they_went_in(engine: Engine) -> None:
    engine.create(TABLE)
    sent = _rows(engine, *ROWS)
    engine.load(TABLE, sent)
    name = engine.dialect.qualified(TABLE)
    back = engine.query(f"SELECT * FROM {name} ORDER BY id DESC")
    if engine.name == "clickhouse":  # its String holds bytes, which are not always UTF-8
        back = back.set_column(2, "raw", back["raw"].cast(pa.binary()))
    assert back.cast(sent.schema).to_pylist() == sent.to_pylist()


def test_null_is_refused_where_none_may_be_and_nothing_is_loaded(engine: Engine) -> None:
    engine.create(TABLE)
    with pytest.raises(EngineError, match="refused"):
        engine.load(TABLE, _rows(engine, ROWS[0], ROWS[1] | {"id": None}))
    name = engine.dialect.qualified(TABLE)
    assert engine.query(f"SELECT count(*) AS n FROM {name}").to_pylist() == [{"n": 0}]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Column("id", Integer()), "id: is "),
        (Column("extra", String()), "extra: is missing"),
        (None, "m: is not in the schema"),
    ],
)
def test_a_different_table_is_never_kept_quietly(
    engine: Engine, change: Column | None, text: str
) -> None:
    engine.create(TABLE)
    columns = {c.name: c for c in TABLE.columns}
    columns |= {change.name: change} if change else {}
    if change is None:
        del columns["m"]
    other = Table("shop", "things", tuple(columns.values()))
    with pytest.raises(ConflictError, match="is another one") as caught:
        engine.create(other)
    assert text in str(caught.value)
    assert len(engine.columns("shop", "things")) == len(TABLE.columns)


def test_a_nullable_column_differs_from_a_required_one(engine: Engine) -> None:
    engine.create(Table("d", "t", (Column("a", Integer(), nullable=False),)))
    with pytest.raises(ConflictError, match="is another one"):
        engine.create(Table("d", "t", (Column("a", Integer()),)))


def test_errors_are_the_engines_sentence_without_a_trace(engine: Engine) -> None:
    with pytest.raises(EngineError, match="refused") as caught:
        engine.query("SELECT nothing FROM nowhere.at_all")
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_live_columns_where_there_is_no_table(engine: Engine) -> None:
    assert engine.columns("shop", "nothing") == ()


def test_what_was_written_is_there_when_opened_again(tmp_path: Path) -> None:
    for name in EMBEDDED:
        first = open_engine(name, tmp_path)
        first.create(TABLE)
        first.close()
        second = open_engine(name, tmp_path)
        assert not second.create(TABLE)
        second.close()


def test_an_unknown_engine(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no engine 'mysql'") as caught:
        open_engine("mysql", tmp_path)
    assert "duckdb" in str(caught.value.hint)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_driver_is_said_with_its_extra(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert name in tomllib.loads(project.read_text())["project"]["optional-dependencies"]
    for module in DRIVERS[name]:
        with monkeypatch.context() as hidden:
            hidden.setitem(sys.modules, module, None)  # as if it were not there
            with pytest.raises(EngineUnavailableError, match=f"driver of {name}") as caught:
                open_engine(name, tmp_path, EngineSettings(bigquery="shop-1"))
            assert caught.value.hint == f"pip install 'protolith[{name}]'"
            hidden.setattr("sys.argv", ["protolith", "query", "SELECT 1", "--engine", name])
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 1
            assert f"pip install 'protolith[{name}]'" in capsys.readouterr().err


def test_duckdb_reaches_no_file(tmp_path: Path) -> None:
    engine = open_engine("duckdb", tmp_path)
    for statement in (
        "SELECT * FROM read_text('/etc/hostname')",
        "SET enable_external_access=true",
    ):
        with pytest.raises(EngineError, match="refused"):
            engine.query(statement)
    engine.close()


def test_duckdb_failed_statements_leave_nothing(tmp_path: Path) -> None:
    engine = open_engine("duckdb", tmp_path)
    with pytest.raises(EngineError):
        engine.run(["CREATE TABLE a (x INTEGER)", "CREATE TABLE b (y NOTHING)"])
    assert engine.columns("main", "a") == ()
    engine.close()


def test_duckdb_in_memory_or_in_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, files in ((":memory:", []), (str(tmp_path / "other.db"), ["other.db"])):
        monkeypatch.setenv("PROTOLITH_DUCKDB", setting)
        engine = open_engine("duckdb", tmp_path)
        assert engine.create(TABLE)
        assert not engine.create(TABLE)
        engine.close()
        assert [path.name for path in tmp_path.iterdir()] == files


def test_a_stream_of_rows_is_what_a_query_gives(engine: Engine) -> None:
    engine.create(TABLE)
    sql = f"SELECT count(*) AS n FROM {engine.dialect.qualified(TABLE)}"
    with engine.read(sql) as rows:
        found = rows.read_all().to_pylist()
    assert found == engine.query(sql).to_pylist()


@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
def test_duckdb_shows_instants_in_utc_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    engine = open_engine("duckdb", tmp_path)
    with engine.read(_HOURS) as rows:
        assert rows.read_all().to_pylist() == [{"a": 12}] == engine.query(_HOURS).to_pylist()
    engine.close()


_HOURS = "SELECT hour(TIMESTAMPTZ '2026-01-01 12:00:00+00') AS a"
