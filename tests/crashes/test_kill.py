"""The server killed at random moments, with writers at work and tables being created."""

import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from postgres import PostgresServer, postgres
from protolith import SchemaRegistry
from protolith.store.postgres import PostgresStore

__all__ = ["postgres"]

KILLS = int(os.environ.get("PROTOLITH_KILLS", "2"))
WRITERS = 4


class Server:
    """The program `protolith serve`, on a data directory."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", "from protolith.cli import main; main()"]
        self.process = subprocess.Popen(
            [*command, "--home", str(self.home), "serve", "--port", "0"],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r":(\d+),", line)
        assert found, line
        self.port = int(found[1])
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        for _ in range(600):
            with suppress(OSError, http.client.HTTPException):
                return ask(self.port, "GET", "/health") and None
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


def ask(port: int, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        head = {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), head)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        return content if answer.status == 200 else None
    finally:
        connection.close()


class Writer(threading.Thread):
    """Registers batches of two and creates their tables; remembers what was acknowledged."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__()
        self.server, self.number = server, number
        self.stop = threading.Event()
        self.batches: list[list[str]] = []
        self.tables: set[str] = set()
        self.tried = 0

    def run(self) -> None:
        while not self.stop.is_set():
            self.tried += 1
            columns = [{"name": f"c{self.tried}", "type": "STRING"}]
            about = {"schema_json": columns, "database_name": f"w{self.number}"}
            batch = [about | {"table_name": "t"}, about | {"table_name": f"u{self.tried}"}]
            with suppress(OSError, http.client.HTTPException, ValueError):
                body = {"schemas": batch}
                answer = ask(self.server.port, "POST", "/schemas/register-batch", body)
                if answer is not None:
                    self.batches.append(answer["schema_ids"])
                    self.create(f"w{self.number}.u{self.tried}")

    def create(self, subject: str) -> None:
        path = f"/schemas/{subject}/tables"
        if ask(self.server.port, "POST", path, {"engine": "duckdb"}) is not None:
            self.tables.add(subject)


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


def test_a_killed_server_forgets_nothing(home: Path) -> None:
    seed = 7
    dice = random.Random(seed)
    server = Server(home)
    writers = [Writer(server, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.3, 1.2))
        server.kill()
        server.start()
    time.sleep(0.5)
    for writer in writers:
        writer.stop.set()
    for writer in writers:
        writer.join()
    server.kill()
    with SchemaRegistry(home) as registry:
        cut_off = registry.diagnose(mend=True, unfinished=True)
        assert {d.mended for d in cut_off} <= {True}
        acknowledged = sum(check(registry, writer) for writer in writers)
        assert {d.state for d in registry.diagnose()} <= {"fine"}
    assert acknowledged > 0
    print(f"seed {seed}: {KILLS + 1} kills, {acknowledged} acknowledged, 0 lost")  # noqa: T201


def check(registry: SchemaRegistry, writer: Writer) -> int:
    """All that a writer was told is there, batches are whole, and numbers have no gaps."""
    database = f"w{writer.number}"
    lines = registry.get_schema_versions(f"{database}.t") if writer.batches else []
    kept = {line["schema_id"] for line in lines}
    assert {first for first, _ in writer.batches} <= kept
    assert [line["version"] for line in lines] == list(range(len(lines), 0, -1))
    columns = (registry.get_schema_version(f"{database}.t@{n + 1}") for n in range(len(lines)))
    for version in columns:  # the other member of its batch
        name = f"{database}.u{version.fields[0].name[1:]}"
        assert registry.get_schema_version(name).id == version.id
    created = {
        f"{schema.database_name}.{schema.table_name}"
        for schema in registry.list_schemas()
        if schema.engines_created
    }
    assert writer.tables <= created
    return len(writer.batches)
