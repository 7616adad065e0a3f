"""A load with an id is there once, however often it is tried."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from engines.conftest import PASSWORD, ClickHouseServer
from protolith import ConflictError, EngineUnavailableError
from protolith.engines import Engine, EngineSettings, clickhouse_loads, open_engine
from protolith.engines.clickhouse import ClickHouseEngine
from protolith.tables import Column, Integer, Table

TABLE = Table("shop", "numbers", (Column("n", Integer()),))
OTHER = Table("shop", "others", (Column("n", Integer()),))


def rows(number: int) -> pa.Table:
    return pa.table({"n": pa.array(range(number), pa.int64())})


def count(engine: Engine) -> int:
    name = engine.dialect.qualified(TABLE)
    return int(engine.query(f"SELECT count(*) AS n FROM {name}").to_pylist()[0]["n"])


@pytest.fixture
def clickhouse(tmp_path: Path) -> ClickHouseEngine:
    engine = open_engine("clickhouse", tmp_path)
    assert isinstance(engine, ClickHouseEngine)
    engine.create(TABLE)
    return engine


def test_an_id_is_loaded_once(engine: Engine) -> None:
    engine.create(TABLE)
    assert [engine.load(TABLE, rows(10), "a") for _ in range(3)] == [True, False, False]
    assert engine.load(TABLE, rows(10), "b")
    assert count(engine) == 20
    with pytest.raises(ConflictError, match="'a' of shop.numbers has 10 rows, and these are 11"):
        engine.load(TABLE, rows(11), "a")
    assert count(engine) == 20


def test_without_an_id_equal_rows_are_all_there(engine: Engine) -> None:
    engine.create(TABLE)
    engine.load(TABLE, rows(10), "a")
    assert engine.load(TABLE, rows(10))
    assert engine.load(TABLE, rows(10))
    assert count(engine) == 30


def test_ids_belong_to_a_table_and_go_with_it(
    engine: Engine, request: pytest.FixtureRequest
) -> None:
    for table in (TABLE, OTHER):
        engine.create(table)
        assert engine.load(table, rows(10), "it's \\ an id")
    if engine.name == "bigquery":
        service = request.getfixturevalue("bigquery")
        del service.tables["shop", "numbers"], service.rows["shop", "numbers"]
    else:
        engine.run([f"DROP TABLE {engine.dialect.qualified(TABLE)}"])
    engine.create(TABLE)
    assert engine.load(TABLE, rows(10), "it's \\ an id")
    assert not engine.load(OTHER, rows(10), "it's \\ an id")
    assert count(engine) == 10


def test_a_load_that_was_cut_off_goes_on_with_the_blocks_that_are_missing(
    clickhouse: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse_loads, "BLOCK_BYTES", 800)
    plain, left = clickhouse.insert, [3]

    def insert(*words: object) -> None:
        plain(*words)  # type: ignore[arg-type]
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(clickhouse, "insert", insert)
    with pytest.raises(KeyboardInterrupt):
        clickhouse.load(TABLE, rows(1000), "a")
    assert count(clickhouse) == 300
    monkeypatch.setattr(clickhouse_loads, "BLOCK_BYTES", 8000)  # the blocks stay what they were
    assert clickhouse.load(TABLE, rows(1000), "a")
    assert not clickhouse.load(TABLE, rows(1000), "a")
    name = clickhouse.dialect.qualified(TABLE)
    found = clickhouse.query(f"SELECT n FROM {name} ORDER BY n").column("n").to_pylist()
    assert found == list(range(1000))


def test_a_table_that_cannot_remember_is_refused(
    clickhouse: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clickhouse.run(
        [
            "ALTER TABLE shop.numbers MODIFY SETTING non_replicated_deduplication_window = 5",
            "CREATE TABLE shop.others (n Nullable(Int64)) ENGINE = Memory",
        ]
    )
    with pytest.raises(ConflictError, match="others is a Memory, which knows no load ids"):
        clickhouse.load(OTHER, rows(10), "a")
    monkeypatch.setattr(clickhouse_loads, "BLOCK_BYTES", 80)
    with pytest.raises(ConflictError, match="has 10 blocks, and shop.numbers remembers 5"):
        clickhouse.load(TABLE, rows(100), "a")
    assert count(clickhouse) == 0
    monkeypatch.setattr(clickhouse, "cluster", "c1")
    with pytest.raises(ConflictError, match="on a cluster without replicas"):
        clickhouse.load(TABLE, rows(10), "a")


def test_a_server_that_goes_away_in_the_middle_of_a_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse_loads, "BLOCK_BYTES", 800)
    with server(tmp_path) as (process, engine):
        engine.create(TABLE)
        plain, left = engine.insert, [4]

        def insert(*words: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                process.kill()
            plain(*words)  # type: ignore[arg-type]

        monkeypatch.setattr(engine, "insert", insert)
        with pytest.raises(EngineUnavailableError):
            engine.load(TABLE, rows(1000), "a")
    with server(tmp_path) as (_, engine):
        assert count(engine) == 300
        assert engine.load(TABLE, rows(1000), "a")
        assert not engine.load(TABLE, rows(1000), "a")
        assert count(engine) == 1000


@contextmanager
def server(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", ClickHouseEngine]]:
    program = str(Path(__file__).parent / "clickhouse_server.py")
    words = [sys.executable, program, str(folder / "server"), PASSWORD]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        running = ClickHouseServer(process, int(process.stdout.readline()))
        engine = open_engine("clickhouse", folder, EngineSettings(clickhouse=running.address()))
        assert isinstance(engine, ClickHouseEngine)
        yield process, engine
        engine.close()
        process.kill()


def test_ids_are_told_by_their_beginning_and_forgotten_one_by_one(engine: Engine) -> None:
    engine.create(TABLE)
    if engine.name == "bigquery":
        with pytest.raises(ConflictError, match="does not say which loads shop.numbers has taken"):
            engine.loads(TABLE, "a")
        return
    assert engine.loads(TABLE, "a") == {}
    for load_id, number in (("a'1", 3), ("a_2", 0), ("b", 1)):
        assert engine.load(TABLE, rows(number), load_id)
    found = engine.loads(TABLE, "a")
    assert {name: (one.row_count, one.finished) for name, one in found.items()} == {
        "a'1": (3, True),
        "a_2": (0, True),
    }
    assert engine.loads(OTHER, "a") == {}
    engine.forget_loads(TABLE, ["a'1"])
    assert [*engine.loads(TABLE, "a"), *engine.loads(TABLE, "b")] == ["a_2", "b"]
