"""Names that are no identifiers, wherever a name is taken."""

import pytest

from bad_input.ways import Command, Python, Rest, Way, refused
from protolith import SchemaTranslator

FILES = {"m.proto": b'syntax = "proto3"; message M { int32 a = 1; }'}
FIELDS = [{"name": "a", "type": "STRING"}]
HINT = "letters, digits and _, not starting with a digit, at most 300 characters"

# Each with how it is shown.
NAMES = {
    "quote": ("a'b", '"a\'b"'),
    "double quote": ('a"b', "'a\"b'"),
    "backtick": ("a`b", "'a`b'"),
    "semicolon": ("a;b", "'a;b'"),
    "injection": ('x"; DROP TABLE orders; --', "'x\"; DROP TABLE orders; --'"),
    "comment": ("a--", "'a--'"),
    "slash": ("a/b", "'a/b'"),
    "path": ("../../etc/passwd", "'../../etc/passwd'"),
    "backslash": ("a\\b", r"'a\\b'"),
    "dot": ("a.b", "'a.b'"),
    "at": ("a@1", "'a@1'"),
    "hyphen": ("a-b", "'a-b'"),
    "space": ("a b", "'a b'"),
    "blank": (" ", "' '"),
    "digit first": ("1a", "'1a'"),
    "letter of another script": ("größe", r"'gr\xf6\xdfe'"),
    "digit of another script": ("a\u0661", r"'a\u0661'"),
    "look-alike": ("\u0430dmin", r"'\u0430dmin'"),
    "emoji": ("a😀", r"'a\U0001f600'"),
    "right to left": ("a\u202eb", r"'a\u202eb'"),
    "newline": ("a\nb", r"'a\nb'"),
    "newline last": ("a\n", r"'a\n'"),
    "escape": ("a\x1b[2J", r"'a\x1b[2J'"),
    "NUL": ("a\0b", r"'a\x00b'"),
    "template": ("{a}", "'{a}'"),
    "parameter": ("%s", "'%s'"),
    "301 characters": ("x" * 301, f"'{'x' * 40}\\u2026'"),
    "a megabyte": ("x" * 1_000_000, f"'{'x' * 40}\\u2026'"),
}


@pytest.mark.parametrize("what", ["table", "database"])
@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES)
def test_a_name_that_is_no_identifier(way: Way, what: str, name: str, shown: str) -> None:
    refusal = way.register(FILES, **{"table_name": "t", f"{what}_name": name})
    assert (refusal.code, refusal.message) == ("NAME_INVALID", f"{shown} is not a {what} name")
    assert (refusal.hint, refusal.places) == (HINT, ())


@pytest.mark.parametrize("what", ["table", "database"])
@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES)
def test_names_beside_a_json_schema(
    python: Python, rest: Rest, what: str, name: str, shown: str
) -> None:
    names = {"table_name": "t", "database_name": "d", f"{what}_name": name}
    expected = ("NAME_INVALID", f"{shown} is not a {what} name", HINT)
    for refusal in (
        refused(lambda: python.registry.register_json(FIELDS, **names)),
        refused(lambda: SchemaTranslator().translate_to_duckdb_ddl(FIELDS, **names)),
        refused(lambda: SchemaTranslator().translate_to_clickhouse_ddl(FIELDS, **names)),
        rest.post("/schemas/register-json", json={"schema_json": FIELDS} | names),
    ):
        assert (refusal.code, refusal.message, refusal.hint) == expected


@pytest.mark.parametrize("what", ["table", "database"])
def test_names_on_the_command_line_alone(command: Command, what: str) -> None:
    """No name at all, and bytes that are no UTF-8, as Python gives them to a program."""
    for name, shown in (("", "''"), ("a\udcff", r"'a\udcff'")):
        refusal = command.register(FILES, **{f"{what}_name": name})
        assert (refusal.code, refusal.message) == ("NAME_INVALID", f"{shown} is not a {what} name")
        file = str(command.folder / "m.proto")
        again = command.run("translate", file, "--dialect=duckdb", f"--{what}={name}")
        assert again == refusal


@pytest.mark.parametrize(
    ("text", "shown", "position"),
    [("a\0", r"'\x00'", 2), ("\x1b[31m", r"'\x1b'", 1), ("x\x7f", r"'\x7f'", 2)],
)
def test_a_description_with_control_characters(
    way: Way, text: str, shown: str, position: int
) -> None:
    refusal = way.register(FILES, description=text)
    assert refusal.code == "MALFORMED_REQUEST"
    assert refusal.message == f"the description has the character {shown} at position {position}"
    assert "leave out control characters" in str(refusal.hint)


def test_a_description_with_a_lone_surrogate(python: Python, command: Command) -> None:
    refusal = python.register(FILES, description="a\ud800")
    assert refusal.message == r"the description has the character '\ud800' at position 2"
    assert command.register(FILES, description="a\ud800") == refusal
    again = refused(
        lambda: python.registry.register_json(FIELDS, "t", "d", description="a\ud800"),
    )
    assert again == refusal


@pytest.mark.parametrize("database", ["system", "information_schema"])
@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
def test_a_database_that_belongs_to_the_engine(way: Way, database: str, engine: str) -> None:
    refusal = way.create(f"{database}.taken", engine)
    shown, what = ("DuckDB", "schema") if engine == "duckdb" else ("ClickHouse", "database")
    assert refusal.code == "LAYOUT_IMPOSSIBLE"
    assert refusal.message == f"{database}.taken cannot be a table in {shown}"
    assert refusal.places == (f"the {what} {database} is its own",)
