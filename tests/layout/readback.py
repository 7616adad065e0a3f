"""Rows of an engine back into messages, from the table's field paths alone."""

import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from protolith import Column, Table
from protolith.arrow import arrow_schema
from protolith.engines import Engine
from protolith.tables import (
    Boolean,
    Bytes,
    DateTime,
    Integer,
    Json,
    List,
    Map,
    Record,
    String,
    Timestamp,
    Type,
)

PROTOBUF = "google.protobuf."


def rows_of(engine: Engine, table: Table) -> list[dict[str, Any]]:
    """Every row, with instants as whole numbers."""
    stored = engine.dialect.stored(table)
    found = engine.query(f"SELECT * FROM {engine.dialect.qualified(table)}")
    for numbers in (False, True):
        columns = tuple(_loose(column, numbers=numbers) for column in stored.columns)
        found = found.cast(arrow_schema(replace(stored, columns=columns)))
    return found.to_pylist()


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


def fill(message: Any, table: Table | Record, row: dict[str, Any], pool: Any) -> Any:
    """Set what a row holds in a message; columns that repeat something are compared with it."""
    later = []
    for column in table.columns:
        value = row[column.name]
        if column.role.startswith("case:"):
            later.append((column, value))
            continue
        if not column.path or value is None or column.role:
            continue
        target, part = _at(message, column.path, value)
        if target is not None:
            _set(target, part, column.type, value, pool)
    for column, value in later:
        target = message
        for number in column.path:
            target = getattr(target, target.DESCRIPTOR.fields_by_number[number].name)
        assert target.WhichOneof(column.role.removeprefix("case:")) == value
    return message


def _at(message: Any, path: tuple[int, ...], value: Any) -> tuple[Any, Any]:
    """The message that a path leads to, set on the way if there is anything to say."""
    along, kind = [], message.DESCRIPTOR
    for number in path:
        along.append(kind.fields_by_number[number])
        kind = along[-1].message_type
    if along[-1].is_repeated and value in ([], "[]", "{}"):
        return None, None  # an empty list says nothing about what is around it
    for part in along[:-1]:
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
    assert isinstance(type_, List)
    for item in value:
        if kind is None:
            field.append(_scalar(part, type_.element, item))
        else:
            _set_message(field.add(), type_.element, item, pool)


def _set_map(field: Any, entry: Any, type_: List | Map, value: Any, pool: Any) -> None:
    if isinstance(type_, Map):
        pairs, value_type = value, type_.value
    else:
        assert isinstance(type_.element, Record)
        pairs = [(item["key"], item["value"]) for item in value]
        value_type = type_.element.columns[1].type
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
    if name.startswith(PROTOBUF) and not isinstance(type_, Record) and _wraps(message):
        part = message.DESCRIPTOR.fields_by_name["value"]
        message.value = _scalar(part, type_, value)
        return
    match type_:
        case Record():
            fill(message, type_, value, pool)
        case Timestamp(9):
            message.seconds, message.nanos = divmod(value, 10**9)
        case Timestamp() | DateTime():
            message.seconds, micros = divmod(value, 10**6)
            message.nanos = micros * 1000
        case Integer() if name == f"{PROTOBUF}Duration":
            sign = -1 if value < 0 else 1
            seconds, nanos = divmod(abs(value), 10**9)
            message.seconds, message.nanos = sign * seconds, sign * nanos
        case Json():
            json_format.Parse(value, message, descriptor_pool=pool)
        case Bytes():
            message.MergeFromString(value)
        case _:
            assert (type_, value) == (Boolean(), True)


def _wraps(message: Any) -> bool:
    return message.DESCRIPTOR.name.endswith("Value") and hasattr(message, "value")
