"""Deleting, finding and mending, as a user of the Python API meets them."""

import pytest

from conftest import ORDER, delimited
from protolith import (
    ConflictError,
    MalformedError,
    NotFoundError,
    SchemaRegistry,
    Search,
    acting_as,
)

NEXT = ORDER.replace("int64 cents = 2;", "int64 cents = 2; string note = 5;")


def test_an_id_is_for_ever(registry: SchemaRegistry) -> None:
    schema_id = registry.register_schema(ORDER, "orders")
    version = registry.get_schema_version(schema_id)
    registry.register_schema(ORDER, "copy")
    assert registry.get_schema_version("bigquery_lite.copy").id == version.id == 1
    registry.delete_schema("bigquery_lite.orders")
    registry.delete_schema("bigquery_lite.copy")
    assert registry.get_schema_by_id(1).proto_content == ORDER
    assert registry.get_schema_by_guid(version.guid).fingerprint == version.fingerprint
    with pytest.raises(NotFoundError):
        registry.get_schema_version(schema_id)
    registry.undelete_schema("bigquery_lite.orders")
    assert registry.get_schema_version(schema_id) == version


def test_a_table_in_an_engine_outlives_its_version_only_when_told(registry: SchemaRegistry) -> None:
    registry.register_schema(ORDER, "orders")
    registry.create_table("bigquery_lite.orders", "duckdb")
    with pytest.raises(ConflictError, match="has a table in duckdb"):
        registry.delete_schema("bigquery_lite.orders@1")
    assert registry.delete_schema("bigquery_lite.orders@1", force=True) == [1]
    assert registry.query("duckdb", "FROM bigquery_lite.orders").num_rows == 0
    registry.undelete_schema("bigquery_lite.orders")
    assert registry.ingest("bigquery_lite.orders", delimited(b"\x0a\x01a")).rows == 1


def test_lists_and_searches_have_pages(registry: SchemaRegistry) -> None:
    for table in ("a", "b", "c"):
        registry.register_schema(ORDER, table)
    registry.create_table("bigquery_lite.b", "duckdb")
    page = registry.list_schemas(limit=2)
    assert [schema.table_name for schema in page] == ["a", "b"]
    assert [schema.engines_created for schema in page] == [[], ["duckdb"]]
    after = "bigquery_lite.b"
    assert [s.table_name for s in registry.list_schemas(limit=2, after=after)] == ["c"]
    found = registry.search_schemas(Search(field="to.city", type="integer"), limit=1)
    assert [schema.table_name for schema in found] == ["a"]
    for wrong in (0, -1, 1001):
        with pytest.raises(MalformedError, match="limit is not the size of a page"):
            registry.list_schemas(limit=wrong)


def test_the_trail_names_who_it_was(registry: SchemaRegistry) -> None:
    with acting_as("ann"):
        registry.register_schema(ORDER, "orders")
    registry.register_schema(NEXT, "orders")
    second, first = registry.audit("bigquery_lite.orders")
    assert (first.actor, first.action, first.object) == (
        "ann",
        "register",
        "bigquery_lite.orders@1",
    )
    assert second.actor != "ann"
    assert registry.audit(before=second.sequence) == [first]


def test_what_was_cut_off_is_finished(registry: SchemaRegistry) -> None:
    """A crash between the intention and the engine's answer, before the table and after it."""
    registry.register_schema(ORDER, "before")
    registry.register_schema(ORDER, "after")
    registry.create_table("bigquery_lite.after", "duckdb")
    for table in ("before", "after"):
        registry._store.keep_deployment(
            f"bigquery_lite.{table}", "duckdb", 1, created=False, layout="{}"
        )
    assert [(d.state, d.mended) for d in registry.diagnose()] == [("unfinished", False)] * 2
    assert [(d.state, d.mended) for d in registry.diagnose(mend=True)] == [("unfinished", True)] * 2
    assert [d.state for d in registry.diagnose()] == ["fine"] * 2
    for table in ("before", "after"):
        assert registry.ingest(f"bigquery_lite.{table}", delimited(b"\x0a\x01a")).rows == 1


def test_what_cannot_be_finished_is_forgotten(registry: SchemaRegistry) -> None:
    registry.register_schema(ORDER, "orders")
    create = ["CREATE SCHEMA bigquery_lite", "CREATE TABLE bigquery_lite.orders (x INTEGER)"]
    registry.engine("duckdb").run(create)
    registry._store.keep_deployment("bigquery_lite.orders", "duckdb", 1, created=False, layout="{}")
    (found,) = registry.diagnose(mend=True)
    assert (found.state, found.mended) == ("unfinished", True)
    assert "is another one" in found.message
    assert registry.diagnose() == []


def test_a_table_that_changed_is_reported_and_left_alone(registry: SchemaRegistry) -> None:
    registry.register_schema(ORDER, "orders")
    registry.create_table("bigquery_lite.orders", "duckdb")
    registry.engine("duckdb").run(["ALTER TABLE bigquery_lite.orders DROP COLUMN cents"])
    for mend in (False, True):
        (found,) = registry.diagnose(mend=mend)
        assert (found.state, found.mended) == ("differs", False)
        assert "cents: is missing" in found.message
    assert registry.diagnose(unfinished=True) == []
