"""What becomes of a scalar that is written as one type and read as another.

Each table has a row for what was written and a column for what reads it. `-` and `S`: every value
survives. `L`: some values change. `g`: the bytes are taken for another number. `.`: on the wire
the field is absent for its reader, in JSON the value arrives as text of another kind. `X`: some
value does not parse. Enums (`E`) stand for open ones and messages are not in the tables.
"""

from protolith.compatibility.findings import Severity

_WIRE = """
          double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes enum
double       -    .    .    .    .    .    .    .    .    g    .    g    .    .    .    .
float        .    -    .    .    .    .    .    .    g    .    g    .    .    .    .    .
int32        .    .    -    S    L    L    g    g    .    .    .    .    L    .    .    S
int64        .    .    L    -    L    L    g    g    .    .    .    .    L    .    .    L
uint32       .    .    L    S    -    S    g    g    .    .    .    .    L    .    .    L
uint64       .    .    L    L    L    -    g    g    .    .    .    .    L    .    .    L
sint32       .    .    g    g    g    g    -    S    .    .    .    .    L    .    .    g
sint64       .    .    g    g    g    g    L    -    .    .    .    .    L    .    .    g
fixed32      .    g    .    .    .    .    .    .    -    .    L    .    .    .    .    .
fixed64      g    .    .    .    .    .    .    .    .    -    .    L    .    .    .    .
sfixed32     .    g    .    .    .    .    .    .    L    .    -    .    .    .    .    .
sfixed64     g    .    .    .    .    .    .    .    .    L    .    -    .    .    .    .
bool         .    .    S    S    S    S    g    g    .    .    .    .    -    .    .    S
string       .    .    .    .    .    .    .    .    .    .    .    .    .    -    S    .
bytes        .    .    .    .    .    .    .    .    .    .    .    .    .    X    -    .
enum         .    .    S    S    L    L    g    g    .    .    .    .    L    .    .    -
"""  # noqa: E501
_JSON = """
          double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes enum
double       -    X    X    X    X    X    X    X    X    X    X    X    X    X    X    X
float        S    -    X    X    X    X    X    X    X    X    X    X    X    X    X    X
int32        S    L    -    S    X    X    S    S    X    X    S    S    X    X    X    S
int64        L    L    X    -    X    X    X    S    X    X    X    S    X    .    X    X
uint32       S    L    X    S    -    S    X    S    S    S    X    S    X    X    X    X
uint64       L    L    X    X    X    -    X    X    X    S    X    X    X    .    X    X
sint32       S    L    S    S    X    X    -    S    X    X    S    S    X    X    X    S
sint64       L    L    X    S    X    X    X    -    X    X    X    S    X    .    X    X
fixed32      S    L    X    S    S    S    X    S    -    S    X    S    X    X    X    X
fixed64      L    L    X    X    X    S    X    X    X    -    X    X    X    .    X    X
sfixed32     S    L    S    S    X    X    S    S    X    X    -    S    X    X    X    S
sfixed64     L    L    X    S    X    X    X    S    X    X    X    -    X    .    X    X
bool         X    X    X    X    X    X    X    X    X    X    X    X    -    X    X    X
string       X    X    X    X    X    X    X    X    X    X    X    X    X    -    X    X
bytes        X    X    X    X    X    X    X    X    X    X    X    X    X    .    -    X
enum         X    X    X    X    X    X    X    X    X    X    X    X    X    X    X    -
"""  # noqa: E501
_ON_WIRE: dict[str, Severity] = {
    "-": "safe", "S": "safe", "L": "lossy", "g": "broken", ".": "broken", "X": "error",
}  # fmt: skip
_IN_JSON: dict[str, Severity] = _ON_WIRE | {".": "lossy"}

Table = dict[tuple[str, str], Severity]


def _parse(text: str, meanings: dict[str, Severity]) -> Table:
    head, *rows = (line.split() for line in text.split("\n") if line.strip())
    return {
        (row[0], reader): meanings[cell]
        for row in rows
        for reader, cell in zip(head, row[1:], strict=True)
    }


WIRE = _parse(_WIRE, _ON_WIRE)
JSON = _parse(_JSON, _IN_JSON)

WIDTH = dict.fromkeys(("double", "fixed64", "sfixed64"), 8)
WIDTH |= dict.fromkeys(("float", "fixed32", "sfixed32"), 4)
"""Bytes of the types that always have as many."""

SIZED = frozenset({"string", "bytes", "message"})
"""Types that are written with their length, and so never packed."""

RANGES = {
    "int32": (-(2**31), 2**31 - 1), "sint32": (-(2**31), 2**31 - 1),
    "sfixed32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1),
    "sint64": (-(2**63), 2**63 - 1), "sfixed64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1), "fixed32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1), "fixed64": (0, 2**64 - 1),
}  # fmt: skip
"""The least and the greatest of each integer type."""
