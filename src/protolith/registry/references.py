"""What a schema imports from other subjects, as the compiler takes it."""

from collections.abc import Sequence
from dataclasses import replace

from google.protobuf import descriptor_pb2

from protolith.compiler.sources import check_name, shown
from protolith.descriptors import DescriptorSet
from protolith.errors import MalformedError, NotFoundError
from protolith.store import Reference, Store, Version

LATEST = -1
"""As a reference's number: the version that is the latest when the schema is registered."""


def resolve(
    store: Store, references: Sequence[Reference]
) -> tuple[tuple[Reference, ...], tuple[DescriptorSet, ...]]:
    """The references with their numbers, and each's compiled files under the names imported.

    A version's descriptors hold all that it imports itself, as it was when it was registered, so
    nothing that is registered later changes what it means; and as it must be there already, no
    circle can come about.
    """
    pinned, found = [], []
    for reference in references:
        check_name(reference.name)
        at = "" if reference.version == LATEST else f"@{reference.version}"
        version = store.find(f"{reference.subject}{at}")
        pinned.append(replace(reference, version=version.version))
        found.append(_named(version, reference.name))
    names = [reference.name for reference in pinned]
    if len(set(names)) < len(names):
        raise MalformedError("two references have the same name", hint="one for each import")
    return tuple(pinned), tuple(found)


def _named(version: Version, name: str) -> DescriptorSet:
    """A version's files, its own under the name that it is imported by."""
    if version.descriptors is None:
        raise MalformedError(
            f"{version.version_id} was registered as a JSON schema: it cannot be imported",
            hint="register its .proto file",
        )
    files = descriptor_pb2.FileDescriptorSet.FromString(version.descriptors)
    if name not in (file.name for file in files.file):
        if len(version.roots) != 1:
            raise NotFoundError(
                f"{version.version_id} has no file {shown(name)}",
                hint=f"its files: {', '.join(version.roots)}",
            )
        for file in files.file:
            if file.name == version.roots[0]:
                file.name = name
    return DescriptorSet.from_bytes(files.SerializeToString(deterministic=True), roots=(name,))
