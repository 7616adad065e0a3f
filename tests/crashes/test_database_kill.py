"""PostgreSQL killed and started again under a server with writers at work."""

import http.client
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from crashes.servers import Server, answered, ask
from postgres import PostgresServer, postgres_server
from protolith.store.postgres import PostgresStore

KILLS = int(os.environ.get("PROTOLITH_KILLS", "3"))
WRITERS = 4
MANY = 20


class Client(threading.Thread):
    """Asks the server, and remembers the statuses, and every answer that it may not give."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__()
        self.server, self.number = server, number
        self.stop = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.wrong: Counter[str] = Counter()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                self.call()
            except (OSError, http.client.HTTPException):
                self.wrong["no answer"] += 1
            time.sleep(0.002)

    def call(self) -> None:
        raise NotImplementedError

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        status, headers, told = answered(self.server.port, method, path, body)
        self.statuses[status] += 1
        if status == 503:
            self.wrong["503 that does not say when"] += not headers["Retry-After"].isdigit()
        elif status != 200:
            self.wrong[f"status {status}"] += 1
        return status, told


class Writer(Client):
    """Registers versions of one subject, each another content."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__(server, number)
        self.tried = 0
        self.acknowledged: dict[int, tuple[str, str]] = {}

    def call(self) -> None:
        self.tried += 1
        name = f"w{self.number}_{self.tried}"
        columns = [{"name": name, "type": "STRING"}]
        body = {"schema_json": columns, "table_name": f"t{self.number}", "database_name": "d"}
        status, told = self.ask("POST", "/schemas/register-json", body)
        if status == 200:
            self.acknowledged[int(str(told["version"]))] = (str(told["schema_id"]), name)


class Reader(Client):
    """Looks at a list, and whether the server itself is alive."""

    def call(self) -> None:
        self.ask("GET", "/schemas")
        status, _, _ = answered(self.server.port, "GET", "/health")
        self.wrong["not alive"] += status != 200


@contextmanager
def serving(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str | None
) -> Iterator[tuple[PostgresServer, Server]]:
    """A durable PostgreSQL, and a server on an empty database of it."""
    with postgres_server(durable=True) as database:
        url = database.database()
        store = PostgresStore(url, checked=False)
        store.upgrade()
        store.close()
        monkeypatch.setenv("PROTOLITH_STORE", url)
        server = Server(folder / "home", fault)
        try:
            yield database, server
        finally:
            server.kill()


def restarted(database: PostgresServer, server: Server, *, kills: int, seed: int) -> list[Client]:
    """Clients who were at work while the database was killed so often."""
    dice = random.Random(seed)
    writers = [Writer(server, number) for number in range(WRITERS)]
    clients: list[Client] = [*writers, Reader(server, WRITERS)]
    for client in clients:
        client.start()
    try:
        for done in range(kills):
            _await_more(clients)
            time.sleep(dice.uniform(0, 0.5))
            database.stop("immediate")
            # Where there are many, the first is longer than a writer waits.
            time.sleep(12 if kills >= MANY and done == 0 else dice.uniform(0, 1))
            database.start()
        _await_more(clients)  # it recovers by itself
    finally:
        for client in clients:
            client.stop.set()
        for client in clients:
            client.join()
    return clients


def _await_more(clients: list[Client]) -> None:
    """Wait until everybody has had good answers again."""
    before = [client.statuses[200] for client in clients]
    end = time.monotonic() + 120
    while any(c.statuses[200] < n + 5 for c, n in zip(clients, before, strict=True)):
        assert time.monotonic() < end, [client.statuses for client in clients]
        time.sleep(0.01)


def lost(server: Server, clients: list[Client]) -> int:
    """How many acknowledged versions are not there, or not what they were."""
    missing, ids, contents = 0, set(), set()
    for writer in clients:
        if not isinstance(writer, Writer):
            continue
        subject = f"d.t{writer.number}"
        lines = ask(server.port, "GET", f"/schemas/{subject}/versions")[1]
        numbers = [line["version"] for line in lines]
        assert numbers == list(range(len(numbers), 0, -1))
        kept = {}
        for number in numbers:
            told = ask(server.port, "GET", f"/schemas/{subject}@{number}")[1]
            kept[number] = (told["schema_id"], told["schema_json"][0]["name"])
            ids.add(told["id"])
            contents.add(kept[number][1])
        missing += sum(kept.get(n) != told for n, told in writer.acknowledged.items())
    assert len(ids) == len(contents)
    return missing


def test_nothing_acknowledged_is_lost_with_the_database_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = 5
    with serving(tmp_path, monkeypatch, None) as (database, server):
        clients = restarted(database, server, kills=KILLS, seed=seed)
        assert server.process.poll() is None
        assert lost(server, clients) == 0
    wrong, statuses = Counter[str](), Counter[int]()
    for client in clients:
        wrong, statuses = wrong + client.wrong, statuses + client.statuses
    assert wrong == Counter()
    assert statuses[503] > 0
    refused = [client.statuses[503] for client in clients if isinstance(client, Writer)]
    assert KILLS < MANY or min(refused) > 0
    acknowledged = sum(len(one.acknowledged) for one in clients if isinstance(one, Writer))
    print(  # noqa: T201
        f"seed {seed}: {KILLS} kills of PostgreSQL, {acknowledged} registrations acknowledged,"
        f" 0 lost, {dict(statuses)}"
    )


def test_a_commit_that_does_not_wait_for_the_disk_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, monkeypatch, "unsynced") as (database, server):
        clients = restarted(database, server, kills=3, seed=5)
        assert lost(server, clients) > 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/schemas/d.t/versions", None),
        ("GET", "/schemas/ids/1", None),
        ("GET", "/subjects/d.t/versions/latest", None),
        ("POST", "/schemas/compatibility", {"schema_id": "d.t", "new_schema": []}),
    ],
)
def test_a_read_that_waits_for_the_database_lets_others_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: object
) -> None:
    with serving(tmp_path, monkeypatch, None) as (_, server):
        columns = {"schema_json": [], "table_name": "t", "database_name": "d"}
        ask(server.port, "POST", "/schemas/register-json", columns)
        store = PostgresStore(os.environ["PROTOLITH_STORE"])
        reading = threading.Thread(target=ask, args=(server.port, method, path, body))
        with store.writing() as connection:
            connection.execute(text("LOCK TABLE schema_versions"))
            reading.start()
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            with store.reading() as other:
                while other.execute(waiting).scalar() == 0:
                    time.sleep(0.01)
            assert ask(server.port, "GET", "/health")[0] == 200
            assert reading.is_alive()
        reading.join()
        store.close()
