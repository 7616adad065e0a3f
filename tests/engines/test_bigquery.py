"""BigQuery through its real client, against `fake_bigquery.py` in place of the service."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY

from conftest import ORDER, delimited
from engines.fake_bigquery import FakeBigQuery
from protolith import (
    ConflictError,
    EngineError,
    EngineSettings,
    EngineUnavailableError,
    LayoutError,
    SchemaRegistry,
)
from protolith.cli import app
from protolith.engines import Engine, open_engine
from protolith.tables import (
    Column,
    Date,
    Geography,
    Integer,
    Interval,
    Json,
    List,
    Record,
    Storage,
    String,
    Table,
    Timestamp,
)

INNER = Record((Column("x", Integer(), nullable=False, comment="inner"), Column("y", String())))
TABLE = Table(
    "shop",
    "things",
    (
        Column("id", Integer(), nullable=False, comment="c" * 2_000, policy_tags=("tag",)),
        Column("at", Timestamp()),
        Column("day", Date()),
        Column("place", Geography()),
        Column("data", Json()),
        Column("r", INNER),
        Column("l", List(Record((Column("r", INNER),))), nullable=False),
    ),
    comment="Things.",
)


@pytest.fixture
def settings(bigquery: FakeBigQuery) -> EngineSettings:
    return EngineSettings(bigquery="shop-1/EU", bigquery_endpoint=bigquery.endpoint)


@pytest.fixture
def engine(settings: EngineSettings, tmp_path: Path) -> Engine:
    return open_engine("bigquery", tmp_path, settings)


def _fields(bigquery: FakeBigQuery) -> list[dict[str, object]]:
    fields: list[dict[str, object]] = bigquery.tables["shop", "things"]["schema"]["fields"]
    return fields


def test_a_table_is_created_as_its_json_schema(bigquery: FakeBigQuery, engine: Engine) -> None:
    assert engine.create(TABLE)
    assert not engine.create(TABLE)
    assert bigquery.datasets["shop"]["location"] == "EU"
    assert bigquery.tables["shop", "things"]["description"] == "Things."
    first, *_, last = _fields(bigquery)
    assert first["policyTags"] == {"names": ["tag"]}
    assert len(str(first["description"])) == 1024
    assert last["mode"] == "REPEATED"
    assert engine.compare(TABLE) == ()
    assert set(bigquery.authorizations) == {None}


@pytest.mark.parametrize(
    ("partition", "key", "value"),
    [
        ("day", "timePartitioning", {"type": "DAY", "field": "day"}),
        ("DATE(at)", "timePartitioning", {"type": "DAY", "field": "at"}),
        ("TIMESTAMP_TRUNC(`at`, month)", "timePartitioning", {"type": "MONTH", "field": "at"}),
        ("_PARTITIONDATE", "timePartitioning", {"type": "DAY"}),
        (
            "RANGE_BUCKET(id, GENERATE_ARRAY(0, 100, 10))",
            "rangePartitioning",
            {"field": "id", "range": {"start": "0", "end": "100", "interval": "10"}},
        ),
    ],
)
def test_how_rows_are_kept(
    bigquery: FakeBigQuery, engine: Engine, partition: str, key: str, value: object
) -> None:
    options = (("require_partition_filter", "true"),)
    storage = Storage(partition_by=partition, order_by=("id", "day"), settings=options)
    assert engine.create(replace(TABLE, storage=(("bigquery", storage),)))
    made = bigquery.tables["shop", "things"]
    assert made[key] == value
    assert made["clustering"] == {"fields": ["id", "day"]}
    assert made["requirePartitionFilter"] is True


def test_table_options_and_a_key(bigquery: FakeBigQuery, engine: Engine) -> None:
    settings = {
        "partition_expiration_days": 1.5,
        "friendly_name": "Things",
        "labels": {"team": "data"},
        "expiration_timestamp": "2030-01-01T00:00:00Z",
        "default_rounding_mode": "ROUND_HALF_EVEN",
        "kms_key_name": "projects/p/key",
    }
    texts = tuple((name, json.dumps(value)) for name, value in settings.items())
    storage = Storage(partition_by="day", primary_key=("id",), settings=texts)
    assert engine.create(replace(TABLE, storage=(("bigquery", storage),)))
    made = bigquery.tables["shop", "things"]
    partitions = {"type": "DAY", "field": "day", "expirationMs": "129600000"}
    assert made["timePartitioning"] == partitions
    assert made["friendlyName"] == "Things"
    assert made["labels"] == {"team": "data"}
    assert made["expirationTime"] == "1893456000000"
    assert made["defaultRoundingMode"] == "ROUND_HALF_EVEN"
    assert made["encryptionConfiguration"] == {"kmsKeyName": "projects/p/key"}
    assert made["tableConstraints"] == {"primaryKey": {"columns": ["id"]}}


@pytest.mark.parametrize(
    "storage",
    [Storage(partition_by="id + 1"), Storage(settings=(("enable_change_history", "true"),))],
)
def test_storage_that_cannot_be_said(engine: Engine, storage: Storage) -> None:
    with pytest.raises(LayoutError):
        engine.create(replace(TABLE, storage=(("bigquery", storage),)))
    assert engine.columns("shop", "things") == ()


def test_a_registry_creates_loads_and_queries(
    tmp_path: Path, settings: EngineSettings, bigquery: FakeBigQuery
) -> None:
    with SchemaRegistry(tmp_path / "home", engines=settings) as registry:
        registry.register_schema(ORDER, "orders", "shop")
        assert registry.create_table("shop.orders", "bigquery").created
        loaded = registry.ingest("shop.orders", delimited(b"\x0a\x01a\x1a\x01t\x22\x00"))
        assert loaded.rows == 1
        assert registry.drift("shop.orders").differences == ()
        rows = registry.query("bigquery", "SELECT * FROM `shop`.`orders`").to_pylist()
        assert rows == [{"id": "a", "cents": 0, "tags": ["t"], "to": {"city": ""}}]
        fields = bigquery.tables["shop", "orders"]["schema"]["fields"]
        fields[3]["fields"][0]["type"] = "BYTES"
        fields.append({"name": "more", "type": "FOREIGN", "mode": "NULLABLE"})
        del fields[1]
        found = {(d.column, d.kind) for d in registry.drift("shop.orders").differences}
        assert {("cents", "missing"), ("more", "extra")} <= found
        assert any(kind == "type" for _, kind in found)
        with pytest.raises(ConflictError, match="cents: is missing"):
            registry.ingest("shop.orders", delimited(b"\x0a\x01a"))


def test_the_command_line(
    tmp_path: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROTOLITH_BIGQUERY", str(settings.bigquery))
    monkeypatch.setenv("PROTOLITH_BIGQUERY_ENDPOINT", str(settings.bigquery_endpoint))
    (tmp_path / "order.proto").write_text(ORDER)
    assert app.meta(["register", str(tmp_path / "order.proto"), "--table", "orders"]) == 0
    assert app.meta(["create", "bigquery_lite.orders", "--engine", "bigquery"]) == 0
    assert app.meta(["drift", "bigquery_lite.orders", "--engine", "bigquery"]) == 0


def test_text_becomes_a_shape_and_a_document(engine: Engine) -> None:
    table = Table("shop", "shapes", (Column("place", Geography()), Column("data", Json())))
    engine.create(table)
    engine.load(table, pa.table({"place": ["POINT(1 2)"], "data": ['{"a": 1}']}))
    (row,) = engine.query("SELECT place, data FROM shop.shapes").to_pylist()
    assert row == {"place": "POINT(1 2)", "data": '{"a": 1}'}


def test_what_parquet_cannot_carry_is_not_loaded(engine: Engine) -> None:
    table = Table("shop", "spans", (Column("i", Interval()),))
    engine.create(table)
    with pytest.raises(EngineError, match="cannot be loaded"):
        engine.load(table, pa.table({"i": ["1-2 3 4:5:6"]}))


def test_patching_adds_and_keeps_what_others_said(bigquery: FakeBigQuery, engine: Engine) -> None:
    engine.create(TABLE)
    _fields(bigquery)[0]["dataPolicies"] = [{"name": "theirs"}]
    more = Record((*INNER.columns, Column("z", Integer())))
    wanted = replace(
        TABLE,
        columns=(
            Column("new", String()),
            replace(TABLE.columns[0], nullable=True, comment="Now optional."),
            *(replace(c, type=more) if c.name == "r" else c for c in TABLE.columns[1:]),
        ),
    )
    engine.patch(wanted)  # type: ignore[attr-defined]
    fields = {str(field["name"]): field for field in _fields(bigquery)}
    assert list(fields) == [*(c.name for c in TABLE.columns), "new"]
    assert fields["id"]["mode"] == "NULLABLE"
    assert fields["id"]["dataPolicies"] == [{"name": "theirs"}]
    assert fields["id"]["description"] == "Now optional."
    assert [inner["name"] for inner in fields["r"]["fields"]] == ["x", "y", "z"]  # type: ignore[attr-defined]
    assert {d.kind for d in engine.compare(wanted)} == {"order"}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (Column("new", String(), nullable=False), "Cannot add required field new"),
        (Column("r", Record((Column("z", Integer(), nullable=False),))), "required field r.z"),
    ],
)
def test_a_patch_that_the_service_refuses_changes_nothing(
    bigquery: FakeBigQuery, engine: Engine, column: Column, text: str
) -> None:
    engine.create(TABLE)
    before = json.dumps(_fields(bigquery))
    with pytest.raises(EngineError, match=text):
        engine.patch(replace(TABLE, columns=(*TABLE.columns, column)))  # type: ignore[attr-defined]
    assert json.dumps(_fields(bigquery)) == before


def test_a_patch_after_somebody_elses_is_refused(engine: Engine) -> None:
    engine.create(TABLE)
    client = engine._client  # type: ignore[attr-defined]
    stale = client.get_table("shop-1.shop.things")
    engine.patch(replace(TABLE, columns=(*TABLE.columns, Column("new", String()))))  # type: ignore[attr-defined]
    client.get_table = lambda *_args, **_options: stale
    with pytest.raises(EngineError, match="Precondition check failed"):
        engine.patch(TABLE)  # type: ignore[attr-defined]


def test_a_view_in_the_place(bigquery: FakeBigQuery, engine: Engine) -> None:
    engine.create(TABLE)
    bigquery.tables["shop", "things"]["type"] = "VIEW"
    with pytest.raises(ConflictError, match="a VIEW is in the place of shop.things"):
        engine.create(TABLE)


def test_settings_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(settings: EngineSettings) -> EngineUnavailableError:
        with pytest.raises(EngineUnavailableError) as caught:
            open_engine("bigquery", tmp_path, settings)
        return caught.value

    assert "PROTOLITH_BIGQUERY=project" in str(refused(EngineSettings()).hint)
    assert "not a BigQuery project" in str(refused(EngineSettings(bigquery="a b")))
    wrong = EngineSettings(bigquery="p", bigquery_endpoint="http://user:secret@host")
    assert "secret" not in f"{refused(wrong)}{refused(wrong).hint}"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    assert "no credentials" in str(refused(EngineSettings(bigquery="p")))
    monkeypatch.setattr("protolith.engines.settings.find_spec", lambda _name: None)
    missing = refused(EngineSettings(bigquery="p"))
    assert missing.hint == "pip install 'protolith[bigquery]'"


def test_a_service_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protolith.engines.bigquery.RETRY", DEFAULT_RETRY.with_timeout(0.1))
    quick = DEFAULT_JOB_RETRY.with_timeout(0.1)
    monkeypatch.setattr("protolith.engines.bigquery.JOB_RETRY", quick)
    settings = EngineSettings(bigquery="p", bigquery_endpoint="http://127.0.0.1:9")
    with pytest.raises(EngineUnavailableError, match="does not answer"):
        open_engine("bigquery", tmp_path, settings).create(TABLE)


def test_a_creation_that_nobody_heard_the_end_of_is_finished_later(
    tmp_path: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protolith.engines.bigquery.RETRY", DEFAULT_RETRY.with_timeout(0.1))
    quick = DEFAULT_JOB_RETRY.with_timeout(0.1)
    monkeypatch.setattr("protolith.engines.bigquery.JOB_RETRY", quick)
    away = EngineSettings(bigquery="p", bigquery_endpoint="http://127.0.0.1:9")
    with SchemaRegistry(tmp_path / "home", engines=away) as registry:
        registry.register_schema(ORDER, "orders", "shop")
        with pytest.raises(EngineUnavailableError):
            registry.create_table("shop.orders", "bigquery")
        (found,) = registry.diagnose(mend=True)
        assert (found.state, found.mended) == ("unknown", False)
    with SchemaRegistry(tmp_path / "home", engines=settings) as registry:
        (found,) = registry.diagnose(mend=True)
        assert (found.state, found.mended) == ("unfinished", True)
        assert registry.drift("shop.orders").differences == ()
