"""Any sequence of changes, against a model in plain Python, on both stores."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from postgres import PostgresServer, postgres
from protolith import ConflictError, NotFoundError, SchemaRegistryError
from protolith.store import NewVersion, SQLiteStore, Store
from protolith.store.postgres import PostgresStore
from protolith.store.tables import METADATA

__all__ = ["postgres"]

EXAMPLES = int(os.environ.get("PROTOLITH_EXAMPLES", "40"))

SUBJECTS = st.sampled_from(["d.a", "d.b", "e.a"])
CONTENTS = st.sampled_from([f"{n:064x}" for n in range(1, 6)])


class Machine(RuleBasedStateMachine):
    """The model: for each subject its numbers with content and whether deleted; ids by content."""

    def __init__(self, opener: Any) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.store: Store = self.stack.enter_context(opener())
        self.versions: dict[str, dict[int, list[Any]]] = {}
        self.last: dict[str, int] = {}
        self.ids: dict[str, int] = {}

    def teardown(self) -> None:
        self.stack.close()

    def live(self, subject: str) -> dict[int, str]:
        found = self.versions.get(subject, {})
        return {number: content for number, (content, gone) in found.items() if not gone}

    def add_to_model(self, subject: str, content: str) -> int:
        there = {held: number for number, held in self.live(subject).items()}
        if content in there:
            return there[content]
        number = self.last[subject] = self.last.get(subject, 0) + 1
        self.versions.setdefault(subject, {})[number] = [content, False]
        self.ids.setdefault(content, len(self.ids) + 1)
        return number

    @rule(batch=st.lists(st.tuples(SUBJECTS, CONTENTS), min_size=1, max_size=3))
    def register(self, batch: list[tuple[str, str]]) -> None:
        new = [NewVersion(*subject.split("."), content, "[]") for subject, content in batch]
        kept = self.store.add(new)
        for (subject, content), version in zip(batch, kept, strict=True):
            number = self.add_to_model(subject, content)
            assert (version.version, version.id) == (number, self.ids[content])

    @rule(subject=SUBJECTS, number=st.none() | st.integers(1, 6), for_good=st.booleans())
    def delete(self, subject: str, number: int | None, *, for_good: bool) -> None:
        held = self.versions.get(subject, {})
        named = {n: row for n, row in held.items() if number in (None, n)}
        chosen = [n for n, row in named.items() if row[1] == for_good]
        if not named:
            with pytest.raises(NotFoundError):
                self.store.delete(subject, number, for_good=for_good)
        elif not chosen or (for_good and len(chosen) < len(named)):
            with pytest.raises(ConflictError):
                self.store.delete(subject, number, for_good=for_good)
        else:
            assert self.store.delete(subject, number, for_good=for_good) == chosen
            for n in chosen:
                held[n][1] = True
                if for_good:
                    del held[n]

    @rule(subject=SUBJECTS, number=st.integers(1, 6))
    def restore(self, subject: str, number: int) -> None:
        row = self.versions.get(subject, {}).get(number)
        if row is None:
            with pytest.raises(NotFoundError):
                self.store.restore(subject, number)
        elif not row[1] or row[0] in self.live(subject).values():
            with pytest.raises(ConflictError):
                self.store.restore(subject, number)
        else:
            assert self.store.restore(subject, number) == [number]
            row[1] = False

    @invariant()
    def they_agree(self) -> None:
        shown = {subject.name: subject.latest_version for subject in self.store.subjects()}
        live = {name: self.live(name) for name in self.versions if self.live(name)}
        assert shown == {name: max(numbers) for name, numbers in live.items()}
        for name, numbers in live.items():
            lines = self.store.history(name)
            assert {line.version: line.version_hash for line in lines} == numbers


@pytest.fixture(params=["sqlite", "postgresql"])
def opener(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Opens an empty store for each run; emptying PostgreSQL's is faster than a new database."""
    if request.param == "sqlite":
        yield sqlite_store
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    store = PostgresStore(server.database(), checked=False)
    store.upgrade()
    tables = ", ".join(table.name for table in METADATA.sorted_tables)

    @contextmanager
    def emptied() -> Iterator[Store]:
        with store.writing() as connection:
            connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")
        yield store

    yield emptied
    store.close()


@contextmanager
def sqlite_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder))
        yield store
        store.close()


def test_the_store_is_as_the_model(opener: Any) -> None:
    chosen = settings(max_examples=EXAMPLES, stateful_step_count=20)
    run_state_machine_as_test(lambda: Machine(opener), settings=chosen)


def test_a_store_that_gives_numbers_again_is_caught(
    opener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deliberate fault: the next number is that after the latest that is left."""
    from protolith.store import registration  # noqa: PLC0415

    plain = registration._keep_subject

    def forget(connection: Any, new: Any, number: int, *, first: bool) -> None:
        plain(connection, new, number, first=first)
        connection.exec_driver_sql("UPDATE schemas SET last_version = 0")

    monkeypatch.setattr(registration, "_keep_subject", forget)
    chosen = settings(
        max_examples=50, stateful_step_count=20, phases=[Phase.generate], database=None
    )
    with pytest.raises((AssertionError, SchemaRegistryError)):
        run_state_machine_as_test(lambda: Machine(opener), settings=chosen)
