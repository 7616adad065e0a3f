"""The server killed while it moves a table: after the restart the registry and the engine agree."""

import http.client
import json
import os
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from crashes.servers import Server, ask
from protolith import SchemaRegistry
from protolith.engines import EMBEDDED

KILLS = max(2, int(os.environ.get("PROTOLITH_KILLS", "0")) // 3)
SUBJECT = "d.t"
COLUMNS_EACH = 3


def register(server: Server, number: int) -> None:
    """Register the version of this number: three columns more than the one before."""
    columns = [{"name": f"c{n}", "type": "STRING"} for n in range(COLUMNS_EACH * number)]
    body = {"schema_json": columns, "database_name": "d", "table_name": "t"}
    status, told = ask(server.port, "POST", "/schemas/register-json", body)
    assert (status, told["version"]) == (200, number)


class Move(threading.Thread):
    """Asks for a migration, and remembers whether it was acknowledged."""

    def __init__(self, server: Server, engine: str, number: int) -> None:
        super().__init__()
        self.server, self.engine, self.number = server, engine, number
        self.acknowledged = False

    def run(self) -> None:
        path = f"/schemas/{SUBJECT}@{self.number}/migrations"
        with suppress(OSError, http.client.HTTPException, ValueError):
            status, _ = ask(self.server.port, "POST", path, {"engine": self.engine})
            self.acknowledged = status == 200

    def await_begin(self) -> None:
        """Wait until the server has said in the audit trail that it begins."""
        path = f"/audit?subject={SUBJECT}&limit=1"
        while self.is_alive():
            (last,) = ask(self.server.port, "GET", path)[1]
            if last["action"] == "begin-migration":
                return
            time.sleep(0.01)


def kill_moving(home: Path, engine: str, kills: int, *, seed: int, fault: str) -> Counter[str]:
    """Kill a server in so many migrations, one after the other; count what came of them."""
    dice, ends = random.Random(seed), Counter[str]()
    server = Server(home, fault)
    try:
        register(server, 1)
        assert ask(server.port, "POST", f"/schemas/{SUBJECT}/tables", {"engine": engine})[0] == 200
        for number in range(2, kills + 2):
            register(server, number)
            move = Move(server, engine, number)
            move.start()
            move.await_begin()
            time.sleep(dice.uniform(0, 0.5))
            server.kill()
            move.join()
            server.start()
            (found,) = ask(server.port, "GET", "/doctor")[1]
            (deployment,) = ask(server.port, "GET", "/deployments")[1]
            drift = ask(server.port, "GET", f"/deployments/{SUBJECT}:{engine}/drift")[1]
            if found["state"] != "fine" or drift["differences"]:
                ends["wrong"] += 1
                break
            moved = deployment["version"] == number
            ends["lost"] += move.acknowledged and not moved
            ends["finished at the start"] += moved and not move.acknowledged
            ends["acknowledged"] += move.acknowledged
    finally:
        server.kill()
    return +ends


@pytest.mark.parametrize("engine", EMBEDDED)
def test_a_migration_that_was_killed_is_finished(tmp_path: Path, engine: str) -> None:
    seed = 3
    ends = kill_moving(tmp_path / "home", engine, KILLS, seed=seed, fault="slow")
    print(f"seed {seed}: {KILLS} kills in {engine} migrations: {dict(ends)}")  # noqa: T201
    assert set(ends) <= {"finished at the start", "acknowledged"}
    assert ends["finished at the start"] > 0
    assert sum(ends.values()) == KILLS


@pytest.mark.parametrize("engine", EMBEDDED)
def test_a_migration_without_an_intent_is_caught(tmp_path: Path, engine: str) -> None:
    assert kill_moving(tmp_path / "home", engine, 10, seed=3, fault="unintended")["wrong"] > 0


def test_what_cannot_be_finished_is_said_at_the_start_and_nothing_waits_for_it(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with SchemaRegistry(home) as registry:
        registry.register_json([{"name": "a", "type": "STRING"}], "t", "d")
        registry.create_table(SUBJECT, "duckdb")
        layout = {"style": "flat"}
        intent = {"version": 9, "layout": layout, "drop_columns": True, "allow_lossy": True}
        registry._store.keep_intent(SUBJECT, "duckdb", json.dumps(intent))
    server = Server(home)
    try:
        (found,) = ask(server.port, "GET", "/doctor")[1]
        command = (
            "protolith migrate d.t@9 --engine duckdb --apply --allow-lossy --drop-columns"
            """ --layout '{"style": "flat"}'"""
        )
        assert (found["state"], found["message"].endswith(command)) == ("unfinished", True)
        assert command in " ".join(server.log.read_text().split())
        register(server, 2)
    finally:
        server.kill()
