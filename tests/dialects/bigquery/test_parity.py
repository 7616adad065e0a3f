import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.compiler import plugin_pb2
from hypothesis import HealthCheck, given, seed, settings

import go_plugin
import golden
import plain_plugin
import plugin_requests
from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import parity
from protolith.errors import LayoutError
from protolith.options import message_options

COMPILED = [case for case in golden.cases() if case.status != "protoc_error"]
TABLES = [
    case
    for case in COMPILED
    if not case.has_request and case.status == "files" and "single" not in case.row["params"]
]
SEED = int(os.environ.get("PROTOLITH_SEED") or secrets.randbelow(2**32))
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
    sys.stdout.write(f"to try the same examples again: PROTOLITH_SEED={SEED}\n")


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


def test_over_budget_is_an_error_in_the_response() -> None:
    request = golden.by_id("complete_graph_5").request()
    answer = parity.convert_request(request, budget=parity.Budget(columns=20))
    response = plugin_pb2.CodeGeneratorResponse.FromString(answer)
    assert response.error.startswith(
        "Failed to convert main.proto: the schema has more than 20 col"
    )
    assert response.supported_features == 3
    assert not response.file


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
for kind in ("FieldOptions", "MessageOptions"):
    extendee = f".google.protobuf.{kind}"
    file.extension.add(name=f"of_{kind}", number=1021, type=5, label=1, extendee=extendee)
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


def two_files(parameter: str) -> plugin_pb2.CodeGeneratorRequest:
    """Files a and b; messages p.a.First and p.b.First, and each package has a message Part."""
    request = plugin_pb2.CodeGeneratorRequest(parameter=parameter)
    for name in ("a", "b"):
        request.file_to_generate.append(f"{name}.proto")
        file = request.proto_file.add(name=f"{name}.proto", package=f"p.{name}")
        file.message_type.add(name="First")
        part = file.message_type.add(name="Part")
        part.field.add(name=f"of_{name}", number=1, label=1, type=9)
    return request


def columns_by_file(request: plugin_pb2.CodeGeneratorRequest) -> dict[str, list[dict[str, Any]]]:
    answer = parity.answer_request(request.SerializeToString())
    assert answer.error is None
    return {name: json.loads(text) for name, text in answer.files}


def test_single_message_takes_options_away_for_the_files_that_come_later() -> None:
    request = two_files("single-message")
    first, second = (file.message_type[0] for file in request.proto_file)
    for message, other in ((first, ".p.b.First"), (second, ".p.a.First")):
        message.field.add(name="snake_case", json_name="camelCase", number=1, label=1, type=9)
        message.field.add(name="other", number=2, label=1, type=11, type_name=other)
        message.options.MergeFromString(b"\xea\x3f\x02\x10\x01")  # use_json_names
    found = columns_by_file(request)
    (own, inside), (later, earlier) = (
        (columns[0]["name"], columns[1]["fields"][0]["name"]) for columns in found.values()
    )
    assert (own, inside) == ("snake_case", "camelCase")
    assert (later, earlier) == ("snake_case", "snake_case")


def test_a_relative_name_belongs_to_the_file_that_is_converted() -> None:
    request = two_files("")
    shared = request.proto_file[0].message_type.add(name="Shared")
    shared.options.MergeFromString(b"\xea\x3f\x11\x1a\x0fx:RECORD:Part:m")  # extra_fields
    for file in request.proto_file:
        message = file.message_type[0]
        message.field.add(name="s", number=1, label=1, type=11, type_name=".p.a.Shared")
        message.options.MergeFromString(b"\xea\x3f\x03\x0a\x01t")  # table_name
    names = [
        columns[0]["fields"][0]["fields"][0]["name"]
        for columns in columns_by_file(request).values()
    ]
    assert names == ["of_a", "of_b"]
