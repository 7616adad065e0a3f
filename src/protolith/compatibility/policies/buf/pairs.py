"""Two schemas side by side, and what a rule says about a pair of their parts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from protolith.compatibility.policies.buf.index import (
    EnumPart,
    FieldPart,
    FilePart,
    Index,
    MessagePart,
    MethodPart,
    Part,
    Path,
    ServicePart,
    methods,
)

Category: TypeAlias = Literal["FILE", "PACKAGE", "WIRE_JSON", "WIRE", "CSR"]
CATEGORIES: tuple[Category, ...] = ("FILE", "PACKAGE", "WIRE_JSON", "WIRE", "CSR")
_LETTERS: dict[str, Category] = {
    "F": "FILE",
    "P": "PACKAGE",
    "J": "WIRE_JSON",
    "W": "WIRE",
    "C": "CSR",
}
_OfPairs: TypeAlias = Literal["files", "messages", "fields", "enums", "services", "methods"]
Kind: TypeAlias = Literal[_OfPairs, "fields in schemas", "schemas"]


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that a rule found: where in the new schema, and where it was in the old one.

    A place is a file and the paths to try in it, best first; a break without a new file has no
    place there.
    """

    subject: str
    old: str
    new: str
    why: str
    file: FilePart | None = None
    paths: tuple[Path, ...] = ()
    old_file: FilePart | None = None
    old_paths: tuple[Path, ...] = ()


Breaks: TypeAlias = Iterator[Break]


@dataclass(frozen=True)
class Pairs:
    """The pairs of two schemas, found once for all rules.

    What stands in a file that is the same in both is left out: no rule has anything to say.
    """

    old: Index
    new: Index

    @cached_property
    def _changed(self) -> list[FilePart]:
        """The old files that are gone or other."""
        return [file for file in self.old.files.values() if not is_kept(file, self.new)]

    @cached_property
    def files(self) -> list[tuple[FilePart, FilePart]]:
        """Files of one path."""
        return _both({file.name: file for file in self._changed}, self.new.files)

    @cached_property
    def messages(self) -> list[tuple[MessagePart, MessagePart]]:
        """Messages of one full name, whichever files they are in."""
        return self._by_full_name("messages")

    @cached_property
    def fields(self) -> list[tuple[FieldPart, FieldPart]]:
        """Fields of one number in a pair of messages, then extensions of one number."""
        found = [pair for old, new in self.messages for pair in _both(old.fields, new.fields)]
        for file in self._changed:
            extensions = {
                (one.proto.extendee, one.proto.number): one for one in file.extensions.values()
            }
            found += _both(extensions, self.new.extensions)
        return found + list(self._of_changed_enums())

    def _of_changed_enums(self) -> Iterator[tuple[FieldPart, FieldPart]]:
        """Fields in files that are the same, whose enums are in files that are not."""
        changed = {file.name for file in self._changed}
        for file in self.old.files.values():
            for old in [] if file.name in changed else file.enum_fields:
                enum = self.old.enums[old.proto.type_name.removeprefix(".")]
                if enum.file.name not in changed:
                    continue
                if old.message is None:
                    yield old, self.new.extensions[old.proto.extendee, old.proto.number]
                else:
                    message = self.new.messages[old.message.full_name]
                    yield old, message.fields[old.proto.number]

    def _by_full_name(self, kind: str) -> list[tuple[Any, Any]]:
        parts = (part for file in self._changed for part in getattr(file, kind).values())
        return _both({part.full_name: part for part in parts}, getattr(self.new, kind))

    @cached_property
    def enums(self) -> list[tuple[EnumPart, EnumPart]]:
        """Enums of one full name."""
        return self._by_full_name("enums")

    @cached_property
    def services(self) -> list[tuple[ServicePart, ServicePart]]:
        """Services of one full name."""
        return self._by_full_name("services")

    @cached_property
    def methods(self) -> list[tuple[MethodPart, MethodPart]]:
        """Methods of one name in a pair of services."""
        return [pair for old, new in self.services for pair in _both(methods(old), methods(new))]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the policy, with the id and the categories that buf gives it."""

    id: str
    categories: tuple[Category, ...]
    purpose: str
    check: Callable[[Pairs], Breaks]


RULES: dict[str, Rule] = {}


def rule(categories: str, kind: Kind) -> Callable[[Callable[..., Breaks]], Callable[..., Breaks]]:
    """Make a function a rule that is asked about each pair of a kind.

    The categories are given by their letters: FILE, PACKAGE, WIRE_JSON (J), WIRE and CSR. A rule
    about schemas gets both indexes, one about fields in schemas the pairs as well.
    """

    def add(function: Callable[..., Breaks]) -> Callable[..., Breaks]:
        def check(pairs: Pairs) -> Breaks:
            if kind == "schemas":
                yield from function(pairs.old, pairs.new)
                return
            extra = (pairs,) if kind == "fields in schemas" else ()
            for old, new in getattr(pairs, kind.partition(" ")[0]):
                yield from function(old, new, *extra)

        name = function.__name__.upper()
        purpose = str(function.__doc__).split("\n", maxsplit=1)[0]
        RULES[name] = Rule(name, tuple(_LETTERS[one] for one in categories), purpose, check)
        return function

    return add


def breaks(
    old: Part[Any] | FilePart,
    new: Part[Any] | FilePart,
    values: tuple[Any, Any],
    why: str,
    *at: Path,
) -> Break:
    """A break of a pair, at the first of the paths (below the new part) that has a position."""
    subject = new.name if isinstance(new, FilePart) else new.full_name
    texts = str(values[0]), str(values[1])
    return Break(subject, *texts, why, *_places(new, at), *_places(old, at))


def _places(part: Part[Any] | FilePart, at: tuple[Path, ...]) -> tuple[FilePart, tuple[Path, ...]]:
    file, path = (part, ()) if isinstance(part, FilePart) else (part.file, part.path)
    return file, tuple((*path, *below) for below in at or ((),))


def is_kept(file: FilePart, new: Index) -> bool:
    """Whether a file is the same in the new schema."""
    after = new.files.get(file.name)
    return after is not None and after.hash == file.hash


def _both(olds: dict[Any, Any], news: dict[Any, Any]) -> list[tuple[Any, Any]]:
    return [(old, news[key]) for key, old in olds.items() if key in news]
