"""For each rule a schema that breaks it and nothing else, and one that nearly does."""

from dataclasses import dataclass, field
from typing import Any

HEAD = """syntax = "proto3";
package p;
import "bq_table.proto";
import "bq_field.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/type/date.proto";
"""
EDITION = HEAD.replace('syntax = "proto3"', 'edition = "2023"')
FIELD = "(gen_bq_schema.bigquery)"
TABLE = "(gen_bq_schema.bigquery_opts)"
LONGEST = "a" * 300
TAG = "projects/a/locations/eu/taxonomies/1/policyTags/2"


@dataclass(frozen=True)
class Case:
    """`bad` breaks the rule at the field path `path`, on the line that has the text `at`.

    `near` breaks no rule, apart from those in `also`, which cannot be kept out of either.
    """

    rule: str
    severity: str
    bad: str
    path: str
    at: str
    near: str
    column: str | None = None
    head: str = HEAD
    near_head: str | None = None
    also: tuple[str, ...] = ()
    near_also: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def message(*fields: str, after: str = "") -> str:
    """A message M with these fields, one on a line, and more after it."""
    return "message M {\n" + "".join(f"  {line}\n" for line in fields) + f"}}\n{after}"


def extra(text: str) -> str:
    return message(f'option {TABLE}.extra_fields = "{text}";', "string a = 1;")


def option(kind: str, options: str, after: str = "") -> str:
    return message(f"{kind} x = 1 [{options}];", after=after)


def described(text: str, name: str = "x") -> str:
    return message("string ok = 1;", f"// {text}", f"string {name} = 2;")


def chain(levels: int) -> str:
    """Messages inside each other with that many levels of columns."""
    texts = [message("L1 f = 1;")]
    texts += [f"message L{n} {{ L{n + 1} f = 1; }}\n" for n in range(1, levels - 1)]
    return "".join(texts) + f"message L{levels - 1} {{ int32 leaf = 1; }}\n"


def wide(columns: int) -> str:
    """A message with that many columns: 100 fields times 99, and some more."""
    texts = [f"Wide w{n} = {n};" for n in range(1, 101)]
    texts += [f"int32 x{n} = {n};" for n in range(101, 101 + columns - 10_000)]
    inside = " ".join(f"int32 f{n} = {n};" for n in range(1, 100))
    return message(*texts, after=f"message Wide {{ {inside} }}\n")


CASES = [
    Case(
        "table-without-columns",
        "error",
        "message M {}\n",
        "",
        "message M",
        message("string x = 1;"),
    ),
    Case(
        "too-many-columns",
        "error",
        wide(10_001),
        "",
        "message M",
        wide(10_000),
    ),
    Case("too-deep", "error", chain(16), "f", "L1 f", chain(15), column="f"),
    Case(
        "conversion-refused",
        "error",
        option("string", f'{FIELD}.type_override = "RECORD"'),
        "",
        "message M",
        option("string", f'{FIELD}.type_override = "JSON"'),
    ),
    Case(
        "unsafe-output-name",
        "error",
        message(f'option {TABLE}.table_name = "../m";', "string x = 1;"),
        "",
        "message M",
        message(f'option {TABLE}.table_name = "..m";', "string x = 1;"),
    ),
    Case(
        "file-without-package",
        "note",
        message("string x = 1;"),
        "",
        "message M",
        message("string x = 1;"),
        head=HEAD.replace("package p;\n", ""),
        near_head=HEAD,
    ),
    Case(
        "option-on-nested-message",
        "warning",
        message(
            "N x = 1;",
            "message N {",
            f'option {TABLE}.table_name = "n";',
            "string y = 1; }",
        ),
        "",
        "message N",
        message("N x = 1;", after=f'message N {{ option {TABLE}.table_name = "n"; bool y = 1; }}'),
        options={"message": "p.M"},
    ),
    Case(
        "option-wiped",
        "warning",
        option("int64", f'{FIELD}.policy_tags = "{TAG}"'),
        "x",
        "int64 x",
        message(f'int64 y = 1 [{FIELD}.policy_tags = "{TAG}"];'),
        column="x",
        options={"parameter": "single-message,type-override=x.STRING"},
    ),
    Case(
        "column-name-characters",
        "error",
        option("string", f'{FIELD}.name = "1st"'),
        "x",
        "string x",
        option("string", f'{FIELD}.name = "_1st"'),
        column="1st",
    ),
    Case(
        "column-name-length",
        "error",
        option("string", FIELD + f".name = '{LONGEST}a'"),
        "x",
        "string x",
        option("string", FIELD + f".name = '{LONGEST}'"),
        column=f"{LONGEST}a",
    ),
    Case(
        "column-name-reserved-prefix",
        "error",
        message("N n = 1;", after="message N {\n  string _Partition_day = 1;\n}\n"),
        "n._Partition_day",
        "_Partition_day",
        message("string _part = 1;"),
        column="n._Partition_day",
    ),
    Case(
        "column-name-duplicate",
        "error",
        message("string ab = 1;", f'string x = 2 [{FIELD}.name = "AB"];'),
        "x",
        "string x",
        message("string ab = 1;", f'string x = 2 [{FIELD} = {{name: "AB", ignore: true}}];'),
        column="AB",
    ),
    Case(
        "null-column",
        "error",
        message(
            "string a = 1;", f'option {TABLE}.extra_fields = "x:RECORD:N";', after="message N {}\n"
        ),
        "extra_fields[0]",
        "option",
        message(
            "string a = 1;",
            f'option {TABLE}.extra_fields = "x:RECORD:N";',
            after="message N { bool b = 1; }\n",
        ),
    ),
    Case(
        "unknown-mode",
        "error",
        extra("x:STRING:repeated"),
        "extra_fields[0]",
        "option",
        extra("x:STRING:REPEATED"),
        column="x",
    ),
    Case(
        "record-without-fields",
        "error",
        option("N", f'{FIELD}.type_override = "STRUCT"', after="message N { bool b = 1; }\n"),
        "x",
        "N x",
        option("N", f'{FIELD}.type_override = "RECORD"', after="message N { bool b = 1; }\n"),
        column="x",
    ),
    Case(
        "unknown-type",
        "error",
        option("string", f'{FIELD}.type_override = "Date"'),
        "x",
        "string x",
        option("string", f'{FIELD}.type_override = "DATE"'),
        column="x",
    ),
    Case(
        "type-with-parameters",
        "error",
        option("string", f'{FIELD}.type_override = "NUMERIC(10, 2)"'),
        "x",
        "string x",
        option("string", f'{FIELD}.type_override = "NUMERIC"'),
        column="x",
    ),
    Case(
        "interval-column",
        "warning",
        message("google.protobuf.Duration x = 1;"),
        "x",
        "Duration x",
        message("google.protobuf.Timestamp x = 1;"),
        column="x",
    ),
    Case(
        "uint64-as-integer",
        "warning",
        message("map<uint64, bool> x = 1;"),
        "x.key",
        "map<",
        option("uint64", f'{FIELD}.type_override = "NUMERIC"'),
        column="x.key",
    ),
    Case(
        "fixed-width-not-listed",
        "note",
        message("repeated sfixed32 x = 1;"),
        "x",
        "sfixed32",
        message("repeated int32 x = 1;"),
        column="x",
    ),
    Case(
        "enum-as-integer",
        "warning",
        message("E x = 1;", after="enum E { E_UNKNOWN = 0; }\n"),
        "x",
        "E x",
        message(f"E x = 1 [{FIELD}.ignore = true];", "bool y = 2;", after="enum E { E_NO = 0; }\n"),
        column="x",
    ),
    Case(
        "enum-as-string-writer",
        "note",
        message("E x = 1;", after="enum E { E_UNKNOWN = 0; }\n"),
        "x",
        "E x",
        message("string x = 1;"),
        column="x",
        options={"enum_as_string": True},
    ),
    Case(
        "recursion-cut",
        "warning",
        message("N n = 1;", after="message N {\n  string s = 1;\n  repeated M back = 2;\n}\n"),
        "n.back",
        "M back",
        message("N a = 1;", "N b = 2;", after="message N { string s = 1; }\n"),
    ),
    Case(
        "empty-message-dropped",
        "warning",
        message("string a = 1;", "google.protobuf.Empty x = 2;"),
        "x",
        "Empty x",
        message(
            "string a = 1;",
            f'google.protobuf.Empty x = 2 [{FIELD}.type_override = "JSON"];',
        ),
    ),
    Case(
        "map-value-dropped",
        "warning",
        message("map<string, M> x = 1;"),
        "x.value",
        "map<",
        message("map<string, N> x = 1;", after="message N { bool b = 1; }\n"),
    ),
    Case(
        "struct-expanded",
        "warning",
        message("map<string, google.protobuf.Value> x = 1;"),
        "x.value",
        "map<",
        option("google.protobuf.Struct", f'{FIELD}.type_override = "JSON"'),
        column="x.value",
    ),
    Case(
        "any-expanded",
        "warning",
        message("repeated google.protobuf.Any x = 1;"),
        "x",
        "Any x",
        message("repeated Any x = 1;", after="message Any { string type_url = 1; }\n"),
        column="x",
    ),
    Case(
        "google-type-expanded",
        "note",
        message("google.type.Date x = 1;"),
        "x",
        "Date x",
        option("google.type.Date", f'{FIELD}.type_override = "DATE"'),
        column="x",
    ),
    Case(
        "oneof-case-lost",
        "warning",
        message("oneof o {", "N n = 1;", "bool b = 2;", "}", after="message N { bool b = 1; }\n"),
        "n",
        "N n",
        message("oneof o {", "N n = 1;", "N b = 2;", "}", after="message N { bool b = 1; }\n"),
        column="n",
    ),
    Case(
        "wrapper-flattened",
        "note",
        message("google.protobuf.BoolValue x = 1;"),
        "x",
        "BoolValue x",
        message("optional bool x = 1;"),
        column="x",
    ),
    Case(
        "required-over-repeated",
        "warning",
        option("map<string, bool>", f"{FIELD}.require = true"),
        "x",
        "map<",
        option("bool", f"{FIELD}.require = true"),
        column="x",
    ),
    Case(
        "legacy-required-nullable",
        "warning",
        option("bool", "features.field_presence = LEGACY_REQUIRED"),
        "x",
        "bool x",
        option("bool", f"features.field_presence = LEGACY_REQUIRED, {FIELD}.require = true"),
        column="x",
        head=EDITION,
    ),
    Case(
        "description-cut",
        "warning",
        described("x" * 1025),
        "x",
        "string x",
        described("x" * 1024),
        column="x",
    ),
    Case(
        "description-cut-inside-character",
        "warning",
        described("é" * 600),
        "x",
        "string x",
        described("x" + "é" * 600),
        column="x",
        also=("description-cut",),
        near_also=("description-cut",),
    ),
    Case(
        "description-misplaced",
        "warning",
        message(
            f"option {TABLE}.output_field_order = FIELD_ORDER_BY_NUMBER;",
            "// About b.",
            f'string b = 2 [{FIELD}.description = "About b."];',
            "string x = 1;",
        ),
        "x",
        "string x",
        message(
            f"option {TABLE}.output_field_order = FIELD_ORDER_BY_NUMBER;",
            "// About a.",
            "string a = 1;",
            "// About b.",
            "string b = 2;",
        ),
        column="x",
    ),
    Case(
        "default-on-nested-field",
        "error",
        message(
            "N n = 1;",
            after=f'message N {{\n bool x = 1 [{FIELD}.default_value_expression = "TRUE"];}}',
        ),
        "n.x",
        "bool x",
        option("bool", f'{FIELD}.default_value_expression = "TRUE"'),
        column="n.x",
    ),
    Case(
        "default-expression",
        "error",
        option("int64", f'{FIELD}.default_value_expression = "GENERATE_UUID()"'),
        "x",
        "int64 x",
        option("string", f'{FIELD}.default_value_expression = "GENERATE_UUID()"'),
        column="x",
    ),
    Case(
        "policy-tag-on-record",
        "error",
        option("N", f'{FIELD}.policy_tags = "{TAG}"', after="message N { bool b = 1; }\n"),
        "x",
        "N x",
        option("int64", f'{FIELD}.policy_tags = "{TAG}"'),
        column="x",
    ),
    Case(
        "policy-tag-name",
        "error",
        option("int64", f'{FIELD}.policy_tags = "{TAG},{TAG}"'),
        "x",
        "int64 x",
        option("int64", f'{FIELD}.policy_tags = "{TAG}"'),
        column="x",
    ),
]
