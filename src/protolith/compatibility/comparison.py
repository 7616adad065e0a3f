"""Compare a new version with its history, level by level and direction by direction."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import get_args

from protolith.compatibility.findings import LEVELS, Direction, Finding, Level, Mode, Severity
from protolith.compatibility.history import field_number_not_reused
from protolith.compatibility.index import Index, index
from protolith.compatibility.policies import BufConfig, check_policy
from protolith.compatibility.positions import Places
from protolith.compatibility.rules import notes, protojson, source, wire
from protolith.compatibility.rules.base import RANK, Pair, Rules, Said, Sides
from protolith.compatibility.table_plans import ENGINES, check_engines, sides
from protolith.compatibility.tables import compare_tables
from protolith.compatibility.waivers import Waiver, waive
from protolith.descriptors import DescriptorSet
from protolith.errors import MalformedError, quoted
from protolith.layout import NATIVE, Layout

PAYLOADS: dict[Level, Rules] = {"wire": wire.RULES, "json": protojson.RULES}
DEFAULT_LEVELS: tuple[Level, ...] = ("wire", "json", "source")
"""The levels that `check` answers unless it is told; not each message is a table."""

MODES: tuple[str, ...] = get_args(Mode)


def check(  # noqa: PLR0913
    new: DescriptorSet,
    history: DescriptorSet | Sequence[DescriptorSet],
    mode: Mode = "FULL_TRANSITIVE",
    *,
    levels: Sequence[Level] = DEFAULT_LEVELS,
    policy: str | None = None,
    categories: Sequence[str] = ("FILE",),
    config: BufConfig | None = None,
    message: str | None = None,
    old_message: str | Sequence[str] | None = None,
    engines: Sequence[str] = ENGINES,
    layout: Layout = NATIVE,
    waivers: Sequence[Waiver] = (),
) -> list[Finding]:
    """Everything that the new version changes for its history, worst first.

    `history` holds earlier versions, oldest first, which `against` counts from 1. Modes that are
    not transitive look at the last one only, but a number that any version used for another field
    is always found. With `message` only that message is compared, and what it reaches;
    `old_message` is its name in the history, or in each version, where that was another. The
    source level asks about old code under the new schema, so it is backward only. The level
    `table` says what moves the table of the message, in `layout`, in each of `engines`. A `policy`
    answers as that tool does, instead of the levels: `buf`, with `categories` of rules or a
    configuration, or `confluent`.

    Raises `MalformedError` for an unknown mode or level, `NotFoundError` for an unknown policy,
    engine, or message of the new version, `LayoutError` where no message is the table.
    """
    versions = (history,) if isinstance(history, DescriptorSet) else tuple(history)
    _check_words(mode, levels, engines)
    if policy is not None:
        numbered = tuple(enumerate(versions, 1))
        said_so = check_policy(policy, new, numbered, mode, categories=categories, config=config)
        return waive(said_so, waivers)
    if mode == "NONE" or not versions:
        return []
    names = _names(new, len(versions), message, old_message)
    found: dict[Finding, None] = {}
    here = Places(new)
    if "wire" in levels:
        before = [index(version) for version in versions]
        for number, item in field_number_not_reused(index(new), before, names):
            there = Places(versions[number])
            found[_finding(item, "wire", "backward", (there, here, number + 1))] = None
    first = 0 if mode.endswith("_TRANSITIVE") else len(versions) - 1
    for number in reversed(range(first, len(versions))):
        old, pair = versions[number], names[number]
        spots = Places(old), here, number + 1
        for level, direction, item in _pair(index(new), index(old), mode, levels, pair):
            found[_finding(item, level, direction, spots)] = None
        for before_side, after_side in sides(new, old, pair, layout) if "table" in levels else ():
            moved = compare_tables(before_side, after_side, mode, engines)
            found |= {replace(one, against=number + 1): None for one in moved}
    return waive(worst_first(found), waivers)


def _names(
    new: DescriptorSet, count: int, message: str | None, old: str | Sequence[str] | None
) -> list[Pair | None]:
    """The names of the compared message in each version of the history and in the new one."""
    if message is None:
        if old is not None:
            raise MalformedError("an old message is given without the new one", hint="give both")
        return [None] * count
    name = new.message(message).full_name
    olds = [old or name] * count if old is None or isinstance(old, str) else list(old)
    if len(olds) != count:
        raise MalformedError(f"{len(olds)} old messages are given for {count} versions")
    return [(before, name) for before in olds]


def verdict(findings: Iterable[Finding], *, incompatible: Severity = "lossy") -> dict[Level, bool]:
    """Whether each level is compatible: no finding at `incompatible` or worse is left unwaived."""
    answer: dict[Level, bool] = dict.fromkeys(LEVELS, True)
    for finding in findings:
        if RANK[finding.severity] >= RANK[incompatible] and not finding.waived:
            answer[finding.level] = False
    return answer


def _pair(
    new: Index, old: Index, mode: Mode, levels: Sequence[Level], wanted: Pair | None
) -> Iterator[tuple[Level, Direction, Said]]:
    same = new.unchanged(old)
    backward, forward = (mode.startswith(("FULL", word)) for word in ("BACKWARD", "FORWARD"))
    if wanted is None and new.roots == old.roots and same.issuperset(new.roots):
        return
    for level in levels:
        rules = PAYLOADS.get(level)
        if rules and backward:
            walk = Sides(old, new, rules, same)
            yield from ((level, "backward", said) for said in _compare(walk, wanted))
        if rules and forward:
            walk = Sides(new, old, rules, same)
            back = wanted and (wanted[1], wanted[0])
            yield from ((level, "forward", said) for said in _compare(walk, back))
        if level == "source" and backward:
            for rule in (*source.RULES, *notes.RULES):
                yield from (
                    ("source", "backward", said) for said in rule(source.Change.of(old, new, same))
                )


def _compare(walk: Sides, wanted: Pair | None) -> Iterator[Said]:
    reader, writer = walk.reader, walk.writer
    if wanted:
        return walk.compare([wanted] if wanted[0] in writer.messages else [])
    roots = {*reader.roots, *writer.roots} - walk.skipped
    files = [name for name in reader.names if name in roots]
    messages = [one.full_name for one in reader.messages_in(files)]
    enums = [one.full_name for one in reader.enums_in(files)]
    names = [name for name in messages if name in writer.messages or name in writer.enums]
    names += [name for name in enums if name in writer.enums or name in writer.messages]
    return walk.compare((name, name) for name in sorted(names))


def _finding(
    said: Said,
    level: Level,
    direction: Direction,
    versions: tuple[Places, Places, int],
) -> Finding:
    old, new, against = versions
    before, after, was, at = said.writer, said.reader, said.at_writer, said.at_reader
    if direction == "forward":
        before, after, was, at = after, before, at, was
    line, column = new.find(*at) if at else (None, None)
    old_line, old_column = old.find(*was) if was else (None, None)
    old_place = was[0] if was else ""
    return Finding(
        rule=said.rule, level=level, direction=direction, severity=said.severity,
        subject=said.subject, old=before, new=after, why=said.why, fix=said.fix,
        file=at[0] if at else "", line=line, column=column,
        old_place=f"{old_place}:{old_line}:{old_column}" if old_line else old_place,
        against=against, witness=said.witness, lenient=said.lenient,
        field_path=said.field_path,
    )  # fmt: skip


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings in the order in which `check` has them."""
    return sorted(findings, key=_order)


def _order(finding: Finding) -> tuple[object, ...]:
    spot = (finding.file, finding.line or 0, finding.column or 0, finding.subject)
    rest = (finding.rule, LEVELS.index(finding.level), finding.direction)
    return -RANK[finding.severity], *spot, *rest, -(finding.against or 0)


def _check_words(mode: str, levels: Sequence[str], engines: Sequence[str]) -> None:
    if mode not in MODES:
        raise MalformedError(f"no mode {quoted(mode)}", hint=f"one of {', '.join(MODES)}")
    for level in levels:
        if level not in LEVELS:
            raise MalformedError(f"no level {quoted(level)}", hint=f"of {', '.join(LEVELS)}")
    if "table" in levels:
        check_engines(engines)
