"""Small loads that come while another runs go into one insert; each has its own answer."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import sleep
from typing import Any

import pyarrow as pa
import pytest
from tests.conftest import delimited

from protolith import ConflictError, LoadResult, RowsRejectedError, SchemaRegistry
from protolith.engines import Engine
from protolith.errors import BusyError, EngineError
from protolith.registry import groups
from protolith.tables import Integer, Table

PROTO = """syntax = "proto3"; import "bq_field.proto"; message Event {
  int64 id = 1;
  optional string at = 2 [(gen_bq_schema.bigquery).type_override = "GEOGRAPHY"]; }"""
MANY = 20
GOOD, BAD, FAR = b"\x08\x01", b"\x08\x02\x12\x02\xff\xfe", b"\x08\x03\x12\x03far"


class Gate:
    """An engine whose first load waits until it is let through; it counts its loads."""

    def __init__(self, engine: Engine, patch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.inside, self.opened = Event(), Event()
        self.fault: BaseException | None = None
        plain: Callable[..., bool] = engine.load

        def load(table: Table, rows: pa.Table, load_id: str | None = None) -> bool:
            self.sizes.append(rows.num_rows)
            self.inside.set()
            assert self.opened.wait(30)
            if self.fault is not None:
                raise self.fault
            return plain(table, rows, load_id)

        patch.setattr(engine, "load", load)


class World:
    """A registry with a table, and clients that post to it at the same time."""

    def __init__(self, registry: SchemaRegistry, engine: str, patch: pytest.MonkeyPatch) -> None:
        self.registry, self.engine = registry, registry.engine(engine)
        registry.register_schema(PROTO, "events", "shop")
        registry.create_table("shop.events", engine)
        self.gate = Gate(self.engine, patch)
        self.clients = ThreadPoolExecutor(MANY + 1)

    def post(self, *records: bytes) -> "Future[LoadResult]":
        return self.clients.submit(self.registry.ingest, "shop.events", delimited(*records))

    def gathered(self, posts: list[tuple[bytes, ...]]) -> list[Any]:
        """Posts that wait while another one is loaded; the answer to each."""
        first = self.post(GOOD)
        assert self.gate.inside.wait(30)
        others = [self.post(*records) for records in posts]
        (queue,) = self.registry._groups._queues.values()
        decoded = [post for post in posts if BAD not in post]
        for _ in range(3000):
            if len(queue.waiting) == len(decoded):
                break
            sleep(0.01)
        self.gate.opened.set()
        return [future.exception() or future.result() for future in [first, *others]]

    def count(self) -> int:
        found = self.registry.query(self.engine.name, "SELECT count(*) AS n FROM shop.events")
        return int(found.column("n")[0].as_py())


@pytest.fixture(params=["duckdb", "clickhouse"])
def world(
    registry: SchemaRegistry, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    made = World(registry, request.param, monkeypatch)
    yield made
    made.gate.opened.set()
    made.clients.shutdown()


def test_what_waits_goes_into_one_insert(world: World) -> None:
    answers = world.gathered([(GOOD,) * (n + 1) for n in range(MANY)])
    assert [answer.rows for answer in answers] == [1, *range(1, MANY + 1)]
    assert world.gate.sizes == [1, sum(range(MANY + 1))]
    assert world.count() == 1 + sum(range(MANY + 1))


def test_a_bad_record_costs_its_own_post_alone(world: World) -> None:
    answers = world.gathered([(GOOD,), (GOOD, BAD), (GOOD, GOOD)])
    assert isinstance(answers[2], RowsRejectedError)
    assert answers[2].details[0].record == 1
    assert [answers[n].rows for n in (0, 1, 3)] == [1, 1, 2]
    assert (world.gate.sizes, world.count()) == ([1, 3], 4)


@pytest.mark.parametrize("world", ["duckdb"], indirect=True)
def test_what_the_engine_refuses_costs_its_own_post_alone(world: World) -> None:
    answers = world.gathered([(GOOD,), (GOOD, FAR), (GOOD,)])
    assert isinstance(answers[2], EngineError)
    assert [answers[n].rows for n in (0, 1, 3)] == [1, 1, 1]
    assert world.count() == 3


def test_an_insert_is_not_larger_than_allowed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_TOGETHER", 1)
    answers = world.gathered([(GOOD,), (GOOD, GOOD)])
    assert [answer.rows for answer in answers] == [1, 1, 2]
    assert sorted(world.gate.sizes) == [1, 1, 2]


def test_a_table_that_changes_while_rows_wait_is_seen(world: World) -> None:
    first = world.post(GOOD)
    assert world.gate.inside.wait(30)
    second = world.post(GOOD)
    (queue,) = world.registry._groups._queues.values()
    while not queue.waiting:
        sleep(0.01)
    name = world.engine.dialect.qualified(world.registry.table("shop.events"))
    text = world.engine.dialect.type_text(Integer(32))
    world.engine.run([f"ALTER TABLE {name} ADD COLUMN more {text}"])
    world.gate.opened.set()
    assert first.result().rows == 1
    assert second.result().rows == 1  # its rows were made again for the columns that are there now
    world.engine.run([f"ALTER TABLE {name} DROP COLUMN id"])
    with pytest.raises(ConflictError, match="id: is missing"):
        world.registry.ingest("shop.events", delimited(GOOD))
    assert world.count() == 2


def test_who_loads_for_others_and_is_interrupted_tells_them(world: World) -> None:
    world.gate.fault = KeyboardInterrupt()
    first = world.post(GOOD)
    assert world.gate.inside.wait(30)
    (queue,) = world.registry._groups._queues.values()
    others = [world.post(GOOD) for _ in range(3)]
    while len(queue.waiting) < len(others):
        sleep(0.01)
    world.gate.opened.set()
    told = [type(future.exception(30)) for future in [first, *others]]
    assert told[0] is KeyboardInterrupt
    assert sorted(kind.__name__ for kind in told[1:]) == [
        *("BusyError", "BusyError", "KeyboardInterrupt")
    ]
    assert BusyError in told
    world.gate.fault = None
    assert world.registry.ingest("shop.events", delimited(GOOD)).rows == 1
