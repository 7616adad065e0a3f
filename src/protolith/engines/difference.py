"""One difference between what should be in an engine and what is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from protolith.errors import Detail

OfTable: TypeAlias = Literal["partition_by", "order_by", "primary_key", "ttl", "engine", "settings"]
Kind: TypeAlias = (
    Literal["missing", "extra", "kept", "type", "nullability", "comment", "order", "default"]
    | OfTable
)

_WHOLE: dict[Kind, str] = {
    "missing": "is missing",
    "extra": "is not in the schema",
    "kept": "was kept: this version does not have it, another one does",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a column differs; `harmless` if every row can still be loaded and read.

    `column` is a dotted path where the difference is within a record, a list or a map, and empty
    for what is about the table.
    `expected` and `live` are texts: types, comments, positions from 1, or `NULL` and `NOT NULL`;
    `expected` is empty for an extra column and for one that was kept, `live` for a missing one. A
    column is kept if another version of the subject has it.
    """

    column: str
    kind: Kind
    expected: str
    live: str
    harmless: bool = False

    def __str__(self) -> str:
        return str(self.detail)

    @property
    def detail(self) -> Detail:
        """The difference as a place with a sentence."""
        return Detail(self._sentence(), field_path=self.column or None)

    def _sentence(self) -> str:
        match self.kind:
            case "missing" | "extra" | "kept":
                return _WHOLE[self.kind]
            case "nullability":
                allows = self.live == "NULL"
                return "allows NULL, should not" if allows else "refuses NULL, should allow it"
            case "comment":
                who = "" if self.column else "the table "
                return f"{who}has the comment {self.live!r}, should have {self.expected!r}"
            case "order":
                return f"is column {self.live}, should be column {self.expected}"
            case "type":
                return f"is {self.live}, should be {self.expected}"
            case "default":
                live, expected = self.live or "none", self.expected or "none"
                return f"has the default {live}, should have {expected}"
            case _:
                clause = self.kind.replace("_", " ").upper()
                live, expected = self.live or "no", self.expected or "none"
                return f"the table has {live} as {clause}, should have {expected}"


def moved(expected: Sequence[str], live: Sequence[str], *, prefix: str = "") -> list[Difference]:
    """Of the same names in two orders, those in another place; rows are loaded by name."""
    places = {name: place for place, name in enumerate(live, 1)}
    return [
        Difference(prefix + name, "order", str(place), str(places[name]), harmless=True)
        for place, name in enumerate(expected, 1)
        if places[name] != place
    ]


def null(nullable: bool | None) -> str:  # noqa: FBT001
    """Whether NULL may be, as SQL says it."""
    return "NULL" if nullable else "NOT NULL"
