"""What differs between two versions: what it means first, the text second."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from protolith.compatibility import positions
from protolith.compatibility.bigquery_json import compare_schemas
from protolith.compatibility.comparison import check
from protolith.compatibility.findings import Direction, Finding, Mode
from protolith.compatibility.index import EnumFacts, FieldFacts, Index, MessageFacts, index
from protolith.descriptors import DescriptorSet

_NOTHING = "nothing needs to be done"


@dataclass(frozen=True, slots=True)
class SchemaDiff:
    """Two versions, what the change does, worst first, and a unified diff of their files."""

    old: str
    new: str
    findings: list[Finding]
    text: str


def diff(new: DescriptorSet, old: DescriptorSet) -> list[Finding]:
    """Every consequence of a change in both directions, worst first, and then all that is new."""
    return [*check(new, old, "FULL"), *_additions(new, old)]


def diff_texts(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """A unified diff of files by name, as `diff -u` writes it."""
    return "".join(
        line
        for name in sorted({*old, *new})
        for line in difflib.unified_diff(
            old.get(name, "").splitlines(keepends=True),
            new.get(name, "").splitlines(keepends=True),
            f"old/{name}" if name in old else "/dev/null",
            f"new/{name}" if name in new else "/dev/null",
        )
    )


def compare_columns(old: Any, new: Any, mode: Mode) -> list[Finding]:
    """The findings of two BigQuery JSON schemas, where one of the versions has no message."""
    found: list[Finding] = []
    if not mode.startswith("FORWARD"):
        found += _columns(old, new, "backward")
    if not mode.startswith("BACKWARD"):
        found += _columns(new, old, "forward")
    return found


def _columns(writer: Any, reader: Any, direction: Direction) -> Iterator[Finding]:
    for issue in compare_schemas(writer, reader)["issues"]:
        old = str(issue.get("old_type") or issue.get("old_mode") or "")
        new = str(issue.get("new_type") or issue.get("new_mode") or "")
        for path in issue.get("fields") or [issue["field"]]:
            yield Finding(
                rule=issue["type"], level="table", direction=direction, severity="error",
                subject=path, old=old, new=new,
                why=_COLUMN_WHYS[issue["type"]], fix="keep the column as it was",
            )  # fmt: skip


_COLUMN_WHYS = {
    "FIELD_REMOVAL": "the column is not known to the reader",
    "TYPE_CHANGE": "the column has another type",
    "MODE_CHANGE": "the column has another mode",
    "REQUIRED_FIELD_ADDED": "the column is required, and the rows do not have it",
}


def _additions(new: DescriptorSet, old: DescriptorSet) -> Iterator[Finding]:
    after, before = index(new), index(old)
    for name, message in after.messages.items():
        if message.map_entry or message.file not in after.roots:
            continue
        if name not in before.messages:
            yield _added("MESSAGE_ADDED", name, "message", message, new)
            continue
        known = before.messages[name]
        for number, field in message.fields.items():
            if number not in known.fields and field.name not in known.by_name:
                yield _added("FIELD_ADDED", field.full_name, field.words, field, new)
    yield from _added_enums(after, before, new)


def _added_enums(after: Index, before: Index, new: DescriptorSet) -> Iterator[Finding]:
    for name, enum in after.enums.items():
        if enum.file not in after.roots:
            continue
        if name not in before.enums:
            yield _added("ENUM_ADDED", name, "enum", enum, new)
            continue
        known = before.enums[name]
        for value, number in enum.numbers.items():
            if value not in known.numbers and number not in known.names:
                found = _added("ENUM_VALUE_ADDED", f"{name}.{value}", str(number), enum, new)
                line, column = positions.find(new, enum.file, enum.places[value])
                yield replace(found, line=line, column=column)


def _added(
    rule: str, subject: str, words: str, what: MessageFacts | FieldFacts | EnumFacts,
    new: DescriptorSet,
) -> Finding:  # fmt: skip
    line, column = positions.find(new, what.file, what.path)
    return Finding(
        rule=rule, level="source", direction="backward", severity="safe", subject=subject,
        old="absent", new=words, why="it is new", fix=_NOTHING,
        file=what.file, line=line, column=column,
    )  # fmt: skip
