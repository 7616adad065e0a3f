"""The design's budgets and words, held by the code itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import protolith

SOURCE = Path(protolith.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
BANNED = {"utils", "core", "services", "models", "managers", "helpers", "common", "misc"}
BANNED_PREFIXES = ("do_", "process_", "handle_", "manage_")


def _functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_budgets_see_the_whole_package() -> None:
    assert len(FILES) > 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_files_and_functions_are_short(file: Path) -> None:
    lines = len(file.read_text().splitlines())
    dialect = file.parent.name == "dialects"
    assert lines <= (200 if dialect else 400)
    for function in _functions(file):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        length = (function.end_lineno or 0) - body[0].lineno + 1 if body else 0
        assert length <= 40, f"{file.name}:{function.name} has {length} lines"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_names_say_what_a_thing_is(file: Path) -> None:
    assert not BANNED & set(file.relative_to(SOURCE).with_suffix("").parts)
    for function in _functions(file):
        assert not function.name.lstrip("_").startswith(BANNED_PREFIXES), function.name


def test_only_the_engines_import_googles_client() -> None:
    """What import-linter cannot say of a part of a package."""
    users = {file.parent.name for file in FILES if "from google.cloud import" in file.read_text()}
    assert users == {"engines"}


def test_each_public_name_can_be_imported() -> None:
    assert len(protolith.__all__) > 40
    for name in protolith.__all__:
        assert getattr(protolith, name).__module__.startswith("protolith.")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute nothing"):
        protolith.nothing  # noqa: B018
