"""What the real plugin is asked, and what is made of its answer; stand-ins play the plugin."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import go_plugin
from plugin_programs import Programs
from protolith import compile_protos
from protolith.compiler.plugins import PLUGIN, PLUGIN_LIMITS
from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import parity
from protolith.dialects.bigquery.driven import (
    check_converter,
    convert_with_plugin,
    schema_columns,
)
from protolith.errors import (
    CompilerRejectedError,
    LayoutError,
    MalformedError,
    NotFoundError,
    ProtocExecutionError,
    SchemaTooComplexError,
)

HEAD = 'syntax = "proto3"; package p.q; import "bq_table.proto"; import "bq_field.proto";'


def table(message: str, name: str, fields: str = "string a = 1;") -> str:
    option = f"option (gen_bq_schema.bigquery_opts).table_name = '{name}';"
    return f"message {message} {{ {option if name else ''} {fields} }}\n"


TWO = HEAD + """
enum Color { NONE = 0; }
// Who it is.
message User {
  option (gen_bq_schema.bigquery_opts).table_name = "users";
  string name = 1; // Given, not taken: <é>
  Color color = 2; repeated int64 numbers = 3 [(gen_bq_schema.bigquery).require = true];
  map<string, User> friends = 4;
}
message Order {
  option (gen_bq_schema.bigquery_opts).table_name = "orders";
  int64 id = 1;
}
message Plain { string x = 1; message Inner { string y = 1; } }
"""  # fmt: skip


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Programs(folder, monkeypatch)


@pytest.fixture(scope="module")
def two() -> DescriptorSet:
    return compile_protos(TWO)


def check_both_ways(descriptors: DescriptorSet) -> None:
    for message in ("User", "p.q.Order"):
        for enums in (False, True):
            text = convert_with_plugin(descriptors, message, enum_as_string=enums)
            assert text == parity.schema_text(descriptors, message, enum_as_string=enums)
            driven, own = (
                schema_columns(descriptors, message, converter, enum_as_string=enums)
                for converter in ("protoc", "protolith")
            )
            assert driven == own == json.loads(text)


def test_our_own_plugin_driven_gives_what_the_library_gives(
    two: DescriptorSet, programs: Programs
) -> None:
    programs.ours()
    check_both_ways(two)


def test_the_real_plugin_driven_gives_what_the_library_gives(
    two: DescriptorSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(go_plugin.required()).parent
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    check_both_ways(two)


def test_a_table_without_columns_is_an_empty_list(programs: Programs) -> None:
    programs.ours()
    descriptors = compile_protos(HEAD + table("M", "t", fields=""))
    assert convert_with_plugin(descriptors) == b"null\n"
    assert schema_columns(descriptors, "M", "protoc") == []


@pytest.mark.parametrize("message", ["Plain", "p.q.Plain.Inner"])
def test_a_message_without_the_option_is_no_table(
    message: str, two: DescriptorSet, programs: Programs
) -> None:
    programs.answering([])
    with pytest.raises(ProtocExecutionError, match="it has no table_name") as caught:
        schema_columns(two, message, "protoc")
    assert "table_name, or use Protolith's own converter" in str(caught.value.hint)
    assert schema_columns(two, message)


def test_a_file_without_the_option_gives_no_table(programs: Programs) -> None:
    programs.ours()
    with pytest.raises(ProtocExecutionError, match=f"{PLUGIN} wrote no table") as caught:
        convert_with_plugin(compile_protos(HEAD + table("M", "")))
    assert caught.value.hint


def test_of_several_tables_one_must_be_chosen(two: DescriptorSet, programs: Programs) -> None:
    programs.ours()
    with pytest.raises(ProtocExecutionError) as caught:
        convert_with_plugin(two)
    expected = f"{PLUGIN} wrote 2 tables: p/q/orders.schema, p/q/users.schema"
    assert caught.value.message == expected
    assert caught.value.hint == "choose one, for example --message p.q.User"


def test_the_only_table_of_several_files_needs_no_choice(programs: Programs) -> None:
    programs.ours()
    files = {"a.proto": HEAD + table("A", "t"), "b.proto": 'syntax = "proto3"; message B {}'}
    with pytest.raises(ProtocExecutionError, match="no such package found: $") as caught:
        convert_with_plugin(compile_protos(files))
    assert "wants a package" in str(caught.value.hint)
    files["b.proto"] = 'syntax = "proto3"; package b; message B {}'
    assert b'"a"' in convert_with_plugin(compile_protos(files))


def test_only_the_file_of_the_message_is_converted(programs: Programs) -> None:
    programs.ours()
    files = {"a.proto": HEAD + table("A", "t"), "b.proto": 'syntax = "proto3"; message B {}'}
    assert schema_columns(compile_protos(files), "A", "protoc")


def test_an_unknown_message_is_not_found(two: DescriptorSet, programs: Programs) -> None:
    programs.ours()
    with pytest.raises(NotFoundError, match="no message 'Nobody'"):
        schema_columns(two, "Nobody", "protoc")


def test_a_plugin_with_other_names_is_told(two: DescriptorSet, programs: Programs) -> None:
    programs.answering([("users.schema", "[]")])
    with pytest.raises(ProtocExecutionError) as caught:
        convert_with_plugin(two, "User")
    expected = f"{PLUGIN} did not write 'p/q/users.schema', but users.schema"
    assert caught.value.message == expected


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "[\x1b]"])
def test_a_plugin_that_writes_no_json(text: str, two: DescriptorSet, programs: Programs) -> None:
    programs.answering([("p/q/users.schema", text)])
    with pytest.raises(ProtocExecutionError, match=f"{PLUGIN} gave no JSON"):
        schema_columns(two, "User", "protoc")


def test_what_the_plugin_refuses_it_says_itself(programs: Programs) -> None:
    options = "option (gen_bq_schema.bigquery_opts).extra_fields = 'x:RECORD:Missing';"
    descriptors = compile_protos(HEAD + table("M", "t", f"{options} int32 a = 1;"))
    with pytest.raises(LayoutError):
        schema_columns(descriptors, "M")
    programs.ours()
    with pytest.raises(ProtocExecutionError) as caught:
        schema_columns(descriptors, "M", "protoc")
    expected = "Failed to convert schema.proto: no such message type named Missing"
    assert caught.value.message == expected


@pytest.fixture
def never(programs: Programs, tmp_path: Path) -> Path:
    """A file that is there if the plugin has run."""
    programs.answering([], f"touch {tmp_path}/ran")
    return tmp_path / "ran"


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["../../../evil"], "leads out of the output folder"),
        (["a/../b"], "leads out of the output folder"),
        ([r"a\\b"], "has a NUL or a backslash in its name"),
        (["t", "t"], "is written twice"),
        (["a/t", "a/./t"], "is written twice"),
        (["fine", "../x"], "leads out of the output folder"),
    ],
)
def test_names_are_checked_before_it_runs(names: list[str], fault: str, never: Path) -> None:
    text = "".join(table(f"M{number}", name) for number, name in enumerate(names))
    with pytest.raises(ProtocExecutionError, match=fault) as caught:
        schema_columns(compile_protos(HEAD + text), "M0", "protoc")
    assert "table_name" in str(caught.value.hint)
    assert not never.exists()


def lattice(last: str) -> str:
    """Messages N0 to N40, each with the next one twice."""
    links = "".join(f"message N{n} {{ N{n + 1} a = 1; N{n + 1} b = 2; }}" for n in range(40))
    return f"{links} message N40 {{ {last} }}"


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("string x = 1;", "more than 100,000 columns"),
        ("", "would go through 2,199,023,255,551 fields for p.q.M; at most 300,000 are accepted"),
    ],
)
def test_the_budget_is_checked_before_it_runs(last: str, reason: str, never: Path) -> None:
    text = HEAD + table("M", "t", "N0 n = 1;") + lattice(last)
    with pytest.raises(SchemaTooComplexError, match=reason) as caught:
        schema_columns(compile_protos(text), "M", "protoc")
    assert "ignore" in str(caught.value.hint)
    assert not never.exists()


def test_also_for_tables_beside_the_one_that_is_wanted(never: Path) -> None:
    text = HEAD + table("M", "t") + table("N", "u", "N0 n = 1;") + lattice("")
    with pytest.raises(SchemaTooComplexError, match=r"fields for p\.q\.N;"):
        schema_columns(compile_protos(text), "M", "protoc")
    assert not never.exists()


def test_the_limits_can_be_set(two: DescriptorSet, programs: Programs) -> None:
    programs.script("sleep 60")
    with pytest.raises(CompilerRejectedError, match="wall time"):
        convert_with_plugin(two, "User", limits=replace(PLUGIN_LIMITS, wall_seconds=0.3))


def test_converters_have_names() -> None:
    assert [check_converter(name) for name in ("protoc", "protolith")] == ["protoc", "protolith"]
    with pytest.raises(MalformedError, match="no converter 'buf'") as caught:
        check_converter("buf")
    assert caught.value.hint == "one of protolith, protoc"
