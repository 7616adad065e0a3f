"""What a schema imports from other subjects, as the compiler takes it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf import descriptor_pb2

from protolith.compiler.sources import check_name, shown
from protolith.descriptors import DescriptorSet
from protolith.errors import MalformedError, NotFoundError, quoted
from protolith.store import NewVersion, Reference, Store, Version

LATEST = -1
"""As a reference's number: the version that is the latest when the schema is registered."""


def reference_of(given: Any) -> Reference:
    """A reference from `NAME.proto=database.table@3` or an object; without a number the latest."""
    match given:
        case Reference():
            return given
        case str():
            name, _, target = given.partition("=")
            subject, at, number = target.partition("@")
            if subject and (not at or re.fullmatch("[1-9][0-9]{0,8}", number)):
                return Reference(name, subject, int(number) if at else LATEST)
        case Mapping():
            known = {"name": "", "subject": "", "version": LATEST, **given}
            name, subject, number = known["name"], known["subject"], known["version"]
            right = isinstance(name, str) and isinstance(subject, str) and type(number) is int
            if right and len(known) == len(Reference.__slots__) and subject and _is_number(number):
                return Reference(name, subject, number)
    raise MalformedError(
        f"{quoted(str(given))} is not a reference",
        hint="NAME.proto=database.table@3, or without @3 for the latest; in JSON an object with"
        " name, subject and version",
    )


def _is_number(number: int) -> bool:
    return number == LATEST or 0 < number < 10**9


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
        found.append(named(version, reference.name, version.version_id))
    check_names(pinned)
    return tuple(pinned), tuple(found)


def check_names(references: Sequence[Reference]) -> None:
    """Raise `MalformedError` where a name is no file's, or two are the same."""
    names = [reference.name for reference in references]
    for name in names:
        check_name(name)
    if len(set(names)) < len(names):
        raise MalformedError("two references have the same name", hint="one for each import")


def named(version: Version | NewVersion, name: str, which: str) -> DescriptorSet:
    """A version's files, its own under the name that it is imported by."""
    if version.descriptors is None:
        raise MalformedError(
            f"{which} was registered as a JSON schema: it cannot be imported",
            hint="register its .proto file",
        )
    files = descriptor_pb2.FileDescriptorSet.FromString(version.descriptors)
    if name not in (file.name for file in files.file):
        if len(version.roots) != 1:
            raise NotFoundError(
                f"{which} has no file {shown(name)}",
                hint=f"its files: {', '.join(version.roots)}",
            )
        for file in files.file:
            if file.name == version.roots[0]:
                file.name = name
    return DescriptorSet.from_bytes(files.SerializeToString(deterministic=True), roots=(name,))
