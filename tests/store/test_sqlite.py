"""The SQLite store: the contract, and what is SQLite's own."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Select

from protolith import (
    BusyError,
    ConflictError,
    SchemaRegistryError,
    StoreDamagedError,
    StoreUnavailableError,
)
from protolith.store import SQLiteStore, Store, statements
from protolith.store.sqlite import FILE
from protolith.store.tables import FORMAT
from protolith.web.app import create_app
from store.access_contract import AccessContract
from store.contract import A, B, StoreContract, new


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = SQLiteStore(tmp_path)
    yield opened
    opened.close()


class TestSQLite(StoreContract, AccessContract):
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
    with pytest.raises(StoreDamagedError, match="not a database"):
        SQLiteStore(tmp_path)


def filled(home: Path) -> Path:
    store = SQLiteStore(home)
    store.add([new(f"{n:064x}", table=f"t{n}") for n in range(60)])
    store.close()
    return home / FILE


def used(home: Path) -> None:
    """What a start does, and then a reader and a writer."""
    store = SQLiteStore(home)
    try:
        for subject in store.subjects():
            store.history(subject.name)
        store.add([new(A, table="another")])
    finally:
        store.close()


@pytest.mark.parametrize("kept", [0.001, 0.02, 0.5, 0.98])
def test_a_truncated_file_is_damaged_and_left_alone(tmp_path: Path, kept: float) -> None:
    file = filled(tmp_path)
    os.truncate(file, int(file.stat().st_size * kept))
    rest = file.read_bytes()
    for _ in range(2):  # the next start says the same
        with pytest.raises(StoreDamagedError) as caught:
            used(tmp_path)
        assert "restore" in str(caught.value.hint)
    assert file.read_bytes() == rest


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_damaged_page_is_said_to_be_one(tmp_path: Path, page: int) -> None:
    file = filled(tmp_path)
    with sqlite3.connect(file) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    whole = file.read_bytes()
    file.write_bytes(whole[: page * size] + b"\xff" * size + whole[(page + 1) * size :])
    for _ in range(2):
        with pytest.raises(StoreDamagedError) as caught:
            used(tmp_path)
        assert "restore" in str(caught.value.hint)
    file.write_bytes(whole)
    used(tmp_path)


@contextmanager
def without_rights() -> Iterator[None]:
    """The superuser may write everything: be somebody else."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, as `tmp_path` is not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_a_file_that_may_only_be_read_is_unavailable(open_folder: Path) -> None:
    file = filled(open_folder)
    file.chmod(0o444)
    open_folder.chmod(0o555)
    with without_rights(), pytest.raises(StoreUnavailableError) as caught:
        used(open_folder)
    assert "its directory" in str(caught.value.hint)
    file.chmod(0o644)
    open_folder.chmod(0o755)
    used(open_folder)


def test_a_file_that_becomes_read_only_is_read_on(open_folder: Path) -> None:
    """Rights are looked at where a connection opens, and another one holds the log open."""
    filled(open_folder)
    holder = SQLiteStore(open_folder)
    assert len(holder.subjects()) == 60
    for path in open_folder.iterdir():
        path.chmod(0o444)
    with without_rights():
        store = SQLiteStore(open_folder)
        assert len(store.subjects()) == 60
        with pytest.raises(StoreUnavailableError, match="readonly"):
            store.add([new(A)])
        store.close()
    holder.close()


def test_over_rest_a_damaged_file_is_an_answer_and_no_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = filled(tmp_path)
    with TestClient(create_app(tmp_path)) as client:
        whole = file.read_bytes()
        file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
        answer = client.get("/schemas/d.t1")
    assert (answer.status_code, answer.json()["code"]) == (500, "STORE_DAMAGED")
    assert "restore" in answer.json()["hint"]
    assert "Retry-After" not in answer.headers
    assert "Traceback" not in caplog.text + answer.text


def test_point_reads_find_what_the_same_questions_find_otherwise(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path)
    first = store.add([new(A), new(B, descriptors=b"\x00\xff", roots=("a.proto",))])[0]
    store.delete("d.t", 1)
    store.keep_deployment("d.t", "duckdb", 2, created=True, layout="{}")
    questions: list[tuple[Select[Any], dict[str, Any]]] = [
        (statements.BY_ID, {"id": first.id}),
        (statements.BY_GUID, {"guid": first.guid}),
        (statements.BY_HASH, {"subject": "d.t", "hash": B}),
        (statements.LATEST, {"subject": "d.t"}),
        (statements.BY_NUMBER, {"subject": "d.t", "number": 1, "deleted": True}),
        (statements.BY_NAME, {"name": first.schema_id, "deleted": True}),
        (statements.DEPLOYMENTS_OF, {"subject": "d.t"}),
    ]
    for statement, values in questions:
        found = store.rows(statement, values)
        assert len(found) == 1
        assert found == [dict(row) for row in Store.rows(store, statement, values)]
    store.close()


def test_a_lock_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path)
    (tmp_path / f"{FILE}.duckdb-lock").mkdir()
    wrong = pytest.raises(StoreUnavailableError, match="duckdb-lock cannot be written")
    with wrong, store.migrating("d.t", "duckdb"):
        pass
    store.close()
