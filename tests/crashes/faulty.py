"""The program `protolith` with one deliberate fault, which a proof has to catch.

`python faulty.py FAULT WORDS…`; each fault keeps the moment in which it does harm open for a while,
so that few kills and few races find it.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Timer
from typing import Any

from protolith.cli import main
from protolith.compiler import self_test
from protolith.engines import Engine
from protolith.engines.clickhouse import ClickHouseEngine
from protolith.engines.duckdb import DuckDBEngine
from protolith.migrations import Migration
from protolith.registry import Diagnosis, SchemaRegistry
from protolith.store import NewVersion, SQLiteStore, Store, Version, audit, deployments, postgres
from protolith.store.postgres import PostgresStore
from protolith.web import app, serving

PAUSE = 0.15


class _Worked(Exception):  # noqa: N818 - it is no error: it takes a value out of a transaction
    def __init__(self, value: Any) -> None:
        self.value = value


def early() -> None:
    """Who writes is answered before the commit."""
    for store in (SQLiteStore, PostgresStore):
        store.write = _early(store.write)  # type: ignore[method-assign]


def _early(plain: Callable[..., Any]) -> Callable[..., Any]:
    def write(self: Store, work: Callable[[Any], Any], **_: Any) -> Any:
        def worked(connection: Any) -> None:
            raise _Worked(work(connection))

        def late() -> None:
            with suppress(Exception):
                plain(self, work)

        try:
            plain(self, worked)
        except _Worked as done:
            Timer(PAUSE, late).start()
            return done.value

    return write


def piecemeal() -> None:
    """Each member of a batch has a transaction of its own."""
    plain = Store.add

    def add(self: Store, versions: Sequence[NewVersion], **_: Any) -> list[Version]:
        kept = []
        for new in versions:
            kept += plain(self, [new])
            time.sleep(PAUSE)
        return kept

    Store.add = add  # type: ignore[method-assign]


def unreconciled() -> None:
    """The server is ready although a table's creation was cut off."""
    _slow_engine()

    def check_ready(_: SchemaRegistry) -> list[Diagnosis]:
        self_test()
        return []

    app.check_ready = serving.check_ready = check_ready


def unannounced() -> None:
    """A table is created before the registry knows that it will be."""
    _slow_engine()
    plain = SchemaRegistry._keep

    def keep(self: SchemaRegistry, *words: Any, created: bool) -> None:
        if created:
            plain(self, *words, created=True)

    SchemaRegistry._keep = keep  # type: ignore[method-assign]


def unsynced() -> None:
    """PostgreSQL answers a commit before it is in its log."""
    postgres._OPTIONS = postgres._OPTIONS.replace("synchronous_commit=on", "synchronous_commit=off")
    assert "=off" in postgres._OPTIONS


def unasked() -> None:
    """What was looked up is believed without asking whether anybody has committed since."""
    for store in (SQLiteStore, PostgresStore):
        store.stamp = lambda _: "always the same"  # type: ignore[method-assign]


def _slow_engine() -> None:
    plain = DuckDBEngine.create

    def create(self: DuckDBEngine, *words: Any) -> bool:
        created = plain(self, *words)
        time.sleep(PAUSE)
        return created

    DuckDBEngine.create = create  # type: ignore[method-assign]


def slow() -> None:
    """No fault: migrations take long enough to be cut off in each of their steps."""
    for engine in (DuckDBEngine, ClickHouseEngine):
        engine.run_steps = _slow_steps(engine.run_steps)  # type: ignore[method-assign]
    plain = ClickHouseEngine.run

    def run(self: ClickHouseEngine, statements: Sequence[str]) -> None:
        plain(self, statements)
        time.sleep(PAUSE / 5)

    ClickHouseEngine.run = run  # type: ignore[method-assign]


def _slow_steps(plain: Callable[..., None]) -> Callable[..., None]:
    def run_steps(self: Engine, migration: Migration, first: int) -> None:
        time.sleep(PAUSE)
        plain(self, migration, first)
        time.sleep(PAUSE)

    return run_steps


def unintended() -> None:
    """A migration begins without the registry knowing what it will do."""
    slow()

    def keep_intent(connection: Any, *, subject: str, engine: str, intent: str | None) -> None:
        about = json.loads(intent or "{}")
        audit.record(connection, "begin-migration", subject, engine=engine, **about)

    deployments.keep_intent = keep_intent


def unguarded() -> None:
    """A version is kept although another, or another mode, came since it was checked."""
    plain = Store.add

    def add(self: Store, versions: Sequence[NewVersion], **_: Any) -> list[Version]:
        time.sleep(PAUSE / 5)
        return plain(
            self, [replace(new, after=None, follows=None, judged=None) for new in versions]
        )

    Store.add = add  # type: ignore[method-assign]


FAULTS = (
    early,
    piecemeal,
    unreconciled,
    unannounced,
    unguarded,
    unsynced,
    unasked,
    slow,
    unintended,
)

if __name__ == "__main__":
    fault, *words = sys.argv[1:]
    {known.__name__: known for known in FAULTS}[fault]()
    sys.argv[1:] = words
    main()
