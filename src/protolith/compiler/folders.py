"""Source files from the user's own disk: one file with its imports, a folder, or an archive."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from protolith.compiler.archives import open_zip
from protolith.compiler.limits import DEFAULT_LIMITS, Limits
from protolith.compiler.precheck import imports
from protolith.compiler.sources import Budget, SourceFile, Sources, is_usable, shown
from protolith.compiler.toolchain import toolchain
from protolith.compiler.wellknown import claims_to_be_protobufs
from protolith.errors import BundleError, NotFoundError, TooLargeError


def read_sources(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> Sources:
    """Read a `.proto` file, a folder, or a `.zip`.

    Of a folder these are all `.proto` files below it, under their paths from there, except in
    hidden folders. A single file is the root, and comes with its imports; they are looked for in
    its folder and in those above, and the nearest folder with the first of them is the one that
    all names start from. Links that lead out of that folder are refused.
    """
    budget = Budget(limits)
    try:
        if path.is_dir():
            return _read_folder(path, budget)
        if path.suffix.lower() == ".zip":
            return open_zip(_read_archive(path, limits), limits=limits)
        return _read_file(path, budget)
    except FileNotFoundError:
        raise NotFoundError(f"no file or folder {shown(str(path))}") from None
    except OSError as error:
        raise BundleError(f"{shown(str(path))} cannot be read: {error.strerror}") from None


def _read_archive(path: Path, limits: Limits) -> bytes:
    most = 2 * limits.bundle_bytes
    if path.stat().st_size > most:
        raise TooLargeError(f"{shown(str(path))} has more than {most:,} bytes")
    return path.read_bytes()


def _read_folder(folder: Path, budget: Budget) -> Sources:
    files = tuple(_read(path, folder, budget) for path in _walk(folder))
    if not files:
        raise BundleError(f"no .proto file below {shown(str(folder))}")
    return Sources(files)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(".proto"))


def _refuse(error: OSError) -> None:
    raise error  # os.walk would leave out what it cannot read, and an import would be missing


def _read_file(path: Path, budget: Budget) -> Sources:
    content = _read_regular(path.name, path, budget).content
    top = _import_root(path, content)
    root = SourceFile(path.absolute().relative_to(top).as_posix(), content)
    found = {root.name: root}
    waiting = list(imports(root.content))
    while waiting:
        name = waiting.pop()
        if name not in found and _may_lie_beside(name) and (top / name).is_file():
            found[name] = _read(top / name, top, budget)
            waiting += imports(found[name].content)
    files = sorted(found.values(), key=lambda file: file.name)
    return Sources(tuple(files), roots=(root.name,))


def _import_root(path: Path, content: bytes) -> Path:
    """The nearest folder, from the file's own upwards, in which its first own import lies."""
    folder = path.absolute().parent
    known = toolchain().known
    own = (name for name in imports(content) if _may_lie_beside(name) and name not in known)
    first = next(own, None)
    places = (folder, *folder.parents) if first is not None else ()
    return next((place for place in places if (place / str(first)).is_file()), folder)


def _may_lie_beside(name: str) -> bool:
    return is_usable(name) and not claims_to_be_protobufs(name)


def _read(path: Path, folder: Path, budget: Budget) -> SourceFile:
    name = path.relative_to(folder).as_posix()
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(
            f"{shown(name)} is a link that leads out of its folder",
            hint="put a copy of the file there",
        )
    return _read_regular(name, path, budget)


def _read_regular(name: str, path: Path, budget: Budget) -> SourceFile:
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
        raise BundleError(f"{shown(name)} is not a regular file")
    with path.open("rb") as stream:
        return budget.read(name, stream)
