"""From the serializer through a real broker into tables, whatever happens on the way."""

import base64
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from confluent.server import message_class, serving
from kafka.broker import Broker

FIRST = """syntax = "proto3"; package shop;
message Order { int64 id = 1; int32 cents = 2; string city = 3; }"""
# Another order of messages and of fields, another name, and a field more.
SECOND = """syntax = "proto3"; package shop;
message Voucher { string code = 1; }
message Order { Voucher voucher = 4; string city = 3; int32 price = 2; int64 id = 1; }"""
PLAIN: dict[str, Any] = {"use.deprecated.format": False}
DEATHS = int(os.environ.get("PROTOLITH_LOADS", "4"))
SMALL = ("--batch-rows=150", "--batch-seconds=0.2")


@dataclass
class World:
    """A registry that is served, a topic, and commands in processes of their own."""

    home: Path
    registry: str
    broker: Broker
    topic: str
    engine: str
    partitions: int
    sent: int = 0
    headers: dict[str, Any] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"{self.topic}-value"

    def command(self, *words: str) -> list[str]:
        code = "from protolith.cli import main; main()"
        return [sys.executable, "-c", code, f"--home={self.home}", "--format=json", *words]

    def run(self, *words: str) -> list[Any]:
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def consuming(self, *words: str) -> list[str]:
        about = ("--topic", self.topic, "--bootstrap-servers", self.broker.servers)
        return self.command("consume", *about, "--engine", self.engine, *words)

    def consume(self, *words: str) -> dict[str, Any]:
        command = self.consuming("--until-end", *words)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def started(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.consuming(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def produce(self, cls: Any, count: int, **settings: Any) -> None:
        """Orders with numbers that go on, in all partitions."""
        with SchemaRegistryClient({"url": self.registry}) as client:
            write = ProtobufSerializer(cls, client, PLAIN | settings)
            producer = Producer({"bootstrap.servers": self.broker.servers})
            newer = "price" in cls.DESCRIPTOR.fields_by_name
            for n in range(self.sent, self.sent + count):
                made = cls(id=n, city="x" * (n % 7), **{"price" if newer else "cents": n % 1000})
                if newer:
                    made.voucher.code = f"v{n}"
                headers: list[Any] = []
                context = SerializationContext(self.topic, MessageField.VALUE, headers)
                self.send(producer, write(made, context), n, headers)
            assert producer.flush(30) == 0
        self.sent += count

    def send(self, producer: Producer, value: bytes | None, n: int, headers: Any = ()) -> None:
        producer.produce(self.topic, value, partition=n % self.partitions, headers=list(headers))
        producer.poll(0)

    def noted(self) -> int:
        """How many records the consumer has told the broker of."""
        group = f"protolith.{self.subject}.{self.engine}"
        consumer = Consumer({"bootstrap.servers": self.broker.servers, "group.id": group})
        try:
            places = [TopicPartition(self.topic, n) for n in range(self.partitions)]
            return sum(max(0, p.offset) for p in consumer.committed(places, timeout=10))
        finally:
            consumer.close()

    def query(self, columns: str) -> dict[str, int]:
        table = f"bigquery_lite.{self.topic.replace('-', '_')}"
        sql = f"SELECT {columns} FROM {table}"
        (row,) = self.run("query", sql, f"--engine={self.engine}")
        return {name: int(value or 0) for name, value in row.items()}


@pytest.fixture(params=["duckdb", "clickhouse"])
def world(request: pytest.FixtureRequest, broker: Broker, tmp_path: Path) -> Iterator[World]:
    home = tmp_path / "home"
    with serving(home) as address:
        yield World(home, address, broker, broker.topic(3), request.param, 3)


@pytest.fixture(scope="module")
def first() -> Any:
    return message_class(FIRST, "shop.Order")


@pytest.fixture(scope="module")
def second() -> Any:
    return message_class(SECOND, "shop.Order")


SUMS = "count(*) AS n, count(DISTINCT id) AS kinds, sum(id) AS ids, sum(length(city)) AS letters"


def expected(count: int) -> dict[str, int]:
    letters = sum(n % 7 for n in range(count))
    return {"n": count, "kinds": count, "ids": sum(range(count)), "letters": letters}


def killed_on_its_way(world: World) -> None:
    """A consumer that dies without a word, once it has loaded something more."""
    before, until = world.noted(), time.monotonic() + 60
    with world.started(*SMALL) as process:
        while world.noted() <= before:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < until
        process.send_signal(signal.SIGKILL)


def test_records_are_rows_once_though_the_schema_evolves_and_the_consumer_is_killed(
    world: World, first: Any, second: Any
) -> None:
    world.produce(first, 2000)
    world.run("create", world.subject, "--engine", world.engine)
    killed_on_its_way(world)
    world.produce(first, 1000)
    world.run("subject", "mode", world.subject, "NONE")
    world.produce(second, 1500)
    killed_on_its_way(world)
    world.run("migrate", world.subject, "--engine", world.engine, "--apply")
    killed_on_its_way(world)
    world.produce(first, 500)
    found = world.consume(*SMALL)
    assert (found["lag"], found["missing"], found["rejected_count"]) == (0, 0, 0)
    assert sum(found["positions"].values()) == world.sent == 5000
    cents = sum(n % 1000 for n in range(world.sent))
    found_rows = world.query(f"{SUMS}, sum(price) AS cents")
    assert found_rows == expected(world.sent) | {"cents": cents}
    assert found["rows"] >= 500
    again = world.consume()
    assert (again["rows"], again["loads"], again["positions"]) == (0, 0, found["positions"])


def test_a_consumer_that_dies_at_any_word_loses_and_doubles_nothing(
    world: World, first: Any
) -> None:
    """Each time it goes on with batches of another size, and there are more records."""
    world.produce(first, 600)
    world.run("create", world.subject, "--engine", world.engine)
    dice, killed = random.Random(int(os.environ.get("PROTOLITH_SEED", "7"))), 0
    for _ in range(DEATHS):
        program = [sys.executable, str(Path(__file__).with_name("dying.py"))]
        rows = f"--batch-rows={dice.choice([20, 50, 130, 400])}"
        words = world.consuming("--until-end", "--batch-seconds=0.05", rows)[3:]
        command = [*program, str(dice.randint(5, 60)), *words]
        killed += subprocess.run(command, check=False, capture_output=True).returncode == -9
        world.produce(first, 200)
    assert killed
    world.consume()
    assert world.query(SUMS) == expected(world.sent)
    print(f"{world.engine}: killed {killed} times")  # noqa: T201


def test_a_consumer_that_is_told_to_stop_loads_what_waits(world: World, first: Any) -> None:
    world.produce(first, 300)
    world.run("create", world.subject, "--engine", world.engine)
    until = time.monotonic() + 60
    with world.started("--batch-seconds=0.2") as process:
        while world.noted() < 300:
            assert process.poll() is None
            assert time.monotonic() < until
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    found = json.loads(out)
    assert (found["rows"], found["lag"]) == (300, 0)
    assert world.query(SUMS) == expected(300)


def test_what_is_no_row_becomes_a_dead_letter(world: World, first: Any, tmp_path: Path) -> None:
    world.produce(first, 30, **{"schema.id.serializer": header_schema_id_serializer})
    world.run("create", world.subject, "--engine", world.engine)
    bad = b"\0" + (999).to_bytes(4, "big") + b"\0\x08\x01"
    producer = Producer({"bootstrap.servers": world.broker.servers})
    for value in (bad, None, b"text"):
        world.send(producer, value, 0)
    assert producer.flush(30) == 0
    done = subprocess.run(
        world.consuming("--until-end"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 100
    assert f"{world.topic}[0]: record 10 at byte 10: no schema has the id 999" in done.stderr
    file = tmp_path / "refused.jsonl"
    found = world.consume("--dead-letters", str(file))
    assert (sum(found["positions"].values()), found["rejected_count"]) == (33, 3)
    letters = [json.loads(line) for line in file.read_text().splitlines()]
    kept = [(x["file"], x["offset"], base64.b64decode(x["data"])) for x in letters]
    place = f"{world.topic}[0]"
    assert kept == [(place, 10, bad), (place, 11, b""), (place, 12, b"text")]
    assert world.query(SUMS) == expected(30)
    only_bad = b"\0" + (998).to_bytes(4, "big") + b"\0\x08\x01"
    world.send(producer, only_bad, 0)
    assert producer.flush(30) == 0
    assert world.consume("--dead-letters", str(file))["rejected_count"] == 1
    assert world.consume("--dead-letters", str(file))["rejected_count"] == 0
