"""Each type has a decision in each dialect, and docs/tables.md shows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dialects.contract import SCALARS
from protolith import Column, dialect
from protolith.dialects import names
from protolith.tables import (
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    EnumName,
    Float,
    Geography,
    Integer,
    Interval,
    Json,
    List,
    Map,
    Range,
    Record,
    String,
    Time,
    Timestamp,
    Type,
)

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
INNER = Record((Column("a", Integer()), Column("b", String(), nullable=False)))
TYPES: dict[str, Type] = {
    "true or false": Boolean(),
    "32 bits, signed": Integer(32),
    "32 bits, unsigned": Integer(32, signed=False),
    "64 bits, signed": Integer(),
    "64 bits, unsigned": Integer(signed=False),
    "32 bits, floating": Float(32),
    "64 bits, floating": Float(),
    "exact, 38 digits, 9 after the point": Decimal(),
    "exact, 10 digits, 2 after the point": Decimal(10, 2),
    "exact, 76 digits, 38 after the point": Decimal(76, 38),
    "text": String(),
    "text of at most 10 characters": String(10),
    "bytes": Bytes(),
    "at most 10 bytes": Bytes(10),
    "an enum's name": EnumName(),
    "an instant, microseconds": Timestamp(),
    "an instant, nanoseconds": Timestamp(9),
    "date and time without a zone": DateTime(),
    "a day": Date(),
    "a time of day": Time(),
    "a span of months, days, microseconds": Interval(),
    "a shape on the earth": Geography(),
    "a JSON document": Json(),
    "a range of days": Range(Date()),
    "a range of dates and times": Range(DateTime()),
    "a range of instants": Range(Timestamp()),
    "a record": INNER,
    "a list": List(Integer()),
    "a list of records": List(INNER),
    "a map": Map(String(), Integer()),
}
HEAD = "| a value that is | "


def _written() -> list[list[str]]:
    """The cells of the page's table of types, its head first."""
    lines = PAGE.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(HEAD))
    end = lines.index("", start)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]
    return [rows[0], *rows[2:]]


def _cell(name: str, type_: Type) -> str:
    text = dialect(name).type_text(type_, nullable=False)
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _expected() -> list[list[str]]:
    head = ["a value that is", *(f"`{name}`" for name in names())]
    return [head, *([words, *(_cell(n, t) for n in names())] for words, t in TYPES.items())]


def test_the_page_shows_what_each_dialect_writes() -> None:
    assert _written() == _expected()


def test_the_page_knows_every_type() -> None:
    assert {type(type_) for type_ in TYPES.values()} == set(Type.__args__)
    assert {type(type_) for type_ in SCALARS} == {
        type(type_) for type_ in TYPES.values() if not isinstance(type_, Record | List | Map)
    }


@dataclass(frozen=True)
class Undecided:
    """A type that no dialect knows."""


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("within", [None, List, Record])
def test_a_type_without_a_decision_is_an_error(name: str, within: Any) -> None:
    undecided: Any = Undecided()
    if within is Record:
        undecided = Record((Column("a", List(undecided)),))
    elif within is List:
        undecided = List(undecided)
    if name == "postgresql" and within is Record:  # a document, whatever is in it
        assert dialect(name).type_text(undecided) == "JSONB"
        return
    with pytest.raises(KeyError):
        dialect(name).type_text(undecided)
