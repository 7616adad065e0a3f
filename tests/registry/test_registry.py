"""The registry as a user of the Python API meets it."""

import asyncio
import hashlib
import io
import json
import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from google.protobuf import api_pb2, message_factory

from conftest import ORDER, delimited
from protolith import (
    AsyncSchemaRegistry,
    ConflictError,
    DescriptorSet,
    Layout,
    LayoutError,
    MalformedError,
    NotFoundError,
    SchemaField,
    SchemaRegistry,
    Source,
    compile_protos,
    dialect,
)

NEXT = ORDER.replace("int64 cents = 2;", "int64 cents = 2; string note = 5;")
RECORDS = delimited(b"\x0a\x01a\x10\x05", b"\x0a\x01b\x1a\x01x\x22\x08\x0a\x06Berlin")


def test_the_id_is_the_table_and_the_hash_of_the_text(registry: SchemaRegistry) -> None:
    schema_id = registry.register_schema(ORDER, "orders")
    digits = hashlib.sha256(ORDER.encode()).hexdigest()
    assert schema_id == f"orders_{digits[:12]}"
    version = registry.get_schema_version(schema_id)
    assert version.version_hash == digits
    assert version.proto_content == ORDER
    assert (version.database_name, version.table_name) == ("bigquery_lite", "orders")
    assert (version.version, version.message) == (1, "shop.Order")
    assert version.engines_created == []
    assert version.fields[0] == SchemaField("id", "STRING", "NULLABLE", "Unique for ever.")
    assert version.fields[2].mode == "REPEATED"
    assert version.fields[3].nested_fields == [SchemaField("city", "STRING", "NULLABLE")]


def test_several_files_are_hashed_by_their_listing(registry: SchemaRegistry) -> None:
    files = {
        "b.proto": 'syntax = "proto3"; import "a.proto"; message B { A a = 1; }',
        "a.proto": 'syntax = "proto3"; message A { string x = 1; }',
    }
    listing = "".join(
        f"{hashlib.sha256(files[name].encode()).hexdigest()}  {name}\n" for name in sorted(files)
    )
    digits = hashlib.sha256(listing.encode()).hexdigest()
    assert registry.register_schema(files, "b") == f"b_{digits[:12]}"
    assert registry.register_schema(dict(reversed(files.items())), "b") == f"b_{digits[:12]}"
    kept = {file.path: file.content.decode() for file in registry.get_files("bigquery_lite.b")}
    assert kept == files
    assert registry.get_schema_version("bigquery_lite.b").proto_content is None


def test_versions_and_the_same_content_again(registry: SchemaRegistry) -> None:
    first = registry.register_schema(ORDER, "orders")
    second = registry.register_schema(NEXT, "orders")
    assert registry.register_schema(ORDER, "orders") == first
    history = registry.get_schema_versions(first)
    assert [(line["schema_id"], line["version"]) for line in history] == [(second, 2), (first, 1)]
    assert history[0]["proto_size"] == len(NEXT)
    assert registry.get_schema_version("bigquery_lite.orders").schema_id == second
    assert registry.get_schema_version("bigquery_lite.orders@1").schema_id == first


def test_two_texts_with_one_short_hash(registry: SchemaRegistry) -> None:
    """A pair of texts whose SHA-256 begin with the same twelve digits, found by trying."""
    one, two = (
        (Path(__file__).parents[1] / "testdata" / "same_twelve_digits.txt")
        .read_text()
        .split("\n---\n")
    )
    first = registry.register_schema(one, "t")
    second = registry.register_schema(two, "t")
    assert second.startswith(first)
    assert len(second) == len(first) + 1
    assert registry.get_schema_version(first).proto_content == one
    assert registry.get_schema_version(second).proto_content == two
    assert registry.register_schema(two, "t") == second


def test_the_table_name_defaults_to_the_messages(registry: SchemaRegistry) -> None:
    assert registry.register_schema(ORDER).startswith("order_")


def test_descriptors_are_taken_too(registry: SchemaRegistry) -> None:
    descriptors = compile_protos(ORDER)
    schema_id = registry.register_schema(descriptors, "orders")
    assert schema_id == f"orders_{hashlib.sha256(descriptors.data).hexdigest()[:12]}"
    assert registry.get_files(schema_id) == []
    assert registry.table(schema_id).columns == registry.table("bigquery_lite.orders").columns


def test_lists_and_details(registry: SchemaRegistry) -> None:
    registry.register_schema(ORDER, "orders", description="All orders")
    registry.register_schema(ORDER, "a_copy", "other")
    registry.create_table("other.a_copy", "duckdb")
    found = [(s.database_name, s.table_name, s.engines_created) for s in registry.list_schemas()]
    assert found == [("bigquery_lite", "orders", []), ("other", "a_copy", ["duckdb"])]
    details = registry.get_schema_details("other.a_copy")
    assert (details.version, details.engines_created) == (1, ["duckdb"])
    assert [line.version for line in details.versions] == [1]
    assert [(d.engine, d.version, d.created) for d in details.deployments] == [("duckdb", 1, True)]
    assert registry.get_schema_details("bigquery_lite.orders").description == "All orders"


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
def test_the_line(registry: SchemaRegistry, engine: str) -> None:
    schema_id = registry.register_schema(ORDER, "orders", "shop")
    created = registry.create_table(schema_id, engine)
    assert created.created
    assert not registry.create_table(schema_id, engine).created
    result = registry.ingest(schema_id, RECORDS)
    assert (result.engine, result.rows, result.rejected) == (engine, 2, [])
    assert registry.ingest("shop.orders", io.BytesIO(RECORDS), engine).rows == 2
    rows = registry.query(
        engine, 'SELECT id, cents, tags, "to" FROM shop.orders ORDER BY id'
    ).to_pylist()
    a = {"id": "a", "cents": 5, "tags": [], "to": None}
    b = {"id": "b", "cents": 0, "tags": ["x"], "to": {"city": "Berlin"}}
    assert rows == [a, a, b, b]


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
def test_a_table_keeps_its_layout(registry: SchemaRegistry, engine: str) -> None:
    text = (
        'syntax = "proto3"; import "google/protobuf/duration.proto";'
        ' import "google/protobuf/timestamp.proto"; import "google/type/decimal.proto";'
        ' import "google/type/date.proto"; import "google/type/latlng.proto"; package p;'
        " message M { E e = 1; map<string, uint32> m = 2; google.protobuf.Timestamp t = 3;"
        " google.protobuf.Duration d = 4; google.type.Decimal n = 5; google.type.Date day = 6;"
        " M self = 7; google.type.LatLng place = 8; } enum E { ZERO = 0; ONE = 1; }"
    )
    layout = Layout(
        integers="exact",
        enums="number",
        maps="entries",
        timestamps="nanos",
        durations="interval",
        google_types="value",
        recursion="bytes",
    )
    schema_id = registry.register_schema(text, "m", "p")
    created = registry.create_table(schema_id, engine, layout)
    assert created.layout == layout.choices
    assert registry.create_table(schema_id, engine).layout == layout.choices
    with pytest.raises(ConflictError, match="is another one"):
        registry.create_table(schema_id, engine, Layout())
    cls = message_factory.GetMessageClass(compile_protos(text).message("p.M"))
    message = cls(e=1, m={"k": 2**32 - 1}, t={"seconds": 1, "nanos": 1}, d={"seconds": 90})
    message.n.value, message.day.year, message.day.month, message.day.day = "1.5", 2024, 2, 29
    message.self.e, message.place.latitude = 1, 0.5
    assert registry.ingest(schema_id, delimited(message.SerializeToString())).rows == 1
    columns = {
        "duckdb": "e, m, epoch_ns(t) t, epoch_us(d) d, n, day, self, place::VARCHAR place",
        "clickhouse": "e, m, toUnixTimestamp64Nano(assumeNotNull(t)) t, d, n, day, self, place",
    }[engine]
    (row,) = registry.query(engine, f"SELECT {columns} FROM p.m").to_pylist()
    number = {"duckdb": f"1.5{'0' * 37}", "clickhouse": Decimal("1.5")}[engine]
    assert row == {
        "e": 1,
        "m": [{"key": "k", "value": 2**32 - 1}],
        "t": 1_000_000_001,
        "d": {"duckdb": 90_000_000, "clickhouse": "90.000000 seconds"}[engine],
        "n": number,
        "day": date(2024, 2, 29),
        "self": {"duckdb": b"\x08\x01", "clickhouse": "\x08\x01"}[engine],
        "place": {"duckdb": "POINT (0 0.5)", "clickhouse": "POINT(0.0 0.5)"}[engine],
    }


def test_one_message_alone(registry: SchemaRegistry, tmp_path: Path) -> None:
    schema_id = registry.register_schema(ORDER, "orders")
    registry.create_table(schema_id, "duckdb")
    file = tmp_path / "one"
    file.write_bytes(b"\x0a\x01a")
    assert registry.ingest(schema_id, Source(file, "single")).rows == 1
    assert registry.ingest(schema_id, b"").rows == 0


def test_which_engine(registry: SchemaRegistry) -> None:
    schema_id = registry.register_schema(ORDER, "orders")
    with pytest.raises(NotFoundError, match="has no table yet") as caught:
        registry.ingest(schema_id, b"")
    assert caught.value.hint == "protolith create bigquery_lite.orders --engine duckdb"
    registry.create_table(schema_id, "duckdb")
    registry.create_table(schema_id, "clickhouse")
    with pytest.raises(ConflictError, match="has tables in clickhouse and duckdb"):
        registry.ingest(schema_id, b"")
    assert registry.get_schema_version(schema_id).engines_created == ["clickhouse", "duckdb"]


def test_the_next_versions_table_is_another_table(registry: SchemaRegistry) -> None:
    first = registry.register_schema(ORDER, "orders")
    registry.create_table(first, "duckdb")
    second = registry.register_schema(NEXT, "orders")
    with pytest.raises(ConflictError, match="as version 1") as caught:
        registry.create_table(second, "duckdb")
    assert str(caught.value.hint) == "protolith migrate bigquery_lite.orders@2 --engine duckdb"
    assert registry.get_schema_version(first).engines_created == ["duckdb"]
    assert registry.get_schema_version(second).engines_created == []
    assert registry.ingest(second, RECORDS, "duckdb").left_out == ["note"]
    assert registry.ingest(first, RECORDS, "duckdb").rows == 2


def test_a_json_schema(registry: SchemaRegistry) -> None:
    schema = [{"name": "a", "type": "INT64"}, {"name": "b", "type": "STRING", "mode": "REPEATED"}]
    schema_id = registry.register_json(schema, "t")
    legacy = {"fields": [schema[0] | {"type": "INTEGER", "mode": "NULLABLE"}, schema[1]]}
    assert registry.register_json(legacy, "t") == schema_id
    version = registry.get_schema_version(schema_id)
    assert [field.type for field in version.fields] == ["INTEGER", "STRING"]
    assert (version.proto_content, version.message) == (None, None)
    assert registry.create_table(schema_id, "duckdb").created
    with pytest.raises(LayoutError, match="registered as a JSON schema"):
        registry.ingest(schema_id, b"", "duckdb")


def test_a_batch_is_all_or_nothing(registry: SchemaRegistry) -> None:
    good = {"proto_content": ORDER, "table_name": "orders"}
    ids = registry.register_schemas_batch(
        [good, {"schema_json": [{"name": "a", "type": "JSON"}], "table_name": "j"}, good]
    )
    assert ids[0] == ids[2] == registry.get_schema_version("bigquery_lite.orders").schema_id
    bad = {"proto_content": "syntax", "table_name": "bad"}
    with pytest.raises(Exception, match=r"schemas\[1\]: ") as caught:
        registry.register_schemas_batch([good | {"table_name": "other"}, bad])
    assert caught.value.code == "SCHEMA_INVALID"
    assert [s.table_name for s in registry.list_schemas()] == ["j", "orders"]
    for wrong in ({}, {"proto_content": "", "schema_json": []}, good | {"tabel": "x"}):
        with pytest.raises(MalformedError, match=r"schemas\[0\]: "):
            registry.register_schemas_batch([wrong])


def test_ddl(registry: SchemaRegistry) -> None:
    schema_id = registry.register_schema(ORDER, "orders")
    for name in ("duckdb", "clickhouse", "bigquery"):
        assert "CREATE TABLE IF NOT EXISTS" in registry.ddl(schema_id, name)
    with pytest.raises(NotFoundError, match="no dialect 'oracle'"):
        registry.ddl(schema_id, "oracle")


def test_it_is_all_there_when_opened_again(tmp_path: Path) -> None:
    with SchemaRegistry(tmp_path) as registry:
        schema_id = registry.register_schema(ORDER, "orders")
        registry.create_table(schema_id, "duckdb")
        registry.ingest(schema_id, RECORDS)
    with SchemaRegistry(tmp_path) as registry:
        assert registry.get_schema_version(schema_id).engines_created == ["duckdb"]
        sql = "SELECT count(*) AS n FROM bigquery_lite.orders"
        assert registry.query("duckdb", sql).to_pylist() == [{"n": 2}]


def test_a_table_whose_creation_was_cut_short_is_finished(registry: SchemaRegistry) -> None:
    """A process that dies between the engine's answer and the registry's note."""
    schema_id = registry.register_schema(ORDER, "orders")
    registry.create_table(schema_id, "duckdb")
    with sqlite3.connect(registry.home / "registry.db") as connection:
        connection.execute("UPDATE schema_engine_tables SET table_created = 0")
    connection.close()
    assert registry.get_schema_version(schema_id).engines_created == []
    assert not registry.create_table(schema_id, "duckdb").created
    assert registry.get_schema_version(schema_id).engines_created == ["duckdb"]


def test_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert SchemaRegistry().home == tmp_path / "home"
    monkeypatch.delenv("PROTOLITH_HOME")
    assert SchemaRegistry().home == Path(".protolith")
    assert not Path(".protolith").exists()


def test_the_stored_schema_is_what_the_plugin_writes(registry: SchemaRegistry) -> None:
    schema_id = registry.register_schema(ORDER, "orders")
    assert json.loads(json.dumps(registry.get_schema_version(schema_id).schema_json)) == [
        {"name": "id", "type": "STRING", "mode": "NULLABLE", "description": "Unique for ever."},
        {"name": "cents", "type": "INTEGER", "mode": "NULLABLE"},
        {"name": "tags", "type": "STRING", "mode": "REPEATED"},
        {
            "name": "to",
            "type": "RECORD",
            "mode": "NULLABLE",
            "fields": [{"name": "city", "type": "STRING", "mode": "NULLABLE"}],
        },
    ]


def test_bigquery_has_a_schema_warnings_and_a_storage_descriptor(registry: SchemaRegistry) -> None:
    schema_id = registry.register_schema(ORDER, "orders")
    text = registry.bq_schema(schema_id)
    assert json.loads(text) == registry.get_schema_version(schema_id).schema_json
    assert text == dialect("bigquery").json_schema(compile_protos(ORDER))
    assert registry.lint(schema_id) == []
    assert registry.storage_schema(schema_id).descriptor.name == "shop_Order"
    plain = registry.register_json([{"name": "a", "type": "STRING"}], "j")
    assert json.loads(registry.bq_schema(plain)) == registry.get_schema_version(plain).schema_json
    assert registry.lint(plain) == []
    with pytest.raises(LayoutError, match="it has no message"):
        registry.storage_schema(plain)


def test_the_converter_is_chosen_by_whoever_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SchemaRegistry(tmp_path).converter == "protolith"
    monkeypatch.setenv("PROTOLITH_CONVERTER", "protoc")
    assert SchemaRegistry(tmp_path).converter == "protoc"
    monkeypatch.setenv("PROTOLITH_CONVERTER", "nobody")
    with pytest.raises(MalformedError, match="no converter 'nobody'"):
        SchemaRegistry(tmp_path)


def test_coroutines(tmp_path: Path) -> None:
    async def work() -> None:
        async with AsyncSchemaRegistry(tmp_path) as registry:
            schema_id = await registry.register_schema(ORDER, "orders")
            ids = await registry.register_schemas_batch(
                [{"proto_content": NEXT, "table_name": "orders"}]
            )
            assert [line["schema_id"] for line in await registry.get_schema_versions(ids[0])] == [
                ids[0],
                schema_id,
            ]
            assert (await registry.get_schema_version(schema_id)).version == 1
            assert len(await registry.list_schemas()) == 1
            await registry.create_table(schema_id, "duckdb")
            assert (await registry.ingest(schema_id, RECORDS)).rows == 2
            many = [registry.register_schema(ORDER, f"t{n}") for n in range(20)]
            assert len(set(await asyncio.gather(*many))) == 20

    asyncio.run(work())


def test_coroutines_offer_what_the_registry_offers() -> None:
    own = {"engine"}
    names = {n for n in dir(SchemaRegistry) if callable(getattr(SchemaRegistry, n))}
    names = {name for name in names if not name.startswith("_")} - own
    assert names == {name for name in vars(AsyncSchemaRegistry) if not name.startswith("_")}


def test_generated_messages_need_no_source(registry: SchemaRegistry) -> None:
    registry.register_schema(DescriptorSet.of(api_pb2.Api.DESCRIPTOR), "api", message="Api")
    assert registry.table("bigquery_lite.api").message == "google.protobuf.Api"
