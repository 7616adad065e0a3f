"""What a check finds."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["wire", "json", "source", "table"]
Direction: TypeAlias = Literal["backward", "forward"]
Severity: TypeAlias = Literal["safe", "lossy", "broken", "error"]
"""From harmless to worst: every value survives; some survive changed or not at all; none of the
field survives; some payload does not parse."""
Mode: TypeAlias = Literal[
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
]

LEVELS: tuple[Level, ...] = ("wire", "json", "source", "table")
SEVERITIES: tuple[Severity, ...] = ("safe", "lossy", "broken", "error")


@dataclass(frozen=True, slots=True)
class Finding:
    """One consequence of one change, at one level and in one direction.

    `rule` is buf's id where buf has the rule. Backward is old data under the new schema, forward
    new data under the old one. `against` is the version compared with, where there is a history.
    The place `file:line:column` is in the new schema; for a deletion it is the surviving parent
    there, and `old_place` is where the deleted thing was. `subject` is the full name of what
    changed, `field_path` its field numbers from the checked message, if that is known. `lenient`
    is for the json level: the severity for a parser that ignores unknown fields. `engines` is for
    the table level: for each engine what moves its table.
    """

    rule: str
    level: Level
    direction: Direction
    severity: Severity
    subject: str
    old: str
    new: str
    why: str
    fix: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    old_place: str = ""
    field_path: tuple[int, ...] = ()
    against: int | None = None
    witness: str = ""
    lenient: Severity | None = None
    engines: tuple[tuple[str, str], ...] = ()
    waived: str = ""

    @property
    def place(self) -> str:
        """Where it is in the new schema, as `file:line:column` as far as that is known."""
        spots = (self.file, self.line, self.column)
        return ":".join(str(spot) for spot in spots if spot)

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.subject}: {self.why}"
