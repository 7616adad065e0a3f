"""What BigQuery refuses or loses of the schemas that protoc-gen-bq-schema writes.

One function per rule; its name with - for _ is the rule's id. Rules read the tree of the byte
parity, so they speak about what the plugin writes and not about our own, better layout.
"""

from collections.abc import Iterator
from dataclasses import replace

from google.protobuf.descriptor import Descriptor

from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import wire
from protolith.dialects.bigquery.packages import File, Path
from protolith.lint.findings import FieldRule, LintFinding, Problem, Rule, Severity, TableRule
from protolith.lint.places import Place, Places
from protolith.lint.rules import (
    COLUMN_RULES,
    DROPPED_RULES,
    IGNORED_RULES,
    RULES,
    TABLE_RULES,
)
from protolith.lint.tree import Field, Tree, grow, locate, plain
from protolith.options import message_options

__all__ = ["LintFinding", "Rule", "Severity", "lint", "rules"]

_Key = tuple[str, str, Path, int]


def rules() -> tuple[Rule, ...]:
    """Every rule with its id, its severity and its purpose."""
    return RULES


def lint(
    descriptors: DescriptorSet,
    message: str | None = None,
    *,
    enum_as_string: bool = False,
    parameter: str = "",
) -> list[LintFinding]:
    """Say what BigQuery would refuse or lose of the schema that protoc-gen-bq-schema writes.

    Without a message these are all messages of the submitted files that carry the option
    `table_name`, else the one that `DescriptorSet.table_message` finds. `parameter` is the
    plugin's own, such as `single-message,type-override=id.STRING`. Findings are in the order of
    their places; what is wrong with a schema is never raised.
    """
    strings = enum_as_string or "enum-as-string" in parameter
    protos = wire.read_files(descriptors.data)
    places = Places()
    found: dict[_Key, LintFinding] = {}
    for root in _tables(descriptors, message):
        files = [File(proto) for proto in protos]
        table = locate(files, root)
        tree = grow(files, table, root.full_name, enum_as_string=strings, parameter=parameter)
        for key, finding in findings_in(tree, places):
            first = found.setdefault(key, finding)
            if first is not finding:
                others = first.others + finding.others + 1
                found[key] = replace(first, others=others)
    return sorted(found.values(), key=lambda one: (one.file, one.line or 0, one.column_number or 0))


def _tables(descriptors: DescriptorSet, message: str | None) -> list[Descriptor]:
    if message is None:
        tables = [one for one in descriptors.messages() if message_options(one).table_name]
        if tables:
            return tables
    return [descriptors.table_message(message)]


def findings_in(tree: Tree, places: Places) -> Iterator[tuple[_Key, LintFinding]]:
    """What every rule says about one table, each with what makes two findings the same."""
    for about_table in TABLE_RULES:
        for problem in about_table.check(tree):
            yield _about_table(about_table, problem, tree, places)
    for record in tree.records:
        for part in record.fields:
            for rule in _rules_for(part):
                said = rule.check(part)
                if said is not None:
                    yield _about_field(rule, part, said, tree, places)


def _rules_for(part: Field) -> tuple[FieldRule, ...]:
    if part.has_column:
        return COLUMN_RULES
    return IGNORED_RULES if part.node.dropped == "ignored" else DROPPED_RULES


def _about_field(
    rule: Rule, part: Field, said: tuple[str, str], tree: Tree, places: Places
) -> tuple[_Key, LintFinding]:
    message = part.record.message
    number = part.index if part.proto is not None else -1 - part.index
    finding = _finding(rule, said, places.of_field(part), tree)
    finding = replace(
        finding, field_path=part.path, column=part.column, others=part.record.places - 1
    )
    return (rule.id, finding.file, (*message.path, 2), number), finding


def _about_table(
    rule: TableRule, problem: Problem, tree: Tree, places: Places
) -> tuple[_Key, LintFinding]:
    said = (problem.text, problem.hint)
    if problem.field is not None:
        return _about_field(rule, problem.field, said, tree, places)
    message = problem.message or tree.message
    finding = _finding(rule, said, places.of_message(message), tree)
    return (rule.id, finding.file, message.path, 0), finding


def _finding(rule: Rule, said: tuple[str, str], place: Place, tree: Tree) -> LintFinding:
    text, hint = said
    file, line, column = place
    return LintFinding(
        rule=rule.id,
        severity=rule.severity,
        message=tree.name,
        field_path="",
        column=None,
        text=plain(text),
        hint=hint,
        file=file,
        line=line,
        column_number=column,
    )
