"""Where messages come from: bytes, files, folders, patterns, pipes and tables, packed or not."""

import glob
import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias, cast

import pyarrow as pa

from protolith.decoding.batches import Decoded
from protolith.decoding.confluent import Writers, decode_written
from protolith.decoding.framing import Frame, read_delimited
from protolith.decoding.records import (
    Framing,
    check_framing,
    in_column,
    needs_registry,
    open_table,
)
from protolith.decoding.reference import ReferenceDecoder
from protolith.decoding.streams import decode_frames, decode_stream
from protolith.errors import MalformedError, NotFoundError, quoted

Compression: TypeAlias = Literal["auto", "none", "gzip", "zstd"]
"""How a file is packed; auto: as its name says (.gz, .zst)."""

_SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_BUFFER = 1024 * 1024
_TABLES = ("parquet", "arrow")


@dataclass(frozen=True, slots=True)
class Frames:
    """Records that are apart already."""

    frames: Iterable[Frame]


Data: TypeAlias = bytes | BinaryIO | Path | pa.Table | pa.RecordBatchReader | Frames


@dataclass(frozen=True, slots=True)
class Source:
    """Messages, and how they lie there.

    A path may be a folder, whose files are taken in the order of their names, or a pattern such as
    `events-*.bin.gz`. `column` names the one that holds the messages of Parquet, of Arrow, or of a
    table, where several are of bytes.
    """

    data: Data
    framing: Framing = "delimited"
    column: str | None = None
    compression: Compression = "auto"


def decode_source(
    source: Source,
    decoder: ReferenceDecoder | Writers,
    *,
    skip_bad: bool = False,
    account: Decoded | None = None,
) -> Iterator[pa.RecordBatch]:
    """Decode all messages of a source, as `decode_stream` does; several files are named.

    Records in Confluent's framing have `Writers`.
    """
    account = account if account is not None else Decoded()
    check_framing(source.framing)
    if isinstance(decoder, Writers) != (source.framing == "confluent"):
        raise needs_registry()
    about: Any = {"skip_bad": skip_bad, "account": account}
    if isinstance(source.data, pa.Table | pa.RecordBatchReader | Frames):
        yield from _decoded(_apart(source.data, source.column), decoder, about)
        return
    if source.column is not None and source.framing not in _TABLES:
        raise MalformedError("only tables have a column", hint="--framing parquet or arrow")
    for data in _parts(source.data):
        if isinstance(data, Path) and data != source.data:
            account.file = str(data)
        with _opened(data, _packing(data, source.compression), source.framing) as stream:
            if isinstance(decoder, Writers):
                yield from _decoded(read_delimited(_buffered(stream)), decoder, about)
            elif source.framing in _TABLES:
                yield from _decoded(_table_frames(stream, source), decoder, about)
            else:
                yield from decode_stream(stream, decoder, framing=source.framing, **about)


def _decoded(
    frames: Iterable[Frame], decoder: ReferenceDecoder | Writers, about: Any
) -> Iterator[pa.RecordBatch]:
    if isinstance(decoder, Writers):
        return decode_written(frames, decoder, **about)
    return decode_frames(frames, decoder, **about)


def _buffered(stream: Any) -> BinaryIO:
    return cast("BinaryIO", io.BytesIO(stream) if isinstance(stream, pa.Buffer) else stream)


def files_of(source: Source) -> list[Source]:
    """A source of each file of a folder or a pattern; else the source itself."""
    if not isinstance(source.data, Path):
        return [source]
    found = _parts(source.data)
    return [source if path is source.data else replace(source, data=path) for path in found]


def content_digest(source: Source) -> str:
    """SHA-256 of a source's bytes as they lie there, and of how they are read.

    A stream is read from where it stands, and set back; what cannot be set back is refused.
    """
    found = hashlib.sha256(f"{source.framing} {source.column} {source.compression}".encode())
    if isinstance(source.data, pa.Table | pa.RecordBatchReader | Frames):
        raise MalformedError("a table has no bytes to make a load id of", hint="name the load")
    for data in _parts(source.data):
        with _opened(data, None, "delimited") as stream:
            if isinstance(stream, pa.Buffer):
                found.update(hashlib.sha256(stream).digest())
                continue
            if not stream.seekable():
                raise MalformedError("a pipe can be read once alone", hint="name the load")
            start = stream.tell()
            inside = hashlib.sha256()
            while part := stream.read(_BUFFER):
                inside.update(part)
            found.update(inside.digest())
            stream.seek(start)
    return found.hexdigest()


def _apart(data: pa.Table | pa.RecordBatchReader | Frames, column: str | None) -> Iterable[Frame]:
    if isinstance(data, Frames):
        return data.frames
    return in_column(data.to_reader() if isinstance(data, pa.Table) else data, column)


def _table_frames(stream: Any, source: Source) -> Iterator[Frame]:
    if isinstance(stream, pa.Buffer):
        stream = pa.BufferReader(stream)
    return in_column(open_table(stream, source.framing), source.column)


def _parts(data: bytes | BinaryIO | Path) -> list[Any]:
    if not isinstance(data, Path):
        return [data]
    try:
        if data.is_dir():
            inside = (path for path in data.iterdir() if not path.name.startswith("."))
            found = sorted(path for path in inside if path.is_file())
        elif glob.has_magic(data.name) and not data.exists():
            found = sorted(path for path in data.parent.glob(data.name) if path.is_file())
        else:
            return [data]
    except (OSError, ValueError) as error:
        raise _cannot_be_read(data, error) from None
    if not found:
        raise NotFoundError(f"{quoted(str(data))} has no files", hint="messages are needed")
    return found


def _packing(data: Any, compression: Compression) -> str | None:
    if compression != "auto":
        return None if compression == "none" else compression
    return packing_of(data) if isinstance(data, Path) else None


def packing_of(path: Path) -> str | None:
    """How a file is packed, as its name says."""
    return _SUFFIXES.get(path.suffix.lower())


@contextmanager
def _opened(data: Any, packing: str | None, framing: str) -> Iterator[BinaryIO | pa.Buffer]:
    if isinstance(data, Path):
        try:
            file = data.open("rb")
        except (OSError, ValueError) as error:
            raise _cannot_be_read(data, error) from None
        with file:
            yield _unpacked(file, packing, framing)
    elif isinstance(data, bytes) and packing is None:
        yield pa.py_buffer(data)
    else:
        yield _unpacked(
            pa.BufferReader(data) if isinstance(data, bytes) else data, packing, framing
        )


def _unpacked(stream: Any, packing: str | None, framing: str) -> BinaryIO | pa.Buffer:
    seekable = getattr(stream, "seekable", bool)()
    if packing is None and (framing not in _TABLES or seekable):
        return cast("BinaryIO", stream)
    if packing is not None:
        stream = BufferedReader(_Unpacked(stream, packing), _BUFFER)
    # The end of a Parquet file says what is in it, so it is needed first.
    return pa.py_buffer(stream.read()) if framing in _TABLES else cast("BinaryIO", stream)


class _Unpacked(RawIOBase):
    """A packed stream; what cannot be unpacked is a `MalformedError`, not an `OSError`."""

    def __init__(self, stream: Any, packing: str) -> None:
        self._packing = packing
        self._stream = pa.CompressedInputStream(stream, packing)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            found = self._stream.read(len(buffer))
        except (OSError, pa.ArrowException) as error:
            raise MalformedError(
                f"the data cannot be unpacked: {error}", hint=f"is it {self._packing}?"
            ) from None
        buffer[: len(found)] = found
        return len(found)


def _cannot_be_read(path: Path, error: Exception) -> NotFoundError:
    reason = getattr(error, "strerror", None) or error
    return NotFoundError(
        f"{quoted(str(path))} cannot be read: {reason}",
        hint="a file of protobuf messages is needed",
    )
