"""Serialized messages into record batches: natively where that is possible, else by reference."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from typing import Any, BinaryIO

import pyarrow as pa

from protolith.decoding.batches import BATCH_BYTES, BATCH_ROWS, Decoded, decode, make_batch, reject
from protolith.decoding.framing import MAX_RECORD, Frame, read_delimited, with_lengths
from protolith.decoding.native import (
    BROKEN,
    NO_MEMORY,
    TOO_LARGE,
    NativeDecoder,
    native_decoder,
)
from protolith.decoding.records import Framing, read_frames
from protolith.decoding.reference import RecordError, ReferenceDecoder
from protolith.limits import DATA

CHUNK_BYTES = 8 * 1024 * 1024
MAX_DECODED = DATA.decoded_bytes
"""Bytes of Arrow memory that one batch, and so one record, may take."""


def decode_stream(
    data: BinaryIO | pa.Buffer,
    decoder: ReferenceDecoder,
    *,
    framing: Framing = "delimited",
    skip_bad: bool = False,
    account: Decoded | None = None,
) -> Iterator[pa.RecordBatch]:
    """Decode messages into record batches of `decoder.table`, in their order.

    A record that cannot be decoded raises `RowsRejectedError` with its index, offset and reason,
    or is reported in `account` and left out when `skip_bad` is set.
    """
    account = account if account is not None else Decoded()
    native = native_decoder(decoder) if framing == "delimited" else None
    if native is not None:
        return NativeRun(native, decoder, account, skip_bad=skip_bad).batches(data)
    stream = BufferedReader(pa.BufferReader(data)) if isinstance(data, pa.Buffer) else data
    frames = read_frames(stream, framing, decoder)
    return decode_frames(frames, decoder, skip_bad=skip_bad, account=account)


def decode_frames(
    frames: Iterable[Frame], decoder: ReferenceDecoder, *, skip_bad: bool, account: Decoded
) -> Iterator[pa.RecordBatch]:
    """Decode records that are apart already, as `decode_stream` does."""
    return frames_decoder(decoder, skip_bad=skip_bad, account=account)(frames)


def frames_decoder(
    decoder: ReferenceDecoder, *, skip_bad: bool, account: Decoded
) -> Callable[[Iterable[Frame]], Iterator[pa.RecordBatch]]:
    """`decode_frames` for records that come in parts."""
    native = native_decoder(decoder)
    if native is None:
        return partial(decode, decoder=decoder, skip_bad=skip_bad, account=account)
    return NativeRun(native, decoder, account, skip_bad=skip_bad).of_frames


@dataclass
class NativeRun:
    """One pass over length-delimited messages with the native decoder.

    What the native decoder does not take goes to the reference decoder; the batches keep the order
    of the records. No batch, and so no record, takes more than `max_bytes` of Arrow memory.
    """

    native: NativeDecoder
    reference: ReferenceDecoder
    account: Decoded
    skip_bad: bool = False
    batch_rows: int = BATCH_ROWS
    max_bytes: int = MAX_DECODED
    taken: int = 0  # bytes of the chunk
    index: int = 0
    base: int = 0  # bytes before the chunk
    rows: list[list[Any]] = field(default_factory=list)  # by reference, not in a batch yet
    waiting: int = 0  # bytes of those records
    frames: list[Frame] = field(default_factory=list)  # of the chunk, if it was made of frames

    def of_frames(self, frames: Iterable[Frame]) -> Iterator[pa.RecordBatch]:
        """The record batches of records whose framing is another one."""
        size = 0
        for frame in frames:
            if (
                frame.broken is not None
                or size >= CHUNK_BYTES
                or len(self.frames) == self.batch_rows
            ):
                yield from self.framed()
                size = 0
            if frame.broken is not None:
                reject(frame, frame.broken, self.account, skip_bad=self.skip_bad)
                continue
            self.frames.append(frame)
            size += len(frame.data)
        yield from self.framed()
        yield from self.flushed()

    def framed(self) -> Iterator[pa.RecordBatch]:
        """The batches of the frames that wait."""
        self.index = 0
        yield from self.chunk(pa.py_buffer(with_lengths(self.frames)), last=True)
        self.frames = []

    def batches(self, data: BinaryIO | pa.Buffer) -> Iterator[pa.RecordBatch]:
        """The record batches of a whole input."""
        if isinstance(data, pa.Buffer):
            yield from self.chunk(data, last=True)
        else:
            rest, wanted = b"", CHUNK_BYTES
            # What a pipe has now, if it can say so: a bad record is seen before the last one comes.
            read_some = getattr(data, "read1", data.read)
            while read := read_some(wanted):
                rest += read
                chunk = pa.py_buffer(rest)
                yield from self.chunk(chunk, last=False)
                rest = rest[self.taken :]
                self.base += self.taken
                # A record longer than the chunk: read twice as much, up to the longest record.
                wanted = max(CHUNK_BYTES, len(rest))
                if len(rest) > MAX_RECORD + CHUNK_BYTES:
                    break
            yield from self.chunk(pa.py_buffer(rest), last=True)
        yield from self.flushed()

    def chunk(self, data: pa.Buffer, *, last: bool) -> Iterator[pa.RecordBatch]:
        """The batches of a chunk; `taken` is what was decoded of it."""
        position = self.taken = 0
        while position < data.size:
            batch, offsets, end, status = self.native.decode(
                data, position, self.batch_rows, self.max_bytes
            )
            if batch.num_rows:
                yield from self.flushed()
                yield from self.finished(batch, data, offsets.tolist(), end)
            self.account.read_bytes += end - position
            position = self.taken = end
            if status == BROKEN and not last:
                return
            if status == NO_MEMORY:
                raise MemoryError
            if status == TOO_LARGE and batch.num_rows:
                continue
            if status:
                broken = self.by_reference(data, position, too_large=status == TOO_LARGE)
                self.taken = data.size if broken else self.taken
                self.account.read_bytes += self.taken - position
                position = self.taken
                if len(self.rows) == self.batch_rows or self.waiting >= BATCH_BYTES:
                    yield from self.flushed()

    def finished(
        self, batch: pa.RecordBatch, data: pa.Buffer, offsets: list[int], end: int
    ) -> Iterator[pa.RecordBatch]:
        """A batch of the native decoder, completed."""
        unknown_fields, cut = self.native.take_counts()
        try:
            done, row = self.native.finish(batch)
        except RecordError:  # of some record: the reference says of which
            for start in offsets:
                self.by_reference(data, start)
            self.taken = end
            return
        self.account.rows += done.num_rows
        self.account.unknown_fields.update(unknown_fields)
        self.account.cut.update(cut)
        self.account.cut.update(row.cut)
        self.index += done.num_rows
        yield done

    def by_reference(self, data: pa.Buffer, position: int, *, too_large: bool = False) -> bool:
        """Decode the record at a position by reference; say whether nothing can follow it."""
        stream = pa.BufferReader(data.slice(position))
        frame = next(read_delimited(stream))
        self.taken = position + stream.tell()
        if self.frames:
            frame = self.frames[self.index]
        else:
            frame = Frame(self.index, self.base + position, frame.data, frame.broken)
        self.index += 1
        reason = f"it would take more than {self.max_bytes:,} bytes of memory"
        try:
            if not too_large:
                self.rows.append(self.account.decode(frame, self.reference))
                self.waiting += len(frame.data)
                return False
        except RecordError as error:
            reason = str(error)
        reject(frame, reason, self.account, skip_bad=self.skip_bad)
        return frame.broken is not None

    def flushed(self) -> Iterator[pa.RecordBatch]:
        """What was decoded by reference since the last batch."""
        if self.rows:
            rows, self.rows, self.waiting = self.rows, [], 0
            yield make_batch(rows, self.reference.schema, self.account)
