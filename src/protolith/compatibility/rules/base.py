"""What a rule says, and the walk over a writer and a reader that asks every rule."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from protolith.compatibility.facts import EnumFacts, FieldFacts, MessageFacts, Path
from protolith.compatibility.findings import SEVERITIES, Level, Severity
from protolith.compatibility.index import Index

Place: TypeAlias = tuple[str, Path] | None
Pair: TypeAlias = tuple[str, str]
RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}


class Said(NamedTuple):
    """What a rule says about a writer and a reader; a place is a file and a path in it."""

    rule: str
    severity: Severity
    subject: str
    writer: str
    reader: str
    why: str
    fix: str
    at_writer: Place = None
    at_reader: Place = None
    witness: str = ""
    lenient: Severity | None = None
    field_path: tuple[int, ...] = ()


class Match(NamedTuple):
    """A field of the writer and the field of the reader that its values arrive in."""

    writer: FieldFacts
    reader: FieldFacts
    sides: "Sides"

    def key(self) -> tuple[FieldFacts, FieldFacts]:
        """The keys of two maps."""
        return self.sides.entry(self.writer, self.reader, 1)

    def value(self) -> tuple[FieldFacts, FieldFacts]:
        """The values of two maps."""
        return self.sides.entry(self.writer, self.reader, 2)

    def says(self, rule: str, severity: Severity, why: str, fix: str, **more: Any) -> Said:
        """A saying about this field."""
        return Said(
            rule,
            severity,
            self.reader.full_name,
            more.pop("old", self.writer.words),
            more.pop("new", self.reader.words),
            why,
            fix,
            (self.writer.file, self.writer.path),
            (self.reader.file, self.reader.path),
            field_path=(self.writer.number,),
            **more,
        )


class Messages(NamedTuple):
    """A message of the writer and the one of the reader that takes it."""

    writer: MessageFacts
    reader: MessageFacts
    sides: "Sides"


FieldCheck: TypeAlias = Callable[[Match], Said | None]
MessageCheck: TypeAlias = Callable[[Messages], Iterator[Said]]
EnumCheck: TypeAlias = Callable[[EnumFacts, EnumFacts], Iterator[Said]]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a level, how it pairs fields, and the id for a type of another name."""

    level: Level
    fields: tuple[FieldCheck, ...]
    messages: tuple[MessageCheck, ...]
    enums: tuple[EnumCheck, ...]
    pair: Callable[[Messages], Iterable[tuple[FieldFacts, FieldFacts]]]
    opaque: Callable[[str, str], bool]
    type_rule: str


@dataclass(slots=True)
class Sides:
    """A writer and a reader; every pair of types is compared once."""

    writer: Index
    reader: Index
    rules: Rules
    skipped: frozenset[str]
    _said: dict[Pair, list[Said]] = field(default_factory=dict)
    _follows: dict[Pair, list[tuple[Match, Pair]]] = field(default_factory=dict)

    def entry(
        self, writer: FieldFacts, reader: FieldFacts, number: int
    ) -> tuple[FieldFacts, FieldFacts]:
        """The key (1) or the value (2) of two map fields."""
        mine = self.writer.messages[writer.type_name].fields[number]
        return mine, self.reader.messages[reader.type_name].fields[number]

    def compare(self, roots: Iterable[Pair]) -> Iterator[Said]:
        """What the rules say of these pairs of types and of all that they reach."""
        waiting: list[tuple[Pair, tuple[int, ...]]] = [(pair, ()) for pair in roots]
        seen = {pair for pair, _ in waiting}
        while waiting:
            pair, path = waiting.pop()
            if self._unchanged(pair):
                continue
            for said in self._direct(pair):
                yield said._replace(field_path=path + said.field_path) if path else said
            for match, inner in self._follows[pair]:
                below = (*path, match.writer.number)
                reached = [inner] if inner[0] == inner[1] else self._closure(inner)
                if inner[0] != inner[1]:
                    yield self._other_type(match, reached)._replace(field_path=below)
                same = [pair for pair in reached if pair[0] == pair[1] and pair not in seen]
                seen.update(same)
                waiting += [(pair, below) for pair in same]

    def _unchanged(self, pair: Pair) -> bool:
        if pair[0] != pair[1] or not self.skipped:
            return False
        file = self.writer.messages.home(pair[0]) or self.writer.enums.home(pair[0])
        return file in self.skipped

    def _closure(self, start: Pair) -> list[Pair]:
        """Pairs reached from one; those of one name are reported on their own, so not entered."""
        reached, waiting = [start], [start]
        while waiting:
            pair = waiting.pop()
            self._direct(pair)
            for _, inner in self._follows[pair]:
                if inner not in reached:
                    reached.append(inner)
                    if inner[0] != inner[1]:
                        waiting.append(inner)
        return reached

    def _other_type(self, match: Match, reached: list[Pair]) -> Said:
        inside = [said for pair in reached if pair[0] != pair[1] for said in self._direct(pair)]
        worst = max(inside, key=lambda said: RANK[said.severity], default=None)
        if worst is None or worst.severity == "safe":
            why, severity = "the types have other names and the same form", SEVERITIES[0]
            return match.says(self.rules.type_rule, severity, why, "nothing needs to be done")
        lenient = max(
            (said.lenient or said.severity for said in inside), key=RANK.__getitem__, default="safe"
        )
        return match.says(
            self.rules.type_rule,
            worst.severity,
            f"inside, {worst.subject} does not fit: {worst.why}",
            f"keep the type, or {worst.fix}",
            lenient=lenient if self.rules.level == "json" else None,
        )

    def _direct(self, pair: Pair) -> list[Said]:
        if pair not in self._said:
            self._follows[pair] = []
            writer, reader = self.writer.messages.get(pair[0]), self.reader.messages.get(pair[1])
            if writer and reader:
                self._said[pair] = list(self._messages(writer, reader, self._follows[pair]))
            else:
                self._said[pair] = list(self._enums(pair))
        return self._said[pair]

    def _enums(self, pair: Pair) -> Iterator[Said]:
        writer, reader = self.writer.enums.get(pair[0]), self.reader.enums.get(pair[1])
        if writer and reader:
            for rule in self.rules.enums:
                yield from rule(writer, reader)

    def _messages(
        self, writer: MessageFacts, reader: MessageFacts, follows: list[tuple[Match, Pair]]
    ) -> Iterator[Said]:
        if self.rules.opaque(writer.full_name, reader.full_name):
            return
        both = Messages(writer, reader, self)
        for check in self.rules.messages:
            yield from check(both)
        for mine, its in self.rules.pair(both):
            if mine == its and not mine.type_name:
                continue  # no rule has a word on a field that is the same in both
            match = Match(mine, its, self)
            for rule in self.rules.fields:
                if (said := rule(match)) is not None:
                    yield said
            follows += self._types(match)

    def _types(self, match: Match) -> Iterator[tuple[Match, Pair]]:
        writer, reader = match.writer, match.reader
        if writer.shape == reader.shape == "map":
            inner = self._types(Match(*match.value(), self))
            yield from ((match, pair) for _, pair in inner)  # people know the map, not its entry
        elif writer.type_name and reader.type_name and self._alike(writer.kind, reader.kind):
            yield match, (writer.type_name, reader.type_name)

    def _alike(self, wrote: str, reads: str) -> bool:
        same_in_json = self.rules.level == "json" and {wrote, reads} == {"group", "message"}
        return wrote == reads or same_in_json
