"""Every way in which serialized messages come: lengths, lines, and columns of tables."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Literal, TypeAlias

import pyarrow as pa
from google.protobuf import json_format, message_factory
from pyarrow import parquet

from protolith.decoding.framing import (
    Frame,
    read_base64,
    read_delimited,
    read_lines,
    read_single,
    read_wrapped,
)
from protolith.decoding.reference import ReferenceDecoder
from protolith.errors import MalformedError, quoted

Framing: TypeAlias = Literal[
    "delimited", "single", "wrapped", "base64", "json", "parquet", "arrow", "confluent"
]
"""How messages lie in a file.

delimited: each with its length before it.
single: the whole file as one message.
wrapped: as elements of one repeated field of a message.
base64: one on each line.
json: ProtoJSON, one on each line.
parquet, arrow: in a column of bytes of a Parquet file, or of an Arrow IPC file or stream.
confluent: each with its length before it, then the id of its schema in a registry.
"""

_BYTES = {
    "delimited": read_delimited,
    "single": read_single,
    "wrapped": read_wrapped,
    "base64": read_base64,
}
FRAMINGS = (*_BYTES, "json", "parquet", "arrow", "confluent")
_BATCH = 8192


def read_frames(stream: BinaryIO, framing: str, decoder: ReferenceDecoder) -> Iterator[Frame]:
    """The records of a stream of bytes."""
    if framing == "json":
        return _read_json(stream, decoder)
    check_framing(framing)
    if framing == "confluent":
        raise needs_registry()
    return _BYTES[framing](stream)


def check_framing(framing: str) -> None:
    """Raise `MalformedError` for what is no framing."""
    if framing not in FRAMINGS:
        raise MalformedError(f"no framing {quoted(framing)}", hint=f"one of {', '.join(FRAMINGS)}")


def needs_registry() -> MalformedError:
    """What is said of records in Confluent's framing where there is no registry."""
    return MalformedError(
        "records in Confluent's framing name schemas of a registry",
        hint="load them into the table of a registered schema: protolith ingest",
    )


def open_table(stream: Any, framing: str) -> pa.RecordBatchReader:
    """A Parquet or Arrow file, batch by batch."""
    try:
        if framing == "parquet":
            file = parquet.ParquetFile(stream)
            found = file.iter_batches(batch_size=_BATCH)
            return pa.RecordBatchReader.from_batches(file.schema_arrow, found)
        start = stream.read(6)
        stream.seek(0)
        if start == b"ARROW1":
            file = pa.ipc.open_file(stream)
            found = (file.get_batch(index) for index in range(file.num_record_batches))
            return pa.RecordBatchReader.from_batches(file.schema, found)
        return pa.ipc.open_stream(stream)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(error) from None


def in_column(reader: pa.RecordBatchReader, column: str | None) -> Iterator[Frame]:
    """The records in a column of bytes; the offset of each is its row."""
    position = _position(reader.schema, column)
    index = 0
    for batch in _read(reader):
        for value in batch.column(position).to_pylist():
            broken = "the value is NULL" if value is None else None
            yield Frame(index, index, value or b"", broken)
            index += 1


def _position(schema: pa.Schema, column: str | None) -> int:
    holding = [field.name for field in schema if _holds_bytes(field.type)]
    if column is None and len(holding) != 1:
        found = f"the columns of bytes are {', '.join(map(quoted, holding))}"
        raise MalformedError(
            "it is not clear which column holds the messages",
            hint=f"name it with --column; {found if holding else 'no column is of bytes'}",
        )
    if column is not None and column not in holding:
        raise MalformedError(
            f"no column {quoted(column)} of bytes",
            hint=f"one of {', '.join(map(quoted, schema.names))} that holds bytes",
        )
    return int(schema.get_field_index(column if column is not None else holding[0]))


def _holds_bytes(type_: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_kind(type_) for is_kind in (*kinds, pa.types.is_fixed_size_binary))


def _read(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> MalformedError:
    reason = str(error).splitlines()[0] if str(error) else "it ends too early"
    return MalformedError(f"the file cannot be read: {reason}", hint="is it the right framing?")


def _read_json(stream: BinaryIO, decoder: ReferenceDecoder) -> Iterator[Frame]:
    """Messages of ProtoJSON lines; what a message would lose makes it no record."""
    cls: Any = message_factory.GetMessageClass(decoder.message)
    pool = decoder.descriptors.pool
    for frame in read_lines(stream):
        if frame.broken is not None:
            yield frame
            continue
        message = cls()
        try:
            json_format.Parse(frame.data, message, descriptor_pool=pool)
            data = cls.SerializePartialToString(message)
        except (json_format.ParseError, UnicodeDecodeError, ValueError, RecursionError) as error:
            reason = f"not ProtoJSON of {cls.DESCRIPTOR.full_name}: {error}"
            yield Frame(frame.index, frame.offset, frame.data, reason)
        else:
            yield Frame(frame.index, frame.offset, data)
