"""Whether a schema could be registered: the check that registration makes, asked for alone."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from protolith.compatibility import Finding, check
from protolith.errors import NotFoundError, ProtocExecutionError, SchemaValidationError
from protolith.registry.confluent import names
from protolith.registry.confluent.content import Contents
from protolith.registry.confluent.refusals import no_version, translating
from protolith.registry.confluent.requests import SchemaRequest
from protolith.registry.confluent.settings import Settings
from protolith.registry.confluent.subjects import version_number
from protolith.registry.registration import descriptors_of
from protolith.store import KeptMode, NewVersion, Store, Version, scopes

Judge = Callable[[NewVersion, Sequence[Version], KeptMode, str | None], list[Finding]]


class Checking:
    """Checks against a subject's versions; nothing is kept."""

    def __init__(self, store: Store, settings: Settings, contents: Contents, judge: Judge) -> None:
        self._judge = judge
        self._store = store
        self._settings = settings
        self._contents = contents

    def check(
        self, subject: str, request: SchemaRequest, number: str | None, *, verbose: bool
    ) -> dict[str, Any]:
        """Whether a schema is compatible with a version, or as registration would decide."""
        name = names.plain(subject)
        history = self._history(name, number)
        request = self._contents.completed(name, request)
        try:
            new = self._contents.prepared(name, request)
        except (ProtocExecutionError, SchemaValidationError, NotFoundError) as error:
            if not verbose:
                with translating():
                    raise
            return {"is_compatible": False, "messages": [f"Invalid schema: {error}"]}
        kept = self._settings.level(name)
        if number is not None:
            kept = KeptMode(kept.mode.removesuffix("_TRANSITIVE"), kept.levels, kept.policy)
        found = self._judge(new, history, kept, self._settings.group(name))
        bad = [one for one in found if one.severity != "safe"]
        if not verbose:
            return {"is_compatible": not bad}
        return {
            "is_compatible": not bad,
            "messages": [_message(one) for one in bad],
            "policy": kept.policy or "levels",
            "findings": [_shown(one) for one in _truth(new, history, kept)],
        }

    def _history(self, name: str, number: str | None) -> list[Version]:
        numbers = self._store.ask(scopes.read_numbers, name)
        live = [n for n, gone in numbers.items() if not gone]
        if number is not None:
            wanted = version_number(number)
            if wanted is not None and wanted not in live:
                raise no_version(name, number)
            live = [wanted] if wanted is not None else live[-1:]
        return [self._store.find_exactly(name, n, deleted=True) for n in live]


def _truth(new: NewVersion, history: Sequence[Version], kept: KeptMode) -> list[Finding]:
    """Every finding of the four levels, whatever the policy makes of them."""
    if not history or new.message is None or kept.mode == "NONE":
        return []
    alike = [old for old in history if old.message == new.message]
    if not alike:
        return []
    mode: Any = kept.mode
    olds = [descriptors_of(old) for old in alike]
    mine = descriptors_of(new)  # type: ignore[arg-type]
    return check(mine, olds, mode, message=new.message)


def _message(finding: Finding) -> str:
    return (
        f"{{errorType:'{finding.rule}', description:'{finding.why}', path:'{finding.subject}',"
        f" version:{finding.against}}}"
    )


def _shown(finding: Finding) -> dict[str, Any]:
    about = asdict(finding)
    keys = ("rule", "level", "direction", "severity", "subject", "against")
    return {key: about[key] for key in keys} | {"message": finding.why, "hint": finding.fix}
