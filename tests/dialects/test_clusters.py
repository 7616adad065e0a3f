"""Statements for a cluster, read by a real ClickHouse, which has none to run them on."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings

from dialects.contract import HOSTILE
from dialects.random_tables import NAMES
from migrations.tables import pairs
from protolith import Column, Table
from protolith.engines import Engine, open_engine
from protolith.errors import ConflictError, EngineError
from protolith.migrations import plan
from protolith.tables import Integer, List, Record, Storage, String, Timestamp

COLUMNS = (
    Column("id", Integer(), nullable=False, path=(1,)),
    Column("at", Timestamp(), nullable=False, path=(2,)),
    Column("r", Record((Column("x", Integer(), path=(1,)),)), path=(3,)),
    Column("l", List(Record((Column("x", String(), path=(1,)),))), nullable=False, path=(4,)),
    Column("n", Integer(32), path=(5,)),
    Column("m", Integer(32), path=(8,)),
    Column("old", String(), path=(6,)),
)
INNER = Record((Column("y", Integer(), path=(1,)), Column("z", String(), path=(2,))))
LATER = (
    Column("at", Timestamp(), nullable=False, path=(2,), comment="it's"),
    Column("id", Integer(), nullable=False, path=(1,)),
    Column("s", INNER, path=(3,)),
    Column("l", List(Record((Column("x", String(), path=(1,)),))), nullable=False, path=(4,)),
    Column("n", Integer(64), path=(5,)),
    Column("new", List(Integer()), nullable=False, path=(7,)),
)
HOSTILE_NAMES = (
    *("c1", "{cluster}", "it's", "`", "\\", "a\nb", "\0", " ", "ON CLUSTER x", "ü🙂"),
    *("x'; DROP TABLE y; --", "x\\' ENGINE = Log --", "/* */", HOSTILE),
)


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine("clickhouse", tmp_path_factory.mktemp("engine"))
    engine.create(Table("d", "t", COLUMNS))  # views are looked at before they are sent
    yield engine
    engine.close()


def _on(cluster: str, columns: tuple[Column, ...] = COLUMNS) -> Table:
    storage = Storage(
        engine="ReplicatedReplacingMergeTree('/tables/{shard}/it''s', '{replica}', at)",
        cluster=cluster,
        order_by=("id",),
    )
    return Table("d", "t", columns, "it's", storage=(("clickhouse", storage),))


def _read(engine: Engine, statement: str) -> str:
    """One statement as ClickHouse itself writes what it has read; two are an error."""
    sql = f"SELECT formatQuerySingleLine({engine.dialect.literal(statement)}) AS text"
    return str(engine.query(sql).to_pylist()[0]["text"])


def _check(engine: Engine, statement: str, cluster: str) -> None:
    alias = _read(engine, f"SELECT 1 AS {engine.dialect.quote(cluster)}")
    named = f" ON CLUSTER {alias.removeprefix('SELECT 1 AS ')} "
    assert named in f"{_read(engine, statement)} "
    # It is taken for a statement that a cluster has to run, in the words of three of its parts.
    said = "Replicated DDL queries are disabled|Requested cluster '|No macro '"
    with pytest.raises(EngineError, match=said):
        engine.run([statement])


@pytest.mark.parametrize("cluster", HOSTILE_NAMES)
def test_each_statement_is_one_and_for_the_cluster_of_that_name(
    clickhouse: Engine, cluster: str
) -> None:
    old, new = _on(cluster), _on(cluster, LATER)
    dialect = clickhouse.dialect
    migration = plan(old, new, dialect, drop_columns=True)
    altered = [text for step in migration.steps for text in step.statements]
    statements = [*dialect.create(old), *altered]
    statements += [text for view in dialect.flattened_views(old) for text in view.statements]
    heads = {" ".join(statement.split()[:2]) for statement in statements}
    assert heads == {"CREATE DATABASE", "CREATE TABLE", "ALTER TABLE", "DROP VIEW", "CREATE VIEW"}
    kinds = ("ADD", "DROP", "RENAME", "MODIFY", "COMMENT")
    assert all(any(f"{kind} COLUMN" in text for text in altered) for kind in kinds)
    for statement in statements:
        _check(clickhouse, statement, cluster)


@settings(max_examples=12)
@given(pair=pairs(), cluster=NAMES)
def test_any_migration_is_for_the_cluster(
    clickhouse: Engine, pair: tuple[Table, Table], cluster: str
) -> None:
    storage = (("clickhouse", Storage(cluster=cluster)),)
    old, new = (Table("d", "t", table.columns, table.comment, storage=storage) for table in pair)
    try:
        migration = plan(old, new, clickhouse.dialect, drop_columns=True)
    except ConflictError:
        return
    for step in migration.steps:
        for statement in step.statements:
            _check(clickhouse, statement, cluster)


def test_what_a_key_names_stays(clickhouse: Engine) -> None:
    storage = (("clickhouse", Storage(order_by=("id",), ttl="at + INTERVAL 1 DAY")),)
    old = Table("d", "keyed", COLUMNS, storage=storage)
    clickhouse.create(old)
    for number, column in (
        (0, replace(COLUMNS[0], name="ident")),
        (0, None),
        (1, replace(COLUMNS[1], nullable=True)),
        (1, replace(COLUMNS[1], type=String())),
    ):
        columns = [*COLUMNS]
        columns[number : number + 1] = [] if column is None else [column]
        new = replace(old, columns=tuple(columns))
        migration = plan(old, new, clickhouse.dialect, drop_columns=True)
        with pytest.raises(ConflictError) as caught:
            clickhouse.migrate(migration, allow_lossy=True)
        assert "create another table" in str(caught.value)
        assert clickhouse.compare(old) == ()
    allowed = plan(old, replace(old, columns=(*LATER[:2], *COLUMNS[2:])), clickhouse.dialect)
    assert clickhouse.migrate(allowed) == len(allowed.steps) > 0


@pytest.mark.parametrize(
    ("kind", "arguments", "read"),
    [
        ("", "", ""),
        ("", "'/p/{table}', '{database}'", "'/p/{table}', '{database}'"),
        ("Replacing", "'/p', 'r', at", "'/p', 'r', at"),
        ("Replacing", "at", "at"),
        ("Summing", "'/p', 'r', (n, m)", "'/p', 'r', (n, m)"),
        ("Aggregating", "'/it''s', '\\\\'", "'/it\\'s', '\\\\'"),
        ("Coalescing", "'/p', 'r', n", "'/p', 'r', (n)"),
    ],
)
def test_replicated_engines_are_read_with_their_paths(
    clickhouse: Engine, kind: str, arguments: str, read: str
) -> None:
    name = f"Replicated{kind}MergeTree"
    storage = Storage(engine=f"{name.lower()}({arguments})", order_by=("id",))
    table = Table("d", "replicated", COLUMNS, storage=(("clickhouse", storage),))
    statement = clickhouse.dialect.create(table)[-1]
    written = f"{name}({read})" if read else name
    assert f" ENGINE = {written} " in _read(clickhouse, statement)
    if "'" not in arguments:  # else the path has the macro uuid, which needs a cluster
        return
    with pytest.raises(EngineError, match="without ZooKeeper"):
        clickhouse.create(table)
