"""What a version declares, with all features resolved, as the runtime understands it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    ServiceDescriptor,
)

Shape: TypeAlias = Literal["singular", "repeated", "map"]
Path: TypeAlias = tuple[int, ...]
Ranges: TypeAlias = tuple[tuple[int, int], ...]
Methods: TypeAlias = dict[str, tuple[str, str, bool, bool]]

_NAMES = (
    "double",
    "float",
    "int64",
    "uint64",
    "int32",
    "fixed64",
    "fixed32",
    "bool",
    "string",
    "group",
    "message",
    "bytes",
    "uint32",
    "enum",
    "sfixed32",
    "sfixed64",
    "sint32",
    "sint64",
)
_KINDS = {getattr(FieldDescriptor, f"TYPE_{kind.upper()}"): kind for kind in _NAMES}
_NAMED = frozenset({"message", "group", "enum"})
_UTF8_VERIFIED = 2  # google.protobuf.FeatureSet.Utf8Validation.VERIFY
_JSON_BEST_EFFORT = 2  # google.protobuf.FeatureSet.JsonFormat.LEGACY_BEST_EFFORT


class FieldFacts(NamedTuple):
    """A field or an extension, with every feature of its edition resolved.

    `type_name` is the full name of its message or enum. `oneof` is a real oneof, never one that
    stands for `optional`. `packed` is how it is written. `path` leads to it in its file.
    """

    number: int
    name: str
    full_name: str
    json_name: str
    kind: str
    shape: Shape
    required: bool
    presence: bool
    packed: bool
    verified: bool
    type_name: str
    oneof: str
    default: Any
    jstype: int
    extension: bool
    file: str
    path: Path

    @property
    def words(self) -> str:
        """The type as people write it, such as `repeated int32`."""
        type_ = self.type_name or self.kind
        if self.shape == "map":
            return f"map {type_}"
        label = "repeated" if self.shape == "repeated" else "required" if self.required else ""
        return f"{label} {type_}".strip()


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """A message; `fields` also holds the extensions of it that this version knows.

    Ranges of numbers end before their second number.
    """

    full_name: str
    fields: dict[int, FieldFacts]
    map_entry: bool
    oneofs: frozenset[str]
    visibility: int
    reserved: Ranges
    reserved_names: frozenset[str]
    extensible: Ranges
    best_effort_json: bool
    file: str
    path: Path
    by_name: dict[str, FieldFacts] = field(compare=False)
    by_json_name: dict[str, FieldFacts] = field(compare=False)


@dataclass(frozen=True, slots=True)
class EnumFacts:
    """An enum: names by number in their order, numbers by name, and whether it is closed."""

    full_name: str
    names: dict[int, tuple[str, ...]]
    numbers: dict[str, int]
    closed: bool
    first: int
    visibility: int
    reserved: Ranges
    reserved_names: frozenset[str]
    best_effort_json: bool
    file: str
    path: Path
    places: dict[str, Path] = field(compare=False)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file: its package, the options that generated code shows, and its services' methods."""

    name: str
    package: str
    syntax: str
    options: dict[str, Any]
    methods: dict[str, Methods]
    service_paths: dict[str, Path]


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension and the full name of the message that it is for."""

    extendee: str
    field: FieldFacts


ExtensionsOf: TypeAlias = Callable[[Descriptor], Iterable[FieldFacts]]


@dataclass(frozen=True, slots=True)
class Types:
    """The messages and enums of a file by their full names."""

    messages: dict[str, MessageFacts]
    enums: dict[str, EnumFacts]


def read_types(file: FileDescriptor, proto: Any, extensions_of: ExtensionsOf) -> Types:
    """Every message and enum of a file."""
    reader = _Types(file.name, Types({}, {}), extensions_of)
    for position, message in enumerate(proto.message_type):
        reader.message(file.message_types_by_name[message.name], message, (4, position))
    for position, enum in enumerate(proto.enum_type):
        reader.enum(file.enum_types_by_name[enum.name], enum, (5, position))
    return reader.found


def read_extensions(file: FileDescriptor, proto: Any) -> dict[str, Extension]:
    """The extensions that a file declares by their full names."""
    found: dict[str, Extension] = {}

    def inside(scope: Any, declared: Any, path: Path) -> None:
        for position, extension in enumerate(declared):
            one: Any = scope.extensions_by_name[extension.name]
            facts = _field(one, file.name, (*path, position), extension=True)
            found[facts.full_name] = Extension(one.containing_type.full_name, facts)

    def below(message: Any, proto: Any, path: Path) -> None:
        for position, nested in enumerate(proto.nested_type):
            below(message.nested_types_by_name[nested.name], nested, (*path, 3, position))
        inside(message, proto.extension, (*path, 6))

    for position, message in enumerate(proto.message_type):
        below(file.message_types_by_name[message.name], message, (4, position))
    inside(file, proto.extension, (7,))
    return found


def types_used(file: FileDescriptor) -> set[str]:
    """The files whose types the fields and extensions of a file have."""
    fields: list[Any] = [*file.extensions_by_name.values()]
    waiting = list(file.message_types_by_name.values())
    while waiting:
        message = waiting.pop()
        fields += [*message.fields, *message.extensions]
        waiting += message.nested_types
    types = [field.message_type or field.enum_type for field in fields]
    return {type_.file.name for type_ in types if type_}


def read_file(file: FileDescriptor, proto: Any) -> FileFacts:
    """What a file says of itself, and its services."""
    services = list(file.services_by_name.values())
    return FileFacts(
        name=proto.name,
        package=proto.package,
        syntax=proto.syntax or "proto2",
        options={part.name: value for part, value in proto.options.ListFields()},
        methods={service.full_name: dict(_methods(service)) for service in services},
        service_paths={service.full_name: (6, service.index) for service in services},
    )


@dataclass(frozen=True, slots=True)
class _Types:
    file: str
    found: Types
    extensions_of: ExtensionsOf

    def message(self, descriptor: Descriptor, proto: Any, path: Path) -> None:
        known = descriptor.fields_by_name
        own = [
            _field(known[part.name], self.file, (*path, 2, position))
            for position, part in enumerate(proto.field)
        ]
        fields = {facts.number: facts for facts in own}
        if descriptor.is_extendable:
            fields |= {facts.number: facts for facts in self.extensions_of(descriptor)}
        self.found.messages[descriptor.full_name] = MessageFacts(
            full_name=descriptor.full_name,
            fields=fields,
            map_entry=proto.options.map_entry,
            oneofs=frozenset(facts.oneof for facts in own if facts.oneof),
            visibility=proto.visibility,
            reserved=tuple((part.start, part.end) for part in proto.reserved_range),
            reserved_names=frozenset(proto.reserved_name),
            extensible=tuple((part.start, part.end) for part in proto.extension_range),
            best_effort_json=_best_effort(descriptor),
            file=self.file,
            path=path,
            by_name={facts.name: facts for facts in own},
            by_json_name={facts.json_name: facts for facts in own},
        )
        for position, nested in enumerate(proto.nested_type):
            inner = descriptor.nested_types_by_name[nested.name]
            self.message(inner, nested, (*path, 3, position))
        for position, enum in enumerate(proto.enum_type):
            self.enum(descriptor.enum_types_by_name[enum.name], enum, (*path, 4, position))

    def enum(self, descriptor: EnumDescriptor, proto: Any, path: Path) -> None:
        names: dict[int, list[str]] = {}
        for value in proto.value:
            names.setdefault(value.number, []).append(value.name)
        self.found.enums[descriptor.full_name] = EnumFacts(
            full_name=descriptor.full_name,
            names={number: tuple(found) for number, found in names.items()},
            numbers={value.name: value.number for value in proto.value},
            closed=descriptor.is_closed,
            first=proto.value[0].number,
            visibility=proto.visibility,
            reserved=tuple((part.start, part.end + 1) for part in proto.reserved_range),
            reserved_names=frozenset(proto.reserved_name),
            best_effort_json=_best_effort(descriptor),
            file=self.file,
            path=path,
            places={value.name: (*path, 2, n) for n, value in enumerate(proto.value)},
        )


def _field(descriptor: Any, file: str, path: Path, *, extension: bool = False) -> FieldFacts:
    kind = _KINDS[descriptor.type]
    type_: Any = None
    if kind in _NAMED:
        type_ = descriptor.enum_type if kind == "enum" else descriptor.message_type
    shape: Shape = "repeated" if descriptor.is_repeated else "singular"
    if shape == "repeated" and kind == "message" and type_.GetOptions().map_entry:
        shape = "map"
    explicit = kind == "enum" or descriptor.has_default_value
    name, full_name = descriptor.name, descriptor.full_name
    return FieldFacts(
        descriptor.number,
        name,
        full_name,
        f"[{full_name}]" if extension else descriptor.json_name,
        kind,
        shape,
        descriptor.is_required,
        descriptor.has_presence,
        descriptor.is_packed,
        kind == "string" and descriptor._GetFeatures().utf8_validation == _UTF8_VERIFIED,  # noqa: SLF001
        type_.full_name if type_ else "",
        _oneof(descriptor, name),
        descriptor.default_value if explicit else None,
        descriptor.GetOptions().jstype if descriptor.has_options else 0,
        extension,
        file,
        path,
    )


def _oneof(descriptor: FieldDescriptor, name: str) -> str:
    oneof = descriptor.containing_oneof
    if oneof is None or (len(oneof.fields) == 1 and oneof.name == f"_{name}"):
        return ""  # the latter is how `optional` is written down in proto3
    return str(oneof.name)


def _best_effort(descriptor: Any) -> bool:
    return bool(descriptor._GetFeatures().json_format == _JSON_BEST_EFFORT)  # noqa: SLF001


def _methods(service: ServiceDescriptor) -> Iterator[tuple[str, tuple[str, str, bool, bool]]]:
    for method in service.methods:
        types = (method.input_type.full_name, method.output_type.full_name)
        yield method.name, (*types, method.client_streaming, method.server_streaming)
