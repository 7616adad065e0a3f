"""The table: the one model that every dialect, engine, migration and decoder speaks about.

A column is its field path: the names are for people, the field numbers say what is the same as
before. Types say what a value *is* (a 64-bit unsigned integer, an instant in microseconds); how an
engine spells that is the dialect's business.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from protolith.errors import Detail, InvalidNameError, MalformedError

MAX_NAME = 300
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

FieldPath: TypeAlias = tuple[int, ...]
"""Field numbers from the enclosing record down to the field; empty for a column of no field."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number of 32 or 64 bits."""

    bits: Literal[32, 64] = 64
    signed: bool = True


@dataclass(frozen=True, slots=True)
class Float:
    """An IEEE 754 number of 32 or 64 bits."""

    bits: Literal[32, 64] = 64


@dataclass(frozen=True, slots=True)
class Decimal:
    """An exact decimal number; BigQuery's NUMERIC is (38, 9), its BIGNUMERIC (76, 38)."""

    precision: int = 38
    scale: int = 9


@dataclass(frozen=True, slots=True)
class String:
    """Unicode text; `max_length` in characters is enforced by BigQuery alone."""

    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Bytes:
    """Raw bytes; `max_length` is enforced by BigQuery alone."""

    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class EnumName:
    """The name of an enum value as text; a number without a name is its decimal text."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """An instant; `digits` of a second are kept (6 is microseconds, 9 is nanoseconds)."""

    digits: Literal[6, 9] = 6


@dataclass(frozen=True, slots=True)
class DateTime:
    """A date and time of day without a zone, in microseconds."""


@dataclass(frozen=True, slots=True)
class Date:
    """A day of the Gregorian calendar."""


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day in microseconds."""


@dataclass(frozen=True, slots=True)
class Interval:
    """BigQuery's INTERVAL: months, days and microseconds."""


@dataclass(frozen=True, slots=True)
class Geography:
    """A shape on the earth, as well-known text where an engine has no such type."""


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON document as text."""


@dataclass(frozen=True, slots=True)
class Range:
    """BigQuery's RANGE of DATE, DATETIME or TIMESTAMP."""

    element: "Date | DateTime | Timestamp"


@dataclass(frozen=True, slots=True)
class Record:
    """Named values inside one value; at least one column."""

    columns: "tuple[Column, ...]"


@dataclass(frozen=True, slots=True)
class List:
    """Any number of values in their order; an element is never NULL."""

    element: "Type"


@dataclass(frozen=True, slots=True)
class Map:
    """Values by key; keys are booleans, integers or text and never NULL."""

    key: "Boolean | Integer | String"
    value: "Type"


Scalar: TypeAlias = (
    Boolean
    | Integer
    | Float
    | Decimal
    | String
    | Bytes
    | EnumName
    | Timestamp
    | DateTime
    | Date
    | Time
    | Interval
    | Geography
    | Json
    | Range
)
Type: TypeAlias = Scalar | Record | List | Map


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or of a record.

    `nullable` says whether a value may be missing; lists and maps are empty rather than missing,
    so for them it is always False. `path` holds the field numbers from the enclosing record (one
    number, unless a layout flattened messages on the way). `attributes` are BigQuery's own keys
    that no other engine knows, such as `collation`, each with its value as JSON text.
    """

    name: str
    type: Type
    nullable: bool = True
    path: FieldPath = ()
    comment: str = ""
    default: str | None = None
    policy_tags: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    role: str = ""

    @property
    def identity(self) -> tuple[FieldPath, str]:
        """What stays the same when a field is renamed; the name itself for a column of no field."""
        return self.path, self.role or ("" if self.path else self.name)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the layout decided or lost at a field, for people to read.

    `loses` says that values can be lost, not just kept in another form.
    """

    field_path: str
    text: str
    loses: bool = False


@dataclass(frozen=True, slots=True)
class Storage:
    """How one engine keeps a table's rows: clauses that change no value.

    Expressions are in the engine's own SQL over column names. `order_by` is ClickHouse's sorting
    key and BigQuery's clustering; `engine` and `cluster` are ClickHouse's engine clause, such as
    `ReplacingMergeTree(version)`, and the name after ON CLUSTER; `settings` are ClickHouse's table
    settings and BigQuery's table options, each with its value as JSON text.
    """

    partition_by: str = ""
    order_by: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    ttl: str = ""
    engine: str = ""
    cluster: str = ""
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, its columns, and what a reader should know about it.

    `storage` holds, by the name of a dialect, how that engine keeps the rows.
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    comment: str = ""
    message: str | None = None
    notes: tuple[Note, ...] = ()
    storage: tuple[tuple[str, Storage], ...] = ()

    @property
    def losses(self) -> tuple[Note, ...]:
        """The notes of what can be lost of a message; none if its rows give it back whole."""
        return tuple(note for note in self.notes if note.loses)

    def stored_in(self, dialect: str) -> Storage:
        """How the engine of a dialect keeps the rows."""
        return dict(self.storage).get(dialect, Storage())


def walk(columns: tuple[Column, ...], prefix: str = "") -> Iterator[tuple[str, Column]]:
    """Every column with its dotted name, outer before inner, through records, lists and maps."""
    for column in columns:
        name = prefix + column.name
        yield name, column
        yield from walk(records_in(column.type), f"{name}.")


def records_in(type_: Type) -> tuple[Column, ...]:
    """The columns of the record that a type is or holds; empty if there is none."""
    match type_:
        case Record(columns):
            return columns
        case List(element):
            return records_in(element)
        case Map(_, value):
            return records_in(value)
        case _:
            return ()


def check_identifier(name: str, what: str, *, at: str | None = None) -> str:
    """Return a database, table or column name that every engine takes, or raise.

    `at` is the field path of what has the name, if that is part of a schema.
    """
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII) and len(name) <= MAX_NAME:
        return name
    shown = ascii(name if len(name) <= MAX_NAME else name[:40] + "…")
    raise InvalidNameError(
        f"{shown} is not a {what} name",
        details=[] if at is None else [Detail(f"the name {shown}", field_path=at)],
        hint=f"letters, digits and _, not starting with a digit, at most {MAX_NAME} characters",
    )


def check_text(text: str, what: str) -> str:
    """Return a text that every store and engine can keep, or raise `MalformedError`."""
    found = _NOT_TEXT.search(text)
    if found is None:
        return text
    raise MalformedError(
        f"{what} has the character {found[0]!a} at position {found.start() + 1}",
        hint="leave out control characters other than tab and line end, and lone surrogates",
    )
