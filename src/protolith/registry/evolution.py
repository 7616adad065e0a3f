"""What a subject may become: its mode, the check of every new version, differences."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from protolith.compatibility import Finding, Mode, check
from protolith.compatibility.comparison import DEFAULT_LEVELS, MODES, PAYLOADS, worst_first
from protolith.compatibility.differences import SchemaDiff, compare_columns, diff, diff_texts
from protolith.compatibility.findings import Level
from protolith.compatibility.policies import POLICIES, BufConfig
from protolith.compatibility.table_plans import ENGINES, check_engines
from protolith.counts import count
from protolith.errors import MalformedError, MovedOnError, NotFoundError, quoted
from protolith.layout import NATIVE
from protolith.registry.batches import Faults, fingerprints
from protolith.registry.judging import (
    Known,
    TableAt,
    against,
    covers,
    findings,
    in_group,
    incompatible,
    other_messages,
    table_findings,
    table_message,
    table_plans,
    waived,
)
from protolith.registry.part import Part
from protolith.registry.registration import Schema, compiled
from protolith.store import (
    EVERYWHERE,
    NOTHING_KEPT,
    KeptMode,
    NewVersion,
    Version,
)
from protolith.store.access import check_new

COUNTING = (*PAYLOADS, "table")
"""The levels that can decide whether a version is stored."""
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


class Evolution(Part):
    """The part of `SchemaRegistry` that judges new versions by the old ones."""

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
        levels that count are of `wire`, `json` and `table`, which asks about the tables that the
        subject has in engines; a `policy` counts instead of them.
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

    def check_compatibility(  # noqa: PLR0913 - as `check`
        self,
        schema: Schema,
        subject: str,
        mode: Mode,
        message: str | None = None,
        *,
        levels: Sequence[Level] = DEFAULT_LEVELS,
        engines: Sequence[str] | None = None,
        policy: str | None = None,
        categories: Sequence[str] = ("FILE",),
        config: BufConfig | None = None,
    ) -> list[Finding]:
        """What a schema breaks for the versions of a subject, as `check` finds it.

        The level `table` asks of the tables that the subject has, each in its own layout, or of
        those `engines`, in the native layout where there is no table. The subject's message is
        found by its name, or as `register_schema` does where the schema has none of that name.
        """
        name = self._subject(subject)
        history = [self._loaded(version) for version in self._versions(name)]
        known = [(one, one.descriptors) for one in history if one.descriptors is not None]
        if not known:
            raise NotFoundError(f"{subject} has no version with a message to compare with")
        last, new = known[-1][0], compiled(schema)
        if message is None:
            called = table_message(new, str(last.message))
        else:
            called = new.message(message).full_name
        after = replace(last, number=0, message=called, descriptors=new)
        olds = None
        if message is not None or called != last.message:
            message, olds = called, [str(one.message) for one, _ in known]
        found = check(
            new, [old for _, old in known], mode,
            levels=[level for level in levels if level != "table"], policy=policy,
            categories=categories, config=config, message=message, old_message=olds,
        )  # fmt: skip
        found = [against(one, [old.number for old, _ in known]) for one in found]
        if policy is None and "wire" in levels:
            found += other_messages(after, history, mode)
        if policy is None and "table" in levels:
            found += table_findings(after, history, mode, self._tables(name, engines))
        return worst_first(found) if policy is None else found

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
            tables=table_plans(self._loaded(old), self._loaded(new), self._tables(name, ENGINES)),
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
        return waived(found, (), waivers)

    def _texts(self, version: Version) -> dict[str, str]:
        files = self._store.files(version.version_id)
        if not files and version.descriptors is None:
            columns = json.loads(version.schema_json)
            return {"schema.json": json.dumps(columns, indent=2, ensure_ascii=False) + "\n"}
        return {file.path: file.content.decode(errors="replace") for file in files}

    # ── registration ──

    def _keep_versions(
        self,
        ready: Sequence[NewVersion],
        *,
        label: str = "versions",
        default: KeptMode = NOTHING_KEPT,
        group: str | None = None,
    ) -> list[Version]:
        """Keep versions that their subjects' modes let pass, all or none.

        Whoever was faster since the check is checked against as well. The `default` counts where
        no mode was ever set. With a `group`, a property of metadata, only versions that have the
        same value there are compared.
        """
        for new in ready:
            check_new(new.subject)  # a finding would tell what a subject holds
        for attempt in range(1, _TRIES + 1):
            try:
                kept = self._store.add(self._checked(ready, label, default, group), label=label)
            except MovedOnError:
                count("registrations_repeated")
                if attempt == _TRIES:
                    raise
            else:
                count("registrations", len(kept))
                return kept
        raise AssertionError

    def _checked(
        self, ready: Sequence[NewVersion], label: str, default: KeptMode, group: str | None
    ) -> list[NewVersion]:
        histories: dict[str, list[Known]] = {}
        newest: dict[str, int] = {}
        answer: list[NewVersion] = []
        faults = Faults(label, len(ready), alone=len(ready) == 1)
        for index, (new, mark) in enumerate(
            zip(ready, fingerprints(self._store, ready), strict=True)
        ):
            with faults.of(index):
                _, mode = self._store.mode(new.subject)
                new = replace(new, judged=mode)  # noqa: PLW2901
                mode = default if mode is NOTHING_KEPT else mode
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
                self._check(new, in_group(new, history, group), mode)
                other = newest.get(new.subject)  # of several versions of it each follows the last
                after = latest if other is None else None
                answer.append(replace(new, after=after, follows=other))
                newest[new.subject] = index
                history.append(Known.of(new, latest + 1, mark))
        faults.check()
        return answer

    def _check(self, new: NewVersion, history: Sequence[Known], mode: KeptMode) -> None:
        tables = self._tables(new.subject) if "table" in mode.levels else []
        found = list(findings(Known.of(new, 0), history, mode, tables))
        found = waived(found, new.waivers, self._store.waivers(new.subject))
        idle = [one for one in new.waivers if not any(covers(one, f) for f in found)]
        bad = [one for one in found if one.severity != "safe" and not one.waived]
        if (idle or bad) and self._store.mode(new.subject)[1] != new.judged:
            raise MovedOnError(f"the mode of {new.subject} was changed", hint="try again")
        if idle:
            raise MalformedError(
                f"the waiver {idle[0].rule}:{idle[0].subject} covers nothing that was found",
                hint=f"{new.subject} is checked under the mode {mode.mode}",
            )
        if bad:
            count("incompatible_findings", len(bad))
            raise incompatible(new.subject, mode, bad)

    def _judge(
        self, new: NewVersion, versions: Sequence[Version], mode: KeptMode, group: str | None
    ) -> list[Finding]:
        """What registration would find of a version; nothing is kept."""
        history = in_group(new, [self._loaded(version) for version in versions], group)
        tables = self._tables(new.subject) if "table" in mode.levels else []
        return list(findings(Known.of(new, 0), history, mode, tables))

    # ── inside ──

    def _subject(self, reference: str) -> str:
        return self._store.find(reference).subject

    def _versions(self, subject: str) -> list[Version]:
        """The versions as they were at one moment, whatever is deleted meanwhile."""
        lines = self._store.history(subject)
        try:
            return [
                self._store.find_exactly(subject, line.version, deleted=True)
                for line in reversed(lines)
            ]
        except NotFoundError as error:
            raise MovedOnError(f"{subject} lost a version meanwhile", hint="try again") from error

    def _loaded(self, version: Version) -> Known:
        return Known.of(version, version.version)

    def _tables(self, subject: str, engines: Sequence[str] | None = None) -> list[TableAt]:
        """The subject's tables; of engines that are named, also those that could be."""
        there = {one.engine: one for one in self._store.deployments(subject) if one.created}
        return [
            TableAt(name, self._layout_of(there[name]), there[name].version)
            if name in there
            else TableAt(name, NATIVE)
            for name in (there if engines is None else check_engines(engines))
        ]


def _shown(name: str, own: bool, kept: KeptMode) -> CompatibilityMode:  # noqa: FBT001
    subject = None if name == EVERYWHERE else name
    return CompatibilityMode(subject, kept.mode, kept.levels, kept.policy, inherited=not own)


def _checked(mode: str, levels: Sequence[Level], policy: str | None) -> KeptMode:
    if mode not in MODES:
        raise MalformedError(f"no mode {quoted(mode)}", hint=f"one of {', '.join(MODES)}")
    wrong = [level for level in levels if level not in COUNTING]
    if wrong or not levels:
        what = f"the level {quoted(wrong[0])} cannot decide" if wrong else "no level was given"
        raise MalformedError(what, hint=f"of {', '.join(COUNTING)}")
    if policy is not None and policy not in POLICIES:
        raise MalformedError(f"no policy {quoted(policy)}", hint=f"one of {', '.join(POLICIES)}")
    return KeptMode(mode, tuple(dict.fromkeys(levels)), policy)
