"""The schema of a table from the real protoc-gen-bq-schema, instead of from our own converter."""

import json
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeAlias, get_args

from protolith.compiler.limits import Limits
from protolith.compiler.plugins import PLUGIN, PLUGIN_LIMITS, run_plugin
from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import parity
from protolith.dialects.bigquery.go_json import render
from protolith.errors import (
    LayoutError,
    MalformedError,
    ProtocExecutionError,
    SchemaTooComplexError,
    quoted,
)
from protolith.options import message_options

Converter: TypeAlias = Literal["protolith", "protoc"]
"""Who makes BigQuery schemas: Protolith itself, or protoc with the real plugin."""

CONVERTER_VARIABLE = "PROTOLITH_CONVERTER"
"""The environment variable with which whoever runs Protolith chooses one."""

_BUDGET = parity.Budget()
_ANNOTATE = (
    "give a top-level message the option (gen_bq_schema.bigquery_opts).table_name,"
    " or use Protolith's own converter"
)


def check_converter(name: str) -> Converter:
    """Return the name of a converter, or raise `MalformedError`."""
    match name:
        case "protolith" | "protoc":
            return name
    raise MalformedError(
        f"no converter {quoted(name)}", hint=f"one of {', '.join(get_args(Converter))}"
    )


def schema_columns(
    descriptors: DescriptorSet,
    message: str,
    converter: Converter = "protolith",
    *,
    enum_as_string: bool = False,
) -> list[dict[str, Any] | None]:
    """The columns of a message's table, as they stand in BigQuery's JSON.

    None stands for each null that the plugin writes. Raises `ProtocExecutionError` where the real
    plugin is asked and is missing, fails, or gives no such table.
    """
    if converter == "protolith":
        columns = parity.message_columns(descriptors, message, enum_as_string=enum_as_string)
        return parity.to_json(columns)
    text = convert_with_plugin(descriptors, message, enum_as_string=enum_as_string)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocExecutionError(f"{PLUGIN} gave no JSON: {error}") from None
    return found or []


def convert_with_plugin(
    descriptors: DescriptorSet,
    message: str | None = None,
    *,
    enum_as_string: bool = False,
    limits: Limits = PLUGIN_LIMITS,
) -> bytes:
    """The file that the real plugin writes for a message, or for the only table that there is.

    Before it runs, our own converter checks what it would be led to: names outside the output
    folder are a `ProtocExecutionError`, and more columns than a table can have a
    `SchemaTooComplexError`, where the plugin would take hours and gigabytes.
    """
    root = None if message is None else descriptors.message(message)
    targets = descriptors.roots if root is None else (root.file.name,)
    tables = dict(_tables(descriptors, targets))
    wanted = None if root is None else tables.get(root.full_name)
    if root is not None and wanted is None:
        raise ProtocExecutionError(
            f"{PLUGIN} makes no table of {root.full_name}: it has no table_name", hint=_ANNOTATE
        )
    _check_names(list(tables.values()))
    for full_name in tables:
        with suppress(LayoutError):  # what the plugin itself refuses, it says itself
            _check_work(full_name, parity.message_columns(descriptors, full_name))
    parameter = "enum-as-string" if enum_as_string else ""
    files = run_plugin(descriptors, targets, parameter, limits=limits)
    return _choose(files, wanted, list(tables))


def _tables(descriptors: DescriptorSet, targets: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The messages that give a table, each with the name of its file."""
    for file in map(descriptors.file, targets):
        for message in file.message_types_by_name.values():
            if table := message_options(message).table_name:
                folder = file.package.replace(".", "/")
                yield message.full_name, f"{folder}/{table}.schema" if folder else ""


def _check_names(names: Sequence[str]) -> None:
    # A file without a package has no name here: the plugin refuses it.
    seen: set[str] = set()
    for name in filter(None, names):
        plain = posixpath.normpath(name)
        fault = parity.output_fault(name) or ("is written twice" if plain in seen else None)
        if fault is not None:
            raise ProtocExecutionError(
                f"the output file {quoted(name)} {fault}",
                hint="change the option table_name of the message",
            )
        seen.add(plain)


def _check_work(full_name: str, nodes: tuple[parity.Node, ...]) -> None:
    """Raise `SchemaTooComplexError` for what the plugin would not get done; ours shares sub-trees.

    Messages without fields cost it time as well, though they give no columns.
    """
    render(nodes, limit=_BUDGET.text)
    sizes: dict[int, int] = {}

    def size(fields: tuple[parity.Node, ...]) -> int:
        if id(fields) not in sizes:
            sizes[id(fields)] = sum(1 + size(node.fields) for node in fields)
        return sizes[id(fields)]

    if (visits := size(nodes)) > _BUDGET.visits:
        raise SchemaTooComplexError(
            f"{PLUGIN} would go through {visits:,} fields for {full_name};"
            f" at most {_BUDGET.visits:,} are accepted",
            hint="cut a field with the option type_override or ignore",
        )


def _choose(files: dict[str, bytes], wanted: str | None, messages: Sequence[str]) -> bytes:
    if not files:
        raise ProtocExecutionError(f"{PLUGIN} wrote no table", hint=_ANNOTATE)
    listed = ", ".join(sorted(files)[:20])
    if wanted is not None:
        found = files.get(posixpath.normpath(wanted))
        if found is None:
            raise ProtocExecutionError(f"{PLUGIN} did not write {quoted(wanted)}, but {listed}")
        return found
    if len(files) > 1:
        choice = f", for example --message {messages[0]}" if messages else ""
        raise ProtocExecutionError(
            f"{PLUGIN} wrote {len(files)} tables: {listed}", hint=f"choose one{choice}"
        )
    return next(iter(files.values()))
