"""Where one serialized message ends and the next begins. The framing is given, never guessed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_RECORD = 64 * 1024 * 1024
_MAX_VARINT = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """One record: its index from 0, the byte offset where it starts, and its bytes.

    `broken` says why the bytes end here: what follows such a frame cannot be found.
    """

    index: int
    offset: int
    data: bytes
    broken: str | None = None


def read_single(stream: BinaryIO) -> Iterator[Frame]:
    """The whole stream as one message."""
    data = stream.read(MAX_RECORD + 1)
    too_long = f"the message has more than {MAX_RECORD:,} bytes"
    yield Frame(0, 0, data, too_long if len(data) > MAX_RECORD else None)


def read_delimited(stream: BinaryIO) -> Iterator[Frame]:
    """Messages that each have their length before them, as a varint.

    This is what `writeDelimitedTo`, `SerializeDelimitedToOstream` and `proto.MarshalDelimited`
    write.
    """
    index = offset = 0
    while True:
        length, width = _read_length(stream)
        if width == 0:
            return
        if length is None:
            why = "no length of a message here: is the file length-delimited?"
            yield Frame(index, offset, b"", why)
            return
        if length > MAX_RECORD:
            why = f"a length of {length:,} bytes; at most {MAX_RECORD:,} are accepted"
            yield Frame(index, offset, b"", why)
            return
        data = stream.read(length)
        if len(data) < length:
            why = f"truncated: {length:,} bytes announced, {len(data):,} left"
            yield Frame(index, offset, data, why)
            return
        yield Frame(index, offset, data)
        index += 1
        offset += width + length


def _read_length(stream: BinaryIO) -> tuple[int | None, int]:
    """A varint and its width; (None, width) if it does not end, width 0 at the end of the data."""
    value = 0
    for position in range(_MAX_VARINT):
        byte = stream.read(1)
        if not byte:
            return None, position
        value |= (byte[0] & 0x7F) << (7 * position)
        if byte[0] < 0x80:  # noqa: PLR2004
            return value, position + 1
    return None, _MAX_VARINT
