"""A program of the native decoder as a row of numbers.

The numbers are read by `native/program.cpp`, in the order in which they are written here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from protolith.descriptors import DescriptorSet

_F = FieldDescriptor
_NONE = -1
_BITS = 64
OPERATIONS = (
    *("bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "enum"),
    *("fixed32", "sfixed32", "float", "fixed64", "sfixed64", "double"),
    *("string", "bytes", "message", "group", "map", "timestamp", "duration", "document"),
)
OPERATION = {name: index for index, name in enumerate(OPERATIONS)}
KINDS = {
    getattr(_F, f"TYPE_{name.upper()}"): index
    for name, index in OPERATION.items()
    if hasattr(_F, f"TYPE_{name.upper()}")
}
UNSIGNED = (_F.TYPE_UINT64, _F.TYPE_FIXED64)
BOOLEAN, BITS32, BITS64, BITS128, TEXT, LIST, RECORD = range(7)


class UnsupportedError(Exception):
    """The native decoder cannot fill this table; the reference decoder can."""


@dataclass
class Node:
    """A message at one place of the table."""

    message: int
    entry: bool = False
    oneofs: int = 0
    bits: int = 0
    must: list[int] = field(default_factory=list)
    defaults: list[tuple[int, int]] = field(default_factory=list)
    fields: list[list[int]] = field(default_factory=list)


@dataclass
class Field:
    """A field of a node, as numbers."""

    part: FieldDescriptor
    operation: int = _NONE
    fits_signed: bool = False
    nanoseconds: bool = False
    bit: int = _NONE
    once: bool = False
    oneof: int = _NONE
    counter: int = _NONE
    column: int = _NONE
    second: int = _NONE
    member: int = _NONE
    member_name: int = 0
    node: int = _NONE
    names: int = _NONE
    cleared: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.operation = KINDS[self.part.type]
        kind = self.part.message_type
        if kind is not None and kind.GetOptions().map_entry:
            self.operation = OPERATION["map"]

    def numbers(self) -> list[int]:
        """The field as the native decoder reads it."""
        part = self.part
        return [
            *(part.number, self.operation, int(part.is_repeated), int(part.has_presence)),
            *(int(self.fits_signed), int(self.nanoseconds), self.bit, int(self.once), self.oneof),
            *(self.counter, self.column, self.second, self.member, self.member_name),
            *(self.node, self.names, len(self.cleared), *self.cleared),
        ]


@dataclass
class Assembly:
    """The parts of a program while it is made; each has an index."""

    descriptors: DescriptorSet
    texts: dict[str, int] = field(default_factory=lambda: {"": 0})
    columns: list[list[int]] = field(default_factory=list)
    enums: list[list[int]] = field(default_factory=list)
    enum_index: dict[str, int] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    bare: dict[str, int] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)

    def text(self, text: str) -> int:
        """The index of a text."""
        return self.texts.setdefault(text, len(self.texts))

    def new_column(
        self, form: int, children: Sequence[int] = (), *, filled: bool = False, pad: str = ""
    ) -> int:
        """A column's index; `filled` ones have a value where none was written."""
        self.columns.append([form, int(filled), self.text(pad), len(children), *children])
        return len(self.columns) - 1

    def new_node(self, message: Descriptor) -> tuple[int, Node]:
        """An empty node of a message, and its index."""
        if message.GetOptions().message_set_wire_format:
            raise UnsupportedError(message.full_name)
        if message.full_name not in self.messages:
            self.messages.append(message.full_name)
        node = Node(self.messages.index(message.full_name), entry=message.GetOptions().map_entry)
        self.nodes.append(node)
        return len(self.nodes) - 1, node

    def enum(self, enum: EnumDescriptor) -> int:
        """The index of an enum's names."""
        if enum.full_name not in self.enum_index:
            values = {number: value.name for number, value in enum.values_by_number.items()}
            code = [int(enum.is_closed), len(values)]
            for number, name in values.items():
                code += [number, self.text(name)]
            self.enum_index[enum.full_name] = len(self.enums)
            self.enums.append(code)
        return self.enum_index[enum.full_name]

    def all_fields(self, message: Descriptor) -> list[FieldDescriptor]:
        """The fields of a message and its extensions."""
        extensions = self.descriptors.pool.FindAllExtensions(message)
        return [*message.fields, *extensions]

    def write(self, root: int, top: list[int]) -> list[int]:
        """The whole program."""
        texts = [len(text.encode()) for text in self.texts]
        code = [len(texts), *texts, len(self.columns), len(self.enums), len(self.nodes)]
        code.append(len(self.counters))
        for column in self.columns:
            code += column
        for enum in self.enums:
            code += enum
        for node in self.nodes:
            code += [node.message, node.oneofs, int(node.entry), -(-node.bits // _BITS)]
            code += [len(node.must), *node.must, len(node.defaults)]
            code += [number for pair in node.defaults for number in pair]
            code.append(len(node.fields))
            code += [number for part in node.fields for number in part]
        return [*code, len(top), *top, root]
