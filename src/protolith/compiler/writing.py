"""A file's descriptor as `.proto` text for people: what it compiles to is the same descriptor.

Nothing is ever decided from this text. Types are written by their full names, so that no scope can
take them for others.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, text_encoding, text_format

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    value.number: value.name.removeprefix("TYPE_").lower()
    for value in _FIELD.DESCRIPTOR.enum_types_by_name["Type"].values
}
_LABELS = {_FIELD.LABEL_REQUIRED: "required ", _FIELD.LABEL_REPEATED: "repeated "}
_MAX_FIELD, _MAX_MESSAGE_SET, _MAX_ENUM = 2**29, 2**31 - 1, 2**31 - 1
_INDENT = "  "


def written(file: Any) -> str:
    """The text of a `FileDescriptorProto`."""
    return "".join(f"{line}\n" for line in _file(file))


def without_extensions(file: Any) -> Any:
    """A copy of a file that neither declares nor uses extensions, custom options among them."""
    copy = type(file)()
    copy.CopyFrom(file)
    copy.ClearField("extension")
    _strip(copy)
    return copy


def _strip(element: Any) -> None:
    for field, value in element.ListFields():
        if field.name == "options":
            for option, _ in value.ListFields():
                if option.is_extension:
                    value.ClearExtension(option)
        elif field.message_type is not None and field.is_repeated:
            for part in value:
                if "extension" in part.DESCRIPTOR.fields_by_name:
                    part.ClearField("extension")
                    part.ClearField("extension_range")
                _strip(part)


def _file(file: Any) -> Iterator[str]:
    syntax = file.syntax or "proto2"
    if syntax == "editions":
        edition = descriptor_pb2.Edition.Name(file.edition).removeprefix("EDITION_")
        yield f'edition = "{edition}";'
    else:
        yield f'syntax = "{syntax}";'
    if file.package:
        yield f"package {file.package};"
    kinds = dict.fromkeys(file.public_dependency, "public ")
    kinds |= dict.fromkeys(file.weak_dependency, "weak ")
    for index, name in enumerate(file.dependency):
        yield f"import {kinds.get(index, '')}{json.dumps(name)};"
    for name in getattr(file, "option_dependency", ()):
        yield f"import option {json.dumps(name)};"
    yield from (f"option {option};" for option in _options(file.options))
    for enum in file.enum_type:
        yield from ("", *_enum(enum, syntax))
    for line in _with_nested(file, file.message_type, syntax):
        yield from [line] if line.startswith((_INDENT, "}")) else ("", line)
    for service in file.service:
        yield from ("", *_service(service))


# ── messages ──


def _message(message: Any, syntax: str) -> Iterator[str]:
    return _block(f"{_visible(message)}message {message.name}", _content(message, syntax))


def _content(message: Any, syntax: str) -> Iterator[str]:
    yield from (f"option {option};" for option in _options(message.options))
    for enum in message.enum_type:
        yield from _enum(enum, syntax)
    yield from _with_nested(message, message.nested_type, syntax)
    for part in message.extension_range:
        most = _MAX_MESSAGE_SET if message.options.message_set_wire_format else _MAX_FIELD
        yield f"extensions {_range(part.start, part.end - 1, most - 1)}{_listed(part.options)};"
    ranges = [_range(part.start, part.end - 1, _MAX_FIELD - 1) for part in message.reserved_range]
    yield from _reserved(ranges, message.reserved_name, syntax)


def _with_nested(element: Any, messages: Sequence[Any], syntax: str) -> Iterator[str]:
    """Fields, extensions and messages; the place of a message among others has a meaning.

    That is so for messages that maps and groups bring along as well.
    """
    fields = [*getattr(element, "field", ()), *element.extension]
    groups = {_last(field) for field in fields if field.type == _FIELD.TYPE_GROUP}
    brought = {one.name for one in messages if one.options.map_entry or one.name in groups}
    waiting = [*_members(element, messages, brought, syntax)]
    for one in messages:
        place = next((n for n, part in enumerate(waiting) if one.name in part[0]), None)
        if place is None:
            if one.name not in brought:
                yield from _message(one, syntax)
            continue
        for _, lines in waiting[: place + 1]:
            yield from lines
        del waiting[: place + 1]
    for _, lines in waiting:
        yield from lines


def _members(
    element: Any, messages: Sequence[Any], own: set[str], syntax: str
) -> Iterator[tuple[set[str], list[str]]]:
    """The lines of each field, oneof and extension, and the messages that they bring."""
    shown: set[int] = set()
    found = getattr(element, "field", ())
    for field in found:
        index = field.oneof_index
        if not field.HasField("oneof_index") or field.proto3_optional:
            yield own & {_last(field)}, [*_field(field, messages, syntax)]
        elif index not in shown:
            shown.add(index)
            members = [f for f in found if f.HasField("oneof_index") and f.oneof_index == index]
            yield own & set(map(_last, members)), [*_oneof(element, members, syntax)]
    for field in element.extension:
        head = f"extend {field.extendee}"
        yield own & {_last(field)}, [*_block(head, _field(field, messages, syntax))]


def _last(field: Any) -> str:
    return str(field.type_name.rpartition(".")[2])


def _oneof(message: Any, members: Sequence[Any], syntax: str) -> Iterator[str]:
    oneof = message.oneof_decl[members[0].oneof_index]
    lines = [f"option {option};" for option in _options(oneof.options)]
    for field in members:
        lines += _field(field, message.nested_type, syntax, label="")
    yield from _block(f"oneof {oneof.name}", lines)


def _field(
    field: Any, nested: Iterable[Any], syntax: str, *, label: str | None = None
) -> Iterator[str]:
    local = {one.name: one for one in nested}
    kind = local.get(_last(field))
    tail = f" = {field.number}{_listed(field.options, _said(field))}"
    if field.type == _FIELD.TYPE_GROUP and kind is not None:
        head = f"{_label(field, syntax) if label is None else label}group {kind.name}{tail}"
        yield from _block(head, _content(kind, syntax))
    elif kind is not None and kind.options.map_entry and field.type == _FIELD.TYPE_MESSAGE:
        key, value = kind.field
        yield f"map<{_type(key)}, {_type(value)}> {field.name}{tail};"
    else:
        label = _label(field, syntax) if label is None else label
        yield f"{label}{_type(field)} {field.name}{tail};"


def _label(field: Any, syntax: str) -> str:
    if field.label in _LABELS:
        return _LABELS[field.label]
    return "optional " if syntax == "proto2" or field.proto3_optional else ""


def _type(field: Any) -> str:
    return str(field.type_name or _SCALARS[field.type])


def _said(field: Any) -> Iterator[str]:
    """What is said about a field that is no option, but stands among them."""
    if field.HasField("default_value"):
        value = field.default_value
        match field.type:
            case _FIELD.TYPE_STRING:
                value = _text(value)
            case _FIELD.TYPE_BYTES:
                value = f'"{value}"'
        yield f"default = {value}"
    if field.json_name and field.json_name != default_json_name(field.name):
        yield f"json_name = {_text(field.json_name)}"


def default_json_name(name: str) -> str:
    """The name in JSON that a field has if nothing else is said."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


# ── enums and services ──


def _enum(enum: Any, syntax: str) -> Iterator[str]:
    def lines() -> Iterator[str]:
        yield from (f"option {option};" for option in _options(enum.options))
        for value in enum.value:
            yield f"{value.name} = {value.number}{_listed(value.options)};"
        ranges = [_range(part.start, part.end, _MAX_ENUM) for part in enum.reserved_range]
        yield from _reserved(ranges, enum.reserved_name, syntax)

    return _block(f"{_visible(enum)}enum {enum.name}", lines())


def _visible(element: Any) -> str:
    number = getattr(element, "visibility", 0)
    return {1: "local ", 2: "export "}.get(number, "")


def _service(service: Any) -> Iterator[str]:
    def lines() -> Iterator[str]:
        yield from (f"option {option};" for option in _options(service.options))
        for method in service.method:
            sides = (
                (method.client_streaming, method.input_type),
                (
                    method.server_streaming,
                    method.output_type,
                ),
            )
            asked, given = (f"({'stream ' if many else ''}{kind})" for many, kind in sides)
            options = [f"option {option};" for option in _options(method.options)]
            head = f"rpc {method.name}{asked} returns {given}"
            yield from _block(head, options) if options else [f"{head};"]

    return _block(f"service {service.name}", lines())


# ── parts ──


def _block(head: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{head} {{"
    yield from (f"{_INDENT}{line}" for line in lines)
    yield "}"


def _range(first: int, last: int, most: int) -> str:
    if first == last:
        return str(first)
    return f"{first} to {'max' if last == most else last}"


def _reserved(ranges: list[str], found: Iterable[str], syntax: str) -> Iterator[str]:
    """Names are quoted, but not in an edition."""
    if ranges:
        yield f"reserved {', '.join(ranges)};"
    if texts := [name if syntax == "editions" else json.dumps(name) for name in found]:
        yield f"reserved {', '.join(texts)};"


def _listed(options: Any, said: Iterable[str] = ()) -> str:
    parts = [*said, *_options(options)]
    return f" [{', '.join(parts)}]" if parts else ""


def _options(options: Any) -> Iterator[str]:
    for field, value in sorted(options.ListFields(), key=lambda found: found[0].number):
        if field.name == "map_entry" and not field.is_extension:
            continue
        name = f"(.{field.full_name})" if field.is_extension else field.name
        for one in value if field.is_repeated else [value]:
            yield f"{name} = {_value(field, one)}"


def _value(field: Any, value: Any) -> str:
    if field.message_type is not None:
        return f"{{ {text_format.MessageToString(value, as_one_line=True)} }}"
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    match value:
        case bool():
            return str(value).lower()
        case str() | bytes():
            return _text(value)
        case _:
            return repr(value)


def _text(value: str | bytes) -> str:
    # The runtime gives bytes for a text that is not UTF-8.
    data = value if isinstance(value, bytes) else value.encode()
    return f'"{text_encoding.CEscape(data, as_utf8=False)}"'
