"""The messages of one request, found by name the way the plugin finds them."""

from collections.abc import Iterable
from typing import Any

from protolith.dialects.bigquery import wire
from protolith.options import FieldOptions, MessageOptions

Path = tuple[int, ...]

# Go's unicode.IsSpace; Python's own strip() takes U+001C to U+001F as well.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_NO_OPTIONS = MessageOptions()


class File:
    """One file of a request; its comments are read when one is asked for."""

    def __init__(self, proto: Any) -> None:
        self.proto = proto
        self.name: bytes = proto.name
        self.package: bytes = proto.package
        self.messages = [
            Message(part, self, (4, index)) for index, part in enumerate(proto.message_type)
        ]
        self._comments: dict[Path, tuple[bytes, bytes]] | None = None

    def comment(self, path: Path) -> bytes:
        """The text of a comment; a later location with the same path replaces an earlier one."""
        if self._comments is None:
            self._comments = {}
            for location in self.proto.source_code_info.location:
                both = (location.leading_comments, location.trailing_comments)
                if both[0] or both[1]:
                    self._comments[tuple(location.path)] = both
        found = self._comments.get(path)
        if found is None:
            return b""
        parts = (wire.text(part).strip(_SPACE) for part in found)
        return "\n\n".join(parts).strip("\n").encode("utf-8", "surrogateescape")


class Message:
    """One message with what the plugin changes in it while it works.

    The Go program sorts fields and replaces options in the descriptors that all its files share;
    a later table sees these changes, so they are kept here and not undone.
    """

    __slots__ = ("_nested", "_options", "_overrides", "bit", "fields", "file", "path", "proto")

    def __init__(self, proto: Any, file: File, path: Path) -> None:
        self.proto = proto
        self.file = file
        self.path = path
        self.bit = 0
        self.fields: list[Any] | None = None
        self._options: MessageOptions | None = None
        self._overrides: dict[bytes, str] = {}
        self._nested: dict[bytes, Message] | None = None

    @property
    def options(self) -> MessageOptions:
        """The message's options in the state that they are in."""
        if self._options is None:
            self._options = wire.message_options(self.proto) or _NO_OPTIONS
        return self._options

    def replace_options(self, table_name: str, overrides: dict[bytes, str]) -> None:
        """Leave the message nothing but a table name, and some fields nothing but a type."""
        self._options = MessageOptions(table_name=table_name)
        self._overrides = overrides

    def ordered_fields(self) -> list[Any]:
        """The fields in the order of the columns."""
        if self.fields is None:
            self.fields = list(self.proto.field)
        if self.options.order_by_number:
            self.fields.sort(key=lambda field: field.number)
        return self.fields

    def field_options(self, field: Any) -> FieldOptions | None:
        """A field's options in the state that they are in."""
        override = self._overrides.get(field.name) if self._overrides else None
        if override is not None:
            return FieldOptions(type_override=override)
        return wire.field_options(field)

    def nested(self, name: bytes) -> "Message | None":
        """A message declared inside this one, by its dotted name from here."""
        found: Message | None = self
        for part in name.split(b"."):
            found = found and found.declared().get(part)
        return found

    def declared(self) -> "dict[bytes, Message]":
        """The messages directly inside, the first of each name."""
        if self._nested is None:
            self._nested = {}
            for index, proto in enumerate(self.proto.nested_type):
                if proto.name not in self._nested:
                    child = Message(proto, self.file, (*self.path, 3, index))
                    self._nested[proto.name] = child
        return self._nested


class Package:
    """One part of a package name, with what is below it; the root has no parent."""

    def __init__(self, parent: "Package | None" = None) -> None:
        self.parent = parent
        self.children: dict[bytes, Package] = {}
        self.messages: dict[bytes, Message] = {}

    @classmethod
    def of(cls, files: Iterable[File]) -> "Package":
        """The root over all top-level messages; of two with one name the later is found."""
        root = cls()
        for file in files:
            if file.messages:
                package = root
                for part in file.package.split(b"."):
                    if part or package is not root:  # leading dots are skipped
                        package = package.children.setdefault(part, cls(package))
                package.messages.update((message.proto.name, message) for message in file.messages)
        return root

    def subpackage(self, name: bytes) -> "Package | None":
        """The package of that name below this one; the empty name has none."""
        found: Package | None = self
        for part in name.split(b"."):
            found = found and found.children.get(part)
        return found

    def find(self, name: bytes) -> Message | None:
        """A message by its name from here outwards; the caller handles a leading dot."""
        package: Package | None = self
        while package is not None:
            found = _directly(package, name)
            if found is not None:
                return found
            package = package.parent
        return None


def _directly(package: Package, name: bytes) -> Message | None:
    # A child package hides a message of the same name, whatever it holds.
    head, dot, rest = name.partition(b".")
    while dot:
        child = package.children.get(head)
        if child is None:
            message = package.messages.get(head)
            return message and message.nested(rest)
        package = child
        head, dot, rest = rest.partition(b".")
    return package.messages.get(head)
