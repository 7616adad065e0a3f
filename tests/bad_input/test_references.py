"""Schemas, versions, tables and engines that are not there, or that could be several."""

import hashlib

import pytest

from bad_input.ways import Command, Python, Refusal, Rest, Way, refused
from conftest import ORDER
from protolith.dialects import names

AMBIGUOUS = f"orders_{hashlib.sha256(ORDER.encode()).hexdigest()[:12]}"
NOWHERE = "a schema id, database.table, or database.table@version"
NUMBER = "for example @3"
ENGINES = "one of duckdb, clickhouse, bigquery"
LONG = "x" * 5_000

# The reference, then the code, the message and the hint.
REFERENCES = [
    ("orders_123456789012", "NOT_FOUND", "no schema 'orders_123456789012'", NOWHERE),
    ("orders", "NOT_FOUND", "no schema 'orders'", NOWHERE),
    ("shop.nothing", "NOT_FOUND", "no schema 'shop.nothing'", NOWHERE),
    ("shop.ORDERS", "NOT_FOUND", "no schema 'shop.ORDERS'", NOWHERE),
    ("shop.orders@99", "NOT_FOUND", "no schema 'shop.orders@99'", NOWHERE),
    ("shop.orders@0", "NOT_FOUND", "'0' is not a version number", NUMBER),
    ("shop.orders@x", "NOT_FOUND", "'x' is not a version number", NUMBER),
    ("shop.orders@", "NOT_FOUND", "'' is not a version number", NUMBER),
    ("shop.orders@-1", "NOT_FOUND", "'-1' is not a version number", NUMBER),
    ("shop.orders@1.0", "NOT_FOUND", "'1.0' is not a version number", NUMBER),
    ("shop.orders@01", "NOT_FOUND", "'01' is not a version number", NUMBER),
    ("shop.orders@1_0", "NOT_FOUND", "'1_0' is not a version number", NUMBER),
    ("shop.orders@\u0661", "NOT_FOUND", "'\u0661' is not a version number", NUMBER),
    ("shop.orders@1@1", "NOT_FOUND", "no schema 'shop.orders@1@1'", NOWHERE),
    (f"shop.orders@{2**64}", "NOT_FOUND", f"'{2**64}' is not a version number", NUMBER),
    ("a' OR '1'='1", "NOT_FOUND", "no schema \"a' OR '1'='1\"", NOWHERE),
    ("%", "NOT_FOUND", "no schema '%'", NOWHERE),
    ("😀", "NOT_FOUND", "no schema '😀'", NOWHERE),
    ("a\nb", "NOT_FOUND", r"no schema 'a\nb'", NOWHERE),
    (LONG, "NOT_FOUND", f"no schema '{LONG[:100]}…'", NOWHERE),
    (
        AMBIGUOUS,
        "CONFLICT",
        f"{AMBIGUOUS} names several versions: copy.orders@1, shop.orders@1",
        "use one of these",
    ),
    (
        "a\0b",
        "MALFORMED_REQUEST",
        r"the schema id has the character '\x00' at position 2",
        "leave out control characters other than tab and line end, and lone surrogates",
    ),
]


@pytest.mark.parametrize("case", REFERENCES, ids=lambda case: ascii(case[0][:20]))
def test_a_reference_to_nothing(way: Way, case: tuple[str, str, str, str]) -> None:
    reference, code, message, hint = case
    expected = Refusal(code, message, hint, ())
    assert way.look(reference) == expected
    assert way.create(reference, "duckdb") == expected
    assert way.ingest(reference, b"", engine="duckdb") == expected


def test_a_reference_that_is_no_text(python: Python, command: Command) -> None:
    message = r"the schema id has the character '\udcff' at position 1"
    for way in (python, command):
        assert way.look("\udcff").message == message


@pytest.mark.parametrize(
    "name", ["nothing", "", "DuckDB", "duckdb; DROP", "../duckdb", "d\n", LONG]
)
def test_an_engine_that_is_not_there(way: Way, name: str) -> None:
    shown = repr(name) if len(name) < 100 else f"'{name[:100]}…'"
    expected = Refusal("NOT_FOUND", f"no engine {shown}", ENGINES, ())
    assert way.create("shop.orders", name) == expected
    assert way.ingest("shop.orders", b"", engine=name) == expected
    if isinstance(way, Python):
        assert refused(lambda: way.registry.query(name, "SELECT 1")) == expected
    if isinstance(way, Command):
        assert way.run("query", "SELECT 1", "--engine", name) == expected


@pytest.mark.parametrize("name", ["oracle", "", "base", "../duckdb", "bigquery.parity"])
def test_a_dialect_that_is_not_there(
    python: Python, command: Command, rest: Rest, name: str
) -> None:
    hint = f"one of {', '.join(names())}"
    expected = Refusal("NOT_FOUND", f"no dialect {name!r}", hint, ())
    assert refused(lambda: python.registry.ddl("shop.orders@1", name)) == expected
    (command.folder / "order.proto").write_text(ORDER)
    file = str(command.folder / "order.proto")
    assert command.run("translate", file, "--dialect", name) == expected
    if name and "/" not in name:
        path = f"/schemas/shop.orders@1/ddl/{name}"
        assert rest.client.get(path).json()["message"] == expected.message


def test_no_table_yet(way: Way) -> None:
    assert way.ingest("shop.taken", b"") == Refusal(
        "NOT_FOUND",
        "shop.taken has no table yet",
        "protolith create shop.taken --engine duckdb",
        (),
    )
    elsewhere = way.ingest("shop.orders", b"", engine="clickhouse")
    assert elsewhere.message == "shop.orders has no table in clickhouse yet"
    assert elsewhere.hint == "protolith create shop.orders --engine clickhouse"


def test_no_message_to_decode(way: Way) -> None:
    refusal = way.ingest("shop.plain", b"")
    assert refusal.code == "LAYOUT_IMPOSSIBLE"
    assert refusal.message == "shop.plain@1 was registered as a JSON schema: it has no message"
    assert refusal.hint == "register the .proto file under this table name"


def test_no_file_of_records(command: Command) -> None:
    (command.folder / "empty").mkdir()
    for name, why in (
        ("nothing", "cannot be read: No such file or directory"),
        (str(command.folder / "empty"), "has no files"),
        ("nothing-*", "has no files"),
    ):
        message = f"{name!r} {why}"
        refusal = command.run("ingest", name, "--subject", "shop.orders")
        assert (refusal.code, refusal.message) == ("NOT_FOUND", message)


def test_no_files_to_pull(command: Command) -> None:
    refusal = command.run("pull", "shop.plain")
    assert refusal.message == "shop.plain was registered without .proto files"
