"""Where a live table differs from the one that should be there."""

from dataclasses import dataclass
from typing import Literal

from protolith.errors import Detail

Kind = Literal["missing", "extra", "type", "nullability", "comment", "order"]


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column as the engine reports it, its type in the engine's own canonical text.

    `nullable` is None where the engine says it within the type.
    """

    name: str
    type: str
    nullable: bool | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a column differs; `harmless` if every row can still be loaded and read.

    `expected` and `live` are texts: types, comments, positions from 1, or `NULL` and `NOT NULL`;
    `expected` is empty for an extra column, `live` for a missing one.
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
        return Detail(self._sentence(), field_path=self.column)

    def _sentence(self) -> str:
        match self.kind:
            case "missing":
                return "is missing"
            case "extra":
                return "is not in the schema"
            case "nullability":
                allows = self.live == "NULL"
                return "allows NULL, should not" if allows else "refuses NULL, should allow it"
            case "comment":
                return f"has the comment {self.live!r}, should have {self.expected!r}"
            case "order":
                return f"is column {self.live}, should be column {self.expected}"
            case _:
                return f"is {self.live}, should be {self.expected}"


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs between the table that should be in an engine and the live one, by name.

    `exists` is false where there is no such table; then no difference is listed.
    """

    deployment_id: str
    version: int
    exists: bool
    differences: tuple[Difference, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything differs, harmless or not."""
        return not self.exists or bool(self.differences)


def differences(
    expected: tuple[LiveColumn, ...], live: tuple[LiveColumn, ...]
) -> tuple[Difference, ...]:
    """The differences of columns matched by name, expected ones first, extra ones last."""
    there = {column.name: column for column in live}
    found: list[Difference] = []
    for column in expected:
        other = there.get(column.name)
        if other is None:
            found.append(Difference(column.name, "missing", column.type, ""))
        else:
            found += _of_column(column, other)
    names = {column.name for column in expected}
    found += _order(
        [c.name for c in expected if c.name in there], [c.name for c in live if c.name in names]
    )
    extra = [column for column in live if column.name not in names]
    return (*found, *(Difference(column.name, "extra", "", column.type) for column in extra))


def _of_column(expected: LiveColumn, live: LiveColumn) -> list[Difference]:
    found: list[Difference] = []
    if live.type != expected.type:
        found.append(Difference(expected.name, "type", expected.type, live.type))
    elif live.nullable not in (None, expected.nullable):
        null, other = _null(expected.nullable), _null(live.nullable)
        found.append(Difference(expected.name, "nullability", null, other))
    if live.comment != expected.comment:
        comment = Difference(
            expected.name, "comment", expected.comment, live.comment, harmless=True
        )
        found.append(comment)
    return found


def _order(expected: list[str], live: list[str]) -> list[Difference]:
    places = {name: place for place, name in enumerate(live, 1)}
    return [
        Difference(name, "order", str(place), str(places[name]), harmless=True)
        for place, name in enumerate(expected, 1)
        if places[name] != place
    ]


def _null(nullable: bool | None) -> str:  # noqa: FBT001
    return "NULL" if nullable else "NOT NULL"
