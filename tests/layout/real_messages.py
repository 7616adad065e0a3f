"""Real messages: Google's common ones, OpenTelemetry's, those of the golden cases."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import files

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

import golden
from protolith import DescriptorSet
from protolith.errors import SchemaRegistryError

PACKAGES = ("googleapis-common-protos", "opentelemetry-proto")


@dataclass(frozen=True)
class Real:
    """A message of a package or of a golden case."""

    source: str
    descriptors: DescriptorSet
    message: str

    def __str__(self) -> str:
        return f"{self.source}: {self.message}"


@cache
def real_messages() -> tuple[Real, ...]:
    """Every message, nested ones included, each once."""
    found: dict[tuple[bytes, str], Real] = {}
    for source, descriptors in [*_packages(), *_goldens()[0]]:
        for kind in _within(descriptors.messages()):
            key = kind.file.serialized_pb, kind.full_name
            found.setdefault(key, Real(source, descriptors, kind.full_name))
    return tuple(found.values())


def refused_goldens() -> list[SchemaRegistryError]:
    """Of the golden requests that are no valid descriptors, what is said."""
    return _goldens()[1]


def _within(kinds: Iterable[Descriptor]) -> Iterator[Descriptor]:
    for kind in kinds:
        if not kind.GetOptions().map_entry:
            yield kind
            yield from _within(kind.nested_types)


def _packages() -> Iterator[tuple[str, DescriptorSet]]:
    for package in PACKAGES:
        for file in files(package) or []:
            if file.name.endswith("_pb2.py"):
                module = import_module(".".join(file.with_suffix("").parts))
                kinds = module.DESCRIPTOR.message_types_by_name.values()
                if kinds:
                    yield package, DescriptorSet.of(*kinds)


@cache
def _goldens() -> tuple[list[tuple[str, DescriptorSet]], list[SchemaRegistryError]]:
    found, refused = [], []
    for case in golden.cases():
        if case.status == "protoc_error":
            continue
        request = plugin_pb2.CodeGeneratorRequest.FromString(case.request())
        data = FileDescriptorSet(file=request.proto_file).SerializeToString()
        names = tuple(file.name for file in request.proto_file)
        try:
            found.append((case.id, DescriptorSet.from_bytes(data, names)))
        except SchemaRegistryError as error:
            refused.append(error)
    return found, refused
