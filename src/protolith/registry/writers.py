"""The versions of a subject as the writers of records: each decodes what was written with it."""

import json
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa

from protolith.decoding import RecordError, ReferenceDecoder, Writer, Writers
from protolith.descriptors import DescriptorSet
from protolith.errors import LayoutError, NotFoundError, quoted
from protolith.registry.registration import descriptors_of
from protolith.store import Store, Version

Fit: TypeAlias = Callable[[Version], tuple[ReferenceDecoder, list[str]]]

_MOST = 1000
_HIDING = {"ENCRYPT", "ENCRYPT_PAYLOAD"}


class SubjectWriters(Writers):
    """The decoders of a subject's versions for a table, each made when a record asks for it."""

    def __init__(self, store: Store, subject: str, schema: pa.Schema, fit: Fit) -> None:
        self._store, self._subject, self._fit = store, subject, fit
        self.schema = schema
        self.left_out: list[str] = []
        self._known: dict[Writer, ReferenceDecoder | str] = {}

    def decoder(self, writer: Writer) -> ReferenceDecoder:
        """The decoder of what a version wrote, or `RecordError`."""
        if writer not in self._known:
            if len(self._known) >= _MOST:  # of ids that are made up
                self._known.clear()
            try:
                self._known[writer] = self._found(writer)
            except RecordError as error:
                self._known[writer] = str(error)
        found = self._known[writer]
        if isinstance(found, str):
            raise RecordError(found)
        return found

    def _found(self, writer: Writer) -> ReferenceDecoder:
        version = self._version(writer)
        if hides(version.rule_set):
            raise RecordError(f"{writer} has rules that encode or encrypt what is written")
        if version.message is None or version.descriptors is None:
            raise RecordError(f"{writer} is a schema without a message for a table")
        descriptors = descriptors_of(version)
        name = message_at(descriptors, version.message, writer.indexes)
        if name != version.message:
            path = list(writer.indexes)
            what = f"no message is at {path}" if name is None else f"at {path} is {name}"
            raise RecordError(f"{writer}: {what}, and the table is of {version.message}")
        try:
            decoder, left_out = self._fit(version)
        except LayoutError as error:
            reasons = "; ".join(map(str, error.details)) or error.message
            raise RecordError(f"{writer} does not fit into the table: {reasons}") from None
        self.left_out += [column for column in left_out if column not in self.left_out]
        return decoder

    def _version(self, writer: Writer) -> Version:
        store, schema = self._store, writer.schema
        try:
            found = store.find_id(schema) if isinstance(schema, int) else store.find_guid(schema)
        except NotFoundError:
            raise RecordError(f"no schema has {writer}") from None
        own = [version for version in found if version.subject == self._subject]
        if not own:
            other = quoted(found[0].subject)
            raise RecordError(f"{writer} is of {other}, not of {quoted(self._subject)}")
        return own[0]


def message_at(descriptors: DescriptorSet, message: str, indexes: tuple[int, ...]) -> str | None:
    """The name of the message at a place in the file that holds `message`, if there is one."""
    name = descriptors.message(message).file.name
    (file,) = (file for file in descriptors.files if file.name == name)
    names = [file.package] if file.package else []
    inside: Any = file.message_type
    for index in indexes:
        if index >= len(inside):
            return None
        names.append(inside[index].name)
        inside = inside[index].nested_type
    return ".".join(names)


def hides(rule_set: str | None) -> bool:
    """Whether what is written under these rules is no plain protobuf, or has texts that are not."""
    rules = json.loads(rule_set) if rule_set else {}
    kinds = {
        rule.get("type") for rule in rules.get("domainRules") or () if not rule.get("disabled")
    }
    return bool(rules.get("encodingRules")) or bool(kinds & _HIDING)
