"""The SQLite store: the contract, and what is SQLite's own."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from protolith import BusyError, ConflictError, SchemaRegistryError
from protolith.store import SQLiteStore, Store
from protolith.store.sqlite import FILE
from protolith.store.tables import FORMAT
from store.contract import A, StoreContract, new


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = SQLiteStore(tmp_path)
    yield opened
    opened.close()


class TestSQLite(StoreContract):
    pass


def test_the_tables_and_columns_of_the_specification(store: Store, tmp_path: Path) -> None:
    wanted = {
        "schemas": "schema_id table_name database_name current_version_hash created_at"
        " last_updated description",
        "schema_versions": "version_id schema_id version_hash proto_content schema_json created_at",
        "schema_engine_tables": "schema_id engine table_created created_at",
    }
    with sqlite3.connect(tmp_path / FILE) as connection:
        for table, columns in wanted.items():
            rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
            assert set(columns.split()) <= {row[1] for row in rows}
    assert store.subjects() == []
    connection.close()


def test_settings_that_keep_promises(store: Store) -> None:
    with store.writing() as connection:
        ask = connection.exec_driver_sql
        assert ask("PRAGMA journal_mode").scalar() == "wal"
        assert ask("PRAGMA synchronous").scalar() == 2  # FULL
        assert ask("PRAGMA foreign_keys").scalar() == 1
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA query_only").scalar() == 1


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(SchemaRegistryError, match="FOREIGN KEY"):
        store.keep_deployment("no.such", "duckdb", 1, created=True, layout="{}")


def test_writes_begin_at_once(store: Store, tmp_path: Path) -> None:
    """A deferred BEGIN would let both in, and fail one of them later."""
    with store.writing():
        other = sqlite3.connect(tmp_path / FILE, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_another_process_that_writes_for_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protolith.store.sqlite._PRAGMAS", ("PRAGMA busy_timeout = 50",))
    store = SQLiteStore(tmp_path)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError) as caught:
        store.add([new(A)])
    assert caught.value.hint
    other.execute("ROLLBACK")
    other.close()
    assert store.add([new(A)])[0].version == 1
    store.close()


def test_it_is_all_there_when_opened_again(tmp_path: Path) -> None:
    first = SQLiteStore(tmp_path)
    kept = first.add([new(A)])[0]
    first.close()
    second = SQLiteStore(tmp_path)
    assert second.find("d.t") == kept
    second.close()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    SQLiteStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    with pytest.raises(ConflictError, match="written by a newer Protolith"):
        SQLiteStore(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, and longer than a page" * 100)
    with pytest.raises(SchemaRegistryError, match="not a database"):
        SQLiteStore(tmp_path)
