"""Serialized messages as Arrow record batches."""

from protolith.decoding.batches import Decoded, decode
from protolith.decoding.framing import Frame, read_delimited, read_single
from protolith.decoding.reference import RecordError, ReferenceDecoder
from protolith.decoding.streams import Framing, decode_stream

__all__ = [
    "Decoded",
    "Frame",
    "Framing",
    "RecordError",
    "ReferenceDecoder",
    "decode",
    "decode_stream",
    "read_delimited",
    "read_single",
]
