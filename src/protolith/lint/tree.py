"""A table under the linter: the columns that the plugin makes, beside the fields they are of."""

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor

from protolith.dialects.bigquery import wire
from protolith.dialects.bigquery.expansion import Expansion
from protolith.dialects.bigquery.nodes import Budget, Node
from protolith.dialects.bigquery.packages import File, Message, Package
from protolith.dialects.bigquery.parity import single_message
from protolith.errors import LayoutError, SchemaTooComplexError
from protolith.options import FieldOptions, MessageOptions

STRUCTS = frozenset(f"google.protobuf.{name}" for name in ("Struct", "Value", "ListValue"))
ANY = "google.protobuf.Any"
GOOGLE_TYPES = {
    "google.type.Date": "DATE",
    "google.type.TimeOfDay": "TIME",
    "google.type.DateTime": "DATETIME or TIMESTAMP",
    "google.type.LatLng": "GEOGRAPHY",
    "google.type.Money": "NUMERIC",
    "google.type.Decimal": "NUMERIC or BIGNUMERIC",
}
# One finding says all about these: what is inside them is not the user's to change.
_CLOSED = STRUCTS | {ANY} | GOOGLE_TYPES.keys()
_NO_OPTIONS = FieldOptions()
_REPEATED = 3


@dataclass(slots=True, eq=False)
class Field:
    """A field of a message, or an entry of its `extra_fields`, with what the plugin made of it.

    `proto` is None for an extra field. `index` is the place in the declaration, `position` among
    the columns. `kind` is the full name of the message or enum that is the field's type.
    """

    node: Node
    record: "Record"
    proto: Any
    options: FieldOptions
    index: int
    position: int
    kind: str

    @property
    def path(self) -> str:
        """Names of proto fields from the table's message."""
        return self.record.path + plain(self.node.field)

    @property
    def column(self) -> str | None:
        """Names of columns from the table; None if there is none."""
        return self.record.column + plain(self.node.name) if self.has_column else None

    @property
    def has_column(self) -> bool:
        """Whether the plugin writes a column for it."""
        return self.node.dropped is None

    @property
    def type(self) -> int:
        """The number of its type in `descriptor.proto`; 0 for an extra field."""
        return self.proto.type if self.proto is not None else 0

    @property
    def repeated(self) -> bool:
        """Whether it is a list or a map."""
        return self.proto is not None and self.proto.label == _REPEATED

    @property
    def rename(self) -> str:
        """How to give its column another name."""
        if self.proto is None:
            return "change the name in the option extra_fields"
        return "give the field another column name with (gen_bq_schema.bigquery).name"


@dataclass(slots=True, eq=False)
class Record:
    """A message as it was expanded, shared by all places at which it came out the same.

    `path` and `column` are those of the first place, each with a dot at the end or empty.
    `owner` is the field that holds it, `places` the number of field paths that lead here.
    """

    message: Message
    path: str
    column: str
    owner: Field | None
    fields: list[Field] = field(default_factory=list)
    names: dict[str, Field] = field(default_factory=dict)
    oneofs: dict[int, list[Field]] = field(default_factory=dict)
    inside: list["Record"] = field(default_factory=list)
    places: int = 0

    @property
    def is_map(self) -> bool:
        """Whether it is the entry of a map, which no one wrote."""
        return bool(self.message.proto.options.map_entry)

    def comment(self, index: int) -> bytes:
        """The comment of the field that is declared there."""
        return self.message.file.comment((*self.message.path, 2, index))


@dataclass(slots=True, eq=False)
class Tree:
    """A table: its message, its records with the outer ones first, and how the plugin was called.

    `given` are the message's options before a plugin parameter took them away. `refused` is why
    there are no records at all.
    """

    name: str
    message: Message
    given: MessageOptions
    overrides: dict[bytes, str] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()
    records: list[Record] = field(default_factory=list)
    refused: LayoutError | SchemaTooComplexError | None = None

    @property
    def fields(self) -> list[Field]:
        """The fields of the table's own message."""
        return self.records[0].fields if self.records else []


def locate(files: list[File], descriptor: Descriptor) -> Message:
    """A descriptor's message; not by its name, which a package may hide from look-ups."""
    names = [descriptor.name]
    while descriptor.containing_type is not None:
        descriptor = descriptor.containing_type
        names.append(descriptor.name)
    file = next(file for file in files if wire.text(file.name) == descriptor.file.name)
    top = names.pop().encode()
    message = next(message for message in file.messages if message.proto.name == top)
    for name in reversed(names):
        message = message.declared()[name.encode()]
    return message


def grow(
    files: list[File], message: Message, name: str, *, enum_as_string: bool, parameter: str
) -> Tree:
    """Expand one message of these files as the plugin does with that parameter.

    The files must be fresh, since messages keep what an expansion and a parameter made of them.
    """
    root = Package.of(files)
    tree = Tree(name, message, message.options)
    package = root.subpackage(message.file.package) or root
    expansion = Expansion(root, Budget(), enum_as_string=enum_as_string)
    expansion.enter(package)
    try:
        single = single_message(message.file, parameter.encode())
        if single is not None and message is message.file.messages[0]:
            tree.overrides = single[1]
            message.replace_options(*single)
        tree.nodes = expansion.expand(message)
    except (LayoutError, SchemaTooComplexError) as error:
        tree.refused = error
        return tree
    _Growth(tree, root, package).start()
    return tree


def plain(text: str) -> str:
    """Text without the lone surrogates that stand for bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Growth:
    """Puts fields beside nodes; each shared sub-tree once, so this is linear in what is shared."""

    def __init__(self, tree: Tree, root: Package, package: Package) -> None:
        self._tree = tree
        self._root = root
        self._package = package
        self._known: dict[int, Record] = {}
        self._closed: list[Record] = []

    def start(self) -> None:
        self._record(self._tree.message, self._tree.nodes, None)
        self._closed[-1].places = 1
        for record in reversed(self._closed):  # every holder before what it holds
            for inner in record.inside:
                inner.places += record.places

    def _record(self, message: Message, nodes: tuple[Node, ...], owner: Field | None) -> Record:
        path = f"{owner.path}." if owner else ""
        column = f"{owner.record.column}{plain(owner.node.name)}." if owner else ""
        record = Record(message, path, column, owner)
        self._tree.records.append(record)
        _fill(record, nodes)
        for part in record.fields:
            inside = part.node.fields
            if inside and part.kind not in _CLOSED:
                known = self._known.get(id(inside))
                if known is None:
                    known = self._record(self._find(part), inside, part)
                    self._known[id(inside)] = known
                record.inside.append(known)
        self._closed.append(record)
        return record

    def _find(self, part: Field) -> Message:
        name = _type_name(part)
        found = self._root.find(name[1:]) if name.startswith(b".") else self._package.find(name)
        if found is None:  # the expansion has found it by the same name
            raise LookupError(name)
        return found


def _fill(record: Record, nodes: tuple[Node, ...]) -> None:
    message = record.message
    declared = {proto.name: index for index, proto in enumerate(message.proto.field)}
    fields = message.ordered_fields()
    for position, (node, proto) in enumerate(zip(nodes, fields, strict=False)):
        options = message.field_options(proto) or _NO_OPTIONS
        kind = wire.text(proto.type_name).removeprefix(".")
        index = declared[proto.name]
        part = Field(node, record, proto, options, index, position, kind)
        if proto.HasField("oneof_index") and not proto.proto3_optional:
            record.oneofs.setdefault(proto.oneof_index, []).append(part)
        record.fields.append(part)
    for index, node in enumerate(nodes[len(fields) :]):
        part = Field(node, record, None, _NO_OPTIONS, index, len(fields) + index, "")
        part.kind = wire.text(_type_name(part)).removeprefix(".")
        record.fields.append(part)
    for part in record.fields:
        if part.has_column:
            record.names.setdefault(part.node.name.lower(), part)


def _type_name(part: Field) -> bytes:
    if part.proto is not None:
        return bytes(part.proto.type_name)
    _, word, *rest = part.record.message.options.extra_fields[part.index].split(":")
    return rest[0].encode() if word == "RECORD" else b""
