"""Where one serialized message ends and the next begins. The framing is given, never guessed."""

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from protolith.limits import DATA

MAX_RECORD = DATA.record_bytes
_MAX_VARINT = 10
_LENGTH_DELIMITED = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One record: its index from 0, the byte offset where it starts, and its bytes.

    `broken` says why it is no record; where only the length says what follows, it is the last.
    `whole` is the record with what stood before its message, where something did.
    """

    index: int
    offset: int
    data: bytes
    broken: str | None = None
    whole: bytes | None = None


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
    while found := _read_record(stream):
        data, width, why = found
        yield Frame(index, offset, data, why)
        if why is not None:
            return
        index += 1
        offset += width


def read_wrapped(stream: BinaryIO) -> Iterator[Frame]:
    """The elements of one message that holds them all in a repeated field, of any number.

    The offset of a record is that of its field's tag.
    """
    index = offset = 0
    number: int | None = None
    while True:
        tag, width = _read_length(stream)
        if width == 0:
            return
        fits = tag is not None and tag & 7 == _LENGTH_DELIMITED and number in {None, tag}
        if not fits:
            why = "not an element of one repeated message field: is it a wrapper message?"
            yield Frame(index, offset, b"", why)
            return
        number = tag
        found = _read_record(stream) or (b"", 0, "truncated: a tag without a length")
        data, taken, broken = found
        yield Frame(index, offset, data, broken)
        if broken is not None:
            return
        index += 1
        offset += width + taken


def read_base64(stream: BinaryIO) -> Iterator[Frame]:
    """A message in base64 on each line; empty lines are none."""
    for frame in read_lines(stream):
        if frame.broken is not None:
            yield frame
            continue
        try:
            data = binascii.a2b_base64(frame.data.strip(), strict_mode=True)
        except binascii.Error as error:
            reason = f"not base64: {str(error).lower()}"
            yield Frame(frame.index, frame.offset, frame.data, reason)
        else:
            yield Frame(frame.index, frame.offset, data)


def read_lines(stream: BinaryIO) -> Iterator[Frame]:
    """The lines that hold something."""
    index = offset = 0
    while line := stream.readline(MAX_RECORD + 1):
        if len(line) > MAX_RECORD:
            why = f"a line of more than {MAX_RECORD:,} bytes"
            yield Frame(index, offset, b"", why)
            return
        if line.strip():
            yield Frame(index, offset, line)
            index += 1
        offset += len(line)


def with_lengths(frames: Iterable[Frame]) -> bytes:
    """Records as length-delimited data."""
    parts: list[bytes] = []
    for frame in frames:
        parts += (_length(len(frame.data)), frame.data)
    return b"".join(parts)


def _length(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read_record(stream: BinaryIO) -> tuple[bytes, int, str | None] | None:
    """The bytes after a length, the bytes read, and why they are no record; None at the end."""
    length, width = _read_length(stream)
    if width == 0:
        return None
    if length is None:
        return b"", width, "no length of a message here: is the file length-delimited?"
    if length > MAX_RECORD:
        why = f"a length of {length:,} bytes; at most {MAX_RECORD:,} are accepted"
        return b"", width, why
    data = stream.read(length)
    if len(data) < length:
        return data, width, f"truncated: {length:,} bytes announced, {len(data):,} left"
    return data, width + length, None


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
