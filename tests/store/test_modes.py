"""What a store keeps about compatibility: modes, waivers, and the version that was checked."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from protolith import MovedOnError
from protolith.store import EVERYWHERE, KeptMode, KeptWaiver, SQLiteStore, Store, modes
from protolith.store.sqlite import FILE
from protolith.store.tables import FORMAT
from store.contract import A, B, new

WAIVER = KeptWaiver("FIELD_SAME_TYPE", "p.M.x", "small numbers", "ann")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = SQLiteStore(tmp_path)
    yield opened
    opened.close()


def test_a_mode_is_replaced_and_forgotten(store: Store) -> None:
    kept = KeptMode("FULL", ("wire", "json"))
    for subject, mode in (("d.t", KeptMode("NONE", ("wire",))), ("d.t", kept), (EVERYWHERE, kept)):
        with store.writing() as connection:
            modes.keep_mode(connection, subject, mode)
    with store.reading() as connection:
        assert modes.read_mode(connection, "d.t") == modes.read_mode(connection, "") == kept
        assert modes.read_mode(connection, "d.u") is None
    with store.writing() as connection:
        modes.keep_mode(connection, "d.t", None)
        assert modes.read_mode(connection, "d.t") is None


def test_waivers_stay_beside_their_version(store: Store) -> None:
    other = KeptWaiver("FIELD_SAME_NAME", "1", "a typo", "bob")
    store.add([new(A), new(B, waivers=(WAIVER, other)), new(A, table="u", waivers=(other,))])
    with store.reading() as connection:
        assert modes.read_waivers(connection, "d.t") == {2: [WAIVER, other]}
        assert modes.read_waivers(connection, "d.u") == {1: [other]}


def test_a_version_checked_against_an_older_one_is_not_kept(store: Store) -> None:
    store.add([new(A, after=0)])
    with pytest.raises(MovedOnError, match="d.t is at version 1 by now, not 0"):
        store.add([new(B, after=0)])
    assert len(store.history("d.t")) == 1
    assert store.add([new(B, after=1)])[0].version == 2
    assert store.add([new(A, after=0)])[0].version == 1  # the same content again


def test_a_store_of_the_first_format_gets_the_new_tables(tmp_path: Path) -> None:
    first = SQLiteStore(tmp_path)
    kept = first.add([new(A)])[0]
    first.close()
    connection = sqlite3.connect(tmp_path / FILE)
    for table in ("compatibility_modes", "version_waivers"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    opened = SQLiteStore(tmp_path)
    assert opened.find("d.t") == kept
    opened.add([new(B, waivers=(WAIVER,))])
    with opened.reading() as reading:
        assert modes.read_waivers(reading, "d.t") == {2: [WAIVER]}
        assert reading.exec_driver_sql("PRAGMA user_version").scalar_one() == FORMAT
    opened.close()
