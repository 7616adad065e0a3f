"""Dead letters: refused records are kept with their bytes, and loaded after a fix."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import delimited

from protolith import MalformedError, NotFoundError, SchemaRegistry, Source
from protolith.errors import EngineError

FIRST = 'syntax = "proto3"; message Event { int64 id = 1; string name = 2; }'
NAME = b"\x12\x02\xff\xfe"  # not UTF-8
GOOD, BAD = b"\x08\x01", b"\x08\x02" + NAME


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "refused.jsonl"


@pytest.fixture
def events(registry: SchemaRegistry) -> SchemaRegistry:
    registry.register_schema(FIRST, "events", "shop")
    registry.create_table("shop.events", "duckdb")
    return registry


def ids(registry: SchemaRegistry) -> list[int]:
    found = registry.query("duckdb", "SELECT id FROM shop.events ORDER BY id")
    return [int(v) for v in found.column("id").to_pylist()]


def letters(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_refused_records_are_kept_and_replayed_as_another_version(
    events: SchemaRegistry, file: Path
) -> None:
    data = delimited(GOOD, BAD, b"\x08\x03") + b"\x09abc"
    result = events.ingest("shop.events", data, dead_letters=file)
    assert (result.rows, result.rejected_count, ids(events)) == (2, 2, [1, 3])
    first, last = letters(file)
    assert base64.b64decode(first["data"]) == BAD
    assert (first["record"], first["offset"], first["version"]) == (1, 3, 1)
    assert (first["broken"], last["broken"]) == (False, True)
    assert events.replay(file).rows == 0
    assert [x["data"] for x in letters(file)] == [first["data"], last["data"]]
    events.set_compatibility("shop.events", "NONE")
    other = events.register_schema(
        'syntax = "proto3"; message Event { int64 id = 1; }', "events", "shop"
    )
    result = events.replay(file, other)
    assert (result.rows, ids(events)) == (1, [1, 2, 3])
    assert result.unknown_fields == {"Event.2": 1}
    assert [x["data"] for x in letters(file)] == [last["data"]]


def test_equal_records_of_several_loads_are_all_kept(events: SchemaRegistry, file: Path) -> None:
    source = file.with_name("events.bin")
    source.write_bytes(delimited(BAD, BAD))
    for data in (source, delimited(BAD), delimited(BAD)):
        events.ingest("shop.events", data, dead_letters=file)
    places = [(x["file"], x["record"]) for x in letters(file)]
    assert places == [(str(source), 0), (str(source), 1), (None, 0), (None, 0)]


def test_without_a_bad_record_there_is_no_file(events: SchemaRegistry, file: Path) -> None:
    events.ingest("shop.events", delimited(GOOD), dead_letters=file)
    assert not file.exists()


def test_lines_are_read_again_as_lines(events: SchemaRegistry, file: Path) -> None:
    lines = b'{"id": "1"}\n{"id": "7", "colour": 1}\n'
    events.ingest("shop.events", Source(lines, "json"), dead_letters=file)
    assert base64.b64decode(letters(file)[0]["data"]) == b'{"id": "7", "colour": 1}\n'
    events.set_compatibility("shop.events", "NONE")
    proto = 'syntax = "proto3"; message Event { int64 id = 1; string name = 2; int32 colour = 3; }'
    assert events.replay(file, events.register_schema(proto, "events", "shop")).rows == 1
    assert ids(events) == [1, 7]
    assert not file.exists()


def test_what_is_not_loaded_leaves_no_letters(registry: SchemaRegistry, file: Path) -> None:
    """The engine refuses the good record: the run has not happened."""
    proto = """syntax = "proto3"; import "bq_field.proto"; message Place {
      string at = 1 [(gen_bq_schema.bigquery).type_override = "GEOGRAPHY"]; }"""
    registry.register_schema(proto, "place", "shop")
    registry.create_table("shop.place", "duckdb")
    data = delimited(b"\x0a\x03far", b"\x0a\x01\xff")
    with pytest.raises(EngineError):
        registry.ingest("shop.place", data, dead_letters=file)
    assert not file.exists()


def test_files_that_hold_no_letters(events: SchemaRegistry, file: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be used"):
        events.replay(file)
    file.write_text("{}\n")
    with pytest.raises(MalformedError, match=":1 is no dead letter"):
        events.replay(file)
    with pytest.raises(NotFoundError, match="cannot be used"):
        events.ingest("shop.events", delimited(GOOD, BAD), dead_letters=file.parent / "no" / "x")
    assert ids(events) == []
