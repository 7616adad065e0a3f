"""The revisions of the tables: upwards from every format, and the same as the tables in code."""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from postgres import PostgresServer, postgres
from protolith import SchemaRegistry, SchemaRegistryError
from protolith.store import KeptMode, SQLiteStore, identities, schema, scopes
from protolith.store.postgres import _url
from protolith.store.sqlite import FILE
from protolith.store.tables import FORMAT, METADATA

__all__ = ["postgres"]

STORES = Path(__file__).parents[1] / "testdata" / "stores"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data directory as format 1 had it, written by the Protolith of that time."""
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.executescript((STORES / "format-1.sql").read_text())
    return tmp_path


def rows(file: Path, table: str) -> list[dict[str, object]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(f"SELECT * FROM {table}").fetchall()
    return sorted(({k: row[k] for k in row.keys()} for row in found), key=repr)  # noqa: SIM118


def test_an_older_file_opens_with_everything_in_it(old: Path) -> None:
    tables = ("schemas", "schema_versions", "schema_files", "schema_engine_tables")
    before = {table: rows(old / FILE, table) for table in tables}
    assert [len(found) for found in before.values()] == [5, 7, 5, 2]
    SQLiteStore(old).close()
    for table, found in before.items():
        after = rows(old / FILE, table)
        assert [{k: row[k] for k in found[0]} for row in after] == found
        assert rows(old / f"{FILE}.format-1", table) == found


@pytest.mark.parametrize("number", range(1, FORMAT))
def test_files_of_every_format_open(old: Path, number: int) -> None:
    """Those since the second say by themselves which revision they have."""
    engine = create_engine(f"sqlite:///{old / FILE}")
    with engine.begin() as connection:
        schema.upgrade(connection, stamped=1, wanted=f"{number:04}")
        connection.execute(text(f"PRAGMA user_version = {number}"))
    engine.dispose()
    store = SQLiteStore(old)
    assert store.find("shop.orders@1").id == 1
    store.close()
    assert rows(old / FILE, "alembic_version") == [{"version_num": f"{FORMAT:04}"}]
    assert (old / f"{FILE}.format-{number}").exists()


def test_an_older_file_gets_ids_fields_and_last_numbers(old: Path) -> None:
    store = SQLiteStore(old)
    first, copy_ = store.find("shop.orders@1"), store.find("copy.orders")
    assert (first.id, first.guid) == (copy_.id, copy_.guid)
    assert sorted({v.id for n in range(1, 7) for v in store.find_id(n)}) == [1, 2, 3, 4, 5, 6]
    assert uuid.UUID(first.guid).version == 5
    with SchemaRegistry(old) as registry:
        assert registry.get_schema_version("shop.orders@1").version == 1
        again = registry.register_schema(first.proto_content or "", "orders", "shop")
        assert again == first.schema_id
        assert registry.register_schema('syntax = "proto3"; message M { int32 a = 1; }', "new", "e")
    assert store.find("e.new").id == 7
    with store.reading() as connection:
        found = connection.execute(text("SELECT path FROM schema_fields WHERE schema_id='shop.b'"))
        assert found.scalars().all() == ["a", "a.x"]
        last = connection.execute(text("SELECT last_version FROM schemas ORDER BY schema_id"))
        assert last.scalars().all() == [1, 2, 1, 1, 2, 1]
    store.close()


def test_ids_still_never_come_back_after_an_upgrade(old: Path) -> None:
    """A rebuild of a table forgets AUTOINCREMENT unless it is told."""
    SQLiteStore(old).close()
    with closing(sqlite3.connect(old / FILE)) as connection:
        for table in ("schema_contents", "audit"):
            sql = "SELECT sql FROM sqlite_master WHERE name = ?"
            assert "AUTOINCREMENT" in connection.execute(sql, (table,)).fetchone()[0]


def test_a_file_of_format_3_keeps_its_modes_and_deletions(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.executescript((STORES / "format-3.sql").read_text())
    store = SQLiteStore(tmp_path)
    assert store.mode("shop.orders") == (True, KeptMode("FULL", ("wire",), "confluent"))
    assert store.find("shop.orders@1", deleted=True).deleted
    found = store.find("shop.orders")
    assert (found.subject, found.version, found.metadata) == ("shop.orders", 2, None)
    store.close()


def test_in_a_file_of_format_4_nobody_is_known(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.executescript((STORES / "format-4.sql").read_text())
    store = SQLiteStore(tmp_path)
    assert store.ask(scopes.read_setting, "config", "shop.orders") == {"compatibility": "FULL"}
    assert store.ask(identities.read_tokens) == store.ask(identities.read_users) == []
    store.close()


def test_an_upgrade_that_fails_changes_nothing(old: Path) -> None:
    with closing(sqlite3.connect(old / FILE)) as connection:
        connection.execute("INSERT INTO schema_files VALUES ('no.such@1', 'a', x'')")
        connection.commit()
    before = rows(old / FILE, "schema_versions")
    with pytest.raises(SchemaRegistryError, match="schema_versions is missing") as caught:
        SQLiteStore(old)
    assert "is a copy" in str(caught.value.hint)
    assert rows(old / FILE, "schema_versions") == before
    with closing(sqlite3.connect(old / FILE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_the_format_is_the_newest_revision() -> None:
    script = ScriptDirectory(str(Path(schema.__file__).parent))
    assert script.get_current_head() == f"{FORMAT:04}"
    assert [revision.revision for revision in script.walk_revisions()][::-1] == [
        f"{number:04}" for number in range(1, FORMAT + 1)
    ]


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, METADATA))


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'new.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = _url(server.database()).render_as_string(hide_password=False)
    engine = create_engine(url)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def test_the_revisions_make_the_tables_of_the_code(connection: Connection) -> None:
    schema.upgrade(connection)
    assert differences(connection) == []
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    assert found == [f"{FORMAT:04}"]


def test_new_tables_are_those_of_the_code(connection: Connection) -> None:
    schema.create(connection)
    assert differences(connection) == []


def test_an_upgraded_file_has_the_tables_of_the_code(old: Path) -> None:
    SQLiteStore(old).close()
    engine = create_engine(f"sqlite:///{old / FILE}")
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()
    assert json.loads(rows(old / FILE, "schema_engine_tables")[0]["layout"]) == {}  # type: ignore[arg-type]
