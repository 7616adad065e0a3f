"""Schemas that are registered together: what they import from each other, and all their faults."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery.driven import Converter
from protolith.errors import (
    ConflictError,
    Detail,
    MalformedError,
    MovedOnError,
    NotFoundError,
    ProtocExecutionError,
    SchemaRegistryError,
    SchemaValidationError,
    TooLargeError,
)
from protolith.layout import DEFAULT_DATABASE
from protolith.registry.references import LATEST, check_names, named, resolve
from protolith.registry.registration import (
    JsonSubmission,
    Submission,
    batch_submission,
    prepare,
)
from protolith.store import Beside, NewVersion, Reference, Store
from protolith.store.identity import fingerprint_of

_OF_A_MEMBER = (
    ProtocExecutionError,
    SchemaValidationError,
    TooLargeError,
    NotFoundError,
    ConflictError,
)
_THREADS = 2 * (os.cpu_count() or 1)  # the compiler is a process of its own


@dataclass(slots=True)
class Faults:
    """What is wrong with members, found in any order, and raised together."""

    label: str
    count: int
    alone: bool = False
    found: dict[int, SchemaRegistryError] = field(default_factory=dict)

    @contextmanager
    def of(self, index: int) -> Iterator[None]:
        """Keep what a member is refused for; where there is one `alone` it is raised as it is."""
        try:
            yield
        except MovedOnError:  # no member's fault: all are looked at again
            raise
        except _OF_A_MEMBER as error:
            if self.alone:
                raise
            self.found[index] = error

    def check(self) -> None:
        """Raise the first fault, with those of the others among its details."""
        if not self.found:
            return
        (first, error), *others = sorted(self.found.items())
        more = f" (and {len(others)} more of {self.count:,})" if others else ""
        error.message = f"{self.label}[{first}]: {error.message}{more}"
        error.details += tuple(
            detail for index, other in others for detail in self._details(index, other)
        )
        raise error

    def _details(self, index: int, error: SchemaRegistryError) -> list[Detail]:
        where = f"{self.label}[{index}]: "
        said = Detail(f"{where}{error.message}")
        return [said, *(replace(one, text=f"{where}{one.text}") for one in error.details)]


@dataclass(slots=True)
class Batch:
    """The members of a batch, and what becomes of each."""

    store: Store
    converter: Converter
    faults: Faults
    submissions: dict[int, Submission | JsonSubmission] = field(default_factory=dict)
    beside: dict[int, tuple[Beside, ...]] = field(default_factory=dict)
    outside: dict[int, tuple[Reference, ...]] = field(default_factory=dict)
    ready: dict[int, NewVersion] = field(default_factory=dict)

    def find_imports(self) -> None:
        """Tell what a member imports from other members from what it imports from the store."""
        members: dict[str, list[int]] = {}
        for index, submission in self.submissions.items():
            members.setdefault(_subject(submission), []).append(index)
        for index, submission in self.submissions.items():
            given = submission.references if isinstance(submission, Submission) else ()
            with self.faults.of(index):
                check_names(given)
                places = [self._member(one, index, members.get(one.subject, [])) for one in given]
                pairs = list(zip(given, places, strict=True))
                self.beside[index] = tuple(
                    Beside(one.name, place, None if one.version == LATEST else one.version)
                    for one, place in pairs
                    if place is not None
                )
                self.outside[index] = tuple(one for one, place in pairs if place is None)

    def _member(self, wanted: Reference, index: int, there: Sequence[int]) -> int | None:
        """The member that a reference means: the subject's last, or the one with that number."""
        others = [one for one in there if one != index]
        if wanted.version == LATEST or not others:
            return others[-1] if others else None
        lines = self.store.history(wanted.subject, limit=1, deleted=True)
        place = wanted.version - (lines[0].version if lines else 0) - 1
        return there[place] if 0 <= place < len(there) and there[place] != index else None

    def compile(self) -> None:
        """Make every member ready, each after those it imports."""
        needs = {i: [one.index for one in found] for i, found in self.beside.items()}
        sorter = TopologicalSorter(needs)
        try:
            sorter.prepare()
        except CycleError as error:
            self._refuse_circle(error.args[1])
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            while sorter.is_active():
                level = sorter.get_ready()
                jobs = [pool.submit(copy_context().run, self._compile, index) for index in level]
                for job in jobs:
                    job.result()
                sorter.done(*level)

    def _refuse_circle(self, circle: Sequence[int]) -> None:
        label = self.faults.label
        names = " → ".join(f"{label}[{index}]" for index in reversed(circle))
        with self.faults.of(min(circle)):
            raise MalformedError(
                f"members import each other in a circle: {names}", hint="no file imports itself"
            )

    def _compile(self, index: int) -> None:
        if index in self.faults.found:
            return
        submission, beside = self.submissions[index], self.beside[index]
        if any(one.index not in self.ready for one in beside):
            return  # the fault is that of the member that it imports
        with self.faults.of(index):
            found = [self._compiled(one) for one in beside]
            if isinstance(submission, Submission):
                pinned, others = resolve(self.store, self.outside[index])
                submission = replace(submission, references=pinned)
                found += others
            self.ready[index] = replace(prepare(submission, self.converter, found), beside=beside)

    def _compiled(self, one: Beside) -> DescriptorSet:
        return named(self.ready[one.index], one.name, f"{self.faults.label}[{one.index}]")


def prepare_batch(
    store: Store, schemas: Sequence[Mapping[str, Any]], converter: Converter
) -> list[NewVersion]:
    """Check, compile and lay out all members; raise with the faults of all if any has one."""
    batch = Batch(store, converter, Faults("schemas", len(schemas)))
    for index, schema in enumerate(schemas):
        with batch.faults.of(index):
            batch.submissions[index] = batch_submission(schema)
    batch.find_imports()
    batch.compile()
    batch.faults.check()
    return [batch.ready[index] for index in range(len(schemas))]


def fingerprints(store: Store, versions: Sequence[NewVersion]) -> list[str]:
    """The fingerprint of each; empty for one that imports a member that is new, as it is new too.

    What a member will be numbered is known only once it is stored, unless it is there already.
    """
    known: dict[int, str] = {}
    numbers: dict[int, int | None] = {}

    def visit(index: int) -> None:
        new = versions[index]
        found = []
        for one in new.beside:
            number = numbers[one.index]
            if number is None:
                known[index], numbers[index] = "", None
                return
            found.append(Reference(one.name, versions[one.index].subject, number))
        known[index] = fingerprint_of(replace(new, references=(*new.references, *found)))
        there = store.find_fingerprint(new.subject, known[index]) if index in asked else None
        numbers[index] = None if there is None else there.version

    asked = {one.index for new in versions for one in new.beside}
    needs = {i: [one.index for one in new.beside] for i, new in enumerate(versions)}
    for index in TopologicalSorter(needs).static_order():
        visit(index)
    return [known[index] for index in range(len(versions))]


def _subject(submission: Submission | JsonSubmission) -> str:
    """The subject as far as it is said: that of a message's own name is known once compiled."""
    database = submission.database_name
    return f"{DEFAULT_DATABASE if database is None else database}.{submission.table_name or ''}"
