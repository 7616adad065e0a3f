"""A drifted table is mended by exactly what is reported, on every engine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engines.fake_bigquery import FakeBigQuery
from protolith.dialects import dialect
from protolith.engines import Difference, Engine, LiveColumn, open_engine
from protolith.engines.mending import mending
from protolith.errors import ConflictError
from protolith.migrations import PlannedStep
from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    Decimal,
    Integer,
    List,
    Map,
    Record,
    Storage,
    String,
    Table,
    Type,
)

HOSTILE = 'it\'s a \\ "`test`"; DROP TABLE x; --\n/* ü 🙂'
INNER = Record((Column("x", Integer()), Column("y", String(), comment="why")))
TABLE = Table(
    "shop",
    "things",
    (
        Column("id", Integer(), nullable=False, path=(1,)),
        Column("name", String(), comment=HOSTILE),
        Column("amount", Decimal()),
        Column("deep", Record((Column("in", INNER), Column("k", String())))),
        Column("many", List(INNER), nullable=False),
        Column("by", Map(String(), INNER), nullable=False),
        Column("tags", List(String()), nullable=False),
    ),
)


def _without(*names: str) -> Table:
    return replace(TABLE, columns=tuple(c for c in TABLE.columns if c.name not in names))


def _with(*columns: Column) -> Table:
    """The table with columns in place of those of their names, or more of them."""
    new = {column.name: column for column in columns}
    kept = [new.pop(column.name, column) for column in TABLE.columns]
    return replace(TABLE, columns=(*kept, *new.values()))


def _inner(*columns: Column) -> Table:
    """The table with another record in each place."""
    inner = Record(columns)
    deep = Record((Column("in", inner), Column("k", String())))
    types: dict[str, Type] = {"deep": deep, "many": List(inner), "by": Map(String(), inner)}
    made = (replace(c, type=types.get(c.name, c.type)) for c in TABLE.columns)
    return replace(TABLE, columns=tuple(made))


LIVE = {
    "missing": _without("name"),
    "missing lists": _without("tags", "many", "by"),
    "missing record": _without("deep"),
    "extra": _with(Column("extra", String()), Column("more", List(INNER), nullable=False)),
    "type": _with(Column("amount", Integer())),
    "null refused": _with(Column("name", String(), nullable=False, comment=HOSTILE)),
    "comment": _with(Column("name", String(), comment="mine")),
    "no comment": _with(Column("name", String())),
    "nested missing": _inner(INNER.columns[0]),
    "nested extra": _inner(*INNER.columns, Column("z", Boolean())),
    "nested type": _inner(Column("x", Boolean()), INNER.columns[1]),
    "narrower": _with(Column("id", String(), nullable=False)),
    "null allowed": _with(Column("id", Integer())),
    "case": replace(
        _without("id"), columns=(Column("ID", Integer(), nullable=False), *TABLE.columns[1:])
    ),
    "everything": Table("shop", "things", (Column("a", Bytes()), Column("b", Integer()))),
}
# What BigQuery has neither a statement nor a patch for: every row is copied into another table.
ANEW = {"nested extra", "nested type", "narrower", "null allowed"}


def _run(engine: Engine, steps: list[PlannedStep], bigquery: FakeBigQuery | None = None) -> None:
    """What the steps say, and nothing else."""
    for step in steps:
        engine.run(step.statements)
        if step.patch:
            assert bigquery is not None
            body = {"schema": {"fields": json.loads(step.patch)}}
            bigquery.patch_table(bigquery.get_table("p", "shop", "things"), body, None)


def _stays(difference: Difference) -> bool:
    """Whether the engines that keep the order of their columns have this one."""
    return difference.kind == "order"


@pytest.mark.parametrize("drift", LIVE)
def test_the_steps_mend_the_table(
    engine: Engine, request: pytest.FixtureRequest, drift: str
) -> None:
    service = request.getfixturevalue("bigquery") if engine.name == "bigquery" else None
    engine.create(LIVE[drift])
    found = engine.compare(TABLE)
    assert any(not _stays(d) for d in found)
    steps = engine.mend(TABLE)
    assert all(step.outcome != "impossible" for step in steps)
    anew = [step for step in steps if step.change == "RebuildTable"]
    assert bool(anew) == (engine.name == "bigquery" and drift in ANEW)
    if anew:  # by statements that the stand-in cannot run
        assert anew[0].statements[1].startswith("INSERT INTO `shop`.`things__before`")
        return
    _run(engine, steps, service)
    left = [d for d in engine.compare(TABLE) if not _stays(d)]
    if engine.name == "bigquery" and drift == "everything":
        # A required column cannot be added: that is what stays, with its reason.
        assert [str(d) for d in left] == ["id: allows NULL, should not"]
    else:
        assert left == []


def test_a_refused_creation_carries_what_mends_each_difference(engine: Engine) -> None:
    engine.create(_with(Column("extra", String()), Column("name", String(), nullable=False)))
    with pytest.raises(ConflictError, match="is another one") as caught:
        engine.create(TABLE)
    found = {detail.field_path: detail for detail in caught.value.details}
    assert set(found) == {"extra", "name"}
    assert (
        "extra: is not in the schema, and mending can lose values; mended by: ALTER TABLE"
        in str(caught.value)
    )
    for detail in found.values():
        assert detail.mend
        engine.run(detail.mend)
    assert not engine.create(TABLE)


def test_a_creation_that_nothing_mends_says_why(engine: Engine) -> None:
    engine.create(_with(Column("amount", INNER)))
    with pytest.raises(ConflictError, match="is another one") as caught:
        engine.create(TABLE)
    detail = next(d for d in caught.value.details if d.field_path == "amount")
    assert detail.mend is None
    assert "rename the table, create it again" in detail.text
    assert "number" not in detail.text  # that is for schemas


@pytest.mark.parametrize(
    ("name", "text"), [("duckdb", "TINYINT"), ("duckdb", "UUID"), ("clickhouse", "FixedString(3)")]
)
def test_a_type_of_no_table_of_ours(name: str, text: str, tmp_path: Path) -> None:
    engine = open_engine(name, tmp_path)
    engine.create(_without("name", "amount"))
    table = engine.dialect.qualified(TABLE)
    engine.run([f"ALTER TABLE {table} ADD COLUMN name {text}"])
    steps = engine.mend(TABLE)
    assert {(step.field_path, step.outcome) for step in steps} >= {
        ("name", "impossible"), ("amount", "in place")
    }  # fmt: skip
    (why,) = (step.why for step in steps if step.outcome == "impossible")
    assert "no statement" in why
    _run(engine, steps)
    assert [d.column for d in engine.compare(TABLE) if not d.harmless] == ["name"]
    engine.close()


def test_a_list_that_refuses_null(tmp_path: Path) -> None:
    engine = open_engine("duckdb", tmp_path)
    engine.create(TABLE)
    table = engine.dialect.qualified(TABLE)
    engine.run([f"ALTER TABLE {table} ALTER COLUMN tags SET NOT NULL"])
    (step,) = engine.mend(TABLE)
    assert step.statements == [f'ALTER TABLE {table} ALTER COLUMN "tags" DROP NOT NULL']
    _run(engine, [step])
    assert engine.compare(TABLE) == ()
    engine.close()


def test_a_table_that_is_gone(engine: Engine) -> None:
    (step,) = engine.mend(TABLE)
    if engine.name == "bigquery":  # the stand-in makes tables by a request, not by a statement
        assert step.statements == list(engine.dialect.create(TABLE))
        return
    _run(engine, [step])
    assert engine.compare(TABLE) == ()


def test_nothing_to_mend(engine: Engine) -> None:
    engine.create(TABLE)
    assert engine.mend(TABLE) == []


def test_statements_for_a_cluster_name_it() -> None:
    click = dialect("clickhouse")
    placed = replace(TABLE, storage=(("clickhouse", Storage(cluster="all")),))
    live = (LiveColumn("id", "Int32"), LiveColumn("x", "String"))
    statements = [
        text for mend in mending(placed, live, (), click) for text in mend.step.statements
    ]
    assert len(statements) > 6
    assert all("`things` ON CLUSTER 'all' " in text for text in statements)


def test_a_table_is_built_anew_where_no_statement_changes_it(tmp_path: Path) -> None:
    engine = open_engine("duckdb", tmp_path)
    engine.create(_with(Column("amount", Map(String(), Integer()), nullable=False)))
    wanted = _with(Column("amount", Map(Integer(), Integer()), nullable=False))
    with pytest.raises(ConflictError, match="is another one") as caught:
        engine.create(wanted)
    amount, table = caught.value.details
    assert (amount.field_path, amount.mend) == ("amount", None)
    assert "so the table is built anew" in amount.text
    assert table.mend == tuple(engine.mend(wanted)[-1].statements)
    engine.run(table.mend)
    assert not engine.create(wanted)
    assert engine.drop_kept(wanted)
    engine.close()
