"""What a topic may do meanwhile: lose records, grow, be made anew, hold what is no record."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import NewPartitions

from kafka.broker import Broker
from protolith import (
    BrokerUnavailableError,
    BusyError,
    ConflictError,
    MalformedError,
    NotFoundError,
    RowsRejectedError,
    SchemaRegistry,
)
from protolith.decoding import Frame
from protolith.kafka import Bounds, Consumed, Consumption, Topic, read_settings
from protolith.registry import Position, TopicPart

PROTO = 'syntax = "proto3"; message Order { int64 id = 1; }'
SUBJECT = "shop.orders"


@pytest.fixture(params=["duckdb", "clickhouse"])
def orders(registry: SchemaRegistry, request: pytest.FixtureRequest) -> SchemaRegistry:
    registry.register_schema(PROTO, "orders", "shop")
    registry.create_table(SUBJECT, request.param)
    return registry


@pytest.fixture
def on_duckdb(registry: SchemaRegistry) -> SchemaRegistry:
    registry.register_schema(PROTO, "orders", "shop")
    registry.create_table(SUBJECT, "duckdb")
    return registry


def ids(registry: SchemaRegistry) -> list[int]:
    (deployment,) = registry.deployments()
    found = registry.query(deployment.engine, f"SELECT id FROM {SUBJECT} ORDER BY id")
    return [int(value) for value in found.column("id").to_pylist()]


def message(n: int) -> bytes:
    return bytes([8, n])


def part(start: int, end: int, numbers: Iterator[int] | range | None = None) -> TopicPart:
    found = range(start, end) if numbers is None else numbers
    return TopicPart("t", 0, start, end, [Frame(n, n, message(n + 1)) for n in found])


def take(registry: SchemaRegistry, one: TopicPart) -> int:
    return registry.ingest_topic(SUBJECT, one, framing="single").rows


def test_the_table_says_where_a_partition_goes_on(orders: SchemaRegistry) -> None:
    assert orders.topic_positions(SUBJECT, "t") == {}
    assert take(orders, part(5, 7)) == 2
    assert take(orders, part(7, 9, range(0))) == 0  # such as the marks of transactions
    assert take(orders, part(12, 13)) == 1
    assert orders.topic_positions(SUBJECT, "t") == {0: Position(13)}
    assert orders.topic_positions(SUBJECT, "other") == {}
    for again in (part(5, 7), part(12, 13), part(12, 14)):
        with pytest.raises(ConflictError, match=r"t\[0\] from \d+ on already"):
            take(orders, again)
    assert ids(orders) == [6, 7, 13]


def test_old_ids_of_parts_are_forgotten(orders: SchemaRegistry) -> None:
    (deployment,) = orders.deployments()
    orders.ingest(SUBJECT, b"\x02\x08\x7f", load_id="kept")
    for n in range(120):
        take(orders, part(n, n + 1))
    left = orders.query(deployment.engine, "SELECT DISTINCT load_id FROM protolith.loads")
    assert 1 < left.num_rows <= 102
    assert "kept" in left.column("load_id").to_pylist()
    assert orders.topic_positions(SUBJECT, "t") == {0: Position(120)}
    assert ids(orders) == [*range(1, 121), 127]


def produce(broker: Broker, topic: str, *values: bytes | None, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": broker.servers})
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(30) == 0


def consume(registry: SchemaRegistry, broker: Broker, name: str, **words: Any) -> Consumed:
    with Topic(name, broker.servers, "g", {}) as topic:
        found = Consumption(registry, topic, SUBJECT, framing="single", **words)
        return found.run(until_end=True)


def test_it_begins_at_the_first_or_at_the_next_record(
    on_duckdb: SchemaRegistry, broker: Broker
) -> None:
    one, other = broker.topic(), broker.topic()
    for topic in (one, other):
        produce(broker, topic, message(1), message(2))
    assert consume(on_duckdb, broker, one).rows == 2
    assert consume(on_duckdb, broker, other, start="latest").rows == 0
    produce(broker, one, message(3))
    assert consume(on_duckdb, broker, one, start="latest").rows == 1
    assert ids(on_duckdb) == [1, 2, 3]


def test_records_that_the_topic_has_lost_are_counted(
    on_duckdb: SchemaRegistry, broker: Broker
) -> None:
    topic = broker.topic()
    produce(broker, topic, message(1), message(2))
    consume(on_duckdb, broker, topic)
    produce(broker, topic, message(3), message(4), message(5))
    place = TopicPartition(topic, 0, 4)
    (found,) = broker.admin.delete_records([place]).values()
    assert found.result().low_watermark == 4
    done = consume(on_duckdb, broker, topic)
    assert (done.rows, done.missing, done.positions) == (1, 2, {0: 5})
    assert ids(on_duckdb) == [1, 2, 5]


def test_a_topic_that_was_made_anew_is_refused(on_duckdb: SchemaRegistry, broker: Broker) -> None:
    topic = broker.topic()
    take(on_duckdb, TopicPart(topic, 0, 0, 3, [Frame(0, 0, message(1))]))
    produce(broker, topic, message(9))
    with pytest.raises(ConflictError, match="ends at 1, and the table has records up to 3"):
        consume(on_duckdb, broker, topic)


def test_new_partitions_are_read_too(
    on_duckdb: SchemaRegistry, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protolith.kafka.consuming._LOOK", 0.1)
    topic = broker.topic()
    produce(broker, topic, message(1))
    with Topic(topic, broker.servers, "g", {}) as opened:
        bounds = Bounds(rows=1, seconds=0.1)
        running = Consumption(on_duckdb, opened, SUBJECT, framing="single", bounds=bounds)
        thread = Thread(target=running.run)
        thread.start()
        try:
            while not running.done.rows and thread.is_alive():
                thread.join(0.05)
            with pytest.raises(BusyError, match=f"loads {topic} into shop.orders:duckdb"):
                consume(on_duckdb, broker, topic, engine="duckdb")
            more = broker.admin.create_partitions([NewPartitions(topic, 2)])
            more[topic].result()
            produce(broker, topic, message(2), partition=1)
            while running.done.rows < 2 and thread.is_alive():
                thread.join(0.05)
        finally:
            running.stop.set()
            thread.join()
    assert ids(on_duckdb) == [1, 2]
    assert running.done.positions == {0: 1, 1: 1}


def test_a_bad_record_stops_it_and_nothing_of_its_part_is_loaded(
    on_duckdb: SchemaRegistry, broker: Broker
) -> None:
    topic = broker.topic()
    produce(broker, topic, message(1), b"\x0a\x05", None)
    with pytest.raises(RowsRejectedError) as caught:
        consume(on_duckdb, broker, topic)
    assert (caught.value.details[0].file, caught.value.details[0].offset) == (f"{topic}[0]", 1)
    assert ids(on_duckdb) == []
    done = consume(on_duckdb, broker, topic, skip_bad=True)
    assert (done.rows, done.rejected_count, done.lag) == (1, 2, 0)
    assert done.rejected[1].text == "a tombstone: it has no value"


def test_aborted_transactions_are_no_rows(on_duckdb: SchemaRegistry, broker: Broker) -> None:
    topic = broker.topic()
    producer = Producer({"bootstrap.servers": broker.servers, "transactional.id": topic})
    producer.init_transactions(30)
    for n, done in enumerate((producer.commit_transaction, producer.abort_transaction) * 2, 1):
        producer.begin_transaction()
        producer.produce(topic, message(n), partition=0)
        producer.flush(30)
        done(30)
    assert consume(on_duckdb, broker, topic).rows == 2
    assert ids(on_duckdb) == [1, 3]
    assert consume(on_duckdb, broker, topic).rows == 0


def test_what_cannot_be_reached_or_is_not_there_is_said(
    on_duckdb: SchemaRegistry, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFoundError, match="no topic 'nothing'"):
        consume(on_duckdb, broker, "nothing")
    with (
        pytest.raises(NotFoundError, match="no schema"),
        Topic(broker.topic(), broker.servers, "g", {}) as topic,
    ):
        Consumption(on_duckdb, topic, "shop.nothing").run(until_end=True)
    with pytest.raises(MalformedError, match="does not take these settings"):
        Topic("t", broker.servers, "g", {"no.such.setting": "1"})
    monkeypatch.setattr("protolith.kafka.reading._SECONDS", 1)
    with (
        pytest.raises(BrokerUnavailableError, match="Kafka does not give t: "),
        Topic("t", "127.0.0.1:1", "g", {}) as topic,
    ):
        topic.partitions()
    file = tmp_path / "settings"
    file.write_text("# ours\n\nsecurity.protocol = PLAINTEXT\nsasl.password=a=b\n")
    assert read_settings(file) == {"security.protocol": "PLAINTEXT", "sasl.password": "a=b"}
    file.write_text("word\n")
    with pytest.raises(MalformedError, match=":1 is no KEY=VALUE"):
        read_settings(file)
    with pytest.raises(NotFoundError, match="cannot be read"):
        read_settings(tmp_path / "none")
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(BrokerUnavailableError) as caught:
        Topic("t", broker.servers, "g", {})
    assert caught.value.hint == "pip install 'protolith[kafka]'"
