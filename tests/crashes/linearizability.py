"""Whether a history of concurrent calls has an order in which a subject explains every answer.

A checker after Wing and Gong, with the memory of Lowe: a call may come next if no other ended
before it began; whatever set of calls with whatever state was a dead end is not tried again. A
subject is an object of its own, so its calls are judged alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

UNKNOWN = "unknown"
REFUSED = "refused"
MISSING = "missing"

Answer: TypeAlias = Any


@dataclass(frozen=True)
class Call:
    """What a client asked of a subject, when, and what it was told."""

    action: str
    value: Any
    began: float
    ended: float
    answer: Answer


@dataclass(frozen=True)
class Subject:
    """The model: each version with its content and whether it is deleted; the mode."""

    versions: tuple[tuple[int, str, bool], ...] = ()
    last: int = 0
    mode: str = "NONE"

    @property
    def live(self) -> dict[int, str]:
        return {number: content for number, content, gone in self.versions if not gone}

    def after(self, call: Call) -> tuple["Subject", Answer]:
        """The subject after a call, and what it answers."""
        answer: tuple[Subject, Answer] = getattr(self, f"_{call.action}")(call.value)
        return answer

    def _register(self, content: str) -> tuple["Subject", Answer]:
        live = self.live
        for number, held in live.items():
            if held == content:
                return self, number
        if self.mode == "FULL" and live and not compatible(live[max(live)], content):
            return self, REFUSED
        number = self.last + 1
        versions = (*self.versions, (number, content, False))
        return replace(self, versions=versions, last=number), number

    def _latest(self, _: None) -> tuple["Subject", Answer]:
        live = self.live
        return self, (max(live), live[max(live)]) if live else MISSING

    def _type(self, _: None) -> tuple["Subject", Answer]:
        live = self.live
        return self, live[max(live)].split(maxsplit=1)[0] if live else MISSING

    def _history(self, _: None) -> tuple["Subject", Answer]:
        return self, tuple(sorted(self.live)) or MISSING

    def _delete(self, number: int | None) -> tuple["Subject", Answer]:
        return self._changed(number, was=False)

    def _undelete(self, number: int) -> tuple["Subject", Answer]:
        content = next((held for n, held, _ in self.versions if n == number), None)
        if content in self.live.values():
            return self, REFUSED
        return self._changed(number, was=True)

    def _changed(self, number: int | None, *, was: bool) -> tuple["Subject", Answer]:
        named = [row for row in self.versions if number in (None, row[0])]
        chosen = tuple(row[0] for row in named if row[2] == was)
        if not chosen:
            return self, REFUSED if named else MISSING
        rows = tuple((n, held, gone != (n in chosen)) for n, held, gone in self.versions)
        return replace(self, versions=rows), chosen

    def _purge(self, number: int) -> tuple["Subject", Answer]:
        found = next((row for row in self.versions if row[0] == number), None)
        if found is None or not found[2]:
            return self, MISSING if found is None else REFUSED
        rows = tuple(row for row in self.versions if row[0] != number)
        return replace(self, versions=rows), (number,)

    def _set_mode(self, mode: str) -> tuple["Subject", Answer]:
        return (replace(self, mode=mode), mode) if self.live else (self, MISSING)

    def _mode(self, _: None) -> tuple["Subject", Answer]:
        return self, self.mode if self.live else MISSING


def compatible(one: str, other: str) -> bool:
    """A content is named after the type of its column."""
    return one.split(maxsplit=1)[0] == other.split(maxsplit=1)[0]


def explained(calls: Sequence[Call]) -> bool:
    """Whether there is an order; a call with an unknown answer may have happened or not."""
    order = sorted(calls, key=lambda call: call.began)
    needed = sum(1 << n for n, call in enumerate(order) if call.answer != UNKNOWN)
    seen: set[tuple[int, Subject]] = set()
    stack = [(0, Subject())]
    while stack:
        done, subject = stack.pop()
        if done & needed == needed:
            return True
        if (done, subject) in seen:
            continue
        seen.add((done, subject))
        open_ = [(n, call) for n, call in enumerate(order) if not done >> n & 1]
        first_end = min(call.ended for _, call in open_ if call.answer != UNKNOWN)
        for n, call in open_:
            if call.began > first_end:
                break
            then, answer = subject.after(call)
            if call.answer in (answer, UNKNOWN):
                stack.append((done | 1 << n, then))
    return False
