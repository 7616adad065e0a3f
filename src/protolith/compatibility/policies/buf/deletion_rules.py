"""Rules about what is gone from a file or from a package."""

from collections.abc import Callable
from typing import Any, TypeAlias

from protolith.compatibility.policies.buf.index import FilePart, Index, MessagePart, Part, Path
from protolith.compatibility.policies.buf.pairs import Break, Breaks, is_kept, rule

_Named: TypeAlias = Callable[[FilePart], dict[str, Any]]


@rule("FC", "schemas")
def file_no_delete(old: Index, new: Index) -> Breaks:
    """A file stays, imported ones too."""
    for name, file in old.files.items():
        if name not in new.files:
            yield Break(name, name, "", f"the file {name} is gone", old_file=file)


@rule("FC", "files")
def message_no_delete(old: FilePart, new: FilePart) -> Breaks:
    """A message, nested or not, stays in its file; the entries of a map are messages here."""
    yield from _gone_from_file("message", old.messages, new.messages, new)


@rule("FC", "files")
def enum_no_delete(old: FilePart, new: FilePart) -> Breaks:
    """An enum, nested or not, stays in its file."""
    yield from _gone_from_file("enum", old.enums, new.enums, new)


@rule("F", "files")
def extension_no_delete(old: FilePart, new: FilePart) -> Breaks:
    """An extension, nested or not, stays in its file."""
    yield from _gone_from_file("extension", old.extensions, new.extensions, new)


@rule("F", "files")
def service_no_delete(old: FilePart, new: FilePart) -> Breaks:
    """A service stays in its file."""
    yield from _gone_from_file("service", old.services, new.services, new)


@rule("P", "schemas")
def package_no_delete(old: Index, new: Index) -> Breaks:
    """A package stays, in whichever file."""
    for package, files in old.packages.items():
        if package not in new.packages:
            file = min(files, key=lambda one: one.name)
            why = f"no file has the package {package!r} any more"
            yield Break(package, package, "", why, old_file=file)


@rule("P", "schemas")
def package_message_no_delete(old: Index, new: Index) -> Breaks:
    """A message stays in its package, in whichever file; the last one of all may go."""
    # Only for messages is the surviving parent looked for in the whole package.
    yield from _gone_from_package("message", old, new, lambda file: file.messages, anywhere=True)


@rule("P", "schemas")
def package_enum_no_delete(old: Index, new: Index) -> Breaks:
    """An enum stays in its package, in whichever file; the last one of all may go."""
    yield from _gone_from_package("enum", old, new, lambda file: file.enums)


@rule("P", "schemas")
def package_extension_no_delete(old: Index, new: Index) -> Breaks:
    """An extension stays in its package, in whichever file; the last one of all may go."""
    yield from _gone_from_package("extension", old, new, lambda file: file.extensions)


@rule("P", "schemas")
def package_service_no_delete(old: Index, new: Index) -> Breaks:
    """A service stays in its package, in whichever file; the last one of all may go."""
    yield from _gone_from_package("service", old, new, lambda file: file.services)


def _gone_from_file(kind: str, olds: dict[str, Any], news: dict[str, Any], new: FilePart) -> Breaks:
    for local, part in olds.items():
        if local not in news:
            yield _gone(part, f"the {kind} {local} is gone from the file", new, new.messages)


def _gone_from_package(
    kind: str, old: Index, new: Index, named: _Named, *, anywhere: bool = False
) -> Breaks:
    for package, all_files in old.packages.items():
        files = [file for file in all_files if not is_kept(file, new)]
        if not files or package not in new.packages:  # the latter is another rule's
            continue
        present = {local for file in new.packages[package] for local in named(file)}
        if not present:  # a quirk: nothing is said once a package has none of the kind left
            continue
        for part in (part for file in files for part in named(file).values()):
            if part.local in present:
                continue
            home = new.files.get(part.file.name)
            parents = {} if home is None else home.messages
            if anywhere:
                parents = {k: v for file in new.packages[package] for k, v in file.messages.items()}
            why = f"the {kind} {part.local} is gone from the package {package!r}"
            yield _gone(part, why, home, parents)


def _gone(
    part: Part[Any], why: str, home: FilePart | None, parents: dict[str, MessagePart]
) -> Break:
    """A deletion, placed on what is left of the innermost message around it."""
    file, paths = home, _NO_PATHS
    outer = part.local.rpartition(".")[0]
    while outer and home is not None:
        if outer in parents:
            file, paths = parents[outer].file, (parents[outer].path,)
            break
        outer = outer.rpartition(".")[0]
    return Break(part.full_name, part.name, "", why, file, paths, part.file, (part.path,))


_NO_PATHS: tuple[Path, ...] = ()
