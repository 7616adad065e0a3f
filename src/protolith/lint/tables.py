"""Rules about a table as a whole."""

from collections.abc import Iterator
from typing import Any

from protolith.dialects.bigquery import wire
from protolith.dialects.bigquery.googlesql import MAX_COLUMNS, MAX_DEPTH
from protolith.dialects.bigquery.nodes import Node
from protolith.dialects.bigquery.packages import Message
from protolith.dialects.bigquery.parity import output_fault
from protolith.errors import LayoutError, SchemaTooComplexError, quoted
from protolith.lint.findings import Problem, table_rule
from protolith.lint.tree import Tree
from protolith.options import FieldOptions, MessageOptions

_SMALLER = "cut a message with (gen_bq_schema.bigquery).type_override or ignore"


@table_rule("error")
def table_without_columns(tree: Tree) -> Iterator[Problem]:
    """A table has a column: for a message without any the plugin writes `null`."""
    if tree.refused is None and not any(node.null or node.dropped is None for node in tree.nodes):
        text = f"{tree.name} has no columns: the plugin writes null, which is no BigQuery schema"
        yield Problem(text, "give it a field, or lay out another message with --message")


@table_rule("error")
def too_many_columns(tree: Tree) -> Iterator[Problem]:
    """A table has at most 10,000 columns, those inside records counted."""
    if isinstance(tree.refused, SchemaTooComplexError):
        if not _is_deep(tree.refused):
            text = f"{tree.refused.message}; BigQuery takes {MAX_COLUMNS:,} columns"
            yield Problem(f"{text}{_where(tree.refused)}", _SMALLER)
        return
    columns, _ = _measure(tree.nodes, {})
    if columns > MAX_COLUMNS:
        text = f"the table has {columns:,} columns, nested ones counted; BigQuery takes"
        yield Problem(f"{text} {MAX_COLUMNS:,}", _SMALLER)


@table_rule("error")
def too_deep(tree: Tree) -> Iterator[Problem]:
    """A table has at most 15 levels of columns inside each other."""
    if isinstance(tree.refused, SchemaTooComplexError):
        if _is_deep(tree.refused):
            text = f"{tree.refused.message}; BigQuery takes {MAX_DEPTH} levels"
            yield Problem(f"{text}{_where(tree.refused)}", _SMALLER)
        return
    heights: dict[int, tuple[int, int]] = {}
    _, height = _measure(tree.nodes, heights)
    if height > MAX_DEPTH:
        path = _deepest(tree.nodes, heights)
        text = f"the table has {height} levels of columns; BigQuery takes {MAX_DEPTH}, and"
        top = next(part for part in tree.fields if part.node is path[0])
        names = ".".join(node.field for node in path[: MAX_DEPTH + 1])
        yield Problem(f"{text} {names} is one more", _SMALLER, field=top)


@table_rule("error")
def conversion_refused(tree: Tree) -> Iterator[Problem]:
    """The plugin can convert the message: an extra field or a `type_override` may stop it."""
    if isinstance(tree.refused, LayoutError):
        text = f"the plugin stops here and writes no table: {tree.refused.message}"
        hint = "an extra field is name:TYPE[:MODE] or name:RECORD:message[:MODE]"
        yield Problem(f"{text}{_where(tree.refused)}", hint)


@table_rule("error")
def unsafe_output_name(tree: Tree) -> Iterator[Problem]:
    """An output file stays in its folder: `table_name` has no `..`, NUL or backslash."""
    table = tree.message.options.table_name
    folder = wire.text(tree.message.file.package).replace(".", "/")
    fault = output_fault(f"{folder}/{table}.schema") if table else None
    if fault is not None:
        text = f"an output file named after {quoted(table)} {fault}, so Protolith writes none"
        yield Problem(text, "change the option table_name")


@table_rule("note")
def file_without_package(tree: Tree) -> Iterator[Problem]:
    """The plugin converts no file without a package; Protolith does."""
    if not tree.message.file.package:
        text = "the file has no package: the plugin ends with an error and converts nothing"
        yield Problem(text, "declare a package, or convert with protolith bq-schema")


@table_rule("warning")
def option_on_nested_message(tree: Tree) -> Iterator[Problem]:
    """The option `table_name` on a nested message makes no table."""
    for message in _nested(tree.message):
        options = wire.message_options(message.proto)
        if options is not None and options.table_name:
            text = f"the plugin makes no table {quoted(options.table_name)} of a nested message"
            yield Problem(text, "move the message to the top of the file", message=message)


@table_rule("warning")
def option_wiped(tree: Tree) -> Iterator[Problem]:
    """The parameters `single-message` and `type-override` take options away."""
    if tree.message.options is tree.given:
        return
    gone = [name for name in _set(tree.given) if name != "table_name"]
    if tree.given.table_name not in ("", tree.message.options.table_name):
        gone.insert(0, "table_name")
    if gone:
        text = f"single-message takes away what the message says about {', '.join(gone)}"
        yield Problem(text, "leave the parameter out: the options choose the table")
    for part in tree.fields:
        if part.proto is not None and part.proto.name in tree.overrides:
            gone = _set(wire.field_options(part.proto) or FieldOptions())
            if gone:
                text = f"type-override takes away what the field says about {', '.join(gone)}"
                yield Problem(text, "write the type as the option type_override", field=part)


@table_rule("note")
def comments_missing(tree: Tree) -> Iterator[Problem]:
    """Descriptors without source info have no comments, so that columns have no descriptions."""
    if not tree.message.file.proto.source_code_info.location:
        text = "these descriptors have no source info: no comments become descriptions, and"
        hint = "compile with --include_source_info, or give the .proto files"
        yield Problem(f"{text} findings have no lines", hint)


def _measure(nodes: tuple[Node, ...], known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Columns and levels, each shared sub-tree looked at once."""
    key = id(nodes)
    if key not in known:
        shown = [node for node in nodes if node.dropped is None]
        inside = [_measure(node.fields, known) for node in shown if node.fields]
        columns = len(shown) + sum(count for count, _ in inside)
        known[key] = columns, bool(shown) + max((levels for _, levels in inside), default=0)
    return known[key]


def _deepest(nodes: tuple[Node, ...], heights: dict[int, tuple[int, int]]) -> list[Node]:
    path: list[Node] = []
    while nodes:
        shown = [node for node in nodes if node.dropped is None]
        path.append(max(shown, key=lambda node: heights.get(id(node.fields), (0, 0))[1]))
        nodes = path[-1].fields
    return path


def _is_deep(error: SchemaTooComplexError) -> bool:
    return any((detail.field_path or "").count(".") >= MAX_DEPTH for detail in error.details)


def _where(error: LayoutError | SchemaTooComplexError) -> str:
    return "".join(f", at {detail.field_path}" for detail in error.details if detail.field_path)


def _nested(message: Message) -> Iterator[Message]:
    """Every message of the file that is declared in another one."""
    pending = [part.declared().values() for part in message.file.messages]
    while pending:
        for inner in pending.pop():
            yield inner
            pending.append(inner.declared().values())


def _set(options: MessageOptions | FieldOptions) -> list[str]:
    values: dict[str, Any] = {name: getattr(options, name) for name in options.__slots__}
    return [
        "output_field_order" if name == "order_by_number" else name
        for name, value in values.items()
        if value
    ]
