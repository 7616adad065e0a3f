"""Many clients at a few subjects; every answer must be explained by some order of the calls."""

import os
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from crashes.linearizability import MISSING, REFUSED, UNKNOWN, Call, explained
from crashes.servers import Server, ask
from postgres import postgres
from protolith.store.postgres import PostgresStore

__all__ = ["postgres"]

ROUNDS = int(os.environ.get("PROTOLITH_RACES", "3"))
MANY = 20
SUBJECTS = ("d.a", "d.b")
CLIENTS = 6
CALLS = 15
CONTENTS = ("STRING one", "STRING two", "INTEGER three", "INTEGER four")
ACTIONS = [
    "register",
    "register",
    "register",
    "latest",
    "latest",
    "type",
    "type",
    "history",
    "delete",
    "undelete",
    "purge",
    "set_mode",
    "mode",
]


def columns(content: str) -> list[dict[str, str]]:
    type_, words = content.split()
    return [{"name": "x", "type": type_, "description": words}]


def content_of(columns: list[dict[str, str]]) -> str:
    return f"{columns[0]['type']} {columns[0]['description']}"


class Client(threading.Thread):
    """Calls one server at random, and writes down what it was told."""

    def __init__(self, port: int, dice: random.Random, suffix: str) -> None:
        super().__init__()
        self.port, self.dice, self.suffix = port, dice, suffix
        self.calls: list[tuple[str, Call]] = []
        self.statuses: Counter[int] = Counter()

    def run(self) -> None:
        for _ in range(CALLS):
            subject = f"{self.dice.choice(SUBJECTS)}{self.suffix}"
            action = self.dice.choice(ACTIONS)
            value = self.value(action)
            began = time.monotonic()
            answer = self.call(subject, action, value)
            self.calls.append((subject, Call(action, value, began, time.monotonic(), answer)))

    def value(self, action: str) -> Any:
        if action == "register":
            return self.dice.choice(CONTENTS)
        if action == "set_mode":
            return self.dice.choice(["NONE", "FULL", "FULL"])
        numbers = (None, 1, 2, 3) if action == "delete" else (1, 2, 3)
        return self.dice.choice(numbers) if action in ("delete", "undelete", "purge") else None

    def call(self, subject: str, action: str, value: Any) -> Any:
        request, read = _request(subject, action, value)
        with suppress(OSError):
            status, body = ask(self.port, *request)
            self.statuses[status] += 1
            if status == 404:
                return MISSING
            if status == 409:
                # Whoever moved on too often was not judged at all.
                return UNKNOWN if body["code"] == "MOVED_ON" else REFUSED
            if status == 200:
                return read(body)
        return UNKNOWN


def _request(subject: str, action: str, value: Any) -> tuple[tuple[Any, ...], Callable[[Any], Any]]:
    """The method, path and body of a call, and how its answer is read."""
    database, table = subject.split(".")
    at = f"/schemas/{subject}" if value is None else f"/schemas/{subject}@{value}"
    mode = f"/subjects/{subject}/compatibility"
    match action:
        case "register":
            names = {"database_name": database, "table_name": table}
            body = {"schema_json": columns(value), **names}
            return ("POST", "/schemas/register-json", body), lambda told: told["version"]
        case "latest":
            request = ("GET", f"/schemas/{subject}")
            return request, lambda told: (told["version"], content_of(told["schema_json"]))
        case "type":  # what this route asks is kept in a cache
            other = {"schema_id": subject, "new_schema": [{"name": "x", "type": "DATE"}]}
            request = ("POST", "/schemas/compatibility", other)
            return request, lambda told: told["issues"][0]["old_type"]
        case "history":
            return (
                "GET",
                f"/schemas/{subject}/versions",
            ), lambda told: tuple(sorted(line["version"] for line in told)) or MISSING
        case "set_mode":
            return ("PUT", mode, {"mode": value}), lambda told: told["mode"]
        case "mode":
            return ("GET", mode), lambda told: told["mode"]
    words = {"delete": "", "purge": "?for_good=true", "undelete": "/undelete"}[action]
    method = "POST" if action == "undelete" else "DELETE"
    return (method, f"{at}{words}"), lambda told: tuple(told["versions"])


@pytest.fixture(params=["sqlite", "postgresql"])
def start(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str | None], list[Server]]]:
    """Starts two servers on one PostgreSQL database, or on one file of SQLite."""
    servers: list[Server] = []

    def started(fault: str | None = None) -> list[Server]:
        if request.param == "postgresql":
            url = request.getfixturevalue("postgres").database()
            store = PostgresStore(url, checked=False)
            store.upgrade()
            store.close()
            monkeypatch.setenv("PROTOLITH_STORE", url)
        homes = ("home", "home") if request.param == "sqlite" else ("home1", "home2")
        servers.extend(
            Server(tmp_path / home, fault, name=f"server{n}") for n, home in enumerate(homes)
        )
        return servers

    yield started
    for server in servers:
        server.kill()


def race(
    servers: list[Server], *, seed: int, rounds: Iterable[int]
) -> tuple[int, int, Counter[int]]:
    """How many calls there were, how many histories had no order, and the statuses."""
    calls = unexplained = 0
    statuses: Counter[int] = Counter()
    for round_ in rounds:
        clients = [
            Client(
                servers[n % len(servers)].port, random.Random(f"{seed} {round_} {n}"), str(round_)
            )
            for n in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        histories: dict[str, list[Call]] = defaultdict(list)
        for client in clients:
            statuses += client.statuses
            for subject, call in client.calls:
                histories[subject].append(call)
        calls += sum(map(len, histories.values()))
        unexplained += sum(not explained(history) for history in histories.values())
    return calls, unexplained, statuses


def test_every_history_has_an_order(start: Callable[..., list[Server]]) -> None:
    seed = 11
    calls, unexplained, statuses = race(start(), seed=seed, rounds=range(ROUNDS))
    about = f"{calls} calls of {CLIENTS} clients, {unexplained} histories without an order"
    print(f"seed {seed}: {about}, {dict(statuses)}")  # noqa: T201
    assert unexplained == 0
    assert set(statuses) <= {200, 404, 409, 503}
    assert min(statuses[200], statuses[404], statuses[409]) > 0


# The last shows in few rounds of many: it is looked for where there are many (make crashes).
@pytest.mark.parametrize("fault", ["early", "unasked", "unguarded"][: 3 if ROUNDS >= MANY else 2])
def test_a_fault_has_no_order(start: Callable[..., list[Server]], fault: str) -> None:
    servers = start(fault)
    assert any(race(servers, seed=11, rounds=[round_])[1] for round_ in range(40))
