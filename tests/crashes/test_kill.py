"""The server killed at random moments, with writers at work and tables being created."""

import http.client
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from crashes.servers import Server, ask
from postgres import PostgresServer, postgres
from protolith import NotFoundError, SchemaRegistry
from protolith.store.postgres import PostgresStore

__all__ = ["postgres"]

KILLS = int(os.environ.get("PROTOLITH_KILLS", "2"))
WRITERS = 4
_TABLES = "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables"


@dataclass(frozen=True)
class Batch:
    """What a writer was told: the ids of both members, and what the first one's id stood for."""

    schema_ids: tuple[str, str]
    id: int | None = None
    version: int | None = None


class Writer(threading.Thread):
    """Registers batches of two and creates their tables; remembers what was acknowledged."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__()
        self.server, self.number = server, number
        self.stop = threading.Event()
        self.batches: list[Batch] = []
        self.tables: set[str] = set()
        self.tried = 0

    def run(self) -> None:
        while not self.stop.is_set():
            self.tried += 1
            try:
                self.register()
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02)  # the server is being started

    def register(self) -> None:
        columns = [{"name": f"w{self.number}_{self.tried}", "type": "STRING"}]
        about = {"schema_json": columns, "database_name": f"w{self.number}"}
        batch = [about | {"table_name": "t"}, about | {"table_name": f"u{self.tried}"}]
        status, told = ask(self.server.port, "POST", "/schemas/register-batch", {"schemas": batch})
        if status != 200:
            return
        one, two = told["schema_ids"]
        self.batches.append(Batch((one, two)))
        status, told = ask(self.server.port, "GET", f"/schemas/{one}")
        if status == 200:
            self.batches[-1] = Batch((one, two), told["id"], told["version"])
        subject = f"w{self.number}.u{self.tried}"
        body = {"engine": "duckdb"}
        if ask(self.server.port, "POST", f"/schemas/{subject}/tables", body)[0] == 200:
            self.tables.add(subject)


@dataclass
class Outcome:
    """What was acknowledged, and everything that is not as it was promised."""

    kills: int = 0
    batches: int = 0
    tables: int = 0
    wrong: Counter[str] = field(default_factory=Counter)


@pytest.fixture(params=["sqlite", "postgresql"])
def home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.database()
        store = PostgresStore(url, checked=False)
        store.upgrade()
        store.close()
        monkeypatch.setenv("PROTOLITH_STORE", url)
    return tmp_path / "home"


def kill_often(home: Path, kills: int, *, seed: int, fault: str | None = None) -> Outcome:
    """Kill a server under load so often; look at what is left, and at the server's own doctor."""
    dice = random.Random(seed)
    server = Server(home, fault)
    writers = [Writer(server, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for done in range(kills):
        _await_more(writers, tables=fault is None)
        time.sleep(dice.uniform(0.3, 1.2))
        server.kill()
        if done == kills - 1:
            for writer in writers:
                writer.stop.set()
        server.start()
    for writer in writers:
        writer.join()
    outcome = Outcome(kills)
    states = [found["state"] for found in ask(server.port, "GET", "/doctor")[1]]
    outcome.wrong.update(state for state in states if state != "fine")
    server.kill()
    with SchemaRegistry(home) as registry:
        for writer in writers:
            _check(registry, writer, outcome)
        _check_ids(registry, outcome)
        known = {table.subject for table in registry.deployments()}
        there = registry.query("duckdb", _TABLES).column("name").to_pylist()
        outcome.wrong["table of nobody"] += len(set(there) - known)
    outcome.wrong = +outcome.wrong
    return outcome


def _await_more(writers: list[Writer], *, tables: bool) -> None:
    """Wait until something more was acknowledged, however slow the machine is."""

    def told() -> tuple[int, int]:
        return sum(len(w.batches) for w in writers), sum(len(w.tables) for w in writers)

    before, end = told(), time.monotonic() + 120
    while told()[0] == before[0] or (tables and told()[1] == before[1]):
        assert time.monotonic() < end, "nothing is acknowledged any more"
        time.sleep(0.01)


def _check(registry: SchemaRegistry, writer: Writer, outcome: Outcome) -> None:
    """All that a writer was told is there, batches are whole, and numbers have no gaps."""
    database = f"w{writer.number}"
    try:
        lines = registry.get_schema_versions(f"{database}.t")
    except NotFoundError:
        lines = []
    numbers = [line["version"] for line in lines]
    outcome.wrong["gap"] += numbers != list(range(len(lines), 0, -1))
    kept = {line["schema_id"]: line["version"] for line in lines}
    names = {f"{s.database_name}.{s.table_name}": s for s in registry.list_schemas()}
    mine = {name for name in names if name.startswith(f"{database}.u")}
    whole = set()
    for number in numbers:
        version = registry.get_schema_version(f"{database}.t@{number}")
        whole.add(f"{database}.u{version.fields[0].name.split('_')[1]}")
    outcome.wrong["half a batch"] += len(whole ^ mine)
    others = {names[name].schema_id for name in mine}
    for batch in writer.batches:
        first, second = batch.schema_ids
        outcome.wrong["lost"] += first not in kept or second not in others
        if batch.id is not None and first in kept:
            version = registry.get_schema_version(first)
            moved = (version.id, version.version) != (batch.id, batch.version)
            outcome.wrong["another id or number"] += moved
    created = {name for name, schema in names.items() if schema.engines_created}
    outcome.wrong["lost table"] += len(writer.tables - created)
    outcome.batches += len(writer.batches)
    outcome.tables += len(writer.tables)


def _check_ids(registry: SchemaRegistry, outcome: Outcome) -> None:
    """One id for each content, and one content for each id."""
    pairs = set()
    for schema in registry.list_schemas():
        subject = f"{schema.database_name}.{schema.table_name}"
        for line in registry.get_schema_versions(subject):
            version = registry.get_schema_version(f"{subject}@{line['version']}")
            pairs.add((version.id, version.fingerprint))
    ids, contents = ({pair[side] for pair in pairs} for side in (0, 1))
    outcome.wrong["id twice"] += 2 * len(pairs) - len(ids) - len(contents)


def test_a_killed_server_forgets_nothing(home: Path) -> None:
    seed = 7
    found = kill_often(home, KILLS, seed=seed)
    assert found.wrong == Counter()
    assert found.batches >= KILLS
    assert found.tables >= KILLS
    print(  # noqa: T201
        f"seed {seed}: {found.kills} kills, {2 * found.batches} registrations and {found.tables}"
        " tables acknowledged, 0 lost"
    )


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("early", "lost"),
        ("piecemeal", "half a batch"),
        ("unreconciled", "unfinished"),
        ("unannounced", "table of nobody"),
    ],
)
def test_a_fault_is_caught_by_the_kills(home: Path, fault: str, wrong: str) -> None:
    assert kill_often(home, 2, seed=7, fault=fault).wrong[wrong] > 0


@pytest.mark.parametrize("home", ["postgresql"], indirect=True)
def test_an_early_answer_is_caught_with_postgresql_too(home: Path) -> None:
    assert kill_often(home, 1, seed=7, fault="early").wrong["lost"] > 0
