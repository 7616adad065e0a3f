"""One index per version: from names and numbers to resolved facts, read from the runtime once."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal, TypeAlias

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    ServiceDescriptor,
)

from protolith.descriptors import DescriptorSet

Shape: TypeAlias = Literal["singular", "repeated", "map"]

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
_UTF8_VERIFIED = 2  # google.protobuf.FeatureSet.Utf8Validation.VERIFY
_KEPT = 1024
_INDEXES: OrderedDict[tuple[str, tuple[str, ...]], "Index"] = OrderedDict()
_LOCK = Lock()

Path: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FieldFacts:
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
    """A message; `fields` also holds the extensions of it that this version knows."""

    full_name: str
    fields: dict[int, FieldFacts]
    map_entry: bool
    oneofs: frozenset[str]
    visibility: int
    reserved: tuple[tuple[int, int], ...]
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
    methods: dict[str, dict[str, tuple[str, str, bool, bool]]]
    service_paths: dict[str, Path]
    data: bytes = field(repr=False)
    imports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Everything in a version by its full name; `roots` are the submitted files."""

    messages: dict[str, MessageFacts]
    enums: dict[str, EnumFacts]
    extensions: dict[str, tuple[str, FieldFacts]]
    files: dict[str, FileFacts]
    roots: tuple[str, ...]

    def unchanged(self, other: "Index") -> frozenset[str]:
        """The files that are the same byte for byte here and there, with all their imports."""
        known: dict[str, bool] = {}

        def same(name: str) -> bool:
            if name not in known:
                mine, its = self.files.get(name), other.files.get(name)
                known[name] = bool(mine and its and mine.data == its.data) and all(
                    map(same, mine.imports if mine else ())
                )
            return known[name]

        return frozenset(name for name in self.files if same(name))


def index(schema: DescriptorSet) -> Index:
    """The index of a version, made once for each fingerprint."""
    key = (schema.fingerprint, schema.roots)
    with _LOCK:
        if key in _INDEXES:
            _INDEXES.move_to_end(key)
            return _INDEXES[key]
    made = _index(schema)
    with _LOCK:
        _INDEXES[key] = made
        while len(_INDEXES) > _KEPT:
            _INDEXES.popitem(last=False)
    return made


def _index(schema: DescriptorSet) -> Index:
    protos = {proto.name: proto for proto in schema.files}
    made = Index({}, {}, {}, {}, schema.roots)
    extensions: list[tuple[str, FieldFacts]] = []
    for name, proto in protos.items():
        file = schema.file(name)
        made.files[name] = _file(file, proto)
        for position, message in enumerate(proto.message_type):
            descriptor = file.message_types_by_name[message.name]
            _add_message(made, descriptor, message, (4, position), extensions)
        for position, enum in enumerate(proto.enum_type):
            _add_enum(made, file.enum_types_by_name[enum.name], enum, (5, position))
        for position, extension in enumerate(proto.extension):
            found: Any = file.extensions_by_name[extension.name]
            extensions.append((found.containing_type.full_name, _field(found, (7, position))))
    for extendee, facts in extensions:
        made.extensions[facts.full_name] = (extendee, facts)
        if extendee in made.messages:
            made.messages[extendee].fields[facts.number] = facts
    return made


def _add_message(
    made: Index,
    descriptor: Descriptor,
    proto: Any,
    path: Path,
    extensions: list[tuple[str, FieldFacts]],
) -> None:
    known = descriptor.fields_by_name
    fields = [_field(known[part.name], (*path, 2, n)) for n, part in enumerate(proto.field)]
    made.messages[descriptor.full_name] = MessageFacts(
        full_name=descriptor.full_name,
        fields={facts.number: facts for facts in fields},
        map_entry=proto.options.map_entry,
        oneofs=frozenset(facts.oneof for facts in fields if facts.oneof),
        visibility=proto.visibility,
        reserved=tuple((part.start, part.end) for part in proto.reserved_range),
        file=descriptor.file.name,
        path=path,
        by_name={facts.name: facts for facts in fields},
        by_json_name={facts.json_name: facts for facts in fields},
    )
    for position, nested in enumerate(proto.nested_type):
        inner = descriptor.nested_types_by_name[nested.name]
        _add_message(made, inner, nested, (*path, 3, position), extensions)
    for position, enum in enumerate(proto.enum_type):
        _add_enum(made, descriptor.enum_types_by_name[enum.name], enum, (*path, 4, position))
    for position, extension in enumerate(proto.extension):
        found: Any = descriptor.extensions_by_name[extension.name]
        extensions.append((found.containing_type.full_name, _field(found, (*path, 6, position))))


def _field(descriptor: Any, path: Path) -> FieldFacts:
    kind = _KINDS[descriptor.type]
    type_ = descriptor.message_type or descriptor.enum_type
    text = kind == "string"
    shape: Shape = "repeated" if descriptor.is_repeated else "singular"
    if shape == "repeated" and kind == "message" and type_.GetOptions().map_entry:
        shape = "map"
    explicit = descriptor.has_default_value
    return FieldFacts(
        number=descriptor.number,
        name=descriptor.name,
        full_name=descriptor.full_name,
        json_name=f"[{descriptor.full_name}]" if descriptor.is_extension else descriptor.json_name,
        kind=kind,
        shape=shape,
        required=descriptor.is_required,
        presence=descriptor.has_presence,
        packed=descriptor.is_packed,
        verified=text and descriptor._GetFeatures().utf8_validation == _UTF8_VERIFIED,  # noqa: SLF001
        type_name=type_.full_name if type_ else "",
        oneof=_oneof(descriptor),
        default=descriptor.default_value if explicit or kind == "enum" else None,
        jstype=descriptor.GetOptions().jstype if descriptor.has_options else 0,
        extension=descriptor.is_extension,
        file=descriptor.file.name,
        path=path,
    )


def _oneof(descriptor: FieldDescriptor) -> str:
    oneof = descriptor.containing_oneof
    if oneof is None or (len(oneof.fields) == 1 and oneof.name == f"_{descriptor.name}"):
        return ""  # the latter is how `optional` is written down in proto3
    return str(oneof.name)


def _add_enum(made: Index, descriptor: EnumDescriptor, proto: Any, path: Path) -> None:
    names: dict[int, list[str]] = {}
    for value in proto.value:
        names.setdefault(value.number, []).append(value.name)
    made.enums[descriptor.full_name] = EnumFacts(
        full_name=descriptor.full_name,
        names={number: tuple(found) for number, found in names.items()},
        numbers={value.name: value.number for value in proto.value},
        closed=descriptor.is_closed,
        first=proto.value[0].number,
        visibility=proto.visibility,
        file=descriptor.file.name,
        path=path,
        places={value.name: (*path, 2, n) for n, value in enumerate(proto.value)},
    )


def _file(file: FileDescriptor, proto: Any) -> FileFacts:
    services = list(file.services_by_name.values())
    return FileFacts(
        name=proto.name,
        package=proto.package,
        syntax=proto.syntax or "proto2",
        options={part.name: value for part, value in proto.options.ListFields()},
        methods={service.full_name: dict(_methods(service)) for service in services},
        service_paths={service.full_name: (6, service.index) for service in services},
        data=file.serialized_pb,
        imports=tuple(proto.dependency),
    )


def _methods(service: ServiceDescriptor) -> Iterator[tuple[str, tuple[str, str, bool, bool]]]:
    for method in service.methods:
        types = (method.input_type.full_name, method.output_type.full_name)
        yield method.name, (*types, method.client_streaming, method.server_streaming)
