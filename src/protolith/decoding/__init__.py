"""Serialized messages as Arrow record batches."""

from protolith.decoding.batches import Decoded, decode
from protolith.decoding.framing import Frame, read_delimited, read_single
from protolith.decoding.reference import RecordError, ReferenceDecoder

__all__ = [
    "Decoded",
    "Frame",
    "RecordError",
    "ReferenceDecoder",
    "decode",
    "read_delimited",
    "read_single",
]
