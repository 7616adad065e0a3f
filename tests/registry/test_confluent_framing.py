"""Records in Confluent's framing: each is decoded with the version that wrote it."""

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka.schema_registry import (
    Rule,
    RuleKind,
    RuleMode,
    RuleParams,
    RuleSet,
    Schema,
    SchemaRegistryClient,
)
from tests.confluent.server import serving
from tests.conftest import delimited

from protolith import MalformedError, RowsRejectedError, SchemaRegistry, Source, read

FIRST = """syntax = "proto3"; package shop;
message Order { string id = 1; int32 cents = 2; }
message Refund { string id = 1; }
"""
# Another order of messages and fields, another name of a field, a wider type, and more.
SECOND = """syntax = "proto3"; package shop;
message Before { string x = 1; }
message Order { repeated string tags = 3; int32 price = 2; string id = 1; }
"""
MIXED = [b"\x0a\x01a\x10\x05", b"\x0a\x01b\x10\x06"]


def framed(id_: int, data: bytes, indexes: bytes = b"\0") -> bytes:
    return b"\0" + id_.to_bytes(4, "big") + indexes + data


@pytest.fixture(params=["duckdb", "clickhouse"])
def orders(registry: SchemaRegistry, request: pytest.FixtureRequest) -> SchemaRegistry:
    registry.register_schema(FIRST, "orders", "shop", message="shop.Order")
    registry.set_compatibility("shop.orders", "NONE")
    registry.create_table("shop.orders", request.param)
    return registry


def number(registry: SchemaRegistry, name: str) -> int:
    return registry.get_schema_details(name).id


def rows(registry: SchemaRegistry, columns: str = "id, cents") -> list[Mapping[str, Any]]:
    (deployment,) = registry.deployments()
    sql = f"SELECT {columns} FROM shop.orders ORDER BY id"
    return list(registry.query(deployment.engine, sql).to_pylist())


def test_each_record_is_read_as_its_writer_wrote_it(orders: SchemaRegistry) -> None:
    orders.register_schema(SECOND, "orders", "shop", message="shop.Order")
    one, two = (number(orders, f"shop.orders@{n}") for n in (1, 2))
    more = b"\x0a\x01c\x10\x07\x1a\x01t"
    data = [framed(one, MIXED[0]), framed(two, more, b"\x02\x02"), framed(one, MIXED[1])]
    data.append(framed(one, b"\x0a\x01d", b"\x02\x00"))  # the long form of the first message
    result = orders.ingest("shop.orders", Source(delimited(*data), "confluent"))
    assert (result.rows, result.left_out) == (4, ["tags"])
    found = {row["id"]: row["cents"] for row in rows(orders)}
    assert found == {"a": 5, "b": 6, "c": 7, "d": 0}
    orders.migrate("shop.orders", orders.deployments()[0].engine, allow_lossy=True)
    again = orders.ingest("shop.orders@1", Source(delimited(*data), "confluent"))
    assert (again.rows, again.left_out) == (4, [])
    found = [(row["id"], row["price"], list(row["tags"])) for row in rows(orders, "*")]
    assert found.count(("c", 7, ["t"])) == 1
    assert sorted(row[:2] for row in found) == sorted([("a", 5), ("b", 6), ("c", 7), ("d", 0)] * 2)


def reasons(orders: SchemaRegistry, *data: bytes) -> list[str]:
    result = orders.ingest("shop.orders", Source(delimited(*data), "confluent"), skip_bad=True)
    assert result.rejected_count == len(result.rejected) == len(data) - result.rows
    return [detail.text for detail in result.rejected]


def test_a_record_that_no_version_of_the_subject_wrote_is_refused(orders: SchemaRegistry) -> None:
    other = 'syntax = "proto3"; message Other { string id = 1; }'
    orders.register_schema(other, "others", "shop")
    mine, its = number(orders, "shop.orders"), number(orders, "shop.others")
    told = reasons(
        orders,
        framed(mine, MIXED[0]),
        framed(999, MIXED[0]),
        framed(its, MIXED[0]),
        framed(mine, MIXED[0], b"\x02\x02"),
        framed(mine, MIXED[0], b"\x04\x00\x0a"),
        framed(mine, MIXED[0], b"\x02\x01"),
        framed(mine, MIXED[0], b"\xc9\x01"),
        framed(mine, MIXED[0], b"\xff" * 9),
        framed(mine, MIXED[0], b"\x98\x02"),
        framed(mine, b"\x0a\x05a"),
        b"\x00\x00\x00",
        b"\x01" + b"\x00" * 17 + MIXED[0],
        MIXED[0],
        b"",
    )
    assert told[:9] == [
        "no schema has the id 999",
        f"the id {its} is of 'shop.others', not of 'shop.orders'",
        f"the id {mine}: at [1] is shop.Refund, and the table is of shop.Order",
        f"the id {mine}: no message is at [0, 5], and the table is of shop.Order",
        "a message index of -1",
        "a message index of -101",
        "its message indexes do not end",
        "140 message indexes; at most 100 are accepted",
        "it ends within the id of its schema",
    ]
    assert told[9:] == [
        "no schema has the GUID 00000000-0000-0000-0000-000000000000",
        *["no magic byte at its start: is it in Confluent's framing?"] * 2,
        told[12],
    ]
    assert told[12].startswith("not a shop.Order: ")  # told when its like are decoded
    assert [row["id"] for row in rows(orders)] == ["a"]


def test_a_refused_record_is_named_and_nothing_is_loaded(orders: SchemaRegistry) -> None:
    mine = number(orders, "shop.orders")
    data = delimited(framed(mine, MIXED[0]), framed(mine, b"\x0a\x09a"))
    with pytest.raises(RowsRejectedError) as caught:
        orders.ingest("shop.orders", Source(data, "confluent"))
    (detail,) = caught.value.details
    assert (detail.record, detail.offset) == (1, 12)
    assert rows(orders) == []


def test_dead_letters_keep_the_whole_record(orders: SchemaRegistry, tmp_path: Path) -> None:
    mine, file = number(orders, "shop.orders"), tmp_path / "refused.jsonl"
    early = framed(mine + 1, MIXED[1], b"\x02\x02")
    data = delimited(framed(mine, b"\x0a\x09a"), early, framed(mine, MIXED[0])) + b"\x50ab"
    result = orders.ingest("shop.orders", Source(data, "confluent"), dead_letters=file)
    assert (result.rows, result.rejected_count) == (1, 3)
    letters = [json.loads(line) for line in file.read_text().splitlines()]
    kept = {letter["record"]: base64.b64decode(letter["data"]) for letter in letters}
    assert kept == {0: framed(mine, b"\x0a\x09a"), 1: early, 3: b"ab"}
    orders.register_schema(SECOND, "orders", "shop", message="shop.Order")
    assert orders.replay(file).rows == 1
    assert [row["id"] for row in rows(orders)] == ["a", "b"]
    assert len(file.read_text().splitlines()) == 2
    plain = tmp_path / "plain.jsonl"
    assert orders.ingest("shop.orders", b"\x03\x0a\x09a", dead_letters=plain).rows == 0
    plain.write_text(file.read_text() + plain.read_text())
    with pytest.raises(MalformedError, match="and others"):
        orders.replay(plain, "shop.orders")


def test_records_come_from_streams_files_and_tables(orders: SchemaRegistry, tmp_path: Path) -> None:
    one = framed(number(orders, "shop.orders"), MIXED[0])
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / "in" / name).write_bytes(delimited(one, one))
    table = pa.table({"value": [one, None]})
    for source, loaded in (
        (io.BytesIO(delimited(one)), 1), (tmp_path / "in", 4), (table, 1),
    ):  # fmt: skip
        found = orders.ingest("shop.orders", Source(source, "confluent"), skip_bad=True)
        assert found.rows == loaded
    schema = tmp_path / "x.proto"
    schema.write_text(FIRST)
    for data in (table, delimited(one)):
        with pytest.raises(MalformedError, match="schemas of a registry"):
            read(Source(data, "confluent"), schema, "shop.Order").read_all()


def test_many_records_of_two_versions_come_whole(orders: SchemaRegistry) -> None:
    orders.register_schema(SECOND, "orders", "shop", message="shop.Order")
    one, two = (number(orders, f"shop.orders@{n}") for n in (1, 2))
    writers = ((one, b"\0"), (two, b"\x02\x02"), (two, b"\x02\x02"))
    made = ((*writers[n % 3], b"\x10" + varint(n)) for n in range(20_000))
    data = delimited(*(framed(id_, message, indexes) for id_, indexes, message in made))
    assert orders.ingest("shop.orders", Source(data, "confluent")).rows == 20_000
    (found,) = rows_of(orders, "count(*) AS n, sum(cents) AS total, count(DISTINCT cents) AS kinds")
    assert found == {"n": 20_000, "total": sum(range(20_000)), "kinds": 20_000}


def rows_of(registry: SchemaRegistry, columns: str) -> list[dict[str, int]]:
    (deployment,) = registry.deployments()
    found = registry.query(deployment.engine, f"SELECT {columns} FROM shop.orders").to_pylist()
    return [{name: int(value) for name, value in row.items()} for row in found]


def varint(number: int) -> bytes:
    last = number < 128
    return bytes([number]) if last else bytes([number & 127 | 128]) + varint(number >> 7)


@pytest.mark.parametrize("kind", ["ENCRYPT", "CEL"])
def test_what_rules_have_encrypted_is_refused(tmp_path: Path, kind: str) -> None:
    rule = Rule(
        "r", None, RuleKind.TRANSFORM, RuleMode.WRITEREAD, kind, None,
        RuleParams({}), "true", None, None, disabled=False,
    )  # fmt: skip
    schema = Schema(FIRST, "PROTOBUF", [], None, RuleSet(None, [rule]))
    with serving(tmp_path / "home") as address, SchemaRegistryClient({"url": address}) as client:
        id_ = client.register_schema("orders-value", schema)
    with SchemaRegistry(tmp_path / "home") as registry:
        registry.create_table("orders-value", "duckdb")
        data = Source(delimited(framed(id_, MIXED[0])), "confluent")
        found = registry.ingest("orders-value", data, skip_bad=True)
    reasons = [detail.text for detail in found.rejected]
    refused = f"the id {id_} has rules that encode or encrypt what is written"
    assert reasons == ([refused] if kind == "ENCRYPT" else [])


def test_values_that_do_not_fit_into_the_table_are_refused(orders: SchemaRegistry) -> None:
    wider = FIRST.replace("int32 cents", "string cents")
    orders.register_schema(wider, "orders", "shop", message="shop.Order")
    id_ = number(orders, "shop.orders")
    (told,) = reasons_of(orders, "shop.orders@1", framed(id_, MIXED[0]))
    assert told == (
        f"the id {id_} does not fit into the table: cents: has another type in this version,"
        " and its values do not all fit"
    )


def reasons_of(registry: SchemaRegistry, subject: str, *data: bytes) -> list[str]:
    found = registry.ingest(subject, Source(delimited(*data), "confluent"), skip_bad=True)
    return [detail.text for detail in found.rejected]
