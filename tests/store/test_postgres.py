"""The PostgreSQL store: the contract, and what is PostgreSQL's own."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, text

from postgres import PostgresServer, postgres, postgres_server
from protolith import BusyError, ConflictError, SchemaRegistry, SchemaRegistryError
from protolith.store import Store
from protolith.store.postgres import PostgresStore
from protolith.store.tables import FORMAT
from protolith.web.app import create_app
from store.access_contract import AccessContract
from store.contract import A, B, StoreContract, new

__all__ = ["postgres"]

KILLS = int(os.environ.get("PROTOLITH_KILLS", "3"))


def open_new(url: str) -> PostgresStore:
    store = PostgresStore(url, checked=False)
    store.upgrade()
    return store


@pytest.fixture
def store(postgres: PostgresServer) -> Iterator[Store]:
    opened = open_new(postgres.database())
    yield opened
    opened.close()


class TestPostgreSQL(StoreContract, AccessContract):
    pass


def test_an_empty_database_is_filled_on_purpose_alone(postgres: PostgresServer) -> None:
    url = postgres.database()
    with pytest.raises(ConflictError, match="has no tables yet") as caught:
        PostgresStore(url)
    assert caught.value.hint == "protolith db upgrade"
    store = PostgresStore(url, checked=False)
    assert store.upgrade() == (0, FORMAT)
    assert store.upgrade() == (FORMAT, FORMAT)
    store.close()
    PostgresStore(url).close()


def test_a_newer_format_is_refused(store: PostgresStore) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    with pytest.raises(ConflictError, match=r"written by a newer Protolith \(format 99"):
        store._check_format()
    with pytest.raises(ConflictError, match="newer"):
        store.upgrade()


def test_somebody_elses_tables_are_left_alone(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.database(), checked=False)
    with store.writing() as connection:
        connection.execute(text("CREATE TABLE schemas (x int)"))
    with pytest.raises(ConflictError, match="not Protolith's"):
        store.upgrade()
    store.close()


def test_an_address_that_nobody_answers_at_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SchemaRegistryError, match="does not answer") as caught:
        PostgresStore(f"postgresql://postgres@/x?host={tmp_path}")
    assert caught.value.code == "STORE_UNAVAILABLE"
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("25006", "STORE_UNAVAILABLE"),
        ("53200", "STORE_UNAVAILABLE"),
        ("58030", "STORE_UNAVAILABLE"),
        ("XX001", "STORE_DAMAGED"),
        ("53100", "STORAGE_FULL"),
    ],
)
def test_what_its_server_reports_has_a_code_and_a_hint(
    store: PostgresStore, state: str, code: str
) -> None:
    report = f"DO $$ BEGIN RAISE 'as the server would' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(SchemaRegistryError) as caught:
        store.write(lambda connection: connection.execute(text(report)))
    assert caught.value.code == code
    assert caught.value.hint


def test_a_database_that_only_reads_is_read_on(postgres: PostgresServer) -> None:
    url = postgres.database()
    store = open_new(url)
    with store.writing() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    store.close()
    store = PostgresStore(url)
    with pytest.raises(SchemaRegistryError) as caught:
        store.add([new(A)])
    assert caught.value.code == "STORE_UNAVAILABLE"
    assert store.subjects() == []
    store.close()


def test_a_commit_waits_for_the_disk(store: Store) -> None:
    with store.writing() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_a_lock_is_waited_for_only_so_long(
    store: PostgresStore,
) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.writing() as connection:
            store.lock(connection, ["d.t"])
            held.set()
            done.wait()

    def impatient(connection: Connection) -> None:
        connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        store.lock(connection, ["d.t"])

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with pytest.raises(BusyError):
        store.write(impatient)
    assert store.add([new(A, table="other")])[0].version == 1  # nobody else has to wait
    done.set()
    holder.join()


def test_batches_in_opposite_orders_do_not_block_each_other(postgres: PostgresServer) -> None:
    store = open_new(postgres.database())
    contents = [f"{n:064x}" for n in range(40)]
    failures: list[Exception] = []

    def register(order: list[str], prefix: str) -> None:
        try:
            store.add([new(c, table=f"{prefix}{c[-2:]}") for c in order])
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    orders = [(contents, "a"), (contents[::-1], "b"), (contents[:5], "c"), (contents[4::-1], "d")]
    threads = [threading.Thread(target=register, args=pair) for pair in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({v.id for n in range(40) for v in store.find_id(n + 1)}) == 40
    store.close()


def test_the_setting_chooses_it(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.database()
    open_new(url).close()
    monkeypatch.setenv("PROTOLITH_STORE", url)
    with SchemaRegistry(tmp_path / "one") as one, SchemaRegistry(tmp_path / "two") as two:
        schema_id = one.register_json([{"name": "a", "type": "STRING"}], "t")
        assert two.get_schema_version(schema_id).version == 1
    assert not (tmp_path / "one" / "registry.db").exists()
    monkeypatch.setenv("PROTOLITH_STORE", "mysql://x")
    with pytest.raises(SchemaRegistryError, match="not the address of a PostgreSQL"):
        SchemaRegistry(tmp_path).list_schemas()


class Clients(threading.Thread):
    """Several who register new contents, and remember what was acknowledged."""

    def __init__(self, store: Store, table: str) -> None:
        super().__init__()
        self.store, self.table = store, table
        self.stop = threading.Event()
        self.acknowledged: dict[str, tuple[int, int]] = {}

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            content = hashlib.sha256(f"{self.table} {number}".encode()).hexdigest()
            with suppress(SchemaRegistryError):
                version = self.store.add([new(content, table=self.table)])[0]
                self.acknowledged[content] = (version.id, version.version)

    def check(self) -> list[int]:
        """All that was acknowledged is there; its ids."""
        for content, (content_id, number) in self.acknowledged.items():
            kept = self.store.find(f"d.{self.table}@{number}")
            assert (kept.id, kept.version_hash) == (content_id, content)
        numbers = [line.version for line in self.store.history(f"d.{self.table}")]
        assert numbers == list(range(len(numbers), 0, -1))
        return [content_id for content_id, _ in self.acknowledged.values()]


def test_nothing_acknowledged_is_lost_when_the_server_is_killed() -> None:
    """Immediate stops under load; who was cut off in a commit finds out by content."""
    with postgres_server(durable=True) as server:
        store = open_new(server.database())
        clients = [Clients(store, f"t{number}") for number in range(4)]
        for client in clients:
            client.start()
        for _ in range(KILLS):
            before = [len(client.acknowledged) for client in clients]
            while any(len(c.acknowledged) < n + 5 for c, n in zip(clients, before, strict=True)):
                time.sleep(0.01)
            server.stop("immediate")
            server.start()
        for client in clients:
            client.stop.set()
        for client in clients:
            client.join()
        ids = [content_id for client in clients for content_id in client.check()]
        assert len(set(ids)) == len(ids)
        print(f"{KILLS} kills, {len(ids)} acknowledged, 0 lost")  # noqa: T201
        store.close()


def test_the_same_content_by_many_at_once_is_one_id(postgres: PostgresServer) -> None:
    url = postgres.database()
    stores = [open_new(url), PostgresStore(url), PostgresStore(url)]
    found: list[tuple[str, int, int]] = []

    def register(store: Store, worker: int) -> None:
        for content in (A, B):
            version = store.add([new(content, table=f"t{worker % 3}")])[0]
            found.append((content, version.id, version.version))

    threads = [threading.Thread(target=register, args=(stores[n % 3], n)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 24
    assert len({(content, id_) for content, id_, _ in found}) == 2
    for store in stores:
        store.close()


def test_over_rest_a_lost_server_is_unavailable_and_then_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protolith.store.postgres._WAIT_SECONDS", 1)
    with postgres_server() as server:
        url = server.database()
        open_new(url).close()
        monkeypatch.setenv("PROTOLITH_STORE", url)
        body = {"schema_json": [{"name": "a", "type": "STRING"}], "table_name": "t"}
        with TestClient(create_app(tmp_path)) as client:
            server.stop("immediate")
            refused = [client.get("/schemas"), client.post("/schemas/register-json", json=body)]
            server.start()
            for answer in refused:
                assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
                assert answer.headers["Retry-After"].isdigit()
                assert answer.json()["hint"]
            assert client.post("/schemas/register-json", json=body).status_code == 200
