"""Records in Confluent's framing: each says which schema it was written with, and which message."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import pyarrow as pa

from protolith.decoding.batches import BATCH_ROWS, Decoded, reject
from protolith.decoding.framing import Frame
from protolith.decoding.reference import RecordError, ReferenceDecoder
from protolith.decoding.streams import CHUNK_BYTES, frames_decoder

MAX_DEPTH = 100
"""How deep a message may lie in others."""

_ID, _GUID = 0, 1
_ID_END, _GUID_END = 5, 17
_SHORT = _ID_END + 1
_MAX_VARINT = 5


@dataclass(frozen=True, slots=True)
class Writer:
    """The schema that a record was written with, by its id or its GUID, and the message's place.

    The place is a path of positions: of a message in the file, then of one in that message.
    """

    schema: int | str
    indexes: tuple[int, ...]

    def __str__(self) -> str:
        return f"the {'id' if isinstance(self.schema, int) else 'GUID'} {self.schema}"


class Writers(ABC):
    """Decoders by writer; all fill one table, whose rows have this schema."""

    schema: pa.Schema

    @abstractmethod
    def decoder(self, writer: Writer) -> ReferenceDecoder:
        """The decoder of what that writer wrote, or `RecordError`."""


def read_writer(data: bytes) -> tuple[Writer, int]:
    """Who wrote a record, and where its message begins; `RecordError` where nothing says so."""
    magic = data[0] if data else None
    if magic == _ID and len(data) > _ID_END:
        schema: int | str = int.from_bytes(data[1:_ID_END], "big")
        at = _ID_END
    elif magic == _GUID and len(data) > _GUID_END:
        schema, at = str(UUID(bytes=data[1:_GUID_END])), _GUID_END
    elif magic in {_ID, _GUID}:
        raise RecordError("it ends within the id of its schema")
    else:
        raise RecordError("no magic byte at its start: is it in Confluent's framing?")
    length, at = _read_index(data, at)
    if length > MAX_DEPTH:
        raise RecordError(f"{length:,} message indexes; at most {MAX_DEPTH} are accepted")
    indexes = []
    for _ in range(length):
        index, at = _read_index(data, at)
        indexes.append(index)
    return Writer(schema, tuple(indexes) or (0,)), at


def decode_written(
    frames: Iterable[Frame], writers: Writers, *, skip_bad: bool, account: Decoded
) -> Iterator[pa.RecordBatch]:
    """Decode records into batches of the writers' schema, each with its own writer's decoder.

    Among a few thousand records those of one writer come together.
    """
    parts = _Parts(writers, account, skip_bad=skip_bad)
    for frame in frames:
        parts.add(frame)
        if parts.count == BATCH_ROWS or parts.size >= CHUNK_BYTES:
            yield from parts.batches()
    yield from parts.batches()


_Decode: TypeAlias = Callable[[Iterable[Frame]], Iterator[pa.RecordBatch]]


@dataclass
class _Part:
    decode: _Decode
    frames: list[Frame]


class _Parts:
    """Records that wait, by writer."""

    def __init__(self, writers: Writers, account: Decoded, *, skip_bad: bool) -> None:
        self._writers, self._account, self._skip_bad = writers, account, skip_bad
        self._by_writer: dict[Writer, _Part] = {}
        self._by_start: dict[bytes, _Part] = {}
        self.count = self.size = 0

    def add(self, frame: Frame) -> None:
        """Take a record, or refuse it."""
        data = frame.data
        # Nearly all are of the first message of their file: six bytes that are seen again.
        part, start = self._by_start.get(data[:_SHORT]), _SHORT
        if part is None or frame.broken is not None:
            try:
                part, start = self._part(frame)
            except RecordError as error:
                self._account.read_bytes += len(data)
                reject(frame, str(error), self._account, skip_bad=self._skip_bad)
                return
        part.frames.append(Frame(frame.index, frame.offset, data[start:], whole=data))
        self._account.read_bytes += start
        self.count += 1
        self.size += len(data)

    def _part(self, frame: Frame) -> tuple[_Part, int]:
        if frame.broken is not None:
            raise RecordError(frame.broken)
        writer, start = read_writer(frame.data)
        part = self._by_writer.get(writer)
        if part is None:
            decoder = self._writers.decoder(writer)
            decode = frames_decoder(decoder, skip_bad=self._skip_bad, account=self._account)
            part = self._by_writer[writer] = _Part(decode, [])
        if frame.data[0] == _ID and start == _SHORT:
            self._by_start[frame.data[:_SHORT]] = part
        return part, start

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows of those that wait."""
        for part in self._by_writer.values():
            frames, part.frames = part.frames, []
            for batch in part.decode(frames) if frames else ():
                same = batch.schema.equals(self._writers.schema)
                yield batch if same else batch.cast(self._writers.schema)
        self.count = self.size = 0


def _read_index(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag varint that is not negative, and where it ends."""
    value = 0
    for position, byte in enumerate(data[at : at + _MAX_VARINT]):
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:  # noqa: PLR2004
            if value & 1:
                raise RecordError(f"a message index of {-(value >> 1) - 1}")
            return value >> 1, at + position + 1
    raise RecordError("its message indexes do not end")
