"""Messages into files of rows, and rows into files of messages."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from protolith.cli import LAYOUT_OPTIONS
from protolith.cli.layouts import chosen_layout
from protolith.cli.output import OUTPUT
from protolith.cli.registry import open_registry
from protolith.compiler import read_path
from protolith.decoding import (
    Compression,
    Decoded,
    FileKind,
    Framing,
    ReferenceDecoder,
    RowFraming,
    Source,
    read_with,
    write_file,
)
from protolith.layout import NATIVE, Choices, lay_out


def convert(
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    schema: Path,
    output: Path,
    to: FileKind = "parquet",
    message: str | None = None,
    framing: Framing = "delimited",
    column: str | None = None,
    compression: Compression = "auto",
    layout: str | None = None,
    options: Annotated[Choices | None, LAYOUT_OPTIONS] = None,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write messages as a Parquet or Arrow file, without any engine or registry.

    Parameters
    ----------
    file: str
        A file of messages, a folder, a pattern such as 'events-*.gz', or - for standard input.
    schema: Path
        A .proto file, a directory or .zip of them, or compiled descriptors (.binpb, .pb, .desc).
    output: Path
        The file to write; one that is there is replaced once the new one is whole.
    to: Literal["parquet", "arrow"]
        Parquet with zstd, or an Arrow IPC file.
    message: str | None
        The message that is the table, if several could be.
    framing: Framing
        How messages lie in the file; docs/loading.md has a line on each.
    column: str | None
        The column of bytes with the messages, for Parquet and Arrow with several.
    compression: Compression
        gzip, zstd or none; auto: as the file's name says (.gz, .zst).
    layout: str | None
        A mapping file (.toml), a style such as flat, or options such as enums=number,maps=entries.
    skip_bad: bool
        Leave bad records out, and report them.
    """
    source = Source(sys.stdin.buffer if file == "-" else Path(file), framing, column, compression)
    chosen = chosen_layout(layout, options) or NATIVE
    account = Decoded()
    descriptors = read_path(schema)
    decoder = ReferenceDecoder(descriptors, lay_out(descriptors, message, layout=chosen))
    reader = read_with(decoder, source, skip_bad=skip_bad, account=account)
    rows = write_file(reader, output, to)
    OUTPUT.account(account)
    found = {"path": str(output), "rows": rows, "rejected_count": account.rejected_count}
    skipped = f", {account.rejected_count} skipped" if account.rejected_count else ""
    OUTPUT.value(found, f"{output}: {rows} rows written{skipped}")


def export_rows(
    subject: str,
    *,
    output: Path,
    engine: str | None = None,
    sql: str | None = None,
    framing: RowFraming = "delimited",
) -> None:
    """Write a table's rows as messages again; the file is there when it is whole.

    Parameters
    ----------
    subject: str
        database.table, or a schema id; the messages are of the version that the table is of.
    output: Path
        The file to write, packed if it ends in .gz or .zst; - for standard output.
    engine: str | None
        duckdb, clickhouse or bigquery, if the table is in several.
    sql: str | None
        A query in the engine's SQL for the rows; its columns are some of the table's, by name.
    framing: RowFraming
        delimited: each message with its length before it; json: ProtoJSON, one on each line.
    """
    to_stdout = str(output) == "-"
    with open_registry() as registry:
        target = sys.stdout.buffer if to_stdout else output
        found = registry.export_rows(subject, target, engine, sql=sql, framing=framing)
    OUTPUT.notes(found.notes)
    if not to_stdout:
        OUTPUT.value(found, f"{output}: {found.rows} messages written")
