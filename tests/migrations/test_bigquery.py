"""BigQuery's statements and patches, each statement read by Google's own analyzer."""

import json

import pytest

from googlesql import analyze, analyze_over, parse_alter, shape
from protolith.dialects import dialect
from protolith.migrations import plan
from protolith.tables import (
    Bytes,
    Column,
    Date,
    DateTime,
    Decimal,
    Integer,
    List,
    Record,
    String,
    Table,
)

OLD = (
    Column("id", Integer(), nullable=False, path=(1,)),
    Column("name", String(), path=(2,), comment="old"),
    Column("day", Date(), path=(3,)),
    Column("r", Record((Column("x", Integer(), nullable=False, path=(1,)),)), path=(4,)),
    Column("gone", String(), path=(5,)),
)


def _plan(*new: Column, drop_columns: bool = False) -> list[tuple[str, ...]]:
    migration = plan(
        Table("d", "t", OLD),
        Table("d", "t", new),
        dialect("bigquery"),
        drop_columns=drop_columns,
    )
    for statement in migration.statements:
        parse_alter(statement)
    return [
        (s.outcome, s.risk, *s.statements, *([s.patch] if s.patch else [])) for s in migration.steps
    ]


def test_top_level_changes_are_statements() -> None:
    steps = _plan(
        Column("id", Decimal(38, 9), path=(1,)),
        Column("title", String(), path=(2,), comment="it's"),
        Column("day", DateTime(), path=(3,)),
        OLD[3],
        Column("more", List(String()), nullable=False, path=(6,), comment="c"),
        drop_columns=True,
    )
    comment = {"name": "title", "type": "STRING", "mode": "NULLABLE", "description": "it's"}
    assert [step for step in steps if "[" not in step[-1][:1]] == [
        ("in place", "lossy", "ALTER TABLE `d`.`t` DROP COLUMN `gone`"),
        ("in place", "none", "ALTER TABLE `d`.`t` RENAME COLUMN `name` TO `title`"),
        ("in place", "none", "ALTER TABLE `d`.`t` ALTER COLUMN `id` DROP NOT NULL"),
        ("in place", "none", "ALTER TABLE `d`.`t` ALTER COLUMN `id` SET DATA TYPE NUMERIC"),
        ("in place", "none", "ALTER TABLE `d`.`t` ALTER COLUMN `day` SET DATA TYPE DATETIME"),
        (
            "in place",
            "none",
            "ALTER TABLE `d`.`t` ADD COLUMN `more` ARRAY<STRING> OPTIONS (description='c')",
        ),
    ]
    (patch,) = [json.loads(step[-1]) for step in steps if step[-1].startswith("[")]
    assert [field for field in patch if field["name"] == "title"] == [comment]


def test_nested_changes_are_patches_of_the_whole_schema() -> None:
    inner = (Column("x", Integer(), path=(1,)), Column("y", String(), nullable=False, path=(2,)))
    steps = _plan(*OLD[:3], Column("r", Record(inner), path=(4,)), OLD[4])
    assert [step[:2] for step in steps] == [("in place", "none")] * 2
    fields = {field["name"]: field for field in json.loads(steps[-1][-1])}
    assert list(fields) == ["id", "name", "day", "r", "gone"]
    assert [(f["name"], f["mode"]) for f in fields["r"]["fields"]] == [
        ("x", "NULLABLE"),
        ("y", "NULLABLE"),  # a required one cannot be added
    ]


@pytest.mark.parametrize(
    "column",
    [
        Column("name", Integer(), path=(2,)),
        Column("name", String(), nullable=False, path=(2,)),
        Column("r", Record((Column("z", Integer(), nullable=False, path=(1,)),)), path=(4,)),
    ],
)
def test_what_bigquery_cannot_do_says_what_to_do(column: Column) -> None:
    new = [column if c.path == column.path else c for c in OLD]
    tables = Table("d", "t", OLD), Table("d", "t", tuple(new))
    migration = plan(*tables, dialect("bigquery"), rebuild=False)
    (step,) = migration.impossible
    assert step.instead
    assert step.sentence == f"{step.why}; {step.instead}"


def test_what_no_statement_changes_is_built_anew() -> None:
    inner = (
        Column("x", Integer(), path=(1,)),
        Column("y", List(Bytes()), nullable=False, path=(2,)),
        Column("z", List(String()), nullable=False, path=(3,)),
    )
    record = Record(
        (
            Column("renamed", String(), path=(1,)),
            Column("y", List(String()), nullable=False, path=(2,)),
            Column("z", String(), path=(3,)),
            Column("more", List(Record(inner)), nullable=False, path=(4,)),
        )
    )
    old = (*OLD[:3], Column("r", Record(inner), path=(4,)))
    old += (Column("l", List(Record(inner)), nullable=False, path=(5,)),)
    new = (
        Column("id", List(Integer()), nullable=False, path=(1,)),
        Column("name", Decimal(10, 2), nullable=False, path=(2,)),
        Column("l", List(record), nullable=False, path=(5,)),
        Column("r", record, path=(4,)),
    )
    tables = Table("d", "t", old), Table("d", "t", new, comment="it's")
    google = dialect("bigquery")
    migration = plan(*tables, google, drop_columns=True)
    rebuild = migration.rebuild
    assert rebuild is not None
    assert migration.risk == "lossy"
    (create,) = rebuild.make
    analyze(create)
    select = rebuild.copy.partition("\n")[2]
    counts = [check.sql for check in migration.checks]
    assert len(counts) == 3
    copied, *_ = analyze_over(google.create(tables[0])[0], select, rebuild.totals[0], *counts)
    wanted = analyze(create.replace("NOT NULL", ""))
    types = [shape(column.column.type) for column in copied.output_column_list]
    assert types == [shape(column.type) for column in wanted.column_definition_list]
    analyze_over(create, rebuild.totals[1])
    for statement in (*rebuild.swap, *rebuild.finish):
        parse_alter(statement)


def test_a_field_that_is_gone_keeps_its_column() -> None:
    assert _plan(*OLD[:4]) == []
