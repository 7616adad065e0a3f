"""What a rule is, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from protolith.dialects.bigquery.packages import Message
from protolith.lint.tree import Field, Tree

Severity: TypeAlias = Literal["error", "warning", "note"]
Said: TypeAlias = tuple[str, str]
"""A sentence, and a way out."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """What BigQuery refuses (an error), what it loses (a warning), or what is good to know.

    `field_path` holds names of proto fields from the message `message` and is empty where the
    table as a whole is meant; `column` is the path of the column, None if there is none. A field
    of a message that is used in several places is one finding at the first of its paths, and
    `others` counts the rest. `line` and `column_number` begin with 1; they need source info.
    """

    rule: str
    severity: Severity
    message: str
    field_path: str
    column: str | None
    text: str
    hint: str
    file: str
    line: int | None = None
    column_number: int | None = None
    others: int = 0

    @property
    def place(self) -> str:
        """Where it is, as `file:line:column` as far as that is known."""
        spots = (self.file, self.line, self.column_number)
        return ":".join(str(spot) for spot in spots if spot is not None)

    def __str__(self) -> str:
        path = f"{self.field_path}: " if self.field_path else ""
        paths = "1 other path" if self.others == 1 else f"{self.others:,} other paths"
        others = f" (and at {paths})" if self.others else ""
        return f"{self.place}: {self.rule}: {path}{self.text}{others}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its id, what its findings mean, and in one sentence what it holds."""

    id: str
    severity: Severity
    purpose: str


@dataclass(frozen=True, slots=True)
class FieldRule(Rule):
    """A rule about single fields: those with a column, those without, or both."""

    of: Literal["column", "dropped", "both"]
    check: Callable[[Field], Said | None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule says about a table, at a field, at another message, or at the table's message."""

    text: str
    hint: str
    field: Field | None = None
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class TableRule(Rule):
    """A rule about a table as a whole."""

    check: Callable[[Tree], Iterator[Problem]]


def column_rule(severity: Severity) -> Callable[[Callable[[Field], Said | None]], FieldRule]:
    """Make a function a rule about fields that have a column; its name is the id."""
    return lambda check: FieldRule(*_named(check, severity), "column", check)


def dropped_rule(severity: Severity) -> Callable[[Callable[[Field], Said | None]], FieldRule]:
    """Make a function a rule about fields that have no column, apart from ignored ones."""
    return lambda check: FieldRule(*_named(check, severity), "dropped", check)


def field_rule(severity: Severity) -> Callable[[Callable[[Field], Said | None]], FieldRule]:
    """Make a function a rule about every field, with a column or without."""
    return lambda check: FieldRule(*_named(check, severity), "both", check)


def table_rule(severity: Severity) -> Callable[[Callable[[Tree], Iterator[Problem]]], TableRule]:
    """Make a function a rule about a table."""
    return lambda check: TableRule(*_named(check, severity), check)


def _named(check: Callable[..., object], severity: Severity) -> tuple[str, Severity, str]:
    return check.__name__.replace("_", "-"), severity, str(check.__doc__).partition("\n")[0]
