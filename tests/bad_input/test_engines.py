"""Engines that cannot be opened, and tables that cannot be made in them."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bad_input.ways import Command, Python, Refusal, Rest, Way, refused
from bad_input.worlds import FLAT, World, unchanged
from conftest import ORDER, delimited
from protolith import SchemaRegistry
from protolith.web.app import create_app

OTHER = "mend, drop or rename that table, or register under another table name"
SAME_NAME = "choose another name: upper and lower case are the same to DuckDB"
HELD = "perhaps `protolith serve` has it: stop it or ask it"
HOLDER = """
import sys
from protolith import SchemaRegistry
with SchemaRegistry(sys.argv[1]) as registry:
    registry.engine(sys.argv[2])
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_table_of_that_name_with_other_columns(way: Way) -> None:
    alter = 'mended by: ALTER TABLE "shop"."taken"'
    relax, cast = 'ALTER COLUMN "a" DROP NOT NULL', 'ALTER COLUMN "a" TYPE VARCHAR'
    places = (
        f'a: is INTEGER, should be VARCHAR; {alter} {relax}; ALTER TABLE "shop"."taken" {cast}',
        f'b: is missing; {alter} ADD COLUMN "b" BIGINT',
        f'z: is not in the schema, and mending can lose values; {alter} DROP COLUMN "z"',
    )
    message = "duckdb: the table shop.taken is another one"
    assert way.create("shop.taken", "duckdb") == Refusal("CONFLICT", message, OTHER, places)


def test_the_table_of_another_version(way: Way) -> None:
    message = "duckdb: the table shop.orders is another one"
    place = "note: is not in the schema, and mending can lose values; mended by: ALTER TABLE "
    place += '"shop"."orders" DROP COLUMN "note"'
    expected = Refusal("CONFLICT", message, OTHER, (place,))
    assert way.create("shop.orders@1", "duckdb") == expected


@pytest.mark.parametrize(
    ("subject", "what"),
    [
        ("shop.Orders", "table shop.orders"),
        ("SHOP.taken", "schema shop"),
        ("shop.seen", "view shop.seen"),
    ],
)
def test_something_else_in_the_place_of_the_table(way: Way, subject: str, what: str) -> None:
    message = f"duckdb: the {what} is in the place of {subject}"
    assert way.create(subject, "duckdb") == Refusal("CONFLICT", message, SAME_NAME, ())


@contextmanager
def held(home: Path, engine: str) -> Iterator[None]:
    """Another process that has an engine open."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), engine],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        yield
        holder.communicate()
    assert holder.returncode == 0


def bytes_below(home: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def all_ways(home: Path, command: Command) -> Iterator[Way]:
    folder = command.folder
    with SchemaRegistry(home) as registry:
        yield Python(registry, folder)
    with TestClient(create_app(home)) as client:
        yield Rest(client)
    yield Command(home, folder, command.capture, command.patch)


@pytest.mark.parametrize(
    ("engine", "what"),
    [("duckdb", "tables.duckdb"), ("clickhouse", "the folder clickhouse")],
)
def test_an_engine_that_another_process_has_open(
    furnished: Path,
    tmp_path: Path,
    command: Command,
    engine: str,
    what: str,
) -> None:
    home = shutil.copytree(furnished, tmp_path / "locked_home")
    expected = Refusal("ENGINE_UNAVAILABLE", f"{what} is open in another process", HELD, ())
    with held(home, engine):
        before = bytes_below(home)
        for way in all_ways(home, command):
            assert way.create("shop.orders@1", engine) == expected
            if engine == "duckdb":
                assert way.ingest("shop.orders", delimited(b"\x0a\x01a")) == expected
        assert command.capture.readouterr() == ("", "")
        assert bytes_below(home) == before


@pytest.mark.parametrize("content", [b"", b"this is not DuckDB's " * 1_000])
def test_a_duckdb_file_that_is_none(tmp_path: Path, command: Command, content: bytes) -> None:
    home = tmp_path / "broken_home"
    with SchemaRegistry(home) as registry:
        registry.register_schema(FLAT, "flat")
    (home / "tables.duckdb").write_bytes(content)
    before = bytes_below(home)
    for way in all_ways(home, command):
        refusal = way.create("bigquery_lite.flat", "duckdb")
        assert refusal.code == "ENGINE_UNAVAILABLE"
        assert refusal.message.startswith("DuckDB cannot open tables.duckdb: IO Error: ")
        assert refusal.hint == "put a copy of it back, or move it away"
    assert bytes_below(home) == before


def test_a_clickhouse_folder_that_is_none(tmp_path: Path, command: Command) -> None:
    home = tmp_path / "broken_home"
    with SchemaRegistry(home) as registry:
        registry.register_schema(FLAT, "flat")
    (home / "clickhouse").write_bytes(b"")
    before = bytes_below(home)
    for way in all_ways(home, command):
        refusal = way.create("bigquery_lite.flat", "clickhouse")
        assert (refusal.code, refusal.message) == (
            "ENGINE_UNAVAILABLE",
            "ClickHouse cannot open the folder clickhouse",
        )
    assert bytes_below(home) == before


def test_a_second_registry_in_one_process(python: Python) -> None:
    """DuckDB would share the file with it, but under settings that nobody could lock again."""
    with SchemaRegistry(python.registry.home) as second:
        refusal = refused(lambda: second.create_table("shop.orders", "duckdb"))
    assert (refusal.code, refusal.hint) == (
        "ENGINE_UNAVAILABLE",
        "close the other registry first",
    )


def test_a_path_that_duckdb_would_misread(tmp_path: Path, command: Command) -> None:
    home = tmp_path / "what?home"
    with SchemaRegistry(home) as registry:
        registry.register_schema(FLAT, "flat")
    assert {path.name for path in tmp_path.glob("what*")} == {"what?home"}
    for way in all_ways(home, command):
        refusal = way.create("bigquery_lite.flat", "duckdb")
        assert refusal.message.startswith("DuckDB misreads the path of the data directory")
    assert {path.name for path in home.iterdir()} == {"registry.db"}


def test_clickhouse_refuses_alike(clickhouse_world: World) -> None:
    """One ClickHouse for all of it, since opening it takes a second."""
    registry = clickhouse_world.registry
    assert registry is not None
    name = "t" * 212
    for table, database in (("taken", "shop"), ("seen", "shop"), (name, "shop"), ("t", "d" * 212)):
        registry.register_schema(FLAT, table, database)
    registry.register_schema(FLAT.replace("string a", "string null"), "fine", "shop")
    inner = 'syntax = "proto3"; message M { N n = 1; message N { int32 null = 1; } }'
    registry.register_schema(inner, "inner", "shop")
    registry.register_schema(ORDER, "orders", "shop")
    registry.create_table("shop.orders", "clickhouse")
    registry.engine("clickhouse").run(
        [
            "CREATE TABLE shop.taken (a Int32, z String) ENGINE = MergeTree ORDER BY tuple()",
            "CREATE VIEW shop.seen AS SELECT '' AS a, 1 AS b",
        ]
    )
    cases = {
        "shop.taken": (
            "CONFLICT",
            "clickhouse: the table shop.taken is another one",
            (
                "a: is Int32, should be Nullable(String)",
                "b: is missing",
                "z: is not in the schema, and mending can lose values",
            ),
        ),
        "shop.seen": ("CONFLICT", "clickhouse: a View is in the place of shop.seen", ()),
        f"shop.{name}": (
            "LAYOUT_IMPOSSIBLE",
            f"shop.{name} cannot be a table in ClickHouse",
            ("the names of database and table have 216 characters together",),
        ),
        "shop.inner": (
            "LAYOUT_IMPOSSIBLE",
            "shop.inner cannot be a table in ClickHouse",
            ("n.null: ClickHouse reserves the name null inside a record",),
        ),
    }
    with unchanged(clickhouse_world):
        for subject, (code, message, places) in cases.items():
            refusal = refused(lambda s=subject: registry.create_table(s, "clickhouse"))  # type: ignore[misc]
            found = tuple(place.partition("; mended by: ALTER")[0] for place in refusal.places)
            assert (refusal.code, refusal.message, found) == (code, message, places)
            assert refusal.hint
        data = delimited(b"\x0a\x01a", b"\x08\x01")
        assert refused(lambda: registry.ingest("shop.orders", data)).code == "ROWS_REJECTED"
        for sql in ("", "SELEC", "SELECT 1; SELECT 2", "SELECT * FROM shop.nothing"):
            assert refused(lambda q=sql: registry.query("clickhouse", q)).code == "ENGINE_REFUSED"  # type: ignore[misc]
    assert registry.create_table("shop.fine", "clickhouse").created
    assert registry.create_table(f"{'d' * 212}.t", "clickhouse").created
