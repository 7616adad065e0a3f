"""Commands on local files: no server, no store."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from protolith.cli.output import OUTPUT
from protolith.compiler import read_path
from protolith.dialects import dialect as find_dialect
from protolith.dialects.bigquery import parity
from protolith.layout import DEFAULT_DATABASE, lay_out


def translate(
    path: Path,
    *,
    dialect: str,
    message: str | None = None,
    table: str | None = None,
    database: str = DEFAULT_DATABASE,
) -> None:
    """Print the statements that create the table of a message.

    Parameters
    ----------
    path: Path
        A .proto file, a directory or .zip of them, or compiled descriptors (.binpb, .pb, .desc).
    dialect: str
        bigquery, clickhouse or duckdb.
    message: str | None
        The message that is the table, if several could be.
    table: str | None
        The table's name, if not that of the message.
    database: str
        The database, dataset or schema of the table.
    """
    laid_out = lay_out(read_path(path), message, table=table, database=database)
    text = find_dialect(dialect).script(laid_out)
    OUTPUT.notes(laid_out.notes)
    if OUTPUT.format == "json":
        OUTPUT.value({"dialect": dialect, "table": laid_out.name, "ddl": text}, text)
    else:
        OUTPUT.text(text)


def bq_schema(
    path: Path,
    *,
    message: str | None = None,
    enum_as_string: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Print the BigQuery JSON schema of a message, byte for byte as protoc-gen-bq-schema does.

    Parameters
    ----------
    path: Path
        A .proto file, a directory or .zip of them, or compiled descriptors (.binpb, .pb, .desc).
    message: str | None
        The message that is the table, if several could be.
    enum_as_string: bool
        Make enums STRING instead of INTEGER.
    """
    descriptors = read_path(path)
    root = descriptors.table_message(message)
    text = parity.schema_text(descriptors, root.full_name, enum_as_string=enum_as_string)
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
