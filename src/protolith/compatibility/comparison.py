"""Compare a new version with its history, level by level and direction by direction."""

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from protolith.compatibility import positions
from protolith.compatibility.findings import LEVELS, Direction, Finding, Level, Mode, Severity
from protolith.compatibility.history import field_number_not_reused
from protolith.compatibility.index import EnumFacts, Index, MessageFacts, index
from protolith.compatibility.policies import check_policy
from protolith.compatibility.rules import protojson, source, wire
from protolith.compatibility.rules.base import RANK, Rules, Said, Sides
from protolith.compatibility.waivers import Waiver, waive
from protolith.descriptors import DescriptorSet
from protolith.errors import MalformedError, quoted

PAYLOADS: dict[Level, Rules] = {"wire": wire.RULES, "json": protojson.RULES}
SERVED: tuple[Level, ...] = ("wire", "json", "source")
"""The levels that `check` answers by itself; a table needs a layout and an engine."""

MODES: tuple[str, ...] = get_args(Mode)


def check(  # noqa: PLR0913
    new: DescriptorSet,
    history: DescriptorSet | Sequence[DescriptorSet],
    mode: Mode = "FULL_TRANSITIVE",
    *,
    levels: Sequence[Level] = SERVED,
    policy: str | None = None,
    message: str | None = None,
    waivers: Sequence[Waiver] = (),
) -> list[Finding]:
    """Everything that the new version changes for its history, worst first.

    `history` holds earlier versions, oldest first, which `against` counts from 1. Modes that are
    not transitive look at the last one only, but a number that any version used for another field
    is always found. With `message` only that message is compared, and what it reaches. The source
    level asks about old code under the new schema, so it is backward only. A `policy` (`buf` or
    `confluent`) answers as that tool does, instead of the levels.

    Raises `MalformedError` for an unknown mode, level or policy, `NotFoundError` for a message
    that is not in the new version.
    """
    versions = (history,) if isinstance(history, DescriptorSet) else tuple(history)
    _check_words(mode, levels)
    if policy is not None:
        return waive(check_policy(policy, new, tuple(enumerate(versions, 1)), mode), waivers)
    if mode == "NONE" or not versions:
        return []
    ours = index(new)
    wanted = new.message(message).full_name if message else None
    first = 0 if mode.endswith("_TRANSITIVE") else len(versions) - 1
    found: dict[Finding, None] = {}
    if "wire" in levels:
        said = field_number_not_reused(ours, [index(version) for version in versions], wanted)
        for number, item in said:
            found[_finding(item, "wire", "backward", (versions[number], new, number + 1))] = None
    for number in reversed(range(first, len(versions))):
        for level, direction, item in _pair(ours, index(versions[number]), mode, levels, wanted):
            found[_finding(item, level, direction, (versions[number], new, number + 1))] = None
    return waive(sorted(found, key=_order), waivers)


def verdict(findings: Iterable[Finding], *, incompatible: Severity = "lossy") -> dict[Level, bool]:
    """Whether each level is compatible: no finding at `incompatible` or worse is left unwaived."""
    answer: dict[Level, bool] = dict.fromkeys(LEVELS, True)
    for finding in findings:
        if RANK[finding.severity] >= RANK[incompatible] and not finding.waived:
            answer[finding.level] = False
    return answer


def _pair(
    new: Index, old: Index, mode: Mode, levels: Sequence[Level], wanted: str | None
) -> Iterator[tuple[Level, Direction, Said]]:
    same = new.unchanged(old)
    backward, forward = (mode.startswith(("FULL", word)) for word in ("BACKWARD", "FORWARD"))
    if new.roots == old.roots and not (set(new.roots) - same):
        return
    for level in levels:
        rules = PAYLOADS.get(level)
        if rules and backward:
            sides = Sides(old, new, rules, same)
            yield from ((level, "backward", said) for said in _compare(sides, wanted))
        if rules and forward:
            sides = Sides(new, old, rules, same)
            yield from ((level, "forward", said) for said in _compare(sides, wanted))
        if level == "source" and backward:
            for rule in source.RULES:
                yield from (
                    ("source", "backward", said) for said in rule(source.Change(old, new, same))
                )


def _compare(sides: Sides, wanted: str | None) -> Iterator[Said]:
    if wanted:
        return sides.compare([wanted] if wanted in sides.writer.messages else [])
    reader, writer = sides.reader, sides.writer
    files = set(reader.roots) | set(writer.roots)
    types: list[MessageFacts | EnumFacts]
    types = [*reader.messages.values(), *reader.enums.values()]
    known = writer.messages.keys() | writer.enums.keys()
    return sides.compare(
        sorted(part.full_name for part in types if part.file in files and part.full_name in known)
    )


def _finding(
    said: Said,
    level: Level,
    direction: Direction,
    versions: tuple[DescriptorSet, DescriptorSet, int],
) -> Finding:
    old, new, against = versions
    backward = direction == "backward"
    before, after = (said.writer, said.reader) if backward else (said.reader, said.writer)
    was, at = said.at_writer, said.at_reader
    if not backward:
        was, at = at, was
    line, column = positions.find(new, *at) if at else (None, None)
    old_spots = (was[0], *positions.find(old, *was)) if was else ()
    return Finding(
        rule=said.rule, level=level, direction=direction, severity=said.severity,
        subject=said.subject, old=before, new=after, why=said.why, fix=said.fix,
        file=at[0] if at else "", line=line, column=column,
        old_place=":".join(str(spot) for spot in old_spots if spot),
        against=against, witness=said.witness, lenient=said.lenient,
        field_path=said.field_path,
    )  # fmt: skip


def _order(finding: Finding) -> tuple[object, ...]:
    spot = (finding.file, finding.line or 0, finding.column or 0, finding.subject)
    rest = (finding.rule, LEVELS.index(finding.level), finding.direction)
    return -RANK[finding.severity], *spot, *rest, -(finding.against or 0)


def _check_words(mode: str, levels: Sequence[str]) -> None:
    if mode not in MODES:
        raise MalformedError(f"no mode {quoted(mode)}", hint=f"one of {', '.join(MODES)}")
    for level in levels:
        if level not in SERVED:
            raise MalformedError(f"no level {quoted(level)}", hint=f"of {', '.join(SERVED)}")
