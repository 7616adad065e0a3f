"""From a topic into a table, part by part: what the table has says where reading goes on."""

import fcntl
import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from protolith.decoding import Frame
from protolith.errors import BusyError, ConflictError, Detail
from protolith.kafka.reading import Record, Topic
from protolith.limits import DATA
from protolith.registry import LoadResult, Position, SchemaRegistry, TopicFraming, TopicPart

_WAIT = 0.2
_LOOK = 60
"""Seconds between two looks for partitions that are new."""


@dataclass(frozen=True)
class Bounds:
    """When records that wait are loaded: so many, so many bytes, or after so many seconds."""

    rows: int = 100_000
    size: int = 64 * 1024 * 1024
    seconds: float = 5


@dataclass
class Consumed:
    """What became of a topic's records, as `LoadResult` says it; `seconds` since the start.

    `positions` are the offsets at which each partition goes on, `lag` how many there are from there
    to the end. `missing` records were no longer in the topic when it came to them.
    """

    topic: str
    subject: str
    engine: str = ""
    database_name: str = ""
    table_name: str = ""
    rows: int = 0
    loads: int = 0
    read_bytes: int = 0
    seconds: float = 0
    lag: int = 0
    missing: int = 0
    positions: dict[int, int] = field(default_factory=dict)
    rejected_count: int = 0
    rejected: list[Detail] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)

    def take(self, part: TopicPart, result: LoadResult) -> None:
        """Add a part that is in the table."""
        self.engine = result.engine
        self.database_name, self.table_name = result.database_name, result.table_name
        self.rows += result.rows
        self.loads += 1
        self.read_bytes += sum(len(frame.data) for frame in part.frames)
        self.positions[part.partition] = part.end
        self.rejected_count += result.rejected_count
        self.rejected += result.rejected[: DATA.reported_records - len(self.rejected)]
        self.unknown_fields.update(result.unknown_fields)
        self.cut.update(result.cut)
        self.left_out += [name for name in result.left_out if name not in self.left_out]


@dataclass
class _Partition:
    """Records of a partition that wait, and where they begin.

    `cut_off` is where the first load must end, `last` the end that was there at the start.
    """

    number: int
    next: int
    last: int
    cut_off: int | None = None
    frames: list[Frame] = field(default_factory=list)
    size: int = 0
    ended: bool = False

    @property
    def ready(self) -> bool:
        """Whether its records can be loaded."""
        return bool(self.frames) and self.cut_off is None

    def taken(self, topic: str, end: int) -> TopicPart:
        """What waits, as a part that ends there."""
        frames, self.frames, self.size = self.frames, [], 0
        part = TopicPart(topic, self.number, self.next, end, frames)
        self.next, self.cut_off = end, None
        return part


@dataclass
class Consumption:
    """A topic on its way into the table of a subject.

    Records that cannot be rows stop it, unless `skip_bad`, or `dead_letters` keep them. It goes on
    where the table says; a partition of which it has nothing from its `start`.
    """

    registry: SchemaRegistry
    topic: Topic
    subject: str
    engine: str | None = None
    framing: TopicFraming = "confluent"
    bounds: Bounds = field(default_factory=Bounds)
    start: Literal["earliest", "latest"] = "earliest"
    skip_bad: bool = False
    dead_letters: Path | None = None
    stop: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.done = Consumed(self.topic.name, self.subject)
        self._partitions: dict[int, _Partition] = {}
        self._began = self._flushed = self._looked = time.monotonic()

    def run(self, *, until_end: bool = False) -> Consumed:
        """Load until it is told to stop, or up to the ends that the partitions have now."""
        with self._alone():
            self._look()
            while not self.stop.is_set():
                if until_end and all(one.ended for one in self._partitions.values()):
                    break
                for record in self.topic.records(_WAIT):
                    self._add(record)
                if self._is_time():
                    self._flush()
                if time.monotonic() - self._looked > _LOOK:
                    self._look()
            self._flush()
        return self.reckoned()

    def reckoned(self) -> Consumed:
        """What became of the records so far."""
        self.done.seconds = round(time.monotonic() - self._began, 3)
        # Not all of what the broker said last may be known, or be of records.
        ends = {n: self.topic.known_end(n) for n in list(self.done.positions)}
        at = self.done.positions
        self.done.lag = sum(max(0, end - at[n]) for n, end in ends.items() if end >= 0)
        return self.done

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others of this data directory from the same topic and table."""
        table = self.registry.topic_table(self.subject, self.engine)
        about = f"{table} {self.topic.name}"
        name = f"consume-{hashlib.sha256(about.encode()).hexdigest()[:16]}.lock"
        with (self.registry.home / name).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BusyError(
                    f"another consumer loads {self.topic.name} into {table}",
                    hint="one reads all partitions",
                ) from None
            yield

    def _look(self) -> None:
        """Begin with partitions that were not there before."""
        self._looked = time.monotonic()
        new = [n for n in self.topic.partitions() if n not in self._partitions]
        if not new:
            return
        known = self.registry.topic_positions(self.subject, self.topic.name, self.engine)
        for number in new:
            self._partitions[number] = self._found(number, known.get(number))
        self.done.positions |= {n: self._partitions[n].next for n in new}
        self.topic.read_from({n: self._partitions[n].next for n in new})

    def _found(self, number: int, position: Position | None) -> _Partition:
        low, high = self.topic.ends(number)
        if position is None:
            first = low if self.start == "earliest" else high
            return _Partition(number, first, high, ended=first >= high)
        if position.next > high:
            raise ConflictError(
                f"{self.topic.name}[{number}] ends at {high}, and the table has records up to"
                f" {position.next}",
                hint="was the topic made anew? Then load it into another table",
            )
        if low > position.next:
            self.done.missing += low - position.next
        first = position.next if position.cut_off else max(low, position.next)
        return _Partition(number, first, high, position.cut_off, ended=first >= high)

    def _add(self, record: Record) -> None:
        one = self._partitions[record.partition]
        if record.data is None:
            one.ended = True
            if one.cut_off is not None:
                self._load(one.taken(self.topic.name, one.cut_off))
            return
        if one.cut_off is not None and record.offset >= one.cut_off:
            self._load(one.taken(self.topic.name, one.cut_off))
        why = "a tombstone: it has no value" if record.tombstone else None
        one.frames.append(Frame(record.offset, record.offset, record.data, why))
        one.size += len(record.data)
        one.ended = one.ended or record.offset + 1 >= one.last
        if record.offset + 1 == one.cut_off:
            self._load(one.taken(self.topic.name, one.cut_off))

    def _is_time(self) -> bool:
        waiting = [one for one in self._partitions.values() if one.ready]
        return (
            sum(len(one.frames) for one in waiting) >= self.bounds.rows
            or sum(one.size for one in waiting) >= self.bounds.size
            or time.monotonic() - self._flushed >= self.bounds.seconds
        )

    def _flush(self) -> None:
        for one in self._partitions.values():
            if one.ready:
                self._load(one.taken(self.topic.name, one.frames[-1].offset + 1))
        self._flushed = time.monotonic()

    def _load(self, part: TopicPart) -> None:
        result = self.registry.ingest_topic(
            self.subject,
            part,
            self.engine,
            framing=self.framing,
            skip_bad=self.skip_bad,
            dead_letters=self.dead_letters,
        )
        self.done.take(part, result)
        self.topic.note({part.partition: part.end})
