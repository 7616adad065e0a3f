"""The files that somebody submitted, byte for byte, with names that are safe to write."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO

from protolith.compiler.limits import Limits
from protolith.errors import BundleError, Detail, MalformedError, TooLargeError

FIXED_NAME = "schema.proto"
"""The name of a file that was sent without a name, or under one that cannot be used."""

MAX_NAME_BYTES = 255
_SHOWN = 100
_NAME_HINT = (
    "use a relative path of letters, digits and _ . - with / between its parts, "
    f"at most {MAX_NAME_BYTES} bytes, such as acme/orders.proto"
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One `.proto` file: its name as it is imported, and its bytes exactly as submitted."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Sources:
    """Source files that are compiled together; raises `BundleError` for names that cannot be.

    `roots` names the files that are compiled, together with all they import; without any, every
    file is compiled, and the roots are then those that no other file imports. A file that is
    alone may have any name: it is compiled as `schema.proto` if its own cannot be used.
    """

    files: tuple[SourceFile, ...]
    roots: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise BundleError("no .proto file was sent", hint="send at least one .proto file")
        names = [file.name for file in self.files]
        if len(names) > 1:
            for name in names:
                check_name(name)
            check_together(names)
        for root in self.roots:
            if root not in names:
                raise BundleError(
                    f"the file {shown(root)} was asked for, but not sent",
                    hint=f"files sent: {', '.join(shown(name) for name in names[:20])}",
                )

    @classmethod
    def of(cls, content: "str | bytes | Mapping[str, str | bytes]") -> "Sources":
        """The sources in one text, or in several by their names."""
        files = content if isinstance(content, Mapping) else {FIXED_NAME: content}
        return cls(tuple(SourceFile(name, _encode(name, text)) for name, text in files.items()))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 in hex: of the bytes of one file, of `sha256sum`'s listing of several."""
        if len(self.files) == 1:
            return hashlib.sha256(self.files[0].content).hexdigest()
        digest = hashlib.sha256()
        for file in sorted(self.files, key=lambda file: file.name):
            digest.update(f"{hashlib.sha256(file.content).hexdigest()}  {file.name}\n".encode())
        return digest.hexdigest()

    @cached_property
    def compiled_names(self) -> Mapping[str, str]:
        """By the name of each file as submitted, the name under which it is compiled."""
        names = {file.name: file.name for file in self.files}
        if len(names) == 1 and not is_usable(self.files[0].name):
            return {self.files[0].name: FIXED_NAME}
        return names


class Budget:
    """Counts files and bytes while they are read, so that too many are never held."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._files = 0
        self._bytes = 0

    def read(self, name: str, stream: IO[bytes]) -> SourceFile:
        """Read one file, at most a byte further than is allowed."""
        left = min(self._limits.file_bytes, self._limits.bundle_bytes - self._bytes)
        return self.take(SourceFile(name, stream.read(left + 1)))

    def take(self, file: SourceFile) -> SourceFile:
        """Count one file; raises `TooLargeError`."""
        self._files += 1
        self._bytes += len(file.content)
        if self._files > self._limits.files:
            raise TooLargeError(f"more than {self._limits.files:,} files were sent")
        if len(file.content) > self._limits.file_bytes:
            raise TooLargeError(
                f"{shown(file.name)} has more than {self._limits.file_bytes:,} bytes",
                hint="split the file",
            )
        if self._bytes > self._limits.bundle_bytes:
            raise TooLargeError(
                f"the files have more than {self._limits.bundle_bytes:,} bytes together",
                hint="send only the files that the schema imports",
            )
        return file


def check_sizes(files: Iterable[SourceFile], limits: Limits) -> None:
    """Raise `TooLargeError` for too many files or bytes."""
    budget = Budget(limits)
    for file in files:
        budget.take(file)


def is_usable(name: str) -> bool:
    """Whether a name is safe as a path and as an argument of the compiler."""
    parts = name.split("/")
    return (
        re.fullmatch(r"[A-Za-z0-9_./-]+", name) is not None
        and not name.startswith("-")
        and not {"", ".", ".."}.intersection(parts)
        and len(name) <= MAX_NAME_BYTES
    )


def check_name(name: str) -> None:
    """Raise `BundleError` unless a name is safe as a path and as an argument of the compiler."""
    if not is_usable(name):
        raise BundleError(f"{shown(name)} is not a usable file name", hint=_NAME_HINT)


def shown(name: str) -> str:
    """A name from outside, safe to show: cut, and everything unprintable escaped."""
    cut = name if len(name) <= _SHOWN + MAX_NAME_BYTES else name[:_SHOWN] + "…"
    return escape(cut)


def escape(text: str) -> str:
    """Text from outside with controls, bidirectional marks and lone surrogates escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def check_together(names: Sequence[str]) -> None:
    """Raise `BundleError` for names that cannot stand in one folder, on any system."""
    folded: dict[str, str] = {}
    for name in names:
        if other := folded.get(name.casefold()):
            raise BundleError(
                f"two files have the same name: {shown(other)} and {shown(name)}",
                hint="file names must differ in more than upper and lower case",
            )
        folded[name.casefold()] = name
    for name in names:
        parts = name.casefold().split("/")
        for length in range(1, len(parts)):
            if other := folded.get("/".join(parts[:length])):
                raise BundleError(f"{shown(other)} is a file and also the folder of {shown(name)}")


def _encode(name: str, text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedError(
            f"{shown(name)} cannot be written as UTF-8",
            details=[Detail(f"a lone surrogate at character {error.start + 1}", file=shown(name))],
        ) from None
