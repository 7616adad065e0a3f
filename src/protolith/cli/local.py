"""Commands on local files: no server, no store."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from google.protobuf import json_format

from protolith.cli import DONE, FINDINGS, LAYOUT_OPTIONS
from protolith.cli.layouts import chosen_layout
from protolith.cli.output import OUTPUT
from protolith.compiler import read_path
from protolith.dialects import dialect as find_dialect
from protolith.dialects import names
from protolith.dialects.bigquery.bq_schema import bq_schema as write_bq_schema
from protolith.dialects.bigquery.driven import CONVERTER_VARIABLE, check_converter
from protolith.dialects.bigquery.storage import storage_schema
from protolith.dialects.parts import Written
from protolith.layout import DEFAULT_DATABASE, NATIVE, Choices, lay_out
from protolith.lint import LintFinding
from protolith.lint import lint as lint_schema
from protolith.tables import check_text

_ONE_OF = f"{', '.join(names()[:-1])} or {names()[-1]}; @25.8 after it says an older version."


def translate(
    path: Path,
    *,
    dialect: Annotated[str, Parameter(help=_ONE_OF)],
    message: str | None = None,
    table: str | None = None,
    database: str = DEFAULT_DATABASE,
    layout: str | None = None,
    options: Annotated[Choices | None, LAYOUT_OPTIONS] = None,
    write: Written = "table",
) -> None:
    """Print the statements that create the table of a message, or views on it, or an INSERT.

    Parameters
    ----------
    path: Path
        A .proto file, a directory or .zip of them, or compiled descriptors (.binpb, .pb, .desc).
    dialect: str
        The engine whose SQL it is.
    message: str | None
        The message that is the table, if several could be.
    table: str | None
        The table's name, if not that of the message.
    database: str
        The database, dataset or schema of the table.
    layout: str | None
        A mapping file (.toml), a style such as flat, or options such as enums=number,maps=entries.
    write: Literal["table", "views", "insert"]
        The table; views without nesting, a row per element of lists and maps; or one INSERT.
    """
    chosen = chosen_layout(layout, options) or NATIVE
    laid_out = lay_out(read_path(path), message, table=table, database=database, layout=chosen)
    written = find_dialect(dialect)
    text = written.script(laid_out, write)
    OUTPUT.notes(written.notes(laid_out, write))
    if OUTPUT.format == "json":
        OUTPUT.value({"dialect": dialect, "table": laid_out.name, "ddl": text}, text)
    else:
        OUTPUT.text(text)


def bq_schema(
    path: Path,
    *,
    message: str | None = None,
    parameter: str = "",
    converter: Annotated[str, Parameter(env_var=CONVERTER_VARIABLE)] = "protolith",
) -> None:
    """Print the BigQuery JSON schema of a message, byte for byte as protoc-gen-bq-schema does.

    Parameters
    ----------
    path: Path
        A .proto file, a directory or .zip of them, or compiled descriptors (.binpb, .pb, .desc).
    message: str | None
        The message that is the table, if several could be.
    parameter: str
        What the plugin gets as --bq-schema_opt, for example enum-as-string.
    converter: str
        protolith, or protoc to run the real plugin, found on the PATH.
    """
    check_text(parameter, "the parameter")
    chosen = check_converter(converter)
    text = write_bq_schema(read_path(path), message, parameter=parameter, converter=chosen)
    sys.stdout.flush()
    sys.stdout.buffer.write(text)


def storage_descriptor(
    path: Path, *, message: str | None = None, output: Path | None = None
) -> None:
    """Print a message as BigQuery's Storage Write API takes it: one self-contained descriptor.

    Parameters
    ----------
    path: Path
        A .proto file, a directory or .zip of them, or compiled descriptors (.binpb, .pb, .desc).
    message: str | None
        The message that is the table, if several could be.
    output: Path | None
        Where to write the serialized google.protobuf.DescriptorProto, instead of printing it.
    """
    schema = storage_schema(read_path(path), message)
    OUTPUT.notes(schema.notes)
    if output is not None:
        output.write_bytes(schema.descriptor.SerializeToString(deterministic=True))
    elif OUTPUT.format == "json":
        OUTPUT.value(json_format.MessageToDict(schema.descriptor), "")
    else:
        OUTPUT.text(str(schema.descriptor))


def lint(
    path: Path,
    *,
    message: str | None = None,
    parameter: str = "",
    strict: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say what BigQuery refuses (error) or loses (warning) of what protoc-gen-bq-schema writes.

    The exit code is 100 if there is an error, otherwise 0; docs/lint.md explains each rule.

    Parameters
    ----------
    path: Path
        A .proto file, a directory or .zip of them, or compiled descriptors (.binpb, .pb, .desc).
    message: str | None
        The message that is the table, if not every one with the option table_name.
    parameter: str
        What the plugin gets as --bq-schema_opt, for example enum-as-string.
    strict: bool
        Exit with 100 for warnings too, not for errors alone.
    """
    check_text(parameter, "the parameter")
    findings = lint_schema(read_path(path), message, parameter=parameter)
    for finding in findings:
        text = f"{finding} [{finding.severity}]\n  hint: {finding.hint}"
        OUTPUT.value(_as_object(finding), text)
    found: Counter[str] = Counter(finding.severity for finding in findings)
    words = [word for word in ("error", "warning", "note") if found[word]]
    counts = (f"{found[word]} {word}{'s' if found[word] > 1 else ''}" for word in words)
    OUTPUT.say(", ".join(counts) or "no findings")
    return FINDINGS if found["error"] or (strict and found["warning"]) else DONE


def _as_object(finding: LintFinding) -> dict[str, object]:
    return {
        "path": finding.file,
        "line": finding.line,
        "column": finding.column_number,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.text,
        "hint": finding.hint,
        "table_message": finding.message,
        "field_path": finding.field_path,
        "column_path": finding.column,
        "others": finding.others,
    }
