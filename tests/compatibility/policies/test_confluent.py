"""Confluent's differences, each alone and both ways, and the seven modes."""

import pytest
from google.protobuf import descriptor_pb2, text_format

from protolith.compatibility.findings import Mode
from protolith.compatibility.policies import check_policy, confluent
from protolith.compatibility.policies.confluent_fields import COMPATIBLE, INCOMPATIBLE
from protolith.descriptors import DescriptorSet
from protolith.errors import NotFoundError

NUMBER = 'name: "a" number: 1 type: TYPE_INT32'
ONE = 'name: "a" number: 1 type: TYPE_INT32 oneof_index: 0'
TWO = 'name: "b" number: 2 type: TYPE_INT32'
TWO_IN = TWO + " oneof_index: 0"
PICK = 'oneof_decl { name: "pick" }'


def schema(text: str, syntax: str = "proto3", package: str = "p") -> DescriptorSet:
    """A descriptor set of one file in text format."""
    file = text_format.Parse(text, descriptor_pb2.FileDescriptorProto())
    file.name, file.package, file.syntax = "a.proto", package, syntax
    return DescriptorSet.from_bytes(
        descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()
    )


def message(*fields: str, more: str = "", syntax: str = "proto3") -> DescriptorSet:
    """A schema with one message, M."""
    parts = " ".join(f"field {{ {one} }}" for one in fields)
    return schema(f'message_type {{ name: "M" {parts} {more} }}', syntax)


def enum(name: str, *values: str) -> DescriptorSet:
    """A schema with one enum."""
    parts = " ".join(f'value {{ name: "{one}" number: {at} }}' for at, one in enumerate(values))
    return schema(f'enum_type {{ name: "{name}" {parts} }}')


def types(old: DescriptorSet, new: DescriptorSet) -> set[tuple[str, str]]:
    """The differences as pairs."""
    return {(one.type, one.path) for one in confluent.compare(old, new)}


M = 'message_type { name: "M" } '
N = 'message_type { name: "N" } '
REQUIRED = NUMBER + " label: LABEL_REQUIRED"
OPTIONAL = NUMBER + " label: LABEL_OPTIONAL"
TEXT = 'name: "a" number: 1 type: TYPE_STRING label: '


def nested(name: str) -> DescriptorSet:
    """A message with a field of the nested message that is named."""
    both = 'nested_type { name: "A" } nested_type { name: "B" }'
    return message(f'name: "a" number: 1 type: TYPE_MESSAGE type_name: ".p.M.{name}"', more=both)


CASES = [
    (schema(M), schema(M, package="q"), {("PACKAGE_CHANGED", "#/")}, {("PACKAGE_CHANGED", "#/")}),
    (schema(M), schema(M + N), {("MESSAGE_ADDED", "#/N")}, {("MESSAGE_REMOVED", "#/N")}),
    (schema(M + N), schema(N + M), *[{("MESSAGE_MOVED", "#/M"), ("MESSAGE_MOVED", "#/N")}] * 2),
    (schema(""), enum("E", "A"), {("ENUM_ADDED", "#/E")}, {("ENUM_REMOVED", "#/E")}),
    (
        enum("E", "A"),
        enum("E", "A", "B"),
        {("ENUM_CONST_ADDED", "#/E/1")},
        {("ENUM_CONST_REMOVED", "#/E/1")},
    ),
    (enum("E", "A"), enum("E", "B"), *[{("ENUM_CONST_CHANGED", "#/E/0")}] * 2),
    (message(), message(NUMBER), {("FIELD_ADDED", "#/M/1")}, {("FIELD_REMOVED", "#/M/1")}),
    (
        message(syntax="proto2"),
        message(REQUIRED, syntax="proto2"),
        {("REQUIRED_FIELD_ADDED", "#/M/1")},
        {("REQUIRED_FIELD_REMOVED", "#/M/1")},
    ),
    (
        message(NUMBER),
        message(NUMBER.replace('"a"', '"b"')),
        *[{("FIELD_NAME_CHANGED", "#/M/1")}] * 2,
    ),
    (message(NUMBER), message(NUMBER.replace("INT32", "BOOL")), set(), set()),
    (
        message(NUMBER),
        message(NUMBER.replace("INT32", "SINT32")),
        *[{("FIELD_SCALAR_KIND_CHANGED", "#/M/1")}] * 2,
    ),
    (message(NUMBER), nested("A"), None, None),
    (nested("A"), nested("B"), *[{("FIELD_NAMED_TYPE_CHANGED", "#/M/1")}] * 2),
    (
        message(OPTIONAL, syntax="proto2"),
        message(REQUIRED, syntax="proto2"),
        *[{("FIELD_NUMERIC_LABEL_CHANGED", "#/M/1")}] * 2,
    ),
    (message(NUMBER), message(NUMBER + " label: LABEL_REPEATED"), set(), set()),
    (
        message(TEXT + "LABEL_OPTIONAL", syntax="proto2"),
        message(TEXT + "LABEL_REPEATED", syntax="proto2"),
        *[{("FIELD_STRING_OR_BYTES_LABEL_CHANGED", "#/M/1")}] * 2,
    ),
    (
        message(NUMBER),
        message(ONE, more=PICK),
        {("ONEOF_ADDED", "#/M/pick")},
        {("ONEOF_REMOVED", "#/M/pick"), ("ONEOF_FIELD_MOVED_TO_TOP_LEVEL", "#/M/pick/1")},
    ),
    (
        message(ONE, more=PICK),
        message(ONE, TWO_IN, more=PICK),
        {("ONEOF_FIELD_ADDED", "#/M/pick/2")},
        {("ONEOF_FIELD_REMOVED", "#/M/pick/2")},
    ),
    (
        message(ONE, TWO, more=PICK),
        message(ONE, TWO_IN, more=PICK),
        {("FIELD_MOVED_TO_EXISTING_ONEOF", "#/M/pick")},
        {("ONEOF_FIELD_MOVED_TO_TOP_LEVEL", "#/M/pick/2")},
    ),
    (
        message(NUMBER, TWO),
        message(ONE, TWO_IN, more=PICK),
        {("ONEOF_ADDED", "#/M/pick"), ("MULTIPLE_FIELDS_MOVED_TO_ONEOF", "#/M/pick")},
        None,
    ),
]


@pytest.mark.parametrize(("old", "new", "forth", "back"), CASES)
def test_each_difference_alone_and_both_ways(
    old: DescriptorSet,
    new: DescriptorSet,
    forth: set[tuple[str, str]] | None,
    back: set[tuple[str, str]] | None,
) -> None:
    for sides, expected in (((old, new), forth), ((new, old), back)):
        if expected is not None:
            assert types(*sides) == expected
    assert types(old, old) == types(new, new) == set()


def test_a_message_in_place_of_a_number_is_another_kind() -> None:
    assert ("FIELD_KIND_CHANGED", "#/M/1") in types(message(NUMBER), nested("A"))


def test_the_cases_show_all_26_differences() -> None:
    seen = {name for old, new, *_ in CASES for name, _ in types(old, new) | types(new, old)}
    assert seen == COMPATIBLE | INCOMPATIBLE
    assert (len(COMPATIBLE), len(INCOMPATIBLE)) == (15, 11)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("NONE", []),
        ("BACKWARD", []),
        ("BACKWARD_TRANSITIVE", [(1, "backward")]),
        ("FORWARD", [(2, "forward")]),
        ("FORWARD_TRANSITIVE", [(2, "forward"), (1, "forward")]),
        ("FULL", [(2, "forward")]),
        ("FULL_TRANSITIVE", [(2, "forward"), (1, "backward"), (1, "forward")]),
    ],
)
def test_the_seven_modes(mode: Mode, expected: list[tuple[int, str]]) -> None:
    other = message(NUMBER.replace("INT32", "STRING"))
    history = [(1, other), (2, message(NUMBER))]
    new = schema('message_type { name: "M" field { ' + NUMBER + " } } " + N)
    found = check_policy("confluent", new, history, mode)
    places = [(one.against, one.direction) for one in found if one.severity == "error"]
    assert list(dict.fromkeys(places)) == expected


def test_an_unknown_policy_is_refused_by_name() -> None:
    with pytest.raises(NotFoundError, match="no policy 'karapace'"):
        check_policy("karapace", message(), [])


def imported(kind: str) -> DescriptorSet:
    """A message with a field of an imported, recursive message."""
    part = text_format.Parse(
        'name: "part.proto" package: "q" syntax: "proto3" message_type { name: "P" field { '
        f'name: "x" number: 1 type: {kind} }} field {{ name: "p" number: 2 type: TYPE_MESSAGE '
        'type_name: ".q.P" } }',
        descriptor_pb2.FileDescriptorProto(),
    )
    whole = text_format.Parse(
        'name: "a.proto" syntax: "proto3" dependency: "part.proto" message_type { name: "M" '
        'field { name: "a" number: 1 type: TYPE_MESSAGE type_name: ".q.P" } }',
        descriptor_pb2.FileDescriptorProto(),
    )
    files = descriptor_pb2.FileDescriptorSet(file=[part, whole])
    return DescriptorSet.from_bytes(files.SerializeToString())


def test_an_imported_message_counts_only_when_it_breaks_inside() -> None:
    old = imported("TYPE_INT32")
    assert types(old, imported("TYPE_INT64")) == set()
    assert types(old, imported("TYPE_STRING")) == {("FIELD_NAMED_TYPE_CHANGED", "#/M/1")}


def test_map_values_are_compared_by_kind_and_an_entry_is_no_message() -> None:
    def mapped(kind: str) -> DescriptorSet:
        entry = (
            'nested_type { name: "AEntry" options { map_entry: true } field { name: "key" '
            "number: 1 label: LABEL_OPTIONAL type: TYPE_STRING } field { "
            f'name: "value" number: 2 label: LABEL_OPTIONAL type: {kind} }} }}'
        )
        field = 'name: "a" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: '
        return message(field + '".p.M.AEntry"', more=entry)

    old = mapped("TYPE_INT32")
    assert types(old, mapped("TYPE_UINT64")) == set()
    assert types(old, mapped("TYPE_STRING")) == {("FIELD_SCALAR_KIND_CHANGED", "#/M/1")}
    assert types(old, message()) == {("FIELD_REMOVED", "#/M/1")}
