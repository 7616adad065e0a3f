import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from hypothesis import HealthCheck, given, seed, settings

import go_plugin
import golden
import plain_plugin
import plugin_requests
from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import parity
from protolith.dialects.bigquery.go_json import quote
from protolith.errors import LayoutError, NotFoundError, SchemaTooComplexError
from protolith.options import message_options

COMPILED = [case for case in golden.cases() if case.status != "protoc_error"]
TABLES = [
    case
    for case in COMPILED
    if not case.has_request and case.status == "files" and "single" not in case.row["params"]
]
SEED = int(os.environ.get("PROTOLITH_SEED") or random.randrange(2**32))  # noqa: S311
EXAMPLES = 2000 if os.environ.get("PROTOLITH_FUZZ") == "1" else 200
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)


def fields(*types: str) -> list[descriptor_pb2.FieldDescriptorProto]:
    """Fields named f1, f2, …: strings, or messages of the types given."""
    return [
        descriptor_pb2.FieldDescriptorProto(
            name=f"f{number}", number=number, label=1, type=11 if type_ else 9, type_name=type_
        )
        for number, type_ in enumerate(types, 1)
    ]


def schema(**messages: list[descriptor_pb2.FieldDescriptorProto]) -> DescriptorSet:
    """A file without a package, holding messages of these fields."""
    file = descriptor_pb2.FileDescriptorProto(name="a.proto", syntax="proto3")
    for name, parts in messages.items():
        file.message_type.add(name=name, field=parts)
    files = descriptor_pb2.FileDescriptorSet(file=[file])
    return DescriptorSet.from_bytes(files.SerializeToString())


def chain(length: int, width: int, *last: str) -> DescriptorSet:
    """M0 refers to M1 in `width` fields, M1 to M2, and so on; the last has the fields `last`."""
    links = {f"M{n}": fields(*[f".M{n + 1}"] * width) for n in range(length)}
    return schema(**links, **{f"M{length}": fields(*last)})


def test_no_case_is_lost() -> None:
    assert len(golden.cases()) == 174


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: case.id)
def test_the_library_gives_the_golden_bytes(case: golden.Case) -> None:
    golden.check_response(case, parity.convert_request(case.request()))


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: case.id)
def test_the_real_plugin_gives_the_golden_bytes(case: golden.Case, tmp_path: Path) -> None:
    go_plugin.required()
    if go_plugin.differences() & set(case.row["toolchain_diffs"]):
        pytest.skip(f"this build answers differently here: {go_plugin.build().splitlines()[0]}")
    answer = go_plugin.run(case.request(), tmp_path)
    assert (answer is None) == (case.status == "plugin_crash")
    if answer is not None:
        golden.check_response(case, answer)


@pytest.mark.parametrize(
    "case", [case for case in golden.cases() if case.status == "protoc_error"], ids=lambda c: c.id
)
def test_what_does_not_compile(case: golden.Case) -> None:
    assert case.compiled() is None


@pytest.fixture(scope="module")
def seed_shown() -> None:
    print(f"to try the same examples again: PROTOLITH_SEED={SEED}")  # noqa: T201


@pytest.fixture(scope="module")
def go_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the real plugin, which has to be installed."""
    go_plugin.required()
    return tmp_path_factory.mktemp("go")


@pytest.mark.usefixtures("seed_shown")
@seed(SEED)
@FUZZED
@given(request_=plugin_requests.requests())
def test_the_real_plugin_agrees_on_random_requests(go_folder: Path, request_: bytes) -> None:
    theirs = go_plugin.run(request_, go_folder)
    ours = parity.convert_request(request_)
    if theirs is None:  # a panic
        assert plugin_pb2.CodeGeneratorResponse.FromString(ours).error
    else:
        assert ours == theirs


@pytest.mark.usefixtures("seed_shown")
@seed(SEED)
@FUZZED
@given(request_=plugin_requests.requests())
def test_a_plain_walk_agrees_on_random_requests(request_: bytes) -> None:
    answer = parity.answer_request(request_)
    error, files = plain_plugin.convert(request_)
    assert [(name, json.loads(text)) for name, text in answer.files] == [
        (name, json.loads(text)) for name, text in files
    ]
    assert answer.error == error or (error == "" and answer.error)


def tables(case: golden.Case) -> Iterator[tuple[DescriptorSet, str, bytes]]:
    """The messages that a case makes tables of, with the text of each."""
    compiled = case.compiled()
    assert compiled is not None
    descriptors = DescriptorSet.from_bytes(compiled, tuple(case.row["files_to_generate"]))
    files = dict(case.files)
    for message in descriptors.messages():
        if table := message_options(message).table_name:
            name = f"{message.file.package.replace('.', '/')}/{table}.schema"
            yield descriptors, message.full_name, files[name]


@pytest.mark.parametrize("case", TABLES, ids=lambda case: case.id)
def test_one_message_gives_the_text_and_the_objects_of_its_file(case: golden.Case) -> None:
    strings = "enum-as-string" in case.row["params"]
    found = list(tables(case))
    assert len(found) == len(case.files)
    for descriptors, message, text in found:
        given = parity.schema_text(descriptors, message, enum_as_string=strings)
        assert given == text
        columns = parity.message_columns(descriptors, message, enum_as_string=strings)
        assert parity.to_json(columns) == (json.loads(text) or [])


def test_a_message_without_package_table_and_comments_has_columns() -> None:
    found = parity.schema_text(schema(M=fields("", ".N"), N=fields("")), "M")
    assert json.loads(found) == [
        {"name": "f1", "type": "STRING", "mode": "NULLABLE"},
        {
            "name": "f2",
            "type": "RECORD",
            "mode": "NULLABLE",
            "fields": [{"name": "f1", "type": "STRING", "mode": "NULLABLE"}],
        },
    ]


def test_a_message_that_is_not_there() -> None:
    with pytest.raises(NotFoundError):
        parity.message_columns(schema(M=fields("")), "Other")


def test_what_has_no_column_is_a_node_with_the_reason() -> None:
    descriptors = schema(M=fields("", ".M", ".E", ".W"), E=[], W=fields(".E", ".M"))
    columns = parity.message_columns(descriptors, "M")
    assert [(path, node.dropped) for path, node in parity.walk(columns)] == [
        ("f1", None),
        ("f2", "recursive"),
        ("f3", "empty"),
        ("f4", "empty"),
        ("f4.f1", "empty"),
        ("f4.f2", "recursive"),
    ]
    assert [column and column["name"] for column in parity.to_json(columns)] == ["f1"]


def test_a_null_is_a_dropped_node_that_is_written() -> None:
    case = golden.by_id("extra_fields_null_entry")
    nulls = 0
    for descriptors, message, text in tables(case):
        nodes = [node for _, node in parity.walk(parity.message_columns(descriptors, message))]
        nulls += sum(node.null and node.dropped is not None for node in nodes)
        assert text.count(b"null") == sum(node.null for node in nodes)
    assert nulls


def test_a_refused_extra_field_is_named() -> None:
    case = golden.by_id("extra_fields_error_05")
    descriptors = DescriptorSet.from_bytes(case.compiled() or b"", ("main.proto",))
    message = next(m for m in descriptors.messages() if message_options(m).table_name).full_name
    with pytest.raises(LayoutError, match="no such message type named Missing") as caught:
        parity.message_columns(descriptors, message)
    assert caught.value.details[0].field_path == "extra_fields[0]"


# Budgets


def test_too_many_columns() -> None:
    budget = parity.Budget(columns=10)
    assert len(parity.message_columns(schema(M=fields(*[""] * 10)), "M", budget=budget)) == 10
    with pytest.raises(SchemaTooComplexError, match="more than 10 columns") as caught:
        parity.message_columns(schema(M=fields(*[""] * 9, ".N"), N=fields("")), "M", budget=budget)
    assert caught.value.details[0].field_path == "f10"
    assert caught.value.hint


def test_a_wide_diamond_is_refused_at_once_and_costs_nothing_if_it_is_empty() -> None:
    with pytest.raises(SchemaTooComplexError, match="more than 100,000 columns") as caught:
        parity.message_columns(chain(60, 2, ""), "M0")
    assert caught.value.details[0].field_path
    assert parity.schema_text(chain(60, 2), "M0") == b"null\n"


def test_the_text_of_a_diamond_is_counted_while_it_is_written() -> None:
    budget = parity.Budget(text=10_000)
    assert parity.message_columns(chain(12, 2, ""), "M0", budget=budget)
    with pytest.raises(SchemaTooComplexError, match="more than 10,000 bytes") as caught:
        parity.schema_text(chain(12, 2, ""), "M0", budget=budget)
    assert str(caught.value.details[0].field_path).startswith("f1.f1.f1")
    exact = len(parity.schema_text(chain(3, 2, ""), "M0"))
    parity.schema_text(chain(3, 2, ""), "M0", budget=parity.Budget(text=exact))
    with pytest.raises(SchemaTooComplexError):
        parity.schema_text(chain(3, 2, ""), "M0", budget=parity.Budget(text=exact - 1))


def test_depth_has_a_limit_that_is_not_pythons() -> None:
    assert parity.message_columns(chain(64, 1, ""), "M0")
    with pytest.raises(SchemaTooComplexError, match="more than 64 records") as caught:
        parity.message_columns(chain(65, 1, ""), "M0")
    assert caught.value.details[0].field_path == ".".join(["f1"] * 65)
    deep = chain(5_000, 1, "")
    with pytest.raises(SchemaTooComplexError):
        parity.message_columns(deep, "M0")
    columns = parity.message_columns(deep, "M0", budget=parity.Budget(depth=5_000))
    assert sum(1 for _ in parity.walk(columns)) == 5_001
    big = parity.Budget(depth=5_000, text=2**30)
    assert parity.schema_text(deep, "M0", budget=big).endswith(b"}\n]\n")


def test_a_shared_message_is_no_way_around_the_depth() -> None:
    descriptors = schema(
        A=fields(".C", ".B"), B=fields(".C"), C=fields(".D"), D=fields("")
    )  # C is expanded first where there is room
    assert parity.message_columns(descriptors, "A", budget=parity.Budget(depth=3))
    with pytest.raises(SchemaTooComplexError) as caught:
        parity.message_columns(descriptors, "A", budget=parity.Budget(depth=2))
    assert caught.value.details[0].field_path == "f2.f1"


@pytest.mark.parametrize("scalars", [0, 1])
def test_recursion_of_all_with_all_ends(scalars: int) -> None:
    names = [f"M{n}" for n in range(24)]
    all_ = fields(*[""] * scalars, *(f".{name}" for name in names))
    with pytest.raises(SchemaTooComplexError):
        parity.message_columns(schema(**dict.fromkeys(names, all_)), "M0")


def test_over_budget_is_an_error_in_the_response() -> None:
    request = golden.by_id("complete_graph_5").request()
    answer = parity.convert_request(request, budget=parity.Budget(columns=20))
    response = plugin_pb2.CodeGeneratorResponse.FromString(answer)
    assert response.error.startswith(
        "Failed to convert main.proto: the schema has more than 20 col"
    )
    assert response.supported_features == 3
    assert not response.file


# Requests


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (b"\x0a\x05ab", "proto: cannot parse invalid wire-format data"),
        (b"\xff" * 12, "proto: cannot parse invalid wire-format data"),
        # proto_file > options > uninterpreted_option > name without name_part
        (b"\x7a\x09\x42\x07\xba\x3e\x04\x12\x02\x10\x01", "proto: required field not set"),
        # proto_file > message_type > options > 1021 > table_name
        (
            b"\x7a\x0a\x22\x08\x3a\x06\xea\x3f\x03\x0a\x01\xff",
            "string field contains invalid UTF-8",
        ),
    ],
)
def test_what_cannot_be_read(request_: bytes, reason: str) -> None:
    response = plugin_pb2.CodeGeneratorResponse.FromString(parity.convert_request(request_))
    assert response == plugin_pb2.CodeGeneratorResponse(error=f"Failed to read input: {reason}")


def test_an_empty_request_is_a_success_without_files() -> None:
    response = plugin_pb2.CodeGeneratorResponse.FromString(parity.convert_request(b""))
    assert not response.HasField("error")
    assert (response.supported_features, len(response.file)) == (3, 0)


def test_files_before_the_failing_one_are_still_there() -> None:
    good = golden.by_id("table_name_07").request()
    bad = golden.by_id("no_package_error").request()
    rename = plugin_pb2.CodeGeneratorRequest.FromString(bad)
    rename.file_to_generate[:] = ["bad.proto"]
    rename.proto_file[-1].name = "bad.proto"
    rename.ClearField("parameter")
    answer = parity.answer_request(good + rename.SerializeToString())
    assert answer.error == "Failed to convert bad.proto: no such package found: "
    assert list(answer.files) == golden.by_id("table_name_07").files


def test_names_that_are_not_utf8_come_back_as_they_were() -> None:
    # proto_file: name \xfe.proto, one message; file_to_generate the same
    file = b"\x0a\x07\xfe.proto" + b"\x22\x03\x0a\x01M"
    request = b"\x0a\x07\xfe.proto" + b"\x7a" + bytes([len(file)]) + file
    assert b"Failed to convert \xfe.proto: no such package" in parity.convert_request(request)


def test_a_conflicting_option_in_the_default_pool_changes_nothing() -> None:
    # A program of its own, since the default pool of this one cannot be cleaned again.
    case = golden.by_id("policy_tags")
    code = """
import sys
from google.protobuf import descriptor_pb2, descriptor_pool
pool = descriptor_pool.Default()
file = descriptor_pb2.FileDescriptorProto(name="bq_field.proto", package="gen_bq_schema")
file.dependency.append("google/protobuf/descriptor.proto")
file.extension.add(name="bigquery", number=1021, type=5, label=1, extendee=".google.protobuf.FieldOptions")
file.extension.add(name="bigquery_opts", number=1021, type=9, label=1, extendee=".google.protobuf.MessageOptions")
pool.AddSerializedFile(file.SerializeToString())
from protolith.dialects.bigquery.parity import convert_request
sys.stdout.buffer.write(convert_request(sys.stdin.buffer.read()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=case.request(),
        capture_output=True,
        check=True,
        env=golden.ENVIRONMENT,
    )
    golden.check_response(case, done.stdout)


def test_strings_are_those_of_gos_encoder(tmp_path: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed")
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True)
    if not 22 <= int(version.stdout.split(".")[1]) <= 26:
        pytest.skip(f"{version.stdout.strip()} escapes differently")
    (tmp_path / "main.go").write_text(GO_QUOTE)
    raw = [bytes([a, b]) for a in range(256) for b in (0x41, 0x80, 0xBF, 0xC2, 0xE2, 0xF0)]
    raw += [text.encode() for text in map(chr, range(0x20, 0x3100))]
    raw += plugin_requests.RAW + [text.encode() for text in plugin_requests.TEXTS]
    raw += [
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        b"\xe2\x80\xa8\xa8",
        b"\xf0\x90\x8d",
        b"\xed\xbf\xbfx",
    ]
    done = subprocess.run(
        [go, "run", "main.go"],
        cwd=tmp_path,
        input="\n".join(text.hex() for text in raw),
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
        env=os.environ | {"GOFLAGS": "", "GO111MODULE": "off"},
    )
    ours = [quote(text.decode("utf-8", "surrogateescape")) for text in raw]
    assert done.stdout.split("\n")[:-1] == ours


GO_QUOTE = """package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		raw, _ := hex.DecodeString(lines.Text())
		text, _ := json.Marshal(string(raw))
		fmt.Println(string(text))
	}
}
"""
