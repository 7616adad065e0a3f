"""What happens to each type read as each other one, a test for each row: bytes and JSON.

S every value survives, L some are changed, g others are read silently, `.` nothing of the field
survives (in JSON: a value of another kind does), X some value does not parse, `?` implementations
differ, `-` nothing has changed. What is no matter of types follows, a test for each change.
"""

from dataclasses import replace

import pytest

from compatibility.schemas import CHANGES, Change, Field, Schema, base
from compatibility.test_check import proto
from protolith import DescriptorSet, Finding, check

KINDS = {
    "dbl": "double", "flt": "float", "i32": "int32", "i64": "int64", "u32": "uint32",
    "u64": "uint64", "s32": "sint32", "s64": "sint64", "f32": "fixed32", "f64": "fixed64",
    "sf32": "sfixed32", "sf64": "sfixed64", "bool": "bool", "str": "string", "byt": "bytes",
    "E": "enum", "M": "message",
}  # fmt: skip
WIRE = """
dbl         -    .    .    .    .    .    .    .    .    g    .    g    .    .    .    .    .
flt         .    -    .    .    .    .    .    .    g    .    g    .    .    .    .    .    .
i32         .    .    -    S    L    L    g    g    .    .    .    .    L    .    .    S    .
i64         .    .    L    -    L    L    g    g    .    .    .    .    L    .    .    L    .
u32         .    .    L    S    -    S    g    g    .    .    .    .    L    .    .    L    .
u64         .    .    L    L    L    -    g    g    .    .    .    .    L    .    .    L    .
s32         .    .    g    g    g    g    -    S    .    .    .    .    L    .    .    g    .
s64         .    .    g    g    g    g    L    -    .    .    .    .    L    .    .    g    .
f32         .    g    .    .    .    .    .    .    -    .    L    .    .    .    .    .    .
f64         g    .    .    .    .    .    .    .    .    -    .    L    .    .    .    .    .
sf32        .    g    .    .    .    .    .    .    L    .    -    .    .    .    .    .    .
sf64        g    .    .    .    .    .    .    .    .    L    .    -    .    .    .    .    .
bool        .    .    S    S    S    S    g    g    .    .    .    .    -    .    .    S    .
str         .    .    .    .    .    .    .    .    .    .    .    .    .    -    S    .    X
byt         .    .    .    .    .    .    .    .    .    .    .    .    .    X    -    .    X
E           .    .    S    S    L    L    g    g    .    .    .    .    L    .    .    -    .
M           .    .    .    .    .    .    .    .    .    .    .    .    .    X    S    .    -
"""
JSON = """
dbl         -    X    X    X    X    X    X    X    X    X    X    X    X    X    X    X    X
flt         S    -    X    X    X    X    X    X    X    X    X    X    X    X    X    X    X
i32         S    L    -    S    X    X    S    S    X    X    S    S    X    X    X    S    X
i64         L    L    X    -    X    X    X    S    X    X    X    S    X    .    X    X    X
u32         S    L    X    S    -    S    X    S    S    S    X    S    X    X    X    X    X
u64         L    L    X    X    X    -    X    X    X    S    X    X    X    .    X    X    X
s32         S    L    S    S    X    X    -    S    X    X    S    S    X    X    X    S    X
s64         L    L    X    S    X    X    X    -    X    X    X    S    X    .    X    X    X
f32         S    L    X    S    S    S    X    S    -    S    X    S    X    X    X    X    X
f64         L    L    X    X    X    S    X    X    X    -    X    X    X    .    X    X    X
sf32        S    L    S    S    X    X    S    S    X    X    -    S    X    X    X    S    X
sf64        L    L    X    S    X    X    X    S    X    X    X    -    X    .    X    X    X
bool        ?    ?    X    X    X    X    X    X    X    X    X    X    -    X    X    ?    X
str         X    X    X    X    X    X    X    X    X    X    X    X    X    -    X    X    X
byt         X    X    X    X    X    X    X    X    X    X    X    X    X    .    -    X    X
E           X    X    X    X    X    X    X    X    X    X    X    X    X    X    X    -    X
M           X    X    X    X    X    X    X    X    X    X    X    X    X    X    X    X    -
"""
SEVERITY = {"-": "none", "S": "safe", "L": "lossy", "g": "broken", ".": "broken", "X": "error"}
ORDER = ("none", "safe", "lossy", "broken", "error")


def row(matrix: str, name: str) -> dict[str, str]:
    """The cells of a row by the type that reads."""
    (line,) = [line.split() for line in matrix.splitlines() if line.startswith(f"{name} ")]
    return dict(zip(KINDS, line[1:], strict=True))


def found(old: DescriptorSet, new: DescriptorSet, level: str, direction: str) -> list[Finding]:
    mode = direction.upper()
    return check(new, old, mode, levels=(level,), message="M")  # type: ignore[arg-type]


def worst(old: DescriptorSet, new: DescriptorSet, level: str, direction: str = "backward") -> str:
    severities = (one.severity for one in found(old, new, level, direction))
    return max(severities, key=ORDER.index, default="none")


def verdicts(name: str, level: str) -> dict[str, str]:
    """The verdict on a field of a type, read as each type."""
    old = Schema((Field("f", 1, KINDS[name]),)).compiled()
    return {
        other: worst(old, Schema((Field("f", 1, kind),)).compiled(), level)
        for other, kind in KINDS.items()
    }


def same(cell: str, verdict: str) -> bool:
    if cell == "S":  # what is safe may be worth saying or not
        return verdict in ("none", "safe")
    return cell == "?" or verdict == SEVERITY[cell]


@pytest.mark.parametrize("name", KINDS)
def test_wire(name: str) -> None:
    cells, said = row(WIRE, name), verdicts(name, "wire")
    assert {other for other in KINDS if not same(cells[other], said[other])} == set()


@pytest.mark.parametrize("name", KINDS)
def test_json(name: str) -> None:
    cells, said = row(JSON.replace(".", "L"), name), verdicts(name, "json")
    assert {other for other in KINDS if not same(cells[other], said[other])} == set()


def field(
    kind: str,
    shape: str = "singular",
    *,
    to: tuple[str, ...],
    sub: Schema | None = None,
    **more: object,
) -> tuple[Schema, Schema]:
    """One field that becomes one of another kind and shape; `more` is about the old one."""
    start = sub or Schema(())
    was = Field("f", 1, kind, shape, **more)  # type: ignore[arg-type]
    return replace(start, fields=(was,)), replace(start, fields=(Field("f", 1, *to),))


def changed(name: str, start: Schema | None = None) -> tuple[Schema, Schema]:
    """The schema that has everything, and one change of it."""
    before = start or base()
    change: Change = CHANGES[name]
    return before, change(before)


def back(pair: tuple[Schema, Schema]) -> tuple[Schema, Schema]:
    return pair[1], pair[0]


CLOSED, PROTO2, PROTO3 = replace(base(), closed=True), base("proto2"), base("proto3")
ENTRY = Schema((), sub=(Field("key", 1, "string"), Field("value", 2, "int32")))
TIMES = 'import "google/protobuf/{0}.proto"; message M {{ google.protobuf.{1} f = 1; }}'
EXTENDED = "message M {{ extensions 100 to 200; }} extend M {{ optional int32 x = {}; }}"


def text(body: str, head: str = 'syntax = "proto2"; package t;') -> DescriptorSet:
    return proto(body, head)


# The severity backward and forward; S is for what is safe, said or not.
Pair = tuple[Schema, Schema] | tuple[DescriptorSet, DescriptorSet]
ON_THE_WIRE: dict[str, tuple[Pair, str, str]] = {
    "packed and unpacked": (changed("unpacked and packed"), "S", "S"),
    "packed double read as float": (
        field("double", "repeated", to=("float", "repeated")), "g", "X"),
    "packed int32 read as string": (
        field("int32", "repeated", to=("string", "repeated")), "X", "X"),
    "number to numbers": (changed("single to list"), "S", "g"),
    "unpacked numbers to a number": (
        field("int32", "repeated", packed=False, to=("int32",)), "L", "S"),
    "text to texts": (changed("text to texts"), "S", "L"),
    "message to messages": (changed("message to messages"), "S", "L"),
    "implicit and explicit presence": (changed("implicit"), "S", "S"),
    "a oneof renamed": (changed("rename a oneof"), "S", "S"),
    "a field into a new oneof": (changed("one field into a new oneof"), "S", "S"),
    "a member out of its oneof": (changed("a member out of its oneof"), "S", "L"),
    "a oneof dissolved": (changed("dissolve a oneof"), "S", "L"),
    "two fields into one oneof": (changed("two fields into a new oneof"), "L", "S"),
    "a field into an existing oneof": (changed("a field into an existing oneof"), "L", "S"),
    "a member of a oneof added": (changed("add a oneof member"), "S", "S"),
    "a member of a oneof removed": (changed("remove a oneof member"), "S", "S"),
    "map to repeated entries": (
        field("int32", "map", to=("message", "repeated"), sub=ENTRY), "S", "L"),
    "map key narrowed": (back(changed("map key narrowed")), "L", "S"),
    "map value of another name": (changed("map value of another name"), "S", "S"),
    "message and group": (changed("message to group"), "g", "g"),
    "value added to an open enum": (changed("add an enum value"), "S", "S"),
    "value removed from an open enum": (changed("remove an enum value"), "S", "S"),
    "value renamed in an open enum": (changed("rename an enum value"), "S", "S"),
    "value with an alias": (changed("alias an enum value"), "S", "S"),
    "value renumbered": (changed("renumber an enum value"), "g", "g"),
    "value removed from a closed enum": (changed("remove an enum value", CLOSED), "L", "S"),
    "value added to a closed enum": (changed("add an enum value", CLOSED), "S", "L"),
    "open enum to closed": (changed("open and closed"), "L", "S"),
    "closed enum to open": (changed("open and closed", CLOSED), "S", "L"),
    "required added, edition": (changed("add a required field"), "X", "S"),
    "required added, proto2": (changed("add a required field", PROTO2), "X", "S"),
    "optional to required": (changed("required"), "X", "S"),
    "required removed": (back(changed("add a required field")), "S", "X"),
    "string to bytes": (changed("text to bytes"), "S", "X"),
    "string to bytes, not verified": (
        field("string", verified=False, to=("bytes",)), "S", "L"),
    "message of another name": (changed("message of another name"), "S", "S"),
    "Timestamp to Duration": (
        (text(TIMES.format("timestamp", "Timestamp"), 'syntax = "proto3";'),
         text(TIMES.format("duration", "Duration"), 'syntax = "proto3";')), "S", "S"),
    "same name, new number": (changed("renumber a field"), "g", "g"),
    "two names swapped": (changed("swap two names"), "S", "S"),
    "extension renumbered": (
        (text(EXTENDED.format(100)), text(EXTENDED.format(101))), "g", "g"),
    "field and extension": (
        (text("message M { optional int32 x = 100; extensions 101; }"),
         text("message M { extensions 100; } extend M { optional int32 x = 100; }")), "S", "S"),
    "a field removed": (changed("remove a field"), "S", "S"),
    "a field added": (changed("add a field"), "S", "S"),
    "a reservation dropped": (
        (text("message M { reserved 2; }"), text("message M {}")), "S", "S"),
    "another default": (
        (text("message M { optional int32 x = 1 [default = 1]; }"),
         text("message M { optional int32 x = 1 [default = 2]; }")), "S", "S"),
    "order": (changed("reorder"), "S", "S"),
    "comments, options, services": (
        (text("message M {}"),
         text('// All.\noption java_package = "a"; message M {} service T {}')), "S", "S"),
}  # fmt: skip
IN_JSON: dict[str, tuple[Pair, str, str]] = {
    "a field renamed": (changed("rename a field"), "X", "X"),
    "a field renamed, json_name kept": (changed("rename a field, json_name kept"), "S", "S"),
    "a field renumbered": (changed("renumber a field"), "S", "S"),
    "a field removed": (changed("remove a field"), "X", "S"),
    "a field added": (changed("add a field"), "S", "X"),
    "a field removed, its name reserved": (
        (text("message M { optional int32 x = 1; }"),
         text('message M { reserved 1; reserved "x"; }')), "X", "S"),
    "enum value removed": (changed("remove an enum value"), "X", "S"),
    "enum value renamed": (changed("rename an enum value"), "X", "X"),
    "enum value added": (changed("add an enum value"), "S", "X"),
    "open enum to closed": (changed("open and closed"), "X", "S"),
    "singular and repeated": (changed("text to texts"), "X", "X"),
    "map and repeated": (field("int32", "map", to=("message", "repeated"), sub=ENTRY), "X", "X"),
    "message and map": (field("message", to=("int32", "map")), "X", "X"),
    "string and bytes": (changed("text to bytes"), "X", "L"),
    "two fields into one oneof": (changed("two fields into a new oneof"), "X", "S"),
    "group and message": (changed("message to group"), "S", "S"),
    "scalar and wrapper": (
        (text(TIMES.format("wrappers", "Int32Value"), 'syntax = "proto3";'),
         text("message M { int32 f = 1; }", 'syntax = "proto3";')), "S", "S"),
    "number as map key to text": (
        field("int32", "map", key="int32", to=("int32", "map")), "S", "X"),
    "Timestamp to Duration": (
        (text(TIMES.format("timestamp", "Timestamp"), 'syntax = "proto3";'),
         text(TIMES.format("duration", "Duration"), 'syntax = "proto3";')), "X", "X"),
    "field and extension": (
        (text("message M { optional int32 x = 100; extensions 101; }"),
         text("message M { extensions 100; } extend M { optional int32 x = 100; }")), "X", "X"),
    "same encoding, other kind": (field("int32", to=("sfixed32",)), "S", "S"),
}  # fmt: skip


def compiled(pair: Pair) -> tuple[DescriptorSet, DescriptorSet]:
    old, new = (one.compiled() if isinstance(one, Schema) else one for one in pair)
    return old, new


@pytest.mark.parametrize("name", ON_THE_WIRE)
def test_on_the_wire(name: str) -> None:
    pair, *cells = ON_THE_WIRE[name]
    old, new = compiled(pair)
    said = [worst(old, new, "wire", direction) for direction in ("backward", "forward")]
    assert all(map(same, cells, said)), said


@pytest.mark.parametrize("name", IN_JSON)
def test_in_json(name: str) -> None:
    pair, *cells = IN_JSON[name]
    old, new = compiled(pair)
    said = [worst(old, new, "json", direction) for direction in ("backward", "forward")]
    assert all(map(same, cells, said)), said


@pytest.mark.parametrize(
    ("name", "lenient"),
    [("remove a field", "safe"), ("remove an enum value", "lossy"), ("rename a field", "broken")],
)
def test_in_json_where_unknown_names_are_ignored(name: str, lenient: str) -> None:
    old, new = compiled(changed(name))
    said = {one.lenient for one in found(old, new, "json", "backward") if one.severity == "error"}
    assert said == {lenient}


def test_a_number_that_was_used_once() -> None:
    versions = [text("message M { optional string x = 2; }"), text("message M { reserved 2; }")]
    new = text("message M { optional string y = 2; }")
    said = check(new, versions, "BACKWARD", levels=("wire",))
    assert ("FIELD_NUMBER_NOT_REUSED", 1) in {(one.rule, one.against) for one in said}
