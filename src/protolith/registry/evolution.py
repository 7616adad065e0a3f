"""What a subject may become: its mode, the check of every new version, differences."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from protolith.compatibility import Finding, Mode, check
from protolith.compatibility.comparison import MODES, PAYLOADS
from protolith.compatibility.differences import SchemaDiff, compare_columns, diff, diff_texts
from protolith.compatibility.findings import Level
from protolith.compatibility.policies import POLICIES
from protolith.compatibility.waivers import Waiver
from protolith.counts import count
from protolith.descriptors import DescriptorSet
from protolith.errors import (
    Detail,
    IncompatibleError,
    MalformedError,
    MovedOnError,
    NotFoundError,
    quoted,
)
from protolith.registry.batches import Faults, fingerprints
from protolith.registry.registration import Schema, compiled
from protolith.store import EVERYWHERE, KeptMode, KeptWaiver, NewVersion, Store, Version
from protolith.store.access import check_new

_TRIES = 5


@dataclass(frozen=True, slots=True)
class CompatibilityMode:
    """What new versions of a subject must keep to; `subject` is None for the default of all.

    `levels` are those that count, and a `policy` counts instead of them. `inherited` where the
    subject says nothing itself, or where there is no default but the one of the program: NONE.
    """

    subject: str | None
    mode: str
    levels: tuple[str, ...]
    policy: str | None
    inherited: bool


@dataclass(frozen=True, slots=True)
class VersionWaiver:
    """A finding that was agreed to when a version was registered."""

    version: int
    rule: str
    subject: str
    reason: str
    who: str


@dataclass(frozen=True, slots=True)
class _Known:
    """A version of the history, or one of a batch that is about to be."""

    number: int
    fingerprint: str
    message: str | None
    schema_json: str
    descriptors: DescriptorSet | None


class Evolution(ABC):
    """The part of `SchemaRegistry` that judges new versions by the old ones."""

    @property
    @abstractmethod
    def _store(self) -> Store: ...

    # ── modes ──

    def set_compatibility(
        self,
        subject: str | None,
        mode: str | None,
        levels: Sequence[Level] = ("wire",),
        policy: str | None = None,
    ) -> CompatibilityMode:
        """Say what new versions of a subject, or by default of every subject, must keep to.

        A subject is `database.table`. With the mode None it says nothing itself any more. The
        levels that count are `wire` and `json`; a `policy` counts instead of them.
        """
        kept = None if mode is None else _checked(mode, levels, policy)
        name = EVERYWHERE if subject is None else self._subject(subject)
        self._store.keep_mode(name, kept)
        # What was kept, not what is there by now: others may have changed it, or deleted all.
        own, shown = (True, kept) if kept is not None else self._store.mode(name)
        return _shown(name, own, shown)

    def get_compatibility(self, subject: str | None = None) -> CompatibilityMode:
        """What new versions of a subject, or by default of every subject, must keep to."""
        name = EVERYWHERE if subject is None else self._subject(subject)
        return _shown(name, *self._store.mode(name))

    def waivers(self, subject: str) -> list[VersionWaiver]:
        """The findings that were agreed to when versions of a subject were registered."""
        found = self._store.waivers(self._subject(subject))
        return [
            VersionWaiver(number, one.rule, one.subject, one.reason, one.who)
            for number, kept in found.items()
            for one in kept
        ]

    # ── differences ──

    def check_compatibility(
        self, schema: Schema, subject: str, mode: Mode, message: str | None = None
    ) -> list[Finding]:
        """What a schema breaks for the versions of a subject, as `check` finds it."""
        history = [self._loaded(version) for version in self._versions(self._subject(subject))]
        known = [(one.number, one.descriptors) for one in history if one.descriptors is not None]
        if not known:
            raise NotFoundError(f"{subject} has no version with a message to compare with")
        found = check(compiled(schema), [old for _, old in known], mode, message=message)
        return [_against(one, [number for number, _ in known]) for one in found]

    def diff(
        self, subject: str, from_version: int | None = None, to_version: int | None = None
    ) -> SchemaDiff:
        """What differs between two versions of a subject: findings first, the text second.

        The later one is the latest if not given, the earlier one that before it.
        """
        name = self._subject(subject)
        numbers = [line.version for line in self._store.history(name)]
        to = numbers[0] if to_version is None else to_version
        before = max((number for number in numbers if number < to), default=None)
        if from_version is None and before is None:
            raise NotFoundError(
                f"{name} has no version before {to}", hint="say which two to compare"
            )
        old = self._store.find(f"{name}@{before if from_version is None else from_version}")
        new = self._store.find(f"{name}@{to}")
        return SchemaDiff(
            old=old.version_id,
            new=new.version_id,
            findings=self._compared(old, new),
            text=diff_texts(self._texts(old), self._texts(new)),
        )

    def _compared(self, old: Version, new: Version) -> list[Finding]:
        before, after = self._loaded(old), self._loaded(new)
        if before.descriptors is None or after.descriptors is None:
            columns = json.loads(before.schema_json), json.loads(after.schema_json)
            found = compare_columns(*columns, "FULL")
        else:
            found = diff(after.descriptors, before.descriptors)
        found = [replace(one, against=before.number) for one in found]
        waivers = {
            n: one for n, one in self._store.waivers(new.subject).items() if n <= new.version
        }
        return _waived(found, (), waivers)

    def _texts(self, version: Version) -> dict[str, str]:
        files = self._store.files(version.version_id)
        if not files and version.descriptors is None:
            columns = json.loads(version.schema_json)
            return {"schema.json": json.dumps(columns, indent=2, ensure_ascii=False) + "\n"}
        return {file.path: file.content.decode(errors="replace") for file in files}

    # ── registration ──

    def _keep_versions(
        self, ready: Sequence[NewVersion], *, label: str = "versions"
    ) -> list[Version]:
        """Keep versions that their subjects' modes let pass, all or none.

        Whoever was faster since the check is checked against as well.
        """
        for new in ready:
            check_new(new.subject)  # a finding would tell what a subject holds
        for attempt in range(1, _TRIES + 1):
            try:
                kept = self._store.add(self._checked(ready, label), label=label)
            except MovedOnError:
                count("registrations_repeated")
                if attempt == _TRIES:
                    raise
            else:
                count("registrations", len(kept))
                return kept
        raise AssertionError

    def _checked(self, ready: Sequence[NewVersion], label: str) -> list[NewVersion]:
        histories: dict[str, list[_Known]] = {}
        guarded: set[str] = set()
        answer: list[NewVersion] = []
        faults = Faults(label, len(ready), alone=len(ready) == 1)
        for index, (new, mark) in enumerate(
            zip(ready, fingerprints(self._store, ready), strict=True)
        ):
            with faults.of(index):
                _, mode = self._store.mode(new.subject)
                new = replace(new, judged=mode)  # noqa: PLW2901
                if mode.mode == "NONE" and not new.waivers:
                    answer.append(new)
                    continue
                first = new.subject not in histories
                if first:
                    versions = self._versions(new.subject)
                    histories[new.subject] = [self._loaded(version) for version in versions]
                history = histories[new.subject]
                same = {known.fingerprint: known.number for known in history}
                if mark and (number := same.get(mark)) is not None:
                    answer.append(replace(new, after=number))
                    continue
                latest = history[-1].number if history else 0
                # Of several versions of a subject, the first one's check guards all.
                self._check(new, history, mode)
                answer.append(new if new.subject in guarded else replace(new, after=latest))
                guarded.add(new.subject)
                history.append(_known(new, latest + 1, mark))
        faults.check()
        return answer

    def _check(self, new: NewVersion, history: Sequence[_Known], mode: KeptMode) -> None:
        found = list(_findings(_known(new, 0), history, mode))
        found = _waived(found, new.waivers, self._store.waivers(new.subject))
        idle = [one for one in new.waivers if not any(_covers(one, f) for f in found)]
        bad = [one for one in found if one.severity != "safe" and not one.waived]
        if (idle or bad) and self._store.mode(new.subject)[1] != mode:
            raise MovedOnError(f"the mode of {new.subject} was changed", hint="try again")
        if idle:
            raise MalformedError(
                f"the waiver {idle[0].rule}:{idle[0].subject} covers nothing that was found",
                hint=f"{new.subject} is checked under the mode {mode.mode}",
            )
        if bad:
            count("incompatible_findings", len(bad))
            raise _incompatible(new.subject, mode, bad)

    # ── inside ──

    def _subject(self, reference: str) -> str:
        return self._store.find(reference).subject

    def _versions(self, subject: str) -> list[Version]:
        """The versions as they were at one moment, whatever is deleted meanwhile."""
        lines = self._store.history(subject)
        try:
            return [self._store.find(line.version_id, deleted=True) for line in reversed(lines)]
        except NotFoundError as error:
            raise MovedOnError(f"{subject} lost a version meanwhile", hint="try again") from error

    def _loaded(self, version: Version) -> _Known:
        return _known(version, version.version)


def _shown(name: str, own: bool, kept: KeptMode) -> CompatibilityMode:  # noqa: FBT001
    subject = None if name == EVERYWHERE else name
    return CompatibilityMode(subject, kept.mode, kept.levels, kept.policy, inherited=not own)


def _known(version: Version | NewVersion, number: int, mark: str = "") -> _Known:
    data = version.descriptors
    descriptors = None if data is None else DescriptorSet.from_bytes(data, version.roots)
    mark = version.fingerprint if isinstance(version, Version) else mark
    return _Known(number, mark, version.message, version.schema_json, descriptors)


def _checked(mode: str, levels: Sequence[Level], policy: str | None) -> KeptMode:
    if mode not in MODES:
        raise MalformedError(f"no mode {quoted(mode)}", hint=f"one of {', '.join(MODES)}")
    wrong = [level for level in levels if level not in PAYLOADS]
    if wrong or not levels:
        what = f"the level {quoted(wrong[0])} cannot decide" if wrong else "no level was given"
        raise MalformedError(what, hint=f"of {', '.join(PAYLOADS)}")
    if policy is not None and policy not in POLICIES:
        raise MalformedError(f"no policy {quoted(policy)}", hint=f"one of {', '.join(POLICIES)}")
    return KeptMode(mode, tuple(dict.fromkeys(levels)), policy)


def _findings(new: _Known, history: Sequence[_Known], kept: KeptMode) -> Iterator[Finding]:
    """What the version changes for those of the history that the mode looks at."""
    mode: Mode = kept.mode  # type: ignore[assignment]  # it was checked when it was set
    scope = history if mode.endswith("_TRANSITIVE") else history[-1:]
    if mode == "NONE":
        return
    for old in scope:
        if old.descriptors is None or new.descriptors is None:
            columns = json.loads(old.schema_json), json.loads(new.schema_json)
            for one in compare_columns(*columns, mode):
                yield replace(one, against=old.number)
        elif old.message != new.message:
            yield _other_message(old, new)
    alike = [old for old in history if old.message == new.message and old.descriptors is not None]
    if new.descriptors is None or not alike or not any(old in alike for old in scope):
        return
    sets = [old.descriptors for old in alike if old.descriptors is not None]
    levels: tuple[Level, ...] = kept.levels  # type: ignore[assignment]
    message = None if kept.policy else new.message
    found = check(new.descriptors, sets, mode, levels=levels, policy=kept.policy, message=message)
    yield from (_against(one, [old.number for old in alike]) for one in found)


def _other_message(old: _Known, new: _Known) -> Finding:
    return Finding(
        rule="MESSAGE_SAME_NAME", level="wire", direction="backward", severity="error",
        subject=str(new.message), old=str(old.message), new=str(new.message),
        why=f"the table's message was {old.message}, and its data says nothing of this one",
        fix="keep the message, or register the other one as another table",
        against=old.number,
    )  # fmt: skip


def _against(finding: Finding, numbers: Sequence[int]) -> Finding:
    """A finding counts versions from 1; a history may have gaps."""
    return (
        finding
        if finding.against is None
        else replace(finding, against=numbers[finding.against - 1])
    )


def _covers(kept: KeptWaiver, finding: Finding) -> bool:
    waiver = Waiver(kept.rule, kept.subject, kept.reason, kept.who)
    return finding.severity != "safe" and waiver.covers(finding)


def _waived(
    findings: Sequence[Finding], own: Sequence[KeptWaiver], kept: dict[int, list[KeptWaiver]]
) -> list[Finding]:
    """The findings, marked where the version's own waivers cover them, or those of versions since.

    What was agreed to at version 3 also holds for version 4 against version 2, not against 3.
    """
    answer = []
    for finding in findings:
        since = [many for number, many in kept.items() if number > (finding.against or 0)]
        waivers = [*own, *(one for many in since for one in many)]
        cover = next((one for one in waivers if _covers(one, finding)), None)
        said = f"{cover.reason} ({cover.who})" if cover else ""
        answer.append(replace(finding, waived=said))
    return answer


def _incompatible(subject: str, mode: KeptMode, bad: Sequence[Finding]) -> IncompatibleError:
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
    kind = f"{finding.severity}, {finding.level}, {finding.direction}"
    return Detail(
        f"{finding.why}{witness} [{kind}, against version {finding.against}]; {finding.fix}",
        file=finding.file or None,
        line=finding.line,
        column=finding.column,
        field_path=finding.subject,
        rule=finding.rule,
    )
