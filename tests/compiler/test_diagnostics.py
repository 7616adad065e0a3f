import logging

import pytest

from protolith.compiler import compile_protos
from protolith.compiler.diagnostics import Submission, compile_error
from protolith.errors import CompileError

HEAD = 'syntax = "proto3";'


def failure(files: str | dict[str, str]) -> CompileError:
    with pytest.raises(CompileError) as caught:
        compile_protos(files)
    return caught.value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"{HEAD}\nmessage M {{ string a = 1 }}", '2:26: Expected ";".'),
        (f"{HEAD}\nmessage M {{ Foo f = 1; }}", '2:13: "Foo" is not defined.'),
        (f"{HEAD}\nmessage M {{ string a = 1; int32 a = 2; }}", '2:33: "a" is already defined in '),
        (f"{HEAD} enum E {{ A = 1; }}", "1:33: The first enum value must be zero "),
        (f"{HEAD}\nmessage M {{ string s = 1; // '\n", "3:1: Reached end of input in message "),
        (f"{HEAD}\n option java_package = 'x", "2:26: Unexpected end of string."),
        (f"{HEAD}\n /* x", "2:6: End-of-file inside block comment."),
        ("message M {" * 32 + "}" * 32, "1:342: Reached maximum recursion limit"),
        ("nonsense", "1:1: Expected top-level statement "),
    ],
)
def test_each_error_has_its_place(text: str, place: str) -> None:
    error = failure({"acme/orders.proto": text})
    assert error.message.startswith("acme/orders.proto does not compile: ")
    assert place in str(error.details[0])
    assert {detail.file for detail in error.details} == {"acme/orders.proto"}
    assert all(detail.line and detail.column for detail in error.details)


def test_all_errors_are_told() -> None:
    error = failure({"o.proto": f"{HEAD} message M {{\n Foo f = 1;\n Bar b = 1;\n}}"})
    assert str(error) == (
        "o.proto does not compile: 2 errors\n"
        '  o.proto:2:2: "Foo" is not defined.\n'
        '  o.proto:3:2: "Bar" is not defined.'
    )
    assert error.hint is not None
    assert "import the file" in error.hint


def test_an_error_without_a_place_names_its_file() -> None:
    error = failure({"o.proto": f"{HEAD} message M {{ string a = 19000; }}"})
    assert str(error.details[0]).startswith("o.proto: Field numbers 19000 through 19999 are ")


def test_one_error_is_singular() -> None:
    error = failure({"o.proto": f"{HEAD} message M {{ Foo f = 1; }}"})
    assert error.message == "o.proto does not compile: 1 error"


def test_at_most_a_hundred_are_told() -> None:
    fields = "".join(f"Foo f{n} = {n};" for n in range(1, 151))
    error = failure(f"{HEAD} message M {{ {fields} }}")
    assert error.message == "schema.proto does not compile: 150 errors"
    assert len(error.details) == 100


def test_a_missing_import_is_named_once_and_where_it_stands() -> None:
    error = failure({"o.proto": f'{HEAD}\nimport "acme/common.proto";'})
    assert [str(detail) for detail in error.details] == [
        'o.proto:2:1: Import "acme/common.proto" was not found or had errors.'
    ]
    assert error.hint == (
        "send the file acme/common.proto too; "
        "google/protobuf, google/type, confluent, bq_table.proto, bq_field.proto are known here"
    )


def test_an_import_that_starts_from_another_folder_is_hinted_at() -> None:
    files = {"o.proto": f'{HEAD} import "common.proto";', "protos/common.proto": HEAD}
    assert failure(files).hint == (
        "protos/common.proto is there: imports are relative to the top folder of what is sent"
    )


def test_an_import_with_errors_is_not_called_missing() -> None:
    error = failure({"a.proto": f'{HEAD} import "b.proto";', "b.proto": "message {"})
    assert error.message == "2 files do not compile: 2 errors"
    assert str(error.details[0]).startswith("b.proto:1:9: ")
    assert error.hint is None


def test_a_circle_of_imports_is_explained() -> None:
    error = failure(
        {"a.proto": f'{HEAD} import "b.proto";', "b.proto": f'{HEAD} import "a.proto";'}
    )
    assert "a.proto -> b.proto -> a.proto" in error.details[0].text
    assert error.hint is not None
    assert "in a circle" in error.hint


def test_the_submitted_name_is_shown_and_safe() -> None:
    error = failure({"../\x1b[31m größe.proto": f"{HEAD} message M {{}} message M {{}}"})
    shown = r"../\x1b[31m größe.proto"
    assert str(error) == (
        f'{shown} does not compile: 1 error\n  {shown}:1:41: "M" is already defined.'
    )


@pytest.mark.parametrize("name", ["../x.proto", "/etc/x.proto", "a//b.proto"])
def test_an_import_that_is_no_path_is_explained(name: str) -> None:
    error = failure(f'{HEAD} import "{name}";')
    assert error.hint is not None
    assert error.hint.startswith("an import is a path from the top folder")


def test_what_a_terminal_would_obey_is_escaped() -> None:
    error = failure(rf'{HEAD} import "x\033[31m\nE1125 10:00:00.0 y";')
    assert "\x1b" not in str(error)
    assert r"\x1b[31m" in str(error)


def test_warnings_are_not_errors() -> None:
    unused = f'{HEAD} import "google/protobuf/any.proto"; message lower {{ }}'
    assert compile_protos(unused).message("lower")
    assert failure(unused + "message lower {}").message.endswith(" 1 error")


def test_lines_of_the_compilers_log_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    output = (
        "F1125 02:48:33.036310    5266 command_line_interface.cc:1259] Check failed: x\n"
        "*** Check failure stack trace: ***\n"
        "f.proto:1:2: warning: odd\n"
        "f.proto: text\n"
        "f.proto:3:4:   more\n"
        "neither\n"
    )
    with caplog.at_level(logging.WARNING):
        error = compile_error(output, Submission({"f.proto": "a b.proto"}, ()), 100)
    assert [str(detail) for detail in error.details] == [
        "a b.proto: text",
        "a b.proto:3:4: more",
        "neither",
    ]
    assert "command_line_interface.cc" in caplog.text
