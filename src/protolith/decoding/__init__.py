"""Serialized messages as Arrow record batches."""

from protolith.decoding.batches import Decoded, decode
from protolith.decoding.confluent import Writer, Writers
from protolith.decoding.encoding import Encoder, RowFraming, write_messages
from protolith.decoding.framing import Frame, read_delimited, read_single
from protolith.decoding.inputs import (
    Compression,
    Frames,
    Source,
    content_digest,
    decode_source,
    files_of,
)
from protolith.decoding.reading import FileKind, read, read_with, write_file
from protolith.decoding.records import Framing, read_frames
from protolith.decoding.reference import RecordError, ReferenceDecoder
from protolith.decoding.streams import decode_stream

__all__ = [
    "Compression",
    "Decoded",
    "Encoder",
    "FileKind",
    "Frame",
    "Frames",
    "Framing",
    "RecordError",
    "ReferenceDecoder",
    "RowFraming",
    "Source",
    "Writer",
    "Writers",
    "content_digest",
    "decode",
    "decode_source",
    "decode_stream",
    "files_of",
    "read",
    "read_delimited",
    "read_frames",
    "read_single",
    "read_with",
    "write_file",
    "write_messages",
]
