"""What identifies a content: the same everywhere and for ever, and computable by anyone."""

import hashlib
from collections.abc import Iterable
from uuid import UUID, uuid5

from protolith.store.values import NewVersion, Reference

PROTOBUF = "PROTOBUF"
BIGQUERY = "BIGQUERY"

NAMESPACE = UUID("dfaa68ea-4a1c-5591-bfc2-545dfa793eea")
"""The namespace of every GUID; itself that of `urn:protolith:schema` among URLs."""


def fingerprint(kind: str, content_hash: str, references: Iterable[Reference] = ()) -> str:
    """The SHA-256, in hex, of these lines, each ended by a newline, in UTF-8.

    `protolith schema 1`, the type, the content's hash, then a line
    `{name} {subject} {version}` for each reference, the lines sorted by their bytes.
    """
    lines = sorted(f"{r.name} {r.subject} {r.version}".encode() for r in references)
    head = [b"protolith schema 1", kind.encode(), content_hash.encode()]
    return hashlib.sha256(b"".join(line + b"\n" for line in [*head, *lines])).hexdigest()


def fingerprint_of(new: NewVersion) -> str:
    """The fingerprint of the content of a version that refers to nothing of its own batch."""
    kind = BIGQUERY if new.descriptors is None else PROTOBUF
    return fingerprint(kind, new.version_hash, new.references)


def guid(content_fingerprint: str) -> str:
    """The name-based UUID (version 5) of a fingerprint in `NAMESPACE`."""
    return str(uuid5(NAMESPACE, content_fingerprint))
