"""One topic of a Kafka cluster, read from given offsets by Confluent's client."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from protolith.errors import (
    BrokerUnavailableError,
    ConflictError,
    MalformedError,
    NotFoundError,
    quoted,
)

HEADER = "__value_schema_id"
"""The header of a record that says which schema its value was written with."""

_SECONDS = 10
_AT_ONCE = 1000
_FETCHED_AHEAD = 16 * 1024
"""Kilobytes that the client fetches ahead while a batch is loaded."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a topic; without data it says that the partition has no more for now."""

    partition: int
    offset: int
    data: bytes | None
    tombstone: bool = False


def read_settings(path: Path) -> dict[str, str]:
    """The client's settings in a file: a line of KEY=VALUE each, # before remarks."""
    found: dict[str, str] = {}
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise NotFoundError(f"{quoted(str(path))} cannot be read: {reason}") from None
    for number, line in enumerate(lines, 1):
        key, equals, value = line.partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals:
            raise MalformedError(
                f"{quoted(str(path))}:{number} is no KEY=VALUE",
                hint="such as security.protocol=SASL_SSL",
            )
        found[key.strip()] = value.strip()
    return found


class Topic:
    """A topic's partitions. Use it as a context manager."""

    def __init__(self, name: str, servers: str, group: str, settings: Mapping[str, str]) -> None:
        self.name = name
        self._kafka = _client()
        self._why: str | None = None
        ours = {
            "bootstrap.servers": servers,
            "group.id": group,
            "queued.max.messages.kbytes": str(_FETCHED_AHEAD),
            "log_level": "0",
        }
        must: dict[str, Any] = {
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "error_cb": self._note,
        }
        try:
            self._consumer = self._kafka.Consumer({**ours, **settings, **must})
        except (self._kafka.KafkaException, ValueError, TypeError) as error:
            raise MalformedError(
                f"Kafka's client does not take these settings: {_reason(error)}",
                hint="see --bootstrap-servers and --kafka-config",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def partitions(self) -> list[int]:
        """The numbers of the partitions there are."""
        try:
            found = self._consumer.list_topics(self.name, timeout=_SECONDS).topics[self.name]
        except self._kafka.KafkaException as error:
            raise self._unavailable(error) from None
        if found.error is not None:
            if found.error.code() == self._kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise NotFoundError(
                    f"no topic {quoted(self.name)}", hint="is it the right cluster?"
                )
            raise self._unavailable(found.error)
        return sorted(found.partitions)

    def ends(self, partition: int) -> tuple[int, int]:
        """The first offset there is, and the one after the last."""
        place = self._kafka.TopicPartition(self.name, partition)
        try:
            low, high = self._consumer.get_watermark_offsets(place, timeout=_SECONDS)
        except self._kafka.KafkaException as error:
            raise self._unavailable(error) from None
        return low, high

    def known_end(self, partition: int) -> int:
        """The offset after the last, as the latest answer of a broker said it; -1 unknown."""
        place = self._kafka.TopicPartition(self.name, partition)
        found = self._consumer.get_watermark_offsets(place, cached=True)
        return max(found[1], -1) if found else -1

    def read_from(self, offsets: Mapping[int, int]) -> None:
        """Read more partitions, each from an offset on."""
        places = (self._kafka.TopicPartition(self.name, *place) for place in offsets.items())
        self._consumer.incremental_assign(list(places))

    def records(self, seconds: float) -> Iterator[Record]:
        """What comes within so many seconds."""
        for message in self._consumer.consume(_AT_ONCE, timeout=seconds):
            error = message.error()
            if error is None:
                yield self._record(message)
            elif error.code() == self._kafka.KafkaError._PARTITION_EOF:  # noqa: SLF001 - its own name
                yield Record(message.partition(), message.offset(), None)
            elif error.code() == self._kafka.KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                raise ConflictError(
                    f"{self.name}[{message.partition()}] has no records where reading went on",
                    hint="they were deleted meanwhile; started again, it says how many",
                )
            elif not error.retriable():
                raise self._unavailable(error)

    def _record(self, message: Any) -> Record:
        data = message.value()
        if data is None:
            return Record(message.partition(), message.offset(), b"", tombstone=True)
        # The value of the header and the message are what would stand in the record without it.
        before = next((v for k, v in message.headers() or () if k == HEADER), None) or b""
        return Record(message.partition(), message.offset(), before + data)

    def note(self, offsets: Mapping[int, int]) -> None:
        """Tell the brokers how far the table is, for tools that watch; nothing depends on it."""
        places: Iterable[Any] = (
            self._kafka.TopicPartition(self.name, *place) for place in offsets.items()
        )
        try:
            self._consumer.commit(offsets=list(places), asynchronous=True)
        except self._kafka.KafkaException as error:
            self._note(error.args[0])

    def _note(self, error: Any) -> None:
        self._why = error.str()

    def _unavailable(self, error: Any) -> BrokerUnavailableError:
        reason = self._why or _reason(error)
        return BrokerUnavailableError(
            f"Kafka does not give {self.name}: {reason}",
            hint="are the addresses and the settings right?",
        )


def _reason(error: Any) -> str:
    known = error.args[0] if isinstance(error, Exception) and error.args else error
    return known.str() if hasattr(known, "str") else str(known)


def _client() -> Any:
    try:
        import confluent_kafka  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise BrokerUnavailableError(
            "Kafka's client is not installed", hint="pip install 'protolith[kafka]'"
        ) from None
    return confluent_kafka
