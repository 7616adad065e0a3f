"""What the native decoder is told of a table and its message.

What it cannot do itself it gives as it stands on the wire, and a `Leaf` here turns it into values
as the reference decoder does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from protolith.arrow import arrow_schema, arrow_type
from protolith.decoding.assembly import (
    BITS32,
    BITS64,
    BITS128,
    BOOLEAN,
    KINDS,
    LIST,
    OPERATION,
    RECORD,
    TEXT,
    UNSIGNED,
    Assembly,
    Field,
    Node,
    UnsupportedError,
)
from protolith.decoding.values import adapted, converter
from protolith.descriptors import DescriptorSet
from protolith.layout.well_known import DURATION, TIMESTAMP, WRAPPERS
from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    Decimal,
    EnumName,
    Float,
    Integer,
    List,
    Map,
    Record,
    String,
    Table,
    Timestamp,
    Type,
)

_F = FieldDescriptor
_WIDE_DECIMAL = 20  # digits of the largest 64-bit number


@dataclass(frozen=True, slots=True)
class Leaf:
    """How values that were given as they stand on the wire become those of the column."""

    type: pa.DataType
    convert: Callable[[Any, Any], Any]


@dataclass
class Program:
    """A program, the Arrow schema of what it makes, and what is left to do for each column."""

    code: list[int]
    texts: bytes
    schema: pa.Schema
    finish: dict[int, Any]
    messages: list[str]
    counters: list[str]


@dataclass
class _Place:
    """Where a value goes: the column's index, its type there, and what is left to do."""

    column: int
    type: Type
    finish: Any = None


@dataclass
class _Writer(Assembly):
    """Makes the nodes and columns of a table; a pair of columns gets its place on the way."""

    # ── messages ──

    def checked(self, message: Descriptor) -> int:
        """A node that fills nothing: the record is refused if this part of it is malformed."""
        if message.full_name not in self.bare:
            index, node = self.new_node(message)
            self.bare[message.full_name] = index
            for part in self.all_fields(message):
                self.add(node, part, [])
        return self.bare[message.full_name]

    def filled(self, message: Descriptor, pairs: Sequence["_Pair"], path: str) -> tuple[int, Any]:
        """A node that fills columns; what is left to do for them, by their index."""
        index, node = self.new_node(message)
        by_number: dict[int, list[_Pair]] = {}
        if any(pair.column.role for pair in pairs):
            raise UnsupportedError(path)
        for pair in pairs:
            if not pair.path:  # of no field of this message: it stays empty
                continue
            by_number.setdefault(pair.path[0], []).append(pair)
        for part in self.all_fields(message):
            self.add(node, part, by_number.get(part.number, []), path)
        return index, node

    def add(self, node: Node, part: FieldDescriptor, pairs: list["_Pair"], path: str = "") -> None:
        """Add a field to a node, with the columns that it fills."""
        own = [pair for pair in pairs if len(pair.path) == 1 and not pair.column.role]
        if len(own) > 1 or len(own) < len(pairs):
            raise UnsupportedError(part.full_name)
        code = Field(part)
        place = self.place(code, own[0], path) if own else None
        if place is None:
            self.check(code)
        else:
            own[0].place = place
            code.column = place.column
            required = not own[0].column.nullable and part.has_presence
            if required and not isinstance(place.type, List | Map):
                node.must.append(place.column)
        oneof = part.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            code.oneof = oneof.index
            node.oneofs = max(node.oneofs, oneof.index + 1)
            code.cleared = [] if place is None else [place.column]
        code.once = part.message_type is not None and not part.is_repeated
        if code.once or part.is_required:
            code.bit, node.bits = node.bits, node.bits + 1
        node.fields.append(code.numbers())

    def check(self, code: "Field") -> None:
        kind = code.part.message_type
        if kind is not None:
            code.node = self.checked(kind)
        if code.part.enum_type is not None:
            code.names = self.enum(code.part.enum_type)

    # ── columns ──

    def place(self, code: "Field", pair: "_Pair", path: str) -> _Place:
        part, column, stored = code.part, pair.column, pair.stored
        here = f"{path}{column.name}"
        kind = part.message_type
        if kind is not None and kind.GetOptions().map_entry:
            return self.map_place(code, kind, (column.type, stored.type), here)
        if not part.is_repeated:
            filled = not part.has_presence
            return self.value(code, (column.type, stored.type), here, filled=filled)
        if not (isinstance(column.type, List) and isinstance(stored.type, List)):
            raise UnsupportedError(here)  # one document of all elements
        types = column.type.element, stored.type.element
        inner = self.value(code, types, here, filled=True)
        index = self.new_column(LIST, [inner.column], filled=True)
        return _Place(index, List(inner.type), inner.finish and {0: inner.finish})

    def value(self, code: "Field", types: tuple[Type, Type], path: str, *, filled: bool) -> _Place:
        """The place of one value of a field."""
        part, (type_, stored) = code.part, types
        kind = part.message_type
        if kind is None:
            return self.scalar(code, types, path, filled=filled)
        if isinstance(type_, Record) and isinstance(stored, Record):
            return self.record(code, kind, (type_, stored), path)
        if kind.full_name == TIMESTAMP and isinstance(type_, Timestamp) and type_ == stored:
            code.operation = OPERATION["timestamp"]
            code.nanoseconds = type_.digits > 6  # noqa: PLR2004
            code.counter = len(self.counters)
            self.counters.append(path)
            return _Place(self.new_column(BITS64, filled=filled), type_)
        if kind.full_name == DURATION and isinstance(type_, Integer):
            code.operation = OPERATION["duration"]
            return _Place(self.new_column(BITS64, filled=filled), type_)
        if kind.full_name in WRAPPERS and type(type_) is type(WRAPPERS[kind.full_name]):
            return self.wrapper(code, kind, types, path)
        if isinstance(type_, Boolean):  # an empty message: it was there
            code.node, node = self.filled(kind, (), "")
            index = self.new_column(BOOLEAN)
            node.defaults.append((index, 1))
            return _Place(index, type_)
        if part.type == _F.TYPE_GROUP:
            raise UnsupportedError(path)
        code.operation = OPERATION["document"]
        code.node = self.checked(kind)
        cls: Any = message_factory.GetMessageClass(kind)
        leaf = self.leaf(part, types, path, cls.FromString)
        return _Place(self.new_column(TEXT, filled=filled), Bytes(), leaf)

    def record(
        self, code: "Field", kind: Descriptor, types: tuple[Record, Record], path: str
    ) -> _Place:
        pairs = _pairs(types[0].columns, types[1].columns)
        code.node, _ = self.filled(kind, pairs, f"{path}.")
        columns, finish = self.gather(pairs)
        index = self.new_column(RECORD, [pair.index(self) for pair in pairs])
        return _Place(index, Record(columns), finish)

    def wrapper(
        self, code: "Field", kind: Descriptor, types: tuple[Type, Type], path: str
    ) -> _Place:
        """A wrapper's own field fills the column; the wrapper without it is its default."""
        pairs = _pairs((Column("value", types[0], path=(1,)),), (Column("value", types[1]),))
        code.node, node = self.filled(kind, pairs, f"{path}.")
        place = pairs[0].place
        assert place is not None  # noqa: S101
        if place.finish:
            raise UnsupportedError(path)
        self.columns[place.column][1] = 0  # without the wrapper there is no value
        node.defaults.append((place.column, 0))
        return place

    def map_place(
        self, code: "Field", entry: Descriptor, types: tuple[Type, Type], path: str
    ) -> _Place:
        sides = [_entry(type_) for type_ in types]
        if sides[0] is None or sides[1] is None:
            raise UnsupportedError(path)
        pairs = _pairs(sides[0], sides[1])
        code.operation = OPERATION["map"]
        code.node, node = self.filled(entry, pairs, f"{path}.")
        node.must = []
        columns, finish = self.gather(pairs)
        for pair in pairs:
            node.defaults.append((pair.index(self), 0))
        record = self.new_column(RECORD, [pair.index(self) for pair in pairs], filled=True)
        index = self.new_column(LIST, [record], filled=True)
        if isinstance(types[1], Map):
            return _Place(index, Map(columns[0].type, columns[1].type), finish)  # type: ignore[arg-type]
        return _Place(index, List(Record(columns)), finish and {0: finish})

    def scalar(self, code: "Field", types: tuple[Type, Type], path: str, *, filled: bool) -> _Place:
        part, (type_, stored) = code.part, types
        if part.enum_type is not None:
            code.names = self.enum(part.enum_type)
        form = _form(part, stored)
        if form is None or (type_ != stored and not isinstance(type_, Integer | Float)):
            capture, form = _captured(part)
            leaf = self.leaf(part, types, path)
            return _Place(self.new_column(form, filled=filled), capture, leaf)
        signed = isinstance(stored, Integer) and stored.signed
        code.fits_signed = signed and part.type in UNSIGNED
        pad = ""
        if isinstance(stored, EnumName) and part.enum_type is not None:
            zero = part.enum_type.values_by_number.get(0)
            pad = zero.name if zero is not None else "0"
        return _Place(self.new_column(form, filled=filled, pad=pad), stored)

    def leaf(
        self,
        part: FieldDescriptor,
        types: tuple[Type, Type],
        path: str,
        read: Callable[[Any], Any] | None = None,
    ) -> Leaf:
        convert = adapted(converter(part, types[0], path, self.descriptors.pool), *types)
        if read is None:
            return Leaf(arrow_type(types[1]), convert)
        return Leaf(arrow_type(types[1]), partial(_read_and_convert, read, convert))

    def gather(self, pairs: Sequence["_Pair"]) -> tuple[tuple[Column, ...], dict[int, Any]]:
        """The columns as they are made natively, and what is left to do."""
        columns, finish = [], {}
        for position, pair in enumerate(pairs):
            pair.index(self)
            assert pair.place is not None  # noqa: S101
            columns.append(replace(pair.stored, type=pair.place.type))
            if pair.place.finish:
                finish[position] = pair.place.finish
        return tuple(columns), finish


@dataclass
class _Pair:
    """A column of the table and as the engine stores it, with its place once it has one."""

    column: Column
    stored: Column
    path: tuple[int, ...]
    place: _Place | None = None

    def index(self, writer: _Writer) -> int:
        """The index of its column; one that no field fills is empty."""
        if self.place is None:
            repeated = isinstance(self.stored.type, List | Map)
            if repeated or isinstance(self.stored.type, Record):
                raise UnsupportedError(self.column.name)
            form = _form(None, self.stored.type)
            self.place = _Place(
                writer.new_column(TEXT if form is None else form),
                self.stored.type if form is not None else String(),
                Leaf(arrow_type(self.stored.type), _nothing) if form is None else None,
            )
        return self.place.column


def compile_program(descriptors: DescriptorSet, table: Table, stored: Table) -> Program:
    """The program that fills `stored`, the form in which an engine keeps `table`.

    Raises `UnsupportedError` for what only the reference decoder does.
    """
    assert table.message is not None  # noqa: S101
    writer = _Writer(descriptors)
    message = descriptors.message(table.message)
    pairs = _pairs(table.columns, stored.columns)
    if any(not pair.path and pair.column.role for pair in pairs):
        raise UnsupportedError(table.name)
    root, _ = writer.filled(message, [pair for pair in pairs if pair.path], "")
    columns, finish = writer.gather(pairs)
    code = writer.write(root, [pair.index(writer) for pair in pairs])
    return Program(
        code=code,
        texts="".join(writer.texts).encode(),
        schema=arrow_schema(replace(stored, columns=columns)),
        finish=finish,
        messages=writer.messages,
        counters=writer.counters,
    )


def _pairs(columns: Sequence[Column], stored: Sequence[Column]) -> list[_Pair]:
    return [_Pair(a, b, a.path) for a, b in zip(columns, stored, strict=True)]


def _entry(type_: Type) -> tuple[Column, ...] | None:
    """The columns of a map's key and value; None where an entry is one document."""
    match type_:
        case Map(key, value):
            nullable = not isinstance(value, List | Map)
            return (
                Column("key", key, nullable=False, path=(1,)),
                Column("value", value, nullable=nullable, path=(2,)),
            )
        case List(Record((key_column, value_column))):
            return replace(key_column, path=(1,)), replace(value_column, path=(2,))
        case _:
            return None


def _form(part: FieldDescriptor | None, stored: Type) -> int | None:
    """The form of a column that takes a field's values as they are; None if it cannot."""
    text = part is None or part.type == _F.TYPE_STRING
    whole = part is None or (part.type in KINDS and KINDS[part.type] <= OPERATION["sfixed64"])
    match stored:
        case Boolean() if part is None or part.type == _F.TYPE_BOOL:
            return BOOLEAN
        case Integer(bits) if whole:
            return BITS32 if bits == 32 else BITS64  # noqa: PLR2004
        case Float(bits):
            return BITS32 if bits == 32 else BITS64  # noqa: PLR2004
        case Decimal(precision, 0) if whole and _WIDE_DECIMAL <= precision <= 38:  # noqa: PLR2004
            return BITS128
        case EnumName() if part is None or part.enum_type is not None:
            return TEXT
        case String() if text:
            return TEXT
        case Bytes() if part is None or part.type == _F.TYPE_BYTES:
            return TEXT
        case _:
            return None


def _captured(part: FieldDescriptor) -> tuple[Type, int]:
    """The type and form in which a scalar's value is given as it is."""
    if part.type == _F.TYPE_STRING:
        return String(), TEXT
    if part.type == _F.TYPE_BYTES:
        return Bytes(), TEXT
    if part.type == _F.TYPE_BOOL:
        return Boolean(), BOOLEAN
    if part.type in (_F.TYPE_FLOAT, _F.TYPE_DOUBLE):
        return Float(), BITS64
    return Integer(64, signed=part.type not in UNSIGNED), BITS64


def _read_and_convert(
    read: Callable[[Any], Any], convert: Callable[[Any, Any], Any], data: Any, row: Any
) -> Any:
    return convert(read(data), row)


def _nothing(_value: Any, _row: Any) -> None:
    return None
