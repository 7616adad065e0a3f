"""Findings in the forms that build servers show beside the code."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias
from xml.etree import ElementTree as ET

from protolith.compatibility import Finding

Report: TypeAlias = Literal["github", "gitlab", "junit"]
_GITHUB = {"safe": "notice", "lossy": "warning", "broken": "error", "error": "error"}
_GITLAB = {"safe": "info", "lossy": "major", "broken": "critical", "error": "blocker"}


def github(findings: Sequence[Finding], bad: Sequence[Finding]) -> str:  # noqa: ARG001
    """Workflow commands, which become annotations."""
    rows = []
    for one in findings:
        spots = {"file": one.file, "line": one.line, "col": one.column, "title": one.rule}
        place = ",".join(f"{name}={_property(str(it))}" for name, it in spots.items() if it)
        word = "notice" if one.waived else _GITHUB[one.severity]
        rows.append(f"::{word} {place}::{_escaped(_text(one))}\n")
    return "".join(rows)


def _text(one: Finding) -> str:
    engines = f" ({_engines(one)})" if one.engines else ""
    return f"{one.subject}: {one.why}{engines}"


def _engines(one: Finding) -> str:
    return ", ".join(engine for engine, _ in one.engines)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def gitlab(findings: Sequence[Finding], bad: Sequence[Finding]) -> str:  # noqa: ARG001
    """A code quality report: one JSON list. It needs a path: of what is gone, the old one."""
    rows = [
        {
            "description": _text(one),
            "check_name": one.rule,
            "fingerprint": hashlib.sha256(_identity(one).encode()).hexdigest(),
            "severity": "info" if one.waived else _GITLAB[one.severity],
            "location": {"path": _path(one), "lines": {"begin": one.line or 1}},
        }
        for one in findings
    ]
    return json.dumps(rows, indent=2) + "\n"


def _identity(one: Finding) -> str:
    about = (one.rule, one.level, one.direction, one.subject, str(one.against))
    return "|".join((*about, one.old, one.new, _engines(one)))


def _path(one: Finding) -> str:
    return one.file or one.old_place.partition(":")[0] or "."


def junit(findings: Sequence[Finding], bad: Sequence[Finding]) -> str:
    """A test suite in which each incompatible finding is a failure."""
    counts = {"tests": str(len(findings)), "failures": str(len(bad))}
    suite = ET.Element("testsuite", {"name": "protolith check"} | counts)
    for one in findings:
        name = f"{one.rule} {one.subject} {one.direction} {_engines(one)}".rstrip()
        case = ET.SubElement(suite, "testcase", {"classname": one.level, "name": name})
        if one in bad:
            failure = ET.SubElement(case, "failure", {"message": one.why, "type": one.severity})
            failure.text = f"{one.place}: {one.old} -> {one.new}; {one.fix}"
    return ET.tostring(suite, encoding="unicode") + "\n"


REPORTS: dict[Report, Callable[[Sequence[Finding], Sequence[Finding]], str]] = {
    "github": github,
    "gitlab": gitlab,
    "junit": junit,
}
