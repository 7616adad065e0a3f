"""Changes that somebody has agreed to: a finding stays visible, but no longer counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from protolith.compatibility.findings import Finding, Level


@dataclass(frozen=True, slots=True)
class Waiver:
    """One agreed change: which rule, about what, between which versions, why and by whom.

    `subject` is a full name, or field numbers such as `2.1`. Without a level or a version it
    holds for any; `from_version` is the one compared with, `to_version` the new one.
    """

    rule: str
    subject: str
    reason: str
    who: str
    level: Level | None = None
    from_version: int | None = None
    to_version: int | None = None

    def covers(self, finding: Finding, version: int | None = None) -> bool:
        """Whether it is about this finding, of the new version if that is known."""
        path = ".".join(map(str, finding.field_path))
        return (
            self.rule == finding.rule
            and self.subject in {finding.subject, path}
            and self.level in (None, finding.level)
            and self.from_version in (None, finding.against)
            and self.to_version in (None, version)
        )

    def __str__(self) -> str:
        return f"{self.reason} ({self.who})"


def waive(
    findings: Iterable[Finding], waivers: Sequence[Waiver], version: int | None = None
) -> list[Finding]:
    """The same findings, marked where a waiver covers them."""
    return [
        replace(finding, waived=str(cover))
        if (cover := next((one for one in waivers if one.covers(finding, version)), None))
        else finding
        for finding in findings
    ]
