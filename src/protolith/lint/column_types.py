"""Rules about the types of columns."""

import re

from protolith.errors import quoted
from protolith.lint.findings import Said, column_rule
from protolith.lint.tree import ANY, GOOGLE_TYPES, STRUCTS, Field

_RECORDS = ("RECORD", "STRUCT")
_INTEGERS = ("INTEGER", "INT64")
_TYPES = {
    *("STRING", "BYTES", "INTEGER", "INT64", "FLOAT", "FLOAT64", "BOOLEAN", "BOOL", "TIMESTAMP"),
    *("DATE", "TIME", "DATETIME", "GEOGRAPHY", "NUMERIC", "BIGNUMERIC", "JSON", "INTERVAL"),
    *("RANGE", *_RECORDS),
}
_UINT64 = (4, 6)
_FIXED = {6: "fixed64", 7: "fixed32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64"}
_ENUM = 14
_WRAPPERS = re.compile(
    r"google\.protobuf\.(Double|Float|U?Int(32|64)|Bool|String|Bytes)Value", re.ASCII
)
_OVERRIDE = "(gen_bq_schema.bigquery).type_override"
_JSON = f'set {_OVERRIDE} to "JSON" and write JSON text'


@column_rule("error")
def record_without_fields(part: Field) -> Said | None:
    """A column of type RECORD or STRUCT has fields."""
    if part.node.fields or part.node.type.strip().upper() not in _RECORDS:
        return None
    text = f"the plugin writes {quoted(part.node.type)} without fields, and BigQuery refuses that"
    return text, "leave the override out; an extra field is name:RECORD:message"


@column_rule("error")
def unknown_type(part: Field) -> Said | None:
    """A column's type is a documented one, in capital letters."""
    word = part.node.type
    if word in _TYPES or _base(word) in _TYPES or word.strip().upper() in _RECORDS:
        return None
    text = f"{quoted(word)} is written as it is and is no type of a BigQuery schema"
    if word.strip().upper() in _TYPES:
        return text, f"write {word.strip().upper()}"
    return text, f"one of {', '.join(sorted(_TYPES - {'RANGE', 'INTERVAL', *_RECORDS}))}"


@column_rule("error")
def type_with_parameters(part: Field) -> Said | None:
    """A column's type has no parameters: a schema has keys of their own for them."""
    word = part.node.type
    if word == "RANGE":
        return "BigQuery refuses RANGE without rangeElementType, which the plugin cannot write", (
            "keep both ends as columns"
        )
    base = _base(word)
    if base not in _TYPES:
        return None
    text = f"BigQuery does not read parameters in a schema's type: {quoted(word)}"
    return f"{text} would need keys that the plugin cannot write", f"write {base} alone"


@column_rule("warning")
def interval_column(part: Field) -> Said | None:
    """A `Duration` becomes INTERVAL, which is no documented type of a schema."""
    if part.node.type != "INTERVAL":
        return None
    text = "INTERVAL is not among the documented types of a BigQuery schema, and it keeps no"
    hint = "try it on a real project, or use an int64 of microseconds or nanoseconds"
    return f"{text} nanoseconds", hint


@column_rule("warning")
def uint64_as_integer(part: Field) -> Said | None:
    """An unsigned 64-bit field becomes INTEGER, which ends at 2^63 - 1."""
    unsigned = part.type in _UINT64 or part.kind == "google.protobuf.UInt64Value"
    if not unsigned or part.proto is None or part.node.type not in _INTEGERS:
        return None
    text = "INTEGER is signed: values from 2^63 are lost, and BigQuery's write API takes no uint64"
    return f"{text} for it", f'set {_OVERRIDE} to "NUMERIC"'


@column_rule("note")
def fixed_width_not_listed(part: Field) -> Said | None:
    """BigQuery's write API does not list sint, fixed and sfixed for INTEGER."""
    word = _FIXED.get(part.type)
    if word is None or part.node.type not in _INTEGERS:
        return None
    text = f"{word} is not among the types that BigQuery's write API lists for INTEGER"
    hint = "int64 and int32 are listed; a sint is another encoding, so rows have to be written anew"
    return text, hint


@column_rule("warning")
def enum_as_integer(part: Field) -> Said | None:
    """An enum becomes INTEGER: the names of its values are not in the table."""
    if part.type != _ENUM or part.node.type not in _INTEGERS:
        return None
    text = f"the column has the numbers of {part.kind} and not the names of its values"
    return text, f'use enum-as-string, or set {_OVERRIDE} to "STRING"'


@column_rule("note")
def enum_as_string_writer(part: Field) -> Said | None:
    """An enum becomes STRING: its values must never be renamed."""
    if part.type != _ENUM or part.node.type != "STRING":
        return None
    text = f"the column has the names of {part.kind}'s values: one that is renamed is another text"
    return text, "add values, and rename none; compare with compatibility level json"


@column_rule("warning")
def struct_expanded(part: Field) -> Said | None:
    """`Struct`, `Value` and `ListValue` become RECORDs that lose what is nested in them."""
    if part.kind not in STRUCTS or not part.node.fields:
        return None
    return f"{part.kind} becomes a RECORD, and lists and structs inside it are lost", _JSON


@column_rule("warning")
def any_expanded(part: Field) -> Said | None:
    """An `Any` becomes a RECORD of a URL and bytes that no query can read."""
    if part.kind != ANY or not part.node.fields:
        return None
    return "Any becomes a RECORD of type_url and bytes that BigQuery cannot decode", _JSON


@column_rule("note")
def google_type_expanded(part: Field) -> Said | None:
    """Types of `google.type` become RECORDs where BigQuery has a type of its own."""
    better = GOOGLE_TYPES.get(part.kind)
    if better is None or not part.node.fields:
        return None
    text = f"{part.kind} becomes a RECORD of its parts where BigQuery has {better}"
    return text, f"use a string field with {_OVERRIDE}, if queries need that type"


@column_rule("note")
def wrapper_flattened(part: Field) -> Said | None:
    """A wrapper such as `Int64Value` becomes a plain column that may be NULL."""
    if part.proto is None or part.node.fields or not _WRAPPERS.fullmatch(part.kind):
        return None
    if part.options.type_override not in ("", "RECORD"):
        return None
    text = f"{part.kind} becomes a {part.node.mode} {part.node.type}, NULL where it is not set"
    return text, "nothing has to be done: optional says the same without a wrapper"


def _base(word: str) -> str:
    """The type before its parameters; empty if it has none."""
    match = re.match(r"\s*(\w+)\s*[(<]", word, re.ASCII)
    return match[1].upper() if match else ""
