"""A migration: the steps from one table to another in one engine."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from protolith.changes import AddColumn
from protolith.dialects.alteration import Check, Outcome, Risk, Step
from protolith.migrations.rebuilding import Rebuild
from protolith.tables import Table

RISKS: tuple[Risk, ...] = ("none", "rewrite", "lossy")
OUTCOMES: tuple[Outcome, ...] = ("nothing", "in place", "rewrite", "rebuild", "impossible")


@dataclass(frozen=True, slots=True)
class Migration:
    """How a table of one engine becomes another one.

    `tables` holds the table before each step and, last, the one after all of them. `fingerprint`
    names the migration: the same tables and steps have the same one. `checks` are those of the
    steps that can be asked before anything is changed. With `rebuild` the table is built anew, and
    that is the last step: those before it say what is different.
    """

    dialect: str
    steps: tuple[Step, ...]
    tables: tuple[Table, ...]
    checks: tuple[Check, ...]
    fingerprint: str
    rebuild: Rebuild | None = None

    @property
    def old(self) -> Table:
        """The table before the migration."""
        return self.tables[0]

    @property
    def new(self) -> Table:
        """The table after the migration."""
        return self.tables[-1]

    @property
    def risk(self) -> Literal["none", "rewrite", "lossy"]:
        """The worst risk of a step."""
        return max((step.risk for step in self.steps), key=RISKS.index, default="none")

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of a step."""
        return max((step.outcome for step in self.steps), key=OUTCOMES.index, default="nothing")

    @property
    def impossible(self) -> tuple[Step, ...]:
        """The steps that the engine cannot make."""
        return tuple(step for step in self.steps if step.outcome == "impossible")

    @property
    def statements(self) -> tuple[str, ...]:
        """Every statement in its order."""
        return tuple(statement for step in self.steps for statement in step.statements)

    @property
    def empty(self) -> bool:
        """Whether the engine is told nothing."""
        return not any(s.statements or s.patch or s.outcome == "impossible" for s in self.steps)


def fingerprint(tables: tuple[Table, ...], steps: tuple[Step, ...]) -> str:
    """The same text for the same migration."""
    return hashlib.sha256(repr((tables[0], [step.change for step in steps])).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One change of a table: what the engine is told, what that risks, and why.

    `loads` says whether rows may be loaded meanwhile. `patch` is BigQuery's whole new schema as
    JSON for `tables.patch`, where a change is not SQL.
    """

    change: str
    field_path: str
    outcome: Outcome
    risk: Risk
    why: str
    statements: list[str]
    loads: bool
    patch: str = ""


def planned_step(step: Step) -> PlannedStep:
    """A step as an answer."""
    change = step.change
    place = (*change.place, change.column.name) if isinstance(change, AddColumn) else change.place
    return PlannedStep(
        change=type(change).__name__,
        field_path=".".join(place),
        outcome=step.outcome,
        risk=step.risk,
        why=step.sentence,
        statements=list(step.statements),
        loads=step.loads,
        patch=step.patch,
    )
