"""The way back: rows into messages, by the field paths of the table's columns."""

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

import pyarrow as pa
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from protolith.arrow import arrow_schema
from protolith.decoding.framing import Frame, with_lengths
from protolith.decoding.inputs import packing_of
from protolith.decoding.reading import replacing
from protolith.descriptors import DescriptorSet
from protolith.errors import Detail, LayoutError, MalformedError, RowsRejectedError, quoted
from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    DateTime,
    Integer,
    Json,
    List,
    Map,
    Record,
    String,
    Table,
    Timestamp,
    Type,
)

RowFraming: TypeAlias = Literal["delimited", "json"]
"""How messages are written: each with its length before it, or as ProtoJSON, one on each line."""

_PROTOBUF = "google.protobuf."
_BUFFER = 1024 * 1024
_FAULTS = (TypeError, ValueError, KeyError, json_format.Error, DecodeError)


class Encoder:
    """Makes messages of the rows of a table that was laid out from one of `descriptors`.

    `stored` is the table as its engine keeps it. The batches may have some of its columns alone.
    """

    def __init__(self, descriptors: DescriptorSet, table: Table, stored: Table) -> None:
        if table.message is None:
            raise LayoutError(
                f"{table.database}.{table.name} was not made from a message",
                hint="only rows of a registered .proto file are messages",
            )
        self.descriptors = descriptors
        self._table, self._stored = table, stored
        self._class: Any = message_factory.GetMessageClass(descriptors.message(table.message))

    def messages(self, batches: pa.RecordBatchReader) -> Iterator[Any]:
        """The message of each row; `RowsRejectedError` names a row that is none."""
        columns = self._columns(batches.schema)
        there = replace(self._table, columns=tuple(own for own, _ in columns))
        schemas = [
            arrow_schema(replace(there, columns=tuple(_loose(c, numbers=n) for _, c in columns)))
            for n in (False, True)
        ]
        index = 0
        for batch in batches:
            rows = pa.Table.from_batches([batch]).select(schemas[0].names)
            for row in _cast(rows, schemas).to_pylist():
                yield self._message(there, row, index)
                index += 1

    def _columns(self, found: pa.Schema) -> list[tuple[Column, Column]]:
        both = dict(zip(self._table.columns, self._stored.columns, strict=True))
        unknown = set(found.names) - {column.name for column in both}
        if unknown or len(set(found.names)) != len(found.names):
            wrong = ", ".join(map(quoted, sorted(unknown))) or "a name twice"
            raise MalformedError(
                f"the rows have other columns than {self._table.database}.{self._table.name}:"
                f" {wrong}",
                hint="leave them out, or name them as the table does",
            )
        return [(own, stored) for own, stored in both.items() if own.name in found.names]

    def _message(self, there: Table, row: dict[str, Any], index: int) -> Any:
        message = self._class()
        try:
            _fill(message, there.columns, row, self.descriptors.pool)
            if not self._class.IsInitialized(message):
                missing = self._class.FindInitializationErrors(message)
                raise ValueError(f"required fields are missing: {', '.join(missing)}")
        except _FAULTS as error:
            raise RowsRejectedError(
                "a row is no message, so nothing was written",
                details=[Detail(str(error), record=index, offset=index)],
                hint="leave the row out with a query",
            ) from None
        return message


def write_messages(
    messages: Iterable[Any], output: Path | BinaryIO, framing: RowFraming, pool: DescriptorPool
) -> int:
    """Write messages as `Source` reads them, and say how many; a file is there when it is whole.

    A path that ends in .gz or .zst is packed.
    """
    if framing not in {"delimited", "json"}:
        raise MalformedError(f"no framing {quoted(framing)} to write", hint="delimited or json")
    if not isinstance(output, Path):
        return _write(messages, output, framing, pool)
    with replacing(output) as part:
        packing = packing_of(output)
        with pa.output_stream(str(part), compression=packing, buffer_size=_BUFFER) as stream:
            return _write(messages, stream, framing, pool)


def _write(messages: Iterable[Any], stream: Any, framing: str, pool: DescriptorPool) -> int:
    rows = 0
    for rows, message in enumerate(messages, 1):  # noqa: B007 - the last number is the answer
        if framing == "json":
            found = json_format.MessageToDict(message, descriptor_pool=pool)
            stream.write(f"{json.dumps(found, ensure_ascii=False)}\n".encode())
        else:
            stream.write(with_lengths([Frame(0, 0, message.SerializeToString())]))
    return rows


def _cast(rows: pa.Table, schemas: list[pa.Schema]) -> pa.Table:
    for schema in schemas:  # instants become what the table says, then whole numbers
        try:
            rows = rows.cast(schema)
        except pa.ArrowException as error:
            raise MalformedError(
                f"the rows have other types than the table: {error}",
                hint="select the columns as they are",
            ) from None
    return rows


def _loose(column: Column, *, numbers: bool) -> Column:
    # Arrow casts no NULL record whose columns must not be NULL.
    return replace(column, type=_loose_type(column.type, numbers=numbers), nullable=True)


def _loose_type(type_: Type, *, numbers: bool) -> Type:
    match type_:
        case Timestamp() | DateTime() if numbers:
            return Integer()
        case Record(columns):
            return Record(tuple(_loose(column, numbers=numbers) for column in columns))
        case List(element):
            return List(_loose_type(element, numbers=numbers))
        case Map(key, value):
            return Map(key, _loose_type(value, numbers=numbers))
        case _:
            return type_


def _fill(message: Any, columns: tuple[Column, ...], row: dict[str, Any], pool: Any) -> None:
    """Set what a row holds; columns that repeat something are compared with it."""
    for column in columns:
        value = row[column.name]
        if not column.path or value is None or column.role:
            continue
        target, part = _at(message, column.path, value)
        if target is not None:
            _claim(target, part)
            _set(target, part, column.type, value, pool)
    for column in columns:
        if not column.role.startswith("case:"):
            continue
        target, oneof = message, column.role.removeprefix("case:")
        for number in column.path:
            target = getattr(target, target.DESCRIPTOR.fields_by_number[number].name)
        if target.WhichOneof(oneof) != row[column.name]:
            raise ValueError(f"{column.name}: it says {row[column.name]}, and another one is set")


def _claim(message: Any, part: FieldDescriptor) -> None:
    oneof = part.containing_oneof
    if oneof is None:
        return
    there = message.WhichOneof(oneof.name)
    if there not in {None, part.name}:
        raise ValueError(f"{oneof.name}: both {there} and {part.name} are set")


def _at(message: Any, path: tuple[int, ...], value: Any) -> tuple[Any, Any]:
    """The message that a path leads to, set on the way if there is anything to say."""
    along, kind = [], message.DESCRIPTOR
    for number in path:
        along.append(kind.fields_by_number[number])
        kind = along[-1].message_type
    if along[-1].is_repeated and value in ([], "[]", "{}"):
        return None, None  # an empty list says nothing about what is around it
    for part in along[:-1]:
        _claim(message, part)
        message = getattr(message, part.name)
        message.SetInParent()
    return message, along[-1]


def _set(target: Any, part: FieldDescriptor, type_: Type, value: Any, pool: Any) -> None:
    kind = part.message_type
    if not part.is_repeated:
        if kind is None:
            setattr(target, part.name, _scalar(part, type_, value))
        else:
            inner = getattr(target, part.name)
            inner.SetInParent()
            _set_message(inner, type_, value, pool)
        return
    if not isinstance(type_, List | Map):
        json_format.ParseDict({part.name: json.loads(value)}, target, descriptor_pool=pool)
        return
    field = getattr(target, part.name)
    if kind is not None and kind.GetOptions().map_entry:
        _set_map(field, kind, type_, value, pool)
        return
    element = type_.element if isinstance(type_, List) else type_.value
    for item in value:
        if kind is None:
            field.append(_scalar(part, element, item))
        else:
            _set_message(field.add(), element, item, pool)


def _set_map(field: Any, entry: Any, type_: List | Map, value: Any, pool: Any) -> None:
    if isinstance(type_, Map):
        pairs, value_type = value, type_.value
    elif isinstance(type_.element, Record):
        pairs = [(item["key"], item["value"]) for item in value]
        value_type = type_.element.columns[1].type
    else:
        raise _no_way_back(entry.full_name, type_)
    part = entry.fields_by_name["value"]
    for key, item in pairs:
        if part.message_type is None:
            field[key] = _scalar(part, value_type, item)
        else:
            _set_message(field[key], value_type, item, pool)


def _scalar(part: FieldDescriptor, type_: Type, value: Any) -> Any:
    if part.enum_type is not None and isinstance(value, str):
        found = part.enum_type.values_by_name.get(value)
        return int(value) if found is None else found.number
    if part.type == FieldDescriptor.TYPE_BYTES and type_ == String():
        return b64decode(value)
    return value


def _set_message(message: Any, type_: Type, value: Any, pool: Any) -> None:
    name = message.DESCRIPTOR.full_name
    if name.startswith(_PROTOBUF) and not isinstance(type_, Record) and _wraps(message):
        part = message.DESCRIPTOR.fields_by_name["value"]
        message.value = _scalar(part, type_, value)
        return
    match type_:
        case Record(columns):
            _fill(message, columns, value, pool)
        case Timestamp() | DateTime():
            units = 10**9 if type_ == Timestamp(9) else 10**6
            message.seconds, rest = divmod(value, units)
            message.nanos = rest * (10**9 // units)
        case Integer() if name == f"{_PROTOBUF}Duration":
            sign = -1 if value < 0 else 1
            seconds, nanos = divmod(abs(value), 10**9)
            message.seconds, message.nanos = sign * seconds, sign * nanos
        case Json():
            json_format.Parse(value, message, descriptor_pool=pool)
        case Bytes():
            message.MergeFromString(value)
        case Boolean() if value and not message.DESCRIPTOR.fields:
            pass  # it is set, which is all that a message without fields can say
        case _:
            raise _no_way_back(name, type_)


def _no_way_back(message: str, type_: Type) -> LayoutError:
    return LayoutError(
        f"{message} is kept as {type(type_).__name__}, and cannot be made of it again",
        hint="leave the column out with a query",
    )


def _wraps(message: Any) -> bool:
    return message.DESCRIPTOR.name.endswith("Value") and hasattr(message, "value")
