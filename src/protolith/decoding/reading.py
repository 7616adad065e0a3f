"""Messages as Arrow without any engine: for notebooks, and for Parquet and Arrow files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal, TypeAlias

import pyarrow as pa
from pyarrow import parquet

from protolith.compiler import read_path
from protolith.decoding.batches import Decoded
from protolith.decoding.inputs import Source, decode_source
from protolith.decoding.reference import ReferenceDecoder
from protolith.descriptors import DescriptorSet
from protolith.errors import LayoutError, NotFoundError, quoted
from protolith.layout import NATIVE, Layout, lay_out

FileKind: TypeAlias = Literal["parquet", "arrow"]
"""A Parquet file with zstd, or an Arrow IPC file."""


def read(
    source: Source | Path | bytes,
    schema: DescriptorSet | Path,
    message: str | None = None,
    *,
    layout: Layout = NATIVE,
    skip_bad: bool = False,
) -> pa.RecordBatchReader:
    """Messages as a stream of record batches, which polars, pandas and DuckDB read as well.

    `schema` is compiled descriptors, or a path to them or to `.proto` files; `message` is needed
    where several could be the table. A path or bytes are length-delimited messages. Raises
    `RowsRejectedError` at the first bad record, unless `skip_bad`.
    """
    descriptors = read_path(schema) if isinstance(schema, Path) else schema
    decoder = ReferenceDecoder(descriptors, lay_out(descriptors, message, layout=layout))
    messages = source if isinstance(source, Source) else Source(source)
    return read_with(decoder, messages, skip_bad=skip_bad, account=Decoded())


def read_with(
    decoder: ReferenceDecoder, source: Source, *, skip_bad: bool, account: Decoded
) -> pa.RecordBatchReader:
    """Messages as a stream of record batches of the decoder's table."""
    batches = decode_source(source, decoder, skip_bad=skip_bad, account=account)
    return pa.RecordBatchReader.from_batches(decoder.schema, batches)


def write_file(reader: pa.RecordBatchReader, path: Path, kind: FileKind) -> int:
    """Write all rows into a new file, or leave none behind; say how many there are.

    A file that is there is replaced once the new one is whole.
    """
    rows = 0
    try:
        with replacing(path) as part, _writer(part, reader.schema, kind) as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    except pa.ArrowNotImplementedError as error:
        raise LayoutError(
            f"a column has no type in {kind}: {error}", hint="choose another layout for it"
        ) from None
    return rows


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside a path, which takes its place once it is written, or leaves nothing."""
    part = _part(path)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _writer(
    part: Path, schema: pa.Schema, kind: FileKind
) -> parquet.ParquetWriter | pa.RecordBatchFileWriter:
    if kind == "parquet":
        return parquet.ParquetWriter(part, schema, compression="zstd")
    return pa.ipc.new_file(str(part), schema)


def _part(path: Path) -> Path:
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            os.fchmod(file.fileno(), 0o644)
            return Path(file.name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotFoundError(
            f"{quoted(str(path))} cannot be written: {reason}", hint="choose another folder"
        ) from None
