"""Parts of a topic into a table: which part has come stands beside the rows.

Each part is a load whose id says topic, partition and offsets: it is there once, and the ids say
where each partition goes on. The first part of a partition may begin anywhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from protolith.decoding import Frame, Frames, Source
from protolith.engines.loads import Load
from protolith.errors import ConflictError
from protolith.registry.groups import ChangedTableError
from protolith.registry.letters import DeadLetters
from protolith.registry.loading import Loading, Target
from protolith.registry.values import LoadResult

TopicFraming: TypeAlias = Literal["confluent", "single"]
"""How a record's value is framed: as Confluent's serializers do it, or as the message alone."""

_KEPT = 100
"""How many ids of loads there may be of a partition before the old ones are forgotten."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition goes on, and where a load from there ends that was cut off."""

    next: int
    cut_off: int | None = None


@dataclass(frozen=True, slots=True)
class TopicPart:
    """The records of a partition from an offset on, up to and without another."""

    topic: str
    partition: int
    start: int
    end: int
    frames: list[Frame]

    @property
    def name(self) -> str:
        """The topic and the partition."""
        return f"{self.topic}[{self.partition}]"

    @property
    def prefix(self) -> str:
        """How the ids of all loads of the partition begin."""
        return f"{_prefix(self.topic)}{self.partition}:"

    @property
    def load_id(self) -> str:
        """The id of the load that these records are."""
        return f"{self.prefix}{self.start}-{self.end}"


class TopicLoading(Loading):
    """The registry's methods that load topics."""

    def topic_table(self, schema_id: str, engine: str | None = None) -> str:
        """The id of the table that a subject's topic goes into, as of a deployment."""
        name, database, table = self._target(schema_id, engine).live.place
        return f"{database}.{table}:{name}"

    def topic_positions(
        self, schema_id: str, topic: str, engine: str | None = None
    ) -> dict[int, Position]:
        """Where each partition goes on that a subject's table has something of."""
        live = self._target(schema_id, engine).live
        found = live.engine.loads(live.table, _prefix(topic))
        pattern = re.compile(re.escape(_prefix(topic)) + r"(\d+):")
        partitions = {int(m[1]) for m in map(pattern.match, found) if m is not None}
        return {n: _position(found, f"{_prefix(topic)}{n}:") for n in sorted(partitions)}

    def ingest_topic(  # noqa: PLR0913 - all but three by name alone
        self,
        schema_id: str,
        part: TopicPart,
        engine: str | None = None,
        *,
        framing: TopicFraming = "confluent",
        skip_bad: bool = False,
        dead_letters: Path | None = None,
    ) -> LoadResult:
        """Load a part of a topic, once; `ConflictError` if the table has records from there on."""
        for left in reversed(range(_TRIES)):
            target = self._target(schema_id, engine)
            try:
                return self._load_part(part, target, framing, skip_bad, dead_letters)
            except ChangedTableError:
                if not left:
                    raise
        raise AssertionError  # the last try returns or raises

    def _load_part(
        self,
        part: TopicPart,
        target: Target,
        framing: TopicFraming,
        skip_bad: bool,  # noqa: FBT001 - as it came
        dead_letters: Path | None,
    ) -> LoadResult:
        live = target.live
        before = live.engine.loads(live.table, part.prefix)
        if before and part.start < _position(before, part.prefix).next:
            raise ConflictError(
                f"{live.table.database}.{live.table.name} has records of {part.name} from"
                f" {part.start} on already",
                hint="does another consumer load the same topic? One is enough",
            )
        source = Source(Frames(part.frames), framing)
        about = target.version.schema_id, target.version.version
        result = self._load(
            source,
            target,
            skip_bad=skip_bad,
            letters=DeadLetters(dead_letters, *about, source) if dead_letters else None,
            load_id=part.load_id,
            topic_part=part.name,
        )
        if len(before) >= _KEPT:
            old = [load_id for load_id in before if load_id != part.load_id]
            live.engine.forget_loads(live.table, old)
        return result


def _prefix(topic: str) -> str:
    return f"kafka:{topic}:"


def _position(loads: Mapping[str, Load], prefix: str) -> Position:
    spans = {_span(name): load for name, load in loads.items() if name.startswith(prefix)}
    done = [end for (_, end), load in spans.items() if load.finished]
    going_on = max(done) if done else min(start for start, _ in spans)
    cut_off = [end for (start, end), load in spans.items() if not load.finished]
    return Position(going_on, max((end for end in cut_off if end > going_on), default=None))


def _span(load_id: str) -> tuple[int, int]:
    start, _, end = load_id.rpartition(":")[2].partition("-")
    return int(start), int(end)
