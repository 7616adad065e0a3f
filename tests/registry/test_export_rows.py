"""Rows go out as the messages that they came as, and what is no message is refused."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from tests.conftest import delimited

from protolith import (
    LayoutError,
    MalformedError,
    NotFoundError,
    RowsRejectedError,
    SchemaRegistry,
    Source,
)
from protolith.decoding import read_delimited
from protolith.layout import Layout

PROTO = """syntax = "proto3"; import "google/protobuf/timestamp.proto"; message Event {
  int64 id = 1; bytes raw = 2; map<string, double> sizes = 3; repeated Part parts = 4;
  oneof kind { string word = 5; Part part = 6; } google.protobuf.Timestamp at = 7;
  optional uint64 big = 8; Colour colour = 9;
  message Part { float weight = 1; repeated string names = 2; }
  enum Colour { NONE = 0; RED = 1; } }"""
ENGINES = ("duckdb", "clickhouse")


def extreme(registry: SchemaRegistry) -> list[bytes]:
    cls: Any = GetMessageClass(registry.descriptors("shop.events").message("Event"))
    part = cls.Part
    made = [
        cls(),
        cls(id=-(2**63), raw=bytes(range(256)), sizes={"": float("inf"), "é\0": -0.0}),
        cls(id=2**63 - 1, parts=[part(), part(weight=1e-45, names=["", "a"])], word=""),
        cls(part=part(), big=2**64 - 1, colour=1),
        cls(big=0, colour=-7),
    ]
    for message, seconds in ((made[3], -62135596800), (made[4], 253402300799)):
        message.at.seconds, message.at.nanos = seconds, 999_999_000
    return [message.SerializeToString(deterministic=True) for message in made]


def same(data: bytes, sent: list[bytes], registry: SchemaRegistry) -> None:
    cls: Any = GetMessageClass(registry.descriptors("shop.events").message("Event"))
    found = [cls.FromString(frame.data) for frame in read_delimited(io.BytesIO(data))]
    back = [message.SerializeToString(deterministic=True) for message in found]
    assert sorted(back) == sorted(sent)


@pytest.fixture(params=[f"{e} {x}" for e in ENGINES for x in ("native", "exact", "json")])
def events(registry: SchemaRegistry, request: pytest.FixtureRequest) -> SchemaRegistry:
    engine, _, layout = request.param.partition(" ")
    registry.register_schema(PROTO, "events", "shop")
    registry.create_table("shop.events", engine, Layout.from_text(layout))
    return registry


@pytest.fixture
def duckdb(registry: SchemaRegistry) -> SchemaRegistry:
    registry.register_schema(PROTO, "events", "shop")
    registry.create_table("shop.events", "duckdb")
    return registry


def test_messages_come_out_as_they_went_in(events: SchemaRegistry, tmp_path: Path) -> None:
    sent, file = extreme(events), tmp_path / "events.bin"
    events.ingest("shop.events", delimited(*sent))
    found = events.export_rows("shop.events", file)
    assert (found.rows, found.version) == (len(sent), 1)
    same(file.read_bytes(), sent, events)
    lines = tmp_path / "events.jsonl"
    events.export_rows("shop.events", lines, framing="json")
    assert events.ingest("shop.events", Source(lines, "json")).rows == len(sent)
    events.export_rows("shop.events", file)
    same(file.read_bytes(), sent * 2, events)


def test_an_empty_table_is_an_empty_file(events: SchemaRegistry, tmp_path: Path) -> None:
    assert events.export_rows("shop.events", tmp_path / "none").rows == 0
    assert (tmp_path / "none").read_bytes() == b""


def test_more_rows_than_a_batch_come_out_packed_and_in_a_stream(
    duckdb: SchemaRegistry, tmp_path: Path
) -> None:
    sent = [b"\x08" + bytes([n & 127 | 128, n >> 7]) for n in range(1, 10_001)]
    duckdb.ingest("shop.events", delimited(*sent))
    file, stream = tmp_path / "events.bin.gz", io.BytesIO()
    assert duckdb.export_rows("shop.events", file).rows == len(sent)
    assert duckdb.ingest("shop.events", file).rows == len(sent)
    assert duckdb.export_rows("shop.events", stream).rows == 2 * len(sent)
    assert len(stream.getvalue()) == 2 * len(gzip.decompress(file.read_bytes()))


def test_a_query_chooses_rows_and_columns(duckdb: SchemaRegistry, tmp_path: Path) -> None:
    duckdb.ingest("shop.events", delimited(b"\x08\x01\x12\x01a", b"\x08\x02"))
    file = tmp_path / "events.jsonl"
    sql = "SELECT id, 'RED' AS colour FROM shop.events WHERE id = 1"
    assert duckdb.export_rows("shop.events", file, sql=sql, framing="json").rows == 1
    assert json.loads(file.read_text()) == {"id": "1", "colour": "RED"}


@pytest.mark.parametrize(
    ("sql", "fault", "text"),
    [
        ("SELECT 1 AS id, 2 AS other", MalformedError, "other columns than shop.events: 'other'"),
        ("SELECT 'x' AS id", MalformedError, "other types than the table"),
        ("SELECT 'a' AS word, {'weight': 1, 'names': []} AS part", RowsRejectedError, "kind: both"),
        ("SELECT 'BLUE' AS colour", RowsRejectedError, "BLUE"),
    ],
)
def test_what_is_no_message_leaves_no_file(
    duckdb: SchemaRegistry, tmp_path: Path, sql: str, fault: type[Exception], text: str
) -> None:
    with pytest.raises(fault, match=text):
        duckdb.export_rows("shop.events", tmp_path / "out", sql=sql)
    assert list(tmp_path.glob("*out*")) == []


def test_where_nothing_can_come_out(duckdb: SchemaRegistry, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be written"):
        duckdb.export_rows("shop.events", tmp_path / "no" / "file")
    with pytest.raises(MalformedError, match="no framing 'xml' to write"):
        duckdb.export_rows("shop.events", tmp_path / "file", framing="xml")  # type: ignore[arg-type]
    duckdb.register_json([{"name": "a", "type": "STRING"}], "plain", "shop")
    duckdb.create_table("shop.plain", "duckdb")
    with pytest.raises(LayoutError, match="JSON"):
        duckdb.export_rows("shop.plain", tmp_path / "file")


def test_what_a_layout_has_lost_is_said(registry: SchemaRegistry, tmp_path: Path) -> None:
    proto = """syntax = "proto3"; import "google/type/date.proto";
      message Day { google.type.Date d = 1; }"""
    registry.register_schema(proto, "days", "shop")
    registry.create_table("shop.days", "duckdb", Layout.from_text("google_types=value"))
    registry.ingest("shop.days", delimited(b"\x0a\x07\x08\xe6\x0f\x10\x01\x18\x02"))
    with pytest.raises(LayoutError, match="google.type.Date is kept as Date"):
        registry.export_rows("shop.days", tmp_path / "file")
    registry.register_schema(PROTO, "events", "shop")
    registry.create_table("shop.events", "duckdb")
    notes = registry.export_rows("shop.events", tmp_path / "file").notes
    assert [note.field_path for note in notes] == ["at"]
