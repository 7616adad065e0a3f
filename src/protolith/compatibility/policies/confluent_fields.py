"""Fields and oneofs as Confluent's registry compares them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

_F = FieldDescriptorProto
COMPATIBLE = frozenset(
    [
        "MESSAGE_ADDED",
        "MESSAGE_MOVED",
        "ENUM_ADDED",
        "ENUM_REMOVED",
        "ENUM_CONST_ADDED",
        "ENUM_CONST_CHANGED",
        "ENUM_CONST_REMOVED",
        "FIELD_ADDED",
        "FIELD_REMOVED",
        "FIELD_NAME_CHANGED",
        "FIELD_STRING_OR_BYTES_LABEL_CHANGED",
        "ONEOF_ADDED",
        "ONEOF_REMOVED",
        "ONEOF_FIELD_ADDED",
        "ONEOF_FIELD_MOVED_TO_TOP_LEVEL",
    ]
)
INCOMPATIBLE = frozenset(
    [
        "PACKAGE_CHANGED",
        "MESSAGE_REMOVED",
        "FIELD_KIND_CHANGED",
        "FIELD_SCALAR_KIND_CHANGED",
        "FIELD_NAMED_TYPE_CHANGED",
        "FIELD_NUMERIC_LABEL_CHANGED",
        "REQUIRED_FIELD_ADDED",
        "REQUIRED_FIELD_REMOVED",
        "ONEOF_FIELD_REMOVED",
        "MULTIPLE_FIELDS_MOVED_TO_ONEOF",
        "FIELD_MOVED_TO_EXISTING_ONEOF",
    ]
)
_GROUPS = (
    (_F.TYPE_INT32, _F.TYPE_INT64, _F.TYPE_UINT32, _F.TYPE_UINT64, _F.TYPE_BOOL, _F.TYPE_ENUM),
    (_F.TYPE_SINT32, _F.TYPE_SINT64),
    (_F.TYPE_STRING, _F.TYPE_BYTES),
    (_F.TYPE_FIXED32, _F.TYPE_SFIXED32),
    (_F.TYPE_FIXED64, _F.TYPE_SFIXED64),
    (_F.TYPE_FLOAT,),
    (_F.TYPE_DOUBLE,),
)
_GROUP = {kind: index for index, group in enumerate(_GROUPS) for kind in group}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference by that registry's name, at a path such as `#/Message/2`."""

    type: str
    path: str


def is_compatible(difference: Difference) -> bool:
    """Whether that registry lets the difference pass."""
    return difference.type in COMPATIBLE


@dataclass(frozen=True)
class Types:
    """The messages of one side by full name, and the package of each."""

    files: Iterable[FileDescriptorProto]
    roots: tuple[str, ...]
    messages: dict[str, DescriptorProto] = field(default_factory=dict)
    local: dict[str, str] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    proto2: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Walk the files."""
        for file in self.files:
            scope = f".{file.package}" if file.package else ""
            for message in file.message_type:
                self._add(message, scope, "", file)

    def _add(
        self, message: DescriptorProto, scope: str, outer: str, file: FileDescriptorProto
    ) -> None:
        full, local = f"{scope}.{message.name}", f"{outer}.{message.name}"
        self.messages[full], self.local[full], self.home[full] = message, local, file.name
        if file.syntax in ("", "proto2"):
            self.proto2.add(full)
        for nested in message.nested_type:
            self._add(nested, full, local, file)


def compare_fields(
    names: tuple[str, str],
    path: str,
    sides: tuple[Types, Types],
    seen: frozenset[tuple[str, str]] = frozenset(),
) -> Iterator[Difference]:
    """The differences of two messages' fields and oneofs; names are full, with a leading dot."""
    old, new = (side.messages[name] for side, name in zip(sides, names, strict=True))
    seen |= {names}
    # Groups are invisible to that registry.
    before = {one.number: one for one in old.field if one.type != _F.TYPE_GROUP}
    after = {one.number: one for one in new.field if one.type != _F.TYPE_GROUP}
    yield from _compare_oneofs(old, new, before, after, path)
    for number in dict.fromkeys([*before, *after]):
        was, now = before.get(number), after.get(number)
        if was is not None and now is not None:
            here = f"{path}/{number}"
            if was.name != now.name:
                yield Difference("FIELD_NAME_CHANGED", here)
            yield from _compare_labels(was, now, here, names, sides)
            yield from _compare_types(was, now, here, sides, seen)
        elif was is not None and not _oneof(old, was):
            required = was.label == _F.LABEL_REQUIRED
            kind = "REQUIRED_FIELD_REMOVED" if required else "FIELD_REMOVED"
            yield Difference(kind, f"{path}/{number}")
        elif now is not None and not _oneof(new, now):
            required = now.label == _F.LABEL_REQUIRED
            kind = "REQUIRED_FIELD_ADDED" if required else "FIELD_ADDED"
            yield Difference(kind, f"{path}/{number}")


_Fields = dict[int, FieldDescriptorProto]


def _compare_oneofs(
    old: DescriptorProto, new: DescriptorProto, before: _Fields, after: _Fields, path: str
) -> Iterator[Difference]:
    olds, news = _members(old), _members(new)
    for name, numbers in olds.items():
        if name not in news:
            yield Difference("ONEOF_REMOVED", f"{path}/{name}")
        yield from _left(new, after, numbers, path, name)
    for name, numbers in news.items():
        if name not in olds:
            yield Difference("ONEOF_ADDED", f"{path}/{name}")
        for number in numbers:
            if number not in before:
                yield Difference("ONEOF_FIELD_ADDED", f"{path}/{name}/{number}")
        yield from _merged(old, before, numbers, f"{path}/{name}")


def _left(
    new: DescriptorProto, after: _Fields, numbers: list[int], path: str, name: str
) -> Iterator[Difference]:
    survives = any(number in after for number in numbers)
    for number in numbers:
        if number not in after:
            if survives:
                yield Difference("ONEOF_FIELD_REMOVED", f"{path}/{name}/{number}")
            else:
                yield Difference("FIELD_REMOVED", f"{path}/{number}")
        elif not _oneof(new, after[number]):
            yield Difference("ONEOF_FIELD_MOVED_TO_TOP_LEVEL", f"{path}/{name}/{number}")


def _merged(
    old: DescriptorProto, before: _Fields, numbers: list[int], path: str
) -> Iterator[Difference]:
    origins = {_oneof(old, before[number]) or number for number in numbers if number in before}
    top = [origin for origin in origins if isinstance(origin, int)]
    if len(origins) > 1:
        several = len(top) > 1
        yield Difference(
            "MULTIPLE_FIELDS_MOVED_TO_ONEOF" if several else "FIELD_MOVED_TO_EXISTING_ONEOF", path
        )


def _members(message: DescriptorProto) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in message.field:
        if name := _oneof(message, one):
            found.setdefault(name, []).append(one.number)
    return found


def _oneof(message: DescriptorProto, one: FieldDescriptorProto) -> str:
    real = one.HasField("oneof_index") and not one.proto3_optional
    return message.oneof_decl[one.oneof_index].name if real else ""


def _compare_labels(
    old: FieldDescriptorProto,
    new: FieldDescriptorProto,
    path: str,
    names: tuple[str, str],
    sides: tuple[Types, Types],
) -> Iterator[Difference]:
    labels = [
        _label(one, proto2=name in side.proto2)
        for one, name, side in zip((old, new), names, sides, strict=True)
    ]
    kinds = {_kind(one, side) for one, side in zip((old, new), sides, strict=True)}
    if not all(labels) or labels[0] == labels[1] or kinds != {"scalar"}:
        return
    text = old.type in (_F.TYPE_STRING, _F.TYPE_BYTES)
    yield Difference(
        "FIELD_STRING_OR_BYTES_LABEL_CHANGED" if text else "FIELD_NUMERIC_LABEL_CHANGED", path
    )


def _label(one: FieldDescriptorProto, *, proto2: bool) -> int:
    """The label, or 0 where the source writes none."""
    unwritten = one.label == _F.LABEL_OPTIONAL and not one.proto3_optional
    return 0 if unwritten and (not proto2 or one.HasField("oneof_index")) else one.label


def _kind(one: FieldDescriptorProto, side: Types) -> str:
    if one.type != _F.TYPE_MESSAGE:
        return "scalar"
    message = side.messages.get(one.type_name)
    return "map" if message is not None and message.options.map_entry else "message"


def _compare_types(
    old: FieldDescriptorProto,
    new: FieldDescriptorProto,
    path: str,
    sides: tuple[Types, Types],
    seen: frozenset[tuple[str, str]],
) -> Iterator[Difference]:
    kinds = (_kind(old, sides[0]), _kind(new, sides[1]))
    if kinds[0] != kinds[1]:
        yield Difference("FIELD_KIND_CHANGED", path)
    elif kinds[0] == "scalar":
        if _GROUP[old.type] != _GROUP[new.type]:
            yield Difference("FIELD_SCALAR_KIND_CHANGED", path)
    elif kinds[0] == "map":
        entries = (sides[0].messages[old.type_name], sides[1].messages[new.type_name])
        for was, now in zip(entries[0].field, entries[1].field, strict=True):
            yield from _compare_types(was, now, path, sides, seen)
    elif _is_other_message((old.type_name, new.type_name), sides, seen):
        yield Difference("FIELD_NAMED_TYPE_CHANGED", path)


def _is_other_message(
    names: tuple[str, str], sides: tuple[Types, Types], seen: frozenset[tuple[str, str]]
) -> bool:
    """Whether the name without its package differs, or an imported message breaks inside."""
    locals_ = [side.local.get(name, name) for side, name in zip(sides, names, strict=True)]
    if locals_[0] != locals_[1]:
        return True
    known = all(name in side.messages for side, name in zip(sides, names, strict=True))
    if names in seen or not known or sides[1].home[names[1]] in sides[1].roots:
        return False
    return not all(map(is_compatible, compare_fields(names, "#/", sides, seen)))
