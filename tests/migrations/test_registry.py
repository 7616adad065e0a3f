"""Migrations as users meet them: register, create, ingest, change, migrate, ingest."""

from typing import Any

import pytest
from google.protobuf import message_factory

from conftest import delimited
from protolith import ConflictError, DescriptorSet, LayoutError, SchemaRegistry
from protolith.engines import EMBEDDED

ONE = """
syntax = "proto3";
message Order {
  int32 id = 1;
  string name = 2;
  Inner in = 3;
  repeated Inner list = 4;
  map<string, Inner> map = 5;
  string gone = 6;
  message Inner { int32 a = 1; string b = 2; string old = 3; }
}
"""
TWO = """
syntax = "proto3";
message Order {
  int64 id = 1;
  string title = 2;
  Inner in = 3;
  repeated Inner list = 4;
  map<string, Inner> map = 5;
  string extra = 7;
  message Inner { int64 x = 1; string b = 2; repeated int32 more = 4; }
}
"""
NAME = "bigquery_lite.orders"


def _message(registry: SchemaRegistry, schema_id: str, **values: Any) -> bytes:
    version = registry._store.find(schema_id)
    descriptors = DescriptorSet.from_bytes(version.descriptors, version.roots)
    cls = message_factory.GetMessageClass(descriptors.message("Order"))
    message = cls(**{k: v for k, v in values.items() if k != "map"})
    for key, value in values.get("map", {}).items():
        message.map[key].MergeFrom(type(message.map[key])(**value))
    return bytes(message.SerializeToString())


def _rows(registry: SchemaRegistry, engine: str, order: str = "id") -> list[dict[str, Any]]:
    return registry.query(engine, f"SELECT * FROM {NAME} ORDER BY {order}").to_pylist()


@pytest.fixture(params=EMBEDDED)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


OLD_INNER = {"a": -(2**31), "b": "é", "old": "o"}
OLD = {"id": 2**31 - 1, "name": "n", "in": OLD_INNER, "list": [OLD_INNER, {}], "gone": "g"}
OLD |= {"map": {"k": OLD_INNER}}


def test_a_table_moves_to_the_next_version_and_takes_the_rows_of_both(
    registry: SchemaRegistry, engine: str
) -> None:
    one = registry.register_schema(ONE, "orders")
    registry.create_table(one, engine)
    registry.ingest(one, delimited(_message(registry, one, **OLD)), engine)
    two = registry.register_schema(TWO, "orders")
    with pytest.raises(ConflictError, match="as version 1") as caught:
        registry.create_table(two, engine)
    assert "protolith migrate" in str(caught.value.hint)
    planned = registry.plan_migration(two, engine)
    risk, written = ("rewrite", 1) if engine == "clickhouse" else ("none", None)
    assert (planned.risk, planned.rows) == (risk, written)
    assert (planned.from_version, planned.version) == (1, 2)
    assert registry.migrate(two, engine).applied
    assert registry.plan_migration(two, engine).statements == []
    new = {"id": 2**40, "title": "t", "in": {"x": 2**40, "more": [1]}, "extra": "e"}
    registry.ingest(two, delimited(_message(registry, two, **new)), engine)
    registry.ingest(one, delimited(_message(registry, one, **(OLD | {"id": 7}))), engine)
    rows = {row["id"]: row for row in _rows(registry, engine)}
    assert set(rows) == {2**31 - 1, 2**40, 7}
    for key in (2**31 - 1, 7):
        row = rows[key]
        assert (row["title"], row["gone"]) == ("n", "g")
        assert not row["extra"]
        inner = row["in"]
        assert (inner["x"], inner["b"], inner["old"]) == (-(2**31), "é", "o")
        assert not inner["more"]
        assert [item["x"] for item in row["list"]] == [-(2**31), 0]
        assert dict(row["map"])["k"]["x"] == -(2**31)
    assert rows[2**40]["in"]["x"] == 2**40
    assert rows[2**40]["gone"] is None


def test_columns_are_dropped_only_when_both_is_said(registry: SchemaRegistry, engine: str) -> None:
    one = registry.register_schema(ONE, "orders")
    registry.create_table(one, engine)
    registry.ingest(one, delimited(_message(registry, one, **OLD)), engine)
    two = registry.register_schema(TWO, "orders")
    with pytest.raises(ConflictError, match="can lose values"):
        registry.migrate(two, engine, drop_columns=True)
    assert "gone" in _rows(registry, engine)[0]
    registry.migrate(two, engine, drop_columns=True, allow_lossy=True)
    assert "gone" not in _rows(registry, engine)[0]
    assert not registry.drift(two, engine).differs
    result = registry.ingest(one, delimited(_message(registry, one, **OLD)), engine)
    assert set(result.left_out) == {"gone", "in.old", "list.old", "map.old"}


def test_newer_messages_find_their_columns_in_an_older_table(
    registry: SchemaRegistry, engine: str
) -> None:
    one = registry.register_schema(ONE, "orders")
    registry.create_table(one, engine)
    same = ONE.replace("string gone = 6;", "string gone = 6; string more = 8;")
    two = registry.register_schema(same.replace("string name", "string called"), "orders")
    message = _message(registry, two, id=1, called="x", more="m")
    result = registry.ingest(two, delimited(message), engine)
    assert (result.rows, result.left_out) == (1, ["more"])
    assert _rows(registry, engine)[0]["name"] == "x"
    three = registry.register_schema(ONE.replace("int32 id", "bytes id"), "orders")
    with pytest.raises(LayoutError, match="do not fit"):
        registry.ingest(three, delimited(_message(registry, three, id=b"1")), engine)


def test_a_drifted_table_is_not_moved(registry: SchemaRegistry, engine: str) -> None:
    one = registry.register_schema(ONE, "orders")
    registry.create_table(one, engine)
    registry.engine(engine).run([f"ALTER TABLE {NAME} DROP COLUMN gone"])
    two = registry.register_schema(TWO, "orders")
    with pytest.raises(ConflictError, match="is another one"):
        registry.migrate(two, engine)


def test_a_name_used_again_for_another_field_is_refused(
    registry: SchemaRegistry, engine: str
) -> None:
    one = registry.register_schema(ONE, "orders")
    registry.create_table(one, engine)
    two = registry.register_schema(ONE.replace("gone = 6", "gone = 9"), "orders")
    with pytest.raises(ConflictError, match="used again") as caught:
        registry.migrate(two, engine)
    assert "number 9" in str(caught.value)
    three = registry.register_schema(ONE.replace("string gone = 6;", ""), "orders")
    registry.migrate(three, engine)
    with pytest.raises(ConflictError, match="used again"):  # the column was kept
        registry.migrate(two, engine)
