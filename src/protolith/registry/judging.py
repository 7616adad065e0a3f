"""What a new version does to the versions before it, and to the subject's tables."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from protolith.compatibility import Finding, Mode, Waiver, check
from protolith.compatibility.differences import compare_columns
from protolith.compatibility.findings import Level
from protolith.compatibility.table_plans import Side, TablePlan, plan_tables
from protolith.compatibility.tables import compare_tables, merged
from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery.schema_json import from_json
from protolith.errors import Detail, IncompatibleError, LayoutError
from protolith.layout import NATIVE, Layout, lay_out, without_message
from protolith.store import KeptMode, KeptWaiver, NewVersion, Version
from protolith.tables import Table


@dataclass(frozen=True, slots=True)
class Known:
    """A version of the history, or one that is about to be."""

    number: int
    database: str
    table: str
    message: str | None
    schema_json: str
    descriptors: DescriptorSet | None
    fingerprint: str = ""
    metadata: str | None = None

    @classmethod
    def of(cls, version: Version | NewVersion, number: int, mark: str = "") -> "Known":
        """A version as the store has it, or one that it does not have yet."""
        data = version.descriptors
        return cls(
            number=number,
            database=version.database,
            table=version.table,
            message=version.message,
            schema_json=version.schema_json,
            descriptors=None if data is None else DescriptorSet.from_bytes(data, version.roots),
            fingerprint=version.fingerprint if isinstance(version, Version) else mark,
            metadata=version.metadata,
        )

    def laid_out(self, layout: Layout = NATIVE) -> Table:
        """Its table."""
        about = {"table": self.table, "database": self.database}
        if self.descriptors is None:
            return without_message(from_json(json.loads(self.schema_json), **about), layout)
        return lay_out(self.descriptors, self.message, **about, layout=layout)

    def side(self, layout: Layout) -> Side:
        """Its table for a comparison, or why there is none."""
        return Side.of(self.descriptors, lambda: self.laid_out(layout))


@dataclass(frozen=True, slots=True)
class TableAt:
    """An engine's table, its layout, and the version that is there, if there is one."""

    engine: str
    layout: Layout
    version: int | None = None


def findings(
    new: Known, history: Sequence[Known], kept: KeptMode, tables: Sequence[TableAt] = ()
) -> Iterator[Finding]:
    """What the version changes for those of the history that the mode looks at."""
    mode: Mode = kept.mode  # type: ignore[assignment]  # it was checked when it was set
    looked_at = _looked_at(history, mode)
    whole = kept.policy == "confluent"  # it looks at files, whichever message is the table
    if "table" in kept.levels and kept.policy is None:
        yield from table_findings(new, history, mode, tables)
    for old in looked_at:
        if old.descriptors is None or new.descriptors is None:
            columns = json.loads(old.schema_json), json.loads(new.schema_json)
            for one in compare_columns(*columns, mode):
                yield replace(one, against=old.number)
        elif old.message != new.message and not whole:
            yield _other_message(old, new)
    if new.descriptors is None or not looked_at:
        return
    if mode.endswith("_TRANSITIVE") or looked_at[0].descriptors is not None:
        yield from _schema_findings(new.descriptors, new.message, history, kept)


def in_group(new: NewVersion, history: Sequence[Known], group: str | None) -> list[Known]:
    """The versions that have the same value as a new one in a property of their metadata."""
    if group is None:
        return list(history)
    value = _property(new.metadata, group)
    return [known for known in history if _property(known.metadata, group) == value]


def _property(metadata: str | None, name: str) -> Any:
    properties = json.loads(metadata).get("properties") if metadata else None
    return properties.get(name) if isinstance(properties, dict) else None


def _schema_findings(
    new: DescriptorSet, message: str | None, history: Sequence[Known], kept: KeptMode
) -> Iterator[Finding]:
    """Fields are compared by number, whatever the table's message was called."""
    mode: Mode = kept.mode  # type: ignore[assignment]
    levels: tuple[Level, ...] = kept.levels  # type: ignore[assignment]
    known = [(old, old.descriptors) for old in history if old.descriptors is not None]
    message = None if kept.policy else message
    found = check(
        new,
        [old for _, old in known],
        mode,
        levels=[level for level in levels if level != "table"],
        policy=kept.policy,
        message=message,
        old_message=None if message is None else [old.message or message for old, _ in known],
    )
    yield from (against(one, [old.number for old, _ in known]) for one in found)


def table_findings(
    new: Known, history: Sequence[Known], mode: Mode, tables: Iterable[TableAt]
) -> list[Finding]:
    """What moves each table: from the versions that the mode looks at, and from that which it has.

    A table that was not moved for some time is still that of an older version.
    """
    looked_at = _looked_at(history, mode)
    found: list[Finding] = []
    for place in tables:
        after = new.side(place.layout)
        for old in history:
            if old in looked_at or (old.number == place.version and mode != "NONE"):
                moved = compare_tables(old.side(place.layout), after, mode, (place.engine,))
                found += [replace(one, against=old.number) for one in moved]
    return merged(found)


def table_plans(old: Known, new: Known, tables: Iterable[TableAt]) -> list[TablePlan]:
    """What would move the table of one version to that of another, in each engine."""
    return [
        plan
        for place in tables
        for plan in plan_tables(old.side(place.layout), new.side(place.layout), (place.engine,))
    ]


def _looked_at(history: Sequence[Known], mode: Mode) -> Sequence[Known]:
    if mode == "NONE":
        return ()
    return history if mode.endswith("_TRANSITIVE") else history[-1:]


def other_messages(new: Known, history: Sequence[Known], mode: Mode) -> Iterator[Finding]:
    """A finding for each version that the mode looks at whose table is that of another message."""
    for old in _looked_at(history, mode):
        if old.descriptors and new.descriptors and old.message != new.message:
            yield _other_message(old, new)


def table_message(new: DescriptorSet, before: str) -> str:
    """The message of a table that was made from another version's: of that name, or renamed."""
    if new.has_message(before):
        return before
    try:
        return new.table_message().full_name
    except LayoutError:
        return before  # it is not said which one it is, so it is gone


def _other_message(old: Known, new: Known) -> Finding:
    renamed = new.descriptors and old.message not in {
        m.full_name for m in new.descriptors.messages()
    }
    why = f"the table's message was {old.message}"
    if renamed:
        why += "; its data is read by field numbers, but in an Any it is found by name"
        fix = "keep the name, or waive it: the fields are compared by number all the same"
    else:
        why += ", and its data says nothing of this one"
        fix = "keep the message, or register the other one as another table"
    return Finding(
        rule="MESSAGE_SAME_NAME", level="wire", direction="backward", severity="error",
        subject=str(new.message), old=str(old.message), new=str(new.message),
        why=why, fix=fix, against=old.number,
    )  # fmt: skip


def against(finding: Finding, numbers: Sequence[int]) -> Finding:
    """A finding counts versions from 1; a history may have gaps."""
    return (
        finding
        if finding.against is None
        else replace(finding, against=numbers[finding.against - 1])
    )


def covers(kept: KeptWaiver, finding: Finding) -> bool:
    """Whether a waiver of a version is about a finding that needs one."""
    waiver = Waiver(kept.rule, kept.subject, kept.reason, kept.who)
    return finding.severity != "safe" and waiver.covers(finding)


def waived(
    found: Sequence[Finding], own: Sequence[KeptWaiver], kept: dict[int, list[KeptWaiver]]
) -> list[Finding]:
    """The findings, marked where the version's own waivers cover them, or those of versions since.

    What was agreed to at version 3 also holds for version 4 against version 2, not against 3.
    """
    answer = []
    for finding in found:
        since = [many for number, many in kept.items() if number > (finding.against or 0)]
        waivers = [*own, *(one for many in since for one in many)]
        cover = next((one for one in waivers if covers(one, finding)), None)
        said = f"{cover.reason} ({cover.who})" if cover else ""
        answer.append(replace(finding, waived=said))
    return answer


def incompatible(subject: str, mode: KeptMode, bad: Sequence[Finding]) -> IncompatibleError:
    """The error that names each finding."""
    count = "1 finding" if len(bad) == 1 else f"{len(bad)} findings"
    example = f"{bad[0].rule}:{bad[0].subject}=REASON"
    return IncompatibleError(
        f"{subject}: not compatible under the mode {mode.mode}: {count}",
        details=[_detail(one) for one in bad],
        hint=f"change the schema, waive what is meant to be (--waive '{example}'), or set another"
        f" mode for the subject (protolith subject mode {subject} NONE)",
    )


def _detail(finding: Finding) -> Detail:
    witness = f", such as {finding.witness}" if finding.witness else ""
    level = f"{finding.level} in {' and '.join(e for e, _ in finding.engines)}"
    kind = f"{finding.severity}, {level if finding.engines else finding.level}, {finding.direction}"
    return Detail(
        f"{finding.why}{witness} [{kind}, against version {finding.against}]; {finding.fix}",
        file=finding.file or None,
        line=finding.line,
        column=finding.column,
        field_path=finding.subject,
        rule=finding.rule,
    )
