"""What a store keeps about compatibility: modes, waivers, and the version that was checked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres import PostgresServer, postgres
from protolith import MovedOnError, NotFoundError
from protolith.store import EVERYWHERE, KeptMode, KeptWaiver, SQLiteStore, Store
from protolith.store.postgres import PostgresStore
from store.contract import A, B, new

__all__ = ["postgres"]

NONE = KeptMode("NONE", ("wire",))
FULL = KeptMode("FULL", ("wire", "json"))
WAIVER = KeptWaiver("FIELD_SAME_TYPE", "p.M.x", "small numbers", "ann")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: SQLiteStore | PostgresStore
    if request.param == "sqlite":
        opened = SQLiteStore(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        opened = PostgresStore(server.database(), checked=False)
        opened.upgrade()
    yield opened
    opened.close()


def test_a_mode_is_replaced_and_forgotten(store: Store) -> None:
    store.add([new(A)])
    assert store.mode("d.t") == store.mode(EVERYWHERE) == (False, NONE)
    for subject, mode in (("d.t", NONE), ("d.t", FULL), (EVERYWHERE, NONE)):
        store.keep_mode(subject, mode)
    assert store.mode("d.t") == (True, FULL)
    assert store.mode("d.u") == (False, NONE)
    assert store.mode(EVERYWHERE) == (True, NONE)
    store.keep_mode("d.t", None)
    assert store.mode("d.t") == (False, NONE)


def test_what_is_deleted_gets_no_mode(store: Store) -> None:
    store.add([new(A)])
    store.delete("d.t")
    with pytest.raises(NotFoundError, match=r"no schema 'd\.t'"):
        store.keep_mode("d.t", FULL)
    assert store.mode("d.t") == (False, NONE)


@pytest.mark.parametrize("subject", ["d.t", EVERYWHERE])
def test_a_version_judged_under_another_mode_is_not_kept(store: Store, subject: str) -> None:
    store.add([new(A, judged=NONE)])
    store.keep_mode(subject, FULL)
    with pytest.raises(MovedOnError, match=r"d\.t has another mode by now than NONE"):
        store.add([new(B, judged=NONE)])
    assert store.add([new(A, judged=NONE)])[0].version == 1  # the same content again
    assert store.add([new(B, judged=FULL)])[0].version == 2


def test_waivers_stay_beside_their_version(store: Store) -> None:
    other = KeptWaiver("FIELD_SAME_NAME", "1", "a typo", "bob")
    store.add([new(A), new(B, waivers=(WAIVER, other)), new(A, table="u", waivers=(other,))])
    assert store.waivers("d.t") == {2: [WAIVER, other]}
    assert store.waivers("d.u") == {1: [other]}
    store.delete("d.u")
    store.delete("d.u", for_good=True)
    assert store.waivers("d.u") == {}


def test_a_version_checked_against_an_older_one_is_not_kept(store: Store) -> None:
    store.add([new(A, after=0)])
    with pytest.raises(MovedOnError, match="d.t is at version 1 by now, not 0"):
        store.add([new(B, after=0)])
    assert len(store.history("d.t")) == 1
    assert store.add([new(B, after=1)])[0].version == 2
    assert store.add([new(A, after=0)])[0].version == 1  # the same content again
