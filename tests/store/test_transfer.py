"""Backups while others write, and everything as plain files from each database to each."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from postgres import PostgresServer, postgres
from protolith import ConflictError, MalformedError, NotFoundError, SchemaRegistryError
from protolith.store import File, Grant, KeptMode, KeptWaiver, Reference, SQLiteStore, Store
from protolith.store.copies import back_up, put_back
from protolith.store.identities import KeptToken, add_token
from protolith.store.postgres import PostgresStore
from protolith.store.sqlite import FILE
from protolith.store.tables import EXPORTED, FORMAT
from protolith.store.transfer import HEAD, export_store, import_store
from store.contract import COLUMNS, A, B, new

__all__ = ["postgres"]

Opener = Callable[[str], Store]


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Opener]:
    with ExitStack() as stack:

        def open_store(kind: str) -> Store:
            store: Store
            if kind == "sqlite":
                home = tmp_path / f"home{len(list(tmp_path.iterdir()))}"
                home.mkdir()
                store = SQLiteStore(home)
            else:
                server: PostgresServer = request.getfixturevalue("postgres")
                store = PostgresStore(server.database(), checked=False)
                store.upgrade()  # type: ignore[attr-defined]
            stack.callback(store.close)
            return store

        yield open_store


def furnish(store: Store) -> None:
    files = (File("a.proto", b"\xef\xbb\xbf\r\n"), File("b.proto", b""))
    store.add([new(A, descriptors=b"\0\xff", files=files, message="m", schema_json=COLUMNS)])
    waiver = KeptWaiver("FIELD_SAME_TYPE", "p.M.x", "small numbers", "ann")
    new_one = new(B, references=(Reference("t", "d.t", 1),), waivers=(waiver,))
    store.add([new_one, new(B, table="gone")])
    store.keep_mode("d.t", KeptMode("FULL", ("wire", "json")))
    store.label("d.t", {"team": "ä\u2028"})
    store.keep_deployment("d.t", "duckdb", 2, created=True, layout="{}")
    store.keep_intent("d.t", "duckdb", '{"version": 2}')
    store.keep_setting("config", ":.__GLOBAL:", {"compatibility": "FULL"})
    store.add([new(A, named="a/ü b-value", metadata='{"a": 1}', rule_set="{}")])
    store.delete("d.gone")
    store.delete("d.gone", for_good=True)


def everything(store: Store) -> dict[str, list[Any]]:
    with store.reading() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in EXPORTED
        }


KINDS = ("sqlite", "postgresql")


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
def test_everything_moves_and_counting_goes_on(
    opened: Opener, tmp_path: Path, source: str, target: str
) -> None:
    one, two = opened(source), opened(target)
    furnish(one)
    token = KeptToken("ci", (Grant("read"),), datetime.now(UTC))
    one.write(lambda connection: add_token(connection, token, "0" * 64))
    counts = export_store(one, tmp_path / "out")
    assert not (tmp_path / "out" / "access_tokens.jsonl").exists()
    assert counts == import_store(two, tmp_path / "out")
    assert everything(two) == everything(one)
    assert all(counts[table.name] for table in EXPORTED)
    kept = two.add([new("c" * 64, table="gone"), new(A, table="gone", descriptors=b"")])
    highest = max(row[0] for row in everything(one)["schema_contents"])
    assert [(v.version, v.id) for v in kept] == [(2, highest + 1), (3, 1)]


def test_an_import_is_whole_or_nothing(opened: Opener, tmp_path: Path) -> None:
    one, two = opened("sqlite"), opened("sqlite")
    furnish(one)
    export_store(one, tmp_path / "out")
    file = tmp_path / "out" / "schema_files.jsonl"
    whole = file.read_bytes()
    for damaged in (whole[:-20], whole.splitlines(keepends=True)[0], whole.replace(b"77u", b"77v")):
        file.write_bytes(damaged)
        with pytest.raises(MalformedError):
            import_store(two, tmp_path / "out")
        assert not any(everything(two).values())
    file.unlink()
    with pytest.raises(NotFoundError):
        import_store(two, tmp_path / "out")
    file.write_bytes(whole)
    import_store(two, tmp_path / "out")
    with pytest.raises(ConflictError, match="the store has rows in"):
        import_store(two, tmp_path / "out")
    with pytest.raises(ConflictError, match="is there already"):
        export_store(one, tmp_path / "out")


def test_an_export_of_another_format_is_refused(opened: Opener, tmp_path: Path) -> None:
    export_store(opened("sqlite"), tmp_path / "out")
    head = json.loads((tmp_path / "out" / HEAD).read_text())
    (tmp_path / "out" / HEAD).write_text(json.dumps(head | {"format": 99}))
    with pytest.raises(ConflictError, match="format 99"):
        import_store(opened("sqlite"), tmp_path / "out")
    for wrong in ("", "[]", "{}", f'{{"format": {FORMAT}, "tables": {{}}}}'):
        (tmp_path / "out" / HEAD).write_text(wrong)
        with pytest.raises(MalformedError):
            import_store(opened("sqlite"), tmp_path / "out")
    with pytest.raises(NotFoundError, match="there is no protolith-export.json"):
        import_store(opened("sqlite"), tmp_path)


def test_a_backup_while_others_write_has_what_was_acknowledged_before(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    store = SQLiteStore(tmp_path / "home")
    acknowledged: list[str] = []
    stop = threading.Event()

    def register(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            acknowledged.append(
                store.add([new(f"{worker:032x}{number:032x}", table=f"t{worker}")])[0].version_id
            )

    threads = [threading.Thread(target=register, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 30:
        stop.wait(0.01)
    before = list(acknowledged)
    back_up(tmp_path / "home", tmp_path / "copy.db")
    stop.set()
    for thread in threads:
        thread.join()
    store.close()
    (tmp_path / "other").mkdir()
    assert put_back(tmp_path / "other", tmp_path / "copy.db").kept is None
    restored = SQLiteStore(tmp_path / "other")
    assert {restored.find(name).version_id for name in before} == set(before)
    for worker in range(3):
        numbers = [line.version for line in restored.history(f"d.t{worker}")]
        assert numbers == list(range(len(numbers), 0, -1))
    restored.close()


def test_a_restore_keeps_what_was_there(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path)
    store.add([new(A)])
    back_up(tmp_path, tmp_path / "copies" / "one.db")
    store.add([new(B)])
    with pytest.raises(ConflictError, match=r"registry\.db is in use"), store.writing():
        put_back(tmp_path, tmp_path / "copies" / "one.db")
    assert store.find("d.t").version == 2
    store.close()
    kept = put_back(tmp_path, tmp_path / "copies" / "one.db").kept
    assert kept is not None
    again = SQLiteStore(tmp_path)
    assert again.find("d.t").version == 1
    again.close()
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT count(*) FROM schema_versions").fetchone() == (2,)


def test_ids_given_since_the_backup_are_not_given_again(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path)
    store.add([new(A)])
    back_up(tmp_path, tmp_path / "copy.db")
    assert store.add([new(B)])[0].id == 2
    store.close()
    found = put_back(tmp_path, tmp_path / "copy.db")
    assert (found.next_id, found.certain) == (3, True)
    store = SQLiteStore(tmp_path)
    assert [v.id for v in store.add([new("c" * 64), new(A, table="u")])] == [3, 1]
    store.close()


def test_where_the_store_is_lost_somebody_has_to_say_which_ids_were_given(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path)
    store.add([new(A)])
    back_up(tmp_path, tmp_path / "copy.db")
    store.close()
    (tmp_path / FILE).write_bytes(b"not a store any more" * 999)
    found = put_back(tmp_path, tmp_path / "copy.db")
    assert (found.next_id, found.certain) == (2, False)
    other = tmp_path / "other"
    other.mkdir()
    found = put_back(other, tmp_path / "copy.db", next_id=50)
    assert (found.next_id, found.certain) == (50, True)
    store = SQLiteStore(other)
    assert store.add([new(B)])[0].id == 50
    store.close()


def test_what_is_no_backup_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SQLiteStore(tmp_path).close()
    before = (tmp_path / FILE).read_bytes()
    (tmp_path / "text").write_text("no database" * 999)
    (tmp_path / "empty").write_bytes(b"")
    for name in ("text", "empty", "missing"):
        with pytest.raises(SchemaRegistryError):
            put_back(tmp_path, tmp_path / name)
    assert (tmp_path / FILE).read_bytes() == before
    with pytest.raises(ConflictError, match="is there already"):
        back_up(tmp_path, tmp_path / "text")
    with pytest.raises(NotFoundError):
        back_up(tmp_path / "nowhere", tmp_path / "new.db")
    monkeypatch.setenv("PROTOLITH_STORE", "postgresql://x")
    for refused in (back_up, put_back):
        with pytest.raises(ConflictError, match="PostgreSQL"):
            refused(tmp_path, tmp_path / "new.db")
