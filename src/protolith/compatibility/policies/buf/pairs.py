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
    """The pairs of two schemas, found once for all rules."""

    old: Index
    new: Index

    @cached_property
    def files(self) -> list[tuple[FilePart, FilePart]]:
        """Files of one path."""
        return _both(self.old.files, self.new.files)

    @cached_property
    def messages(self) -> list[tuple[MessagePart, MessagePart]]:
        """Messages of one full name, whichever files they are in."""
        return _both(self.old.messages, self.new.messages)

    @cached_property
    def fields(self) -> list[tuple[FieldPart, FieldPart]]:
        """Fields of one number in a pair of messages, then extensions of one number."""
        inside = [pair for old, new in self.messages for pair in _both(old.fields, new.fields)]
        return inside + _both(self.old.extensions, self.new.extensions)

    @cached_property
    def enums(self) -> list[tuple[EnumPart, EnumPart]]:
        """Enums of one full name."""
        return _both(self.old.enums, self.new.enums)

    @cached_property
    def services(self) -> list[tuple[ServicePart, ServicePart]]:
        """Services of one full name."""
        return _both(self.old.services, self.new.services)

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


def _both(olds: dict[Any, Any], news: dict[Any, Any]) -> list[tuple[Any, Any]]:
    return [(old, news[key]) for key, old in olds.items() if key in news]
