"""What differs between two versions: what it means first, the text second."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from protolith.compatibility import positions
from protolith.compatibility.bigquery_json import compare_schemas
from protolith.compatibility.comparison import check
from protolith.compatibility.facts import FileFacts, Path
from protolith.compatibility.findings import Direction, Finding, Mode
from protolith.compatibility.index import Index, index
from protolith.compatibility.table_plans import TablePlan, plan_tables, sides
from protolith.descriptors import DescriptorSet
from protolith.errors import LayoutError
from protolith.layout import NATIVE


@dataclass(frozen=True, slots=True)
class SchemaDiff:
    """Two versions: what the change does, what would move the table, and how the text differs.

    `findings` has the worst first, `tables` a plan for each engine, `text` a unified diff.
    """

    old: str
    new: str
    findings: list[Finding]
    tables: list[TablePlan]
    text: str


def diff(new: DescriptorSet, old: DescriptorSet) -> list[Finding]:
    """Every consequence of a change in both directions, worst first, and then all that is new."""
    return [*check(new, old, "FULL"), *_additions(new, old)]


def plan_both(new: DescriptorSet, old: DescriptorSet) -> list[TablePlan]:
    """What would move each table in each engine; nothing where it is not said what is a table."""
    try:
        pairs = list(sides(new, old, None, NATIVE))
    except LayoutError:
        return []
    return [plan for before, after in pairs for plan in plan_tables(before, after)]


def diff_texts(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """A unified diff of files by name, as `diff -u` writes it."""
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
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
    """What no rule speaks of: a new field or value is known to one side alone, so rules do."""
    after, before = index(new), index(old)
    files = after.submitted(after.unchanged(before))
    for message in after.messages_in(files):
        name = message.full_name
        if name not in before.messages and not message.map_entry:
            yield _added("MESSAGE_ADDED", name, "message", (message.file, message.path), new)
    for enum in after.enums_in(files):
        if enum.full_name not in before.enums:
            yield _added("ENUM_ADDED", enum.full_name, "enum", (enum.file, enum.path), new)
    for file in map(after.file, files):
        yield from _added_services(file, before, new)


def _added_services(file: FileFacts, before: Index, new: DescriptorSet) -> Iterator[Finding]:
    for name, methods in file.methods.items():
        place, known = (file.name, file.service_paths[name]), before.services.get(name)
        if known is None:
            yield _added("SERVICE_ADDED", name, "service", place, new)
        else:
            for method in sorted(methods.keys() - known.keys()):
                yield _added("RPC_ADDED", f"{name}.{method}", "rpc", place, new)


def _added(
    rule: str, subject: str, words: str, place: tuple[str, Path], new: DescriptorSet
) -> Finding:
    line, column = positions.find(new, *place)
    return Finding(
        rule=rule, level="source", direction="backward", severity="safe", subject=subject,
        old="absent", new=words, why="it is new", fix="nothing needs to be done",
        file=place[0], line=line, column=column,
    )  # fmt: skip
