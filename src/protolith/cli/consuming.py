"""From a topic of Kafka into a table."""

import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, Literal

from cyclopts import Parameter

from protolith.cli.output import OUTPUT, progress_line
from protolith.cli.registry import open_registry
from protolith.kafka import Bounds, Consumed, Consumption, Topic, read_settings
from protolith.registry import TopicFraming

_LINE = 10


def consume(
    *,
    topic: str,
    bootstrap_servers: str,
    engine: str | None = None,
    subject: str | None = None,
    framing: TopicFraming = "confluent",
    kafka_config: Path | None = None,
    batch_rows: int = Bounds.rows,
    batch_bytes: int = Bounds.size,
    batch_seconds: float = Bounds.seconds,
    start: Literal["earliest", "latest"] = "earliest",
    until_end: Annotated[bool, Parameter(negative="")] = False,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    dead_letters: Path | None = None,
) -> None:
    """Load a topic's records into a table as they come, each once, until SIGTERM or Ctrl-C.

    Parameters
    ----------
    topic: str
        The topic.
    bootstrap_servers: str
        Addresses of brokers: HOST:PORT, with commas.
    engine: str | None
        duckdb or clickhouse, if the table is in several.
    subject: str | None
        The subject whose table it is, if not TOPIC-value.
    framing: TopicFraming
        confluent: as its serializers write values; single: a value is the message alone.
    kafka_config: Path | None
        A file with settings of librdkafka, such as security.protocol=SASL_SSL, one a line.
    batch_rows: int
        Load when so many records wait,
    batch_bytes: int
        or so many bytes,
    batch_seconds: float
        or after so many seconds.
    start: Literal["earliest", "latest"]
        Where to begin with partitions of which the table has nothing.
    until_end: bool
        Stop at the end that the topic has now.
    skip_bad: bool
        Leave bad records out, and report them.
    dead_letters: Path | None
        Leave them out, and keep their bytes in this file for protolith replay.
    """
    name = subject or f"{topic}-value"
    settings = read_settings(kafka_config) if kafka_config is not None else {}
    group = f"protolith.{name}.{engine or 'table'}"
    with (
        open_registry() as registry,
        Topic(topic, bootstrap_servers, group, settings) as opened,
    ):
        consumption = Consumption(
            registry,
            opened,
            name,
            engine,
            framing=framing,
            bounds=Bounds(batch_rows, batch_bytes, batch_seconds),
            start=start,
            skip_bad=skip_bad,
            dead_letters=dead_letters,
        )
        with _stopped_by_signals(consumption.stop), _shown(consumption):
            done = consumption.run(until_end=until_end)
    _told(done)


@contextmanager
def _stopped_by_signals(stop: Event) -> Iterator[None]:
    """Let what waits be loaded when the process is to end."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _shown(consumption: Consumption) -> AbstractContextManager[None]:
    """Show how far it is: on a terminal all the time, else a line every ten seconds."""
    last = (0, 0, time.monotonic())

    def line() -> str:
        nonlocal last
        found, (rows, size, at), now = consumption.reckoned(), last, time.monotonic()
        last = found.rows, found.read_bytes, now
        rate = f"{(found.rows - rows) / (now - at):,.0f} rows/s"
        rate += f", {(found.read_bytes - size) / 1e6 / (now - at):.1f} MB/s"
        return f"{found.rows:,} rows, {rate}, lag {found.lag:,}, {found.rejected_count:,} refused"

    return progress_line(line, seconds=_LINE)


def _told(done: Consumed) -> None:
    OUTPUT.account(done)
    if done.missing:
        OUTPUT.say(f"note: {done.missing:,} records were no longer in the topic")
    refused = f", {done.rejected_count:,} refused" if done.rejected_count else ""
    text = f"{done.rows:,} rows in {done.loads:,} loads{refused}, lag {done.lag:,}"
    OUTPUT.value(done, f"{done.topic}: {text}")
