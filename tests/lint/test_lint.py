"""Each rule on a schema that breaks it, and the linter on schemas that others wrote."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import files
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings

import golden
import plugin_requests
from conftest import ORDER
from googlesql import analyze
from lint.cases import CASES, HEAD, Case, described, message
from protolith import DescriptorSet, LintFinding, compile_protos, dialect, lint
from protolith.dialects.bigquery import parity, wire
from protolith.dialects.bigquery.defaults import find_default
from protolith.dialects.bigquery.packages import File, Message
from protolith.dialects.bigquery.schema_json import from_json
from protolith.errors import MalformedError, NotFoundError, SchemaRegistryError
from protolith.lint import findings_in, rules
from protolith.lint.places import Places
from protolith.lint.tree import Tree, grow

BY_HAND = {"comments-missing", "description-invalid-utf8"}
"""What no text of a schema can show: tests of their own are below."""


def found(text: str, **options: Any) -> list[LintFinding]:
    return lint(compile_protos({"m.proto": text}), **options)


def rule_ids(findings: list[LintFinding]) -> list[str]:
    return [finding.rule for finding in findings]


def test_every_rule_has_a_case() -> None:
    ids = [rule.id for rule in rules()]
    assert len(set(ids)) == len(ids)
    assert {case.rule for case in CASES} | BY_HAND == set(ids)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_what_breaks_a_rule_is_found_at_its_place(case: Case) -> None:
    text = case.head + case.bad
    findings = found(text, **{"message": "M", **case.options})
    assert sorted(rule_ids(findings)) == sorted([case.rule, *case.also])
    finding = next(finding for finding in findings if finding.rule == case.rule)
    assert (finding.field_path, finding.column) == (case.path, case.column)
    assert finding.severity == case.severity
    line = next(n for n, line in enumerate(text.splitlines()) if case.at in line)
    indent = len(text.splitlines()[line]) - len(text.splitlines()[line].lstrip())
    assert finding.place == f"m.proto:{line + 1}:{indent + 1}"
    assert finding.others == 0
    path = f"{case.path}: " if case.path else ""
    assert str(finding) == f"{finding.place}: {case.rule}: {path}{finding.text}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_what_nearly_breaks_a_rule_is_not_found(case: Case) -> None:
    text = (case.near_head or case.head) + case.near
    options = {"message": "M", **case.options}
    assert rule_ids(found(text, **options)) == list(case.near_also)


def test_severities_and_purposes() -> None:
    severities = {case.rule: case.severity for case in CASES}
    for rule in rules():
        assert rule.severity == severities.get(rule.id, rule.severity)
        assert rule.purpose.endswith(".")
    assert {rule.severity for rule in rules()} == {"error", "warning", "note"}


def test_every_finding_says_a_sentence_and_a_way_out() -> None:
    for case in CASES:
        for finding in found(case.head + case.bad, **{"message": "M", **case.options}):
            assert len(finding.text) > 20
            assert "\n" not in finding.text + finding.hint
            assert not finding.text.endswith(".")
            assert finding.hint


def test_a_schema_without_problems() -> None:
    assert found(ORDER) == []


def test_findings_are_in_the_order_of_their_places() -> None:
    text = HEAD + message("uint64 a = 1;", "fixed64 b = 2;", "google.protobuf.UInt64Value c = 3;")
    findings = found(text)
    assert rule_ids(findings) == [
        "uint64-as-integer",
        "uint64-as-integer",
        "fixed-width-not-listed",
        "uint64-as-integer",
        "wrapper-flattened",
    ]
    lines = [finding.line or 0 for finding in findings]
    assert all(one <= other for one, other in pairwise(lines))


def test_recursion_is_cut_at_each_exact_path() -> None:
    text = HEAD + message(
        "string s = 1;",
        "A a = 2;",
        "repeated M list = 3;",
        after="""message A { string s = 1; B b = 2; }
        message B {
          string s = 1;
          A a = 2;
          M m = 3;
          map<string, B> by = 4;
        }
        """,
    )
    cut = [(finding.rule, finding.field_path) for finding in found(text, message="M")]
    assert cut == [
        ("recursion-cut", "list"),
        ("recursion-cut", "a.b.a"),
        ("recursion-cut", "a.b.m"),
        ("map-value-dropped", "a.b.by.value"),
    ]


def test_one_declaration_is_one_finding_however_often_it_is_used() -> None:
    text = HEAD + message(
        "N a = 1;",
        "N b = 2;",
        "Q q = 3;",
        after="message N { uint64 u = 1; }\nmessage Q { N n = 1; repeated N m = 2; }\n",
    )
    (finding,) = found(text, message="M")
    assert (finding.field_path, finding.others) == ("a.u", 3)


def test_every_table_of_the_files_is_looked_at() -> None:
    tables = "".join(
        f"""message M{n} {{
          option (gen_bq_schema.bigquery_opts).table_name = "m{n}";
          N n = 1;
          uint64 own = 2;
        }}
        """
        for n in (1, 2)
    )
    text = f"{HEAD}{tables}message N {{ uint64 u = 1; }}\n"
    findings = found(text)
    assert [(f.message, f.field_path, f.others) for f in findings] == [
        ("p.M1", "own", 0),
        ("p.M2", "own", 0),
        ("p.M1", "n.u", 1),
    ]
    assert [f.message for f in found(text, message="M2")] == ["p.M2", "p.M2"]


def test_sharing_is_no_way_to_make_it_slow() -> None:
    """2^60 paths without a column, and 2^16 with one: each message is looked at once."""
    empty = "".join(f"message E{n} {{ E{n + 1} a = 1; E{n + 1} b = 2; }}\n" for n in range(60))
    full = "".join(f"message F{n} {{ F{n + 1} a = 1; F{n + 1} b = 2; }}\n" for n in range(14))
    text = f"{HEAD}{empty}message E60 {{}}\n{full}message F14 {{ uint64 u = 1; }}\n"
    descriptors = compile_protos(
        {"m.proto": text + message("string s = 1;", "E0 e = 2;", "F0 f = 3;")}
    )
    start = process_time()
    findings = lint(descriptors, "M")
    assert process_time() - start < 2
    assert len(findings) < 200
    (numbers,) = [finding for finding in findings if finding.rule == "uint64-as-integer"]
    assert numbers.others == 2**14 - 1
    assert "too-many-columns" in rule_ids(findings)


@pytest.mark.parametrize(("levels", "rule"), [(70, "too-deep"), (12, "too-many-columns")])
def test_what_is_over_the_budget_is_a_finding(levels: int, rule: str) -> None:
    width = 1 if rule == "too-deep" else 4
    fields = [f"M{{}} f{n} = {n};" for n in range(1, width + 1)]
    text = HEAD + "".join(
        f"message M{n} {{ {' '.join(fields).format(*[n + 1] * width)} }}\n" for n in range(levels)
    )
    (finding,) = found(f"{text}message M{levels} {{ bool b = 1; }}\n", message="M0")
    assert (finding.rule, finding.severity) == (rule, "error")
    assert ", at f1." in finding.text


def test_descriptions_are_those_of_the_option_first() -> None:
    long = "x" * 1025
    text = HEAD + message(
        f"// {long}", '\n  string a = 1 [(gen_bq_schema.bigquery).description = "short"];'
    )
    assert found(text) == []
    text = HEAD + message(f'string a = 1 [(gen_bq_schema.bigquery).description = "{long}"];')
    assert rule_ids(found(text)) == ["description-cut"]
    characters = found(HEAD + described("漢" * 400))[0].text
    assert "BigQuery would take its 400 characters" in characters


def without_comments(text: str) -> DescriptorSet:
    compiled = compile_protos({"m.proto": text})
    bare = descriptor_pb2.FileDescriptorSet.FromString(compiled.data)
    for file in bare.file:
        file.ClearField("source_code_info")
    return DescriptorSet.from_bytes(bare.SerializeToString(), compiled.roots)


def test_comments_missing() -> None:
    (finding,) = lint(without_comments(ORDER))
    assert (finding.rule, finding.severity) == ("comments-missing", "note")
    assert (finding.place, finding.line) == ("m.proto", None)
    assert lint(compile_protos({"m.proto": ORDER})) == []


def test_description_invalid_utf8() -> None:
    case = golden.by_id("comments_invalid_utf8")
    descriptors = DescriptorSet.from_bytes(case.compiled() or b"")
    findings = [f for f in lint(descriptors) if f.rule == "description-invalid-utf8"]
    assert findings
    assert {finding.severity for finding in findings} == {"warning"}
    for finding in findings:
        node = dict(parity.walk(parity.message_columns(descriptors, finding.message)))
        with pytest.raises(UnicodeDecodeError):
            node[finding.field_path].description.decode()


def test_options_are_not_told_to_be_wiped_when_another_message_is_first() -> None:
    table = 'option (gen_bq_schema.bigquery_opts).table_name = "n"; bool b = 1;'
    text = HEAD + message("bool b = 1;", after=f"message N {{ {table} }}\n")
    assert found(text, message="N", parameter="single-message") == []
    text = f"{HEAD}message N {{ {table} }}\n"
    (finding,) = found(text, message="N", parameter="single-message")
    assert (finding.rule, finding.field_path) == ("option-wiped", "")
    assert "about table_name" in finding.text


@pytest.mark.parametrize(
    ("entry", "path"),
    [("x", "extra_fields[0]"), ("x:RECORD", "extra_fields[0]"), ("x:RECORD:No", "extra_fields[0]")],
)
def test_an_extra_field_that_stops_the_plugin(entry: str, path: str) -> None:
    text = f'option (gen_bq_schema.bigquery_opts).extra_fields = "{entry}";'
    (finding,) = found(HEAD + message(text, "bool b = 1;"))
    assert finding.rule == "conversion-refused"
    assert path in finding.text


def test_an_unknown_message_is_an_error() -> None:
    with pytest.raises(NotFoundError):
        found(ORDER, message="Nothing")


def test_the_function_is_not_hidden_by_the_folder_of_its_name() -> None:
    code = "import protolith.lint.rules, protolith; protolith.lint.__call__"
    subprocess.run([sys.executable, "-c", code], check=True)


# Default values against Google's analyzer

COLUMN_TYPES = {
    "STRING": "STRING",
    "BYTES": "BYTES",
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "TIMESTAMP": "TIMESTAMP",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "DATETIME",
    "NUMERIC": "NUMERIC",
    "BIGNUMERIC": "BIGNUMERIC",
    "JSON": "JSON",
    "INTERVAL": "INTERVAL",
    "GEOGRAPHY": "GEOGRAPHY",
    "ARRAY": "ARRAY<INT64>",
    "STRUCT": "STRUCT<a INT64, b INT64>",
}
DEFAULTS = r"""
NULL
true
1
- 1
0x1F
1.5
.5e3
1e3
b'x'
rb"\x"
DATE '2020-01-01'
TIME '10:00:00'
DATETIME '2020-01-01 00:00:00'
TIMESTAMP '2020-01-01 00:00:00+00'
NUMERIC '1'
DECIMAL '1'
BIGNUMERIC "1"
JSON '{"a": [1, 2]}'
INTERVAL 1 DAY
INTERVAL '1-2' YEAR TO MONTH
CURRENT_DATE
current_date ()
CURRENT_DATE('UTC')
CURRENT_TIME
CURRENT_DATETIME('UTC')
CURRENT_TIMESTAMP()
GENERATE_UUID()
SESSION_USER()
RAND()
ST_GEOGPOINT(1, -2.5)
[1, 2]
[]
ARRAY<INT64>[1]
STRUCT(1, 2)
STRUCT<a INT64, b INT64>(1, 2)
(1, 2)
((1))
""".strip().splitlines()


@pytest.mark.parametrize("expression", DEFAULTS)
def test_defaults_have_the_types_that_googles_analyzer_takes(expression: str) -> None:
    default = find_default(expression)
    assert default is not None
    for word, type_ in COLUMN_TYPES.items():
        if (word, expression) == ("ARRAY", "NULL"):
            continue  # it analyses, but a stored array is never NULL
        assert (word in default.types) == _analyses(type_, expression), word


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("'x'", {"STRING", "BYTES"}),
        ('"""a"b"""', {"STRING", "BYTES"}),
        ("r'2020-01-01'", {"STRING", "BYTES", "DATE", "DATETIME", "TIMESTAMP"}),
        ("'10:00:00'", {"STRING", "BYTES", "TIME"}),
    ],
)
def test_texts_may_be_any_type_that_is_written_as_text(text: str, types: set[str]) -> None:
    taken = {word for word, type_ in COLUMN_TYPES.items() if _analyses(type_, text)}
    assert taken == types
    default = find_default(text)
    assert default is not None
    assert (
        taken <= set(default.types) <= {"STRING", "BYTES", "DATE", "TIME", "DATETIME", "TIMESTAMP"}
    )


@pytest.mark.parametrize(
    "expression",
    ["", "x", "1 + 1", "'a' || 'b'", "UPPER('a')", "(SELECT 1)", "'a", "CURRENT_DATE() + (1)"],
)
def test_what_is_no_default(expression: str) -> None:
    assert find_default(expression) is None


def test_a_list_with_null_is_no_default() -> None:
    null, text = find_default("[1, null]"), find_default("['NULL', r\"null\"]")
    assert null is not None
    assert text is not None
    assert (null.types, text.types) == ((), ("ARRAY",))


def test_a_long_default_is_left_to_bigquery() -> None:
    start = process_time()
    assert find_default("'''\\" * 300_000) is not None
    assert find_default("STRUCT" + "<>(" * 600) is None
    assert process_time() - start < 1


def _analyses(type_: str, expression: str) -> bool:
    try:
        analyze(f"CREATE TABLE t (c {type_} DEFAULT {expression})")
    except Exception:  # noqa: BLE001  # whatever the analyzer raises
        return False
    return True


# Schemas that others wrote


def trees(data: bytes) -> Iterator[Tree]:
    """The tables of a request, which need not be one that protobuf's runtime would take."""
    request = plugin_pb2.CodeGeneratorRequest.FromString(data)
    single = "single-message" in request.parameter
    protos = wire.read_request(data).proto_file
    for index, proto in enumerate(protos):
        if wire.text(proto.name) not in request.file_to_generate:
            continue
        for number, _ in enumerate(proto.message_type[: 1 if single else None]):
            files = [File(part) for part in protos]
            root: Message = files[index].messages[number]
            tree = grow(
                files,
                root,
                wire.text(root.proto.name),
                enum_as_string="enum-as-string" in request.parameter,
                parameter=request.parameter,
            )
            if tree.message.options.table_name:
                yield tree


FILES = [case for case in golden.cases() if case.status == "files"]


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.id)
def test_bigquery_takes_a_table_or_the_lint_says_why_not(case: golden.Case) -> None:
    number = 0
    for tree in trees(case.request()):
        number += 1
        severities = {finding.severity for _, finding in findings_in(tree, Places())}
        refused = _refused(tree)
        assert refused is None or "error" in severities, refused
    assert number == len(case.files)


def _refused(tree: Tree) -> object:
    """Why Google's analyzer, or our reader of JSON schemas, does not take a table."""
    columns = parity.to_json(tree.nodes)
    try:
        table = from_json([_with_plain_text(column) for column in columns], table="t", database="d")
        for statement in dialect("bigquery").create(table):
            analyze(statement)
    except SchemaRegistryError as error:
        return error
    except Exception as error:  # noqa: BLE001  # whatever the analyzer raises
        return error
    return None


def _with_plain_text(column: dict[str, object] | None) -> dict[str, object] | None:
    """A column without control characters in its description, which our reader alone refuses."""
    if column is None:
        return None
    changed = dict(column)
    if "description" in column:
        changed["description"] = "".join(filter(str.isprintable, str(column["description"])))
    if isinstance(fields := column.get("fields"), list):
        changed["fields"] = [_with_plain_text(inner) for inner in fields]
    return changed


def test_the_golden_cases_show_many_rules() -> None:
    assert len(FILES) == 131
    seen = {
        finding.rule
        for case in FILES
        for tree in trees(case.request())
        for _, finding in findings_in(tree, Places())
    }
    assert len(seen) > 25


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(request_=plugin_requests.requests())
def test_no_request_makes_it_fail(request_: bytes) -> None:
    try:
        found_trees = list(trees(request_))
    except (MalformedError, DecodeError):  # options that are not UTF-8
        return
    for tree in found_trees:
        for _, finding in findings_in(tree, Places()):
            f"{finding} {finding.column} {finding.hint}".encode()


def test_every_message_of_googles_common_protos() -> None:
    sources = {
        str(file): Path(str(file.locate())).read_bytes()
        for file in files("googleapis-common-protos") or []
        if file.suffix == ".proto"
    }
    known = "google/type/"  # these may be imported without being sent
    sent = {name: text for name, text in sources.items() if not name.startswith(known)}
    imports = "".join(f'import "{name}";\n' for name in sources)
    descriptors = compile_protos({**sent, "all.proto": f'syntax = "proto3";\n{imports}'})
    pending = [m for f in descriptors.files for m in messages(descriptors, f.name)]
    number = 0
    while pending:
        current = pending.pop()
        pending += [inner for inner in current.nested_types if not inner.GetOptions().map_entry]
        number += 1
        findings = lint(descriptors, current.full_name)
        assert all(finding.line is not None for finding in findings)
        errors = [finding for finding in findings if finding.severity == "error"]
        expected = [] if current.fields else ["table-without-columns"]
        assert rule_ids(errors) == expected
    assert number > 150


def messages(descriptors: DescriptorSet, name: str) -> list[Descriptor]:
    return list(descriptors.file(name).message_types_by_name.values())
