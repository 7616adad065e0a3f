"""What a client sends as a schema, and what identifies it whatever it was sent as."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.message import DecodeError

from protolith.compiler import Sources, compile_protos, default_json_name, read_descriptors
from protolith.compiler.sources import FIXED_NAME, is_usable
from protolith.descriptors import DescriptorSet
from protolith.store import File

_DESCRIPTOR = "google/protobuf/descriptor.proto"
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A schema that was compiled: its descriptors, and its text if it was sent as one."""

    descriptors: DescriptorSet
    text: str | None

    @property
    def files(self) -> tuple[File, ...]:
        """What was submitted, as it is kept."""
        if self.text is None:
            return ()
        return (File(self.descriptors.roots[0], self.text.encode()),)


def compiled(schema: str, dependencies: Sequence[DescriptorSet]) -> Compiled:
    """Compile a schema that is text, or a `FileDescriptorProto` in base64."""
    taken = {file.name for one in dependencies for file in one.files}
    file = _descriptor(schema)
    if file is None:
        name = _free(FIXED_NAME, taken)
        return Compiled(
            compile_protos(Sources.of({name: schema}), dependencies=dependencies), schema
        )
    file.name = _free(file.name if is_usable(file.name) else FIXED_NAME, taken)
    data = descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()
    return Compiled(read_descriptors(data, dependencies=dependencies), None)


def _descriptor(schema: str) -> descriptor_pb2.FileDescriptorProto | None:
    text = "".join(schema.split())
    if not _BASE64.fullmatch(text):
        return None
    try:
        data = base64.b64decode(text, validate=True)
        return descriptor_pb2.FileDescriptorProto.FromString(data)
    except (binascii.Error, DecodeError):
        return None


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = name.removesuffix(".proto") + "_.proto"
    return name


def root_file(descriptors: DescriptorSet, message: str | None = None) -> Any:
    """The one file of a schema that clients see; of several that with the table's message."""
    roots = [file for file in descriptors.files if file.name in descriptors.roots]
    if len(roots) > 1 and message is not None:
        name = descriptors.message(message).file.name
        roots = [file for file in roots if file.name == name] or roots
    found = _file_class(descriptors)()
    found.MergeFromString(roots[0].SerializeToString())
    found.ClearField("source_code_info")
    return found


def _file_class(descriptors: DescriptorSet) -> Any:
    """The message that a file is; with the options that the schema declares, where it does."""
    if all(file.name != _DESCRIPTOR for file in descriptors.files):
        return descriptor_pb2.FileDescriptorProto
    found = descriptors.pool.FindMessageTypeByName("google.protobuf.FileDescriptorProto")
    return message_factory.GetMessageClass(found)


def form_hash(file: Any, *, normalize: bool = False) -> str:
    """The SHA-256 of a file's normal form; with `normalize` also whatever its order."""
    form = type(file)()
    form.CopyFrom(file)
    form.ClearField("name")
    form.ClearField("source_code_info")
    if form.syntax == "proto2":
        form.ClearField("syntax")
    for method in (method for service in form.service for method in service.method):
        _drop_empty_options(method)
    for element in (form, *_messages(form.message_type)):
        for field in (*getattr(element, "field", ()), *element.extension):
            _drop_default_name(field)
    if normalize:
        _sort(form)
    digest = hashlib.sha256()
    if type(form) is not descriptor_pb2.FileDescriptorProto:
        for option in _taken_extensions(form):  # the runtime keeps them in the order of the text
            digest.update(repr(option).encode())
    digest.update(form.SerializeToString(deterministic=True))
    return digest.hexdigest()


def _drop_empty_options(element: Any) -> None:
    if not element.options.ListFields():
        element.ClearField("options")


def _taken_extensions(element: Any, place: str = "") -> Iterator[Any]:
    """The custom options of an element and all within it, which are taken away."""
    for field, value in element.ListFields():
        here = f"{place}/{field.name}"
        if field.name == "options":
            for option, given in _by_number(value):
                if option.is_extension:
                    yield here, option.full_name, _in_order(option, given)
                    value.ClearExtension(option)
            _drop_empty_options(element)
        elif field.message_type is not None and field.is_repeated:
            for index, part in enumerate(value):
                yield from _taken_extensions(part, f"{here}/{index}")


def _in_order(field: Any, value: Any) -> Any:
    if field.is_repeated and field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            return sorted((repr(key), repr(value[key])) for key in value)
        return [_parts(one) for one in value]
    if field.is_repeated:
        return list(value)
    return value if field.message_type is None else _parts(value)


def _parts(message: Any) -> list[Any]:
    return [(field.number, _in_order(field, value)) for field, value in _by_number(message)]


def _by_number(message: Any) -> list[tuple[Any, Any]]:
    return sorted(message.ListFields(), key=lambda found: found[0].number)


def content_hash(form: str, metadata: str | None, rule_set: str | None) -> str:
    """What identifies a content, beside its references: its form, and what clients keep with it."""
    if metadata is None and rule_set is None:
        return form
    parts = [form, *map(_canonical, (metadata, rule_set))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _canonical(text: str | None) -> str:
    return "" if text is None else json.dumps(json.loads(text), sort_keys=True)


def document(value: Any) -> str | None:
    """A JSON document as it is kept; what is empty is nothing."""
    if not value or not any(value.values()):
        return None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def serialized(file: Any) -> str:
    """A file as clients of protobuf take it: its descriptor in base64."""
    return base64.b64encode(file.SerializeToString(deterministic=True)).decode()


def _sort(form: Any) -> None:
    """Forget the order of what has none: imports, fields, and what is reserved."""
    for message in _messages(form.message_type):
        message.field.sort(key=lambda field: field.number)
        message.reserved_range.sort(key=lambda part: part.start)
        message.reserved_name.sort()
    names = list(form.dependency)
    order = sorted(range(len(names)), key=names.__getitem__)
    place = {old: new for new, old in enumerate(order)}
    for kind in (form.public_dependency, form.weak_dependency):
        kind[:] = sorted(place[index] for index in kind)
    form.dependency[:] = [names[index] for index in order]


def _messages(found: Any) -> Iterator[Any]:
    for message in found:
        yield message
        yield from _messages(message.nested_type)


def _drop_default_name(field: Any) -> None:
    if field.json_name == default_json_name(field.name):
        field.ClearField("json_name")
