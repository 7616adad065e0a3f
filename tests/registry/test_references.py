"""Schemas that import what other subjects have registered."""

import pytest

from conftest import delimited
from protolith import (
    CompileError,
    ConflictError,
    MalformedError,
    NotFoundError,
    Reference,
    SchemaRegistry,
)

MONEY = 'syntax = "proto3"; package base; message Money { int64 cents = 1; }'
LINE = 'syntax = "proto3"; import "base/money.proto"; message Line { base.Money price = 1; }'
ORDER = 'syntax = "proto3"; import "line.proto"; message Order { string id = 1; Line line = 2; }'
TO_MONEY = Reference("base/money.proto", "d.money", 1)


@pytest.fixture
def chain(registry: SchemaRegistry) -> SchemaRegistry:
    registry.register_schema(MONEY, "money", "d")
    registry.register_schema(LINE, "line", "d", references=[TO_MONEY])
    registry.register_schema(
        ORDER, "order", "d", references=[Reference("line.proto", "d.line", -1)]
    )
    return registry


def test_imports_are_resolved_at_any_depth(chain: SchemaRegistry) -> None:
    fields = chain.get_schema_version("d.order").fields
    assert [field.name for field in fields] == ["id", "line"]
    assert fields[1].nested_fields[0].nested_fields[0].name == "cents"  # type: ignore[index]
    assert [file.content.decode() for file in chain.get_files("d.order")] == [ORDER]
    assert chain._store.references("d.order@1") == (Reference("line.proto", "d.line", 1),)
    assert chain.referenced_by("d.line") == ["d.order@1"]
    chain.create_table("d.order", "duckdb")
    record = b"\x0a\x01a\x12\x04\x0a\x02\x08\x07"
    assert chain.ingest("d.order", delimited(record)).rows == 1
    assert chain.query("duckdb", "SELECT line.price.cents AS c FROM d.order")["c"].to_pylist() == [
        7
    ]


def test_what_is_registered_later_changes_nothing(chain: SchemaRegistry) -> None:
    before = chain.get_schema_version("d.order").schema_json
    chain.register_schema(MONEY.replace("cents", "mills"), "money", "d")
    assert chain.get_schema_version("d.order").schema_json == before
    same = chain.register_schema(LINE, "line", "d", references=[TO_MONEY])
    assert chain.get_schema_version("d.line").schema_id == same
    newer = Reference("base/money.proto", "d.money", 2)
    other = chain.register_schema(LINE, "line", "d", references=[newer])
    assert other != same
    found = chain.get_schema_version("d.line")
    assert (found.schema_id, found.version) == (other, 2)
    assert found.fields[0].nested_fields[0].name == "mills"  # type: ignore[index]


def test_what_is_imported_stays(chain: SchemaRegistry) -> None:
    with pytest.raises(ConflictError, match="d.money@1 is imported by d.line@1"):
        chain.delete_schema("d.money")


def test_imports_that_cannot_be_resolved(chain: SchemaRegistry) -> None:
    chain.register_json([{"name": "a", "type": "STRING"}], "plain", "d")
    with pytest.raises(CompileError, match=r"base/money\.proto"):
        chain.register_schema(LINE, "new", "d")
    for reference, error in (
        (Reference("base/money.proto", "d.money", 9), NotFoundError),
        (Reference("base/money.proto", "d.none", -1), NotFoundError),
        (Reference("base/money.proto", "d.plain", 1), MalformedError),
    ):
        with pytest.raises(error):
            chain.register_schema(LINE, "new", "d", references=[reference])
    with pytest.raises(MalformedError, match="the same name"):
        chain.register_schema(LINE, "new", "d", references=[TO_MONEY, TO_MONEY])
    with pytest.raises(NotFoundError):
        chain.get_schema_version("d.new")
