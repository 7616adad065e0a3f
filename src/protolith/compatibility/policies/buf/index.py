"""A schema as the rules of the policy see it: its parts by name and number, with resolved facts.

An index knows where each part stands in its file as a path of descriptor field numbers; lines and
columns are looked up when there is something to report.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock
from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from protolith.compatibility.policies.buf.features import Features, file_features
from protolith.descriptors import DescriptorSet

Path: TypeAlias = tuple[int, ...]
_MAX_INDEXES = 128


P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Part(Generic[P]):
    """One declaration: its descriptor, its names, and its place in its file.

    `local` is the name without the package; the features are those that hold inside it.
    """

    proto: P
    file: "FilePart"
    path: Path
    full_name: str
    local: str
    features: Features

    @property
    def name(self) -> str:
        """Its own name."""
        return str(self.proto.name)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class FieldPart(Part[FieldDescriptorProto]):
    """A field or an extension; the message is the one it is in, or none for an extension."""

    message: "MessagePart | None" = None
    is_map: bool = False

    @property
    def oneof(self) -> str:
        """The name of the real oneof that it is in, if any."""
        one = self.proto
        if self.message is None or not one.HasField("oneof_index") or one.proto3_optional:
            return ""
        return self.message.proto.oneof_decl[one.oneof_index].name


@dataclass(frozen=True, slots=True)
class MessagePart(Part[DescriptorProto]):
    """A message, with its fields by number."""

    fields: dict[int, FieldPart] = field(default_factory=dict)


EnumPart: TypeAlias = Part[EnumDescriptorProto]
ServicePart: TypeAlias = Part[ServiceDescriptorProto]
MethodPart: TypeAlias = Part[MethodDescriptorProto]


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file, with what is in it by local name.

    The hash is that of its bytes without source info. `enum_fields` are the fields and extensions
    whose types are enums: what they read as when absent is written where the enum is.
    """

    proto: FileDescriptorProto
    features: Features
    hash: bytes
    messages: dict[str, MessagePart] = field(default_factory=dict)
    enums: dict[str, EnumPart] = field(default_factory=dict)
    extensions: dict[str, FieldPart] = field(default_factory=dict)
    services: dict[str, ServicePart] = field(default_factory=dict)
    enum_fields: list[FieldPart] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its path."""
        return self.proto.name


@dataclass(frozen=True, slots=True)
class Index:
    """Everything in a schema, its imports too, by full name."""

    files: dict[str, FilePart] = field(default_factory=dict)
    messages: dict[str, MessagePart] = field(default_factory=dict)
    enums: dict[str, EnumPart] = field(default_factory=dict)
    services: dict[str, ServicePart] = field(default_factory=dict)
    extensions: dict[tuple[str, int], FieldPart] = field(default_factory=dict)
    packages: dict[str, list[FilePart]] = field(default_factory=dict)


_indexes: dict[str, Index] = {}
_lock = Lock()


def load_index(schema: DescriptorSet) -> Index:
    """The index of a schema; those of the latest schemas are kept."""
    key = schema.fingerprint
    with _lock:
        found = _indexes.pop(key, None)
    if found is None:
        found = _build(schema.files)
    with _lock:
        _indexes[key] = found  # the latest used is last
        while len(_indexes) > _MAX_INDEXES:
            del _indexes[next(iter(_indexes))]
    return found


def methods(service: ServicePart) -> dict[str, MethodPart]:
    """The methods of a service by name."""
    return {
        method.name: Part(
            method,
            service.file,
            (*service.path, 2, at),
            f"{service.full_name}.{method.name}",
            f"{service.local}.{method.name}",
            service.features,
        )
        for at, method in enumerate(service.proto.method)
    }


def _build(files: Iterable[FileDescriptorProto]) -> Index:
    made = Index()
    for given in files:
        proto = FileDescriptorProto()
        proto.CopyFrom(given)
        proto.ClearField("source_code_info")  # the index of a version is kept, its comments not
        data = proto.SerializeToString(deterministic=True)
        file = FilePart(proto, file_features(proto), sha256(data).digest())
        made.files[proto.name] = file
        made.packages.setdefault(proto.package, []).append(file)
        scope = f"{proto.package}." if proto.package else ""
        for message in _messages(file, None, (4,)):
            file.messages[message.local] = made.messages[message.full_name] = message
            _add_enums(file, message.proto.enum_type, (*message.path, 4), message)
            _add_extensions(file, message.proto.extension, (*message.path, 6), message)
        _add_enums(file, proto.enum_type, (5,), None)
        _add_extensions(file, proto.extension, (7,), None)
        for at, service in enumerate(proto.service):
            part = Part(service, file, (6, at), scope + service.name, service.name, file.features)
            file.services[service.name] = made.services[part.full_name] = part
        made.enums.update((enum.full_name, enum) for enum in file.enums.values())
        file.enum_fields.extend(_enum_fields(file))
        for one in file.extensions.values():
            made.extensions[one.proto.extendee, one.proto.number] = one
    _mark_maps(made)
    return made


def _enum_fields(file: FilePart) -> Iterator[FieldPart]:
    inside = (one for message in file.messages.values() for one in message.fields.values())
    for one in (*inside, *file.extensions.values()):
        if one.proto.type == FieldDescriptorProto.TYPE_ENUM:
            yield one


def _messages(file: FilePart, outer: MessagePart | None, path: Path) -> Iterator[MessagePart]:
    """The messages of a file or of a message, each before those inside it."""
    nested = file.proto.message_type if outer is None else outer.proto.nested_type
    maps = {} if outer is None else {one.proto.type_name: one.path for one in outer.fields.values()}
    for at, proto in enumerate(nested):
        full, local, inside = _inside(file, proto, outer)
        # Nobody writes the entry of a map: it is where the map is.
        here = maps.get(f".{full}", ()) if proto.options.map_entry else (*path, at)
        message = MessagePart(proto, file, here, full, local, inside)
        for position, one in enumerate(proto.field):
            message.fields[one.number] = _field(message, one, position)
        yield message
        yield from _messages(file, message, (*path, at, 3))


def _field(message: MessagePart, one: FieldDescriptorProto, position: int) -> FieldPart:
    features = message.features
    if one.HasField("oneof_index"):
        features = features.over(message.proto.oneof_decl[one.oneof_index])
    in_entry = message.proto.options.map_entry
    path = message.path if in_entry else (*message.path, 2, position)
    names = f"{message.full_name}.{one.name}", f"{message.local}.{one.name}"
    return FieldPart(one, message.file, path, *names, features.over(one), message)


def _add_enums(
    file: FilePart, enums: Iterable[EnumDescriptorProto], path: Path, outer: MessagePart | None
) -> None:
    for at, proto in enumerate(enums):
        part = Part(proto, file, (*path, at), *_inside(file, proto, outer))
        file.enums[part.local] = part


def _add_extensions(
    file: FilePart, fields: Iterable[FieldDescriptorProto], path: Path, outer: MessagePart | None
) -> None:
    for at, proto in enumerate(fields):
        part = FieldPart(proto, file, (*path, at), *_inside(file, proto, outer))
        file.extensions[part.local] = part


def _inside(file: FilePart, proto: Any, outer: MessagePart | None) -> tuple[str, str, Features]:
    """The full and the local name, and the features, of what stands in a file or a message."""
    if outer is not None:
        full, local = f"{outer.full_name}.{proto.name}", f"{outer.local}.{proto.name}"
        return full, local, outer.features.over(proto)
    package = file.proto.package
    full = f"{package}.{proto.name}" if package else proto.name
    return full, proto.name, file.features.over(proto)


def _mark_maps(made: Index) -> None:
    entries = {f".{name}" for name, one in made.messages.items() if one.proto.options.map_entry}
    for message in made.messages.values():
        for number, one in message.fields.items():
            if one.proto.type_name in entries:
                message.fields[number] = replace(one, is_map=True)
