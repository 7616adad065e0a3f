"""What people hand over: a path on their disk, or the parts of an upload."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from protolith.compiler.archives import open_zip
from protolith.compiler.compilation import compile_protos
from protolith.compiler.folders import read_sources
from protolith.compiler.received import read_descriptors
from protolith.compiler.sources import SourceFile, Sources, shown
from protolith.descriptors import DescriptorSet
from protolith.errors import BundleError, NotFoundError

Submitted: TypeAlias = Sources | DescriptorSet

DESCRIPTOR_SUFFIXES = (".binpb", ".pb", ".desc", ".fds", ".protoset")
"""How the names of files with compiled descriptors end."""


def open_path(path: Path) -> Submitted:
    """A `.proto` file with its imports, a folder or `.zip` of them, or compiled descriptors."""
    if path.suffix.lower() not in DESCRIPTOR_SUFFIXES:
        return read_sources(path)
    try:
        return read_descriptors(path.read_bytes())
    except OSError as error:
        raise NotFoundError(f"{shown(str(path))} cannot be read: {error.strerror}") from None


def read_path(path: Path) -> DescriptorSet:
    """Compile what is at a path."""
    found = open_path(path)
    return found if isinstance(found, DescriptorSet) else compile_protos(found)


def open_upload(parts: Sequence[tuple[str, bytes]]) -> Submitted:
    """The parts of an upload, each with its file name: `.proto` files, or one of the others."""
    if not parts:
        raise BundleError("no file was sent", hint="send at least one .proto file")
    suffixes = {PurePosixPath(name).suffix.lower() for name, _ in parts}
    if suffixes <= {".zip", *DESCRIPTOR_SUFFIXES}:
        if len(parts) != 1:
            raise BundleError("an archive or descriptors must be sent alone")
        _, data = parts[0]
        return open_zip(data) if suffixes == {".zip"} else read_descriptors(data)
    names = [name for name, _ in parts]
    if len(set(names)) != len(names):
        raise BundleError(
            "two parts have the same file name", hint="give each its name as it is imported"
        )
    return Sources(tuple(SourceFile(name, data) for name, data in parts))
