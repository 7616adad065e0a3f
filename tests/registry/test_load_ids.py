"""A load with an id is there once: by Python, from files and streams, with dead letters."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
from tests.conftest import delimited

from protolith import ConflictError, MalformedError, SchemaRegistry, Source

PROTO = 'syntax = "proto3"; message Event { int64 id = 1; string name = 2; }'
GOOD, BAD = b"\x08\x01", b"\x08\x02\x12\x02\xff\xfe"
DATA = delimited(GOOD, GOOD)


@pytest.fixture(params=["duckdb", "clickhouse"])
def events(registry: SchemaRegistry, request: pytest.FixtureRequest) -> SchemaRegistry:
    registry.register_schema(PROTO, "events", "shop")
    registry.create_table("shop.events", request.param)
    return registry


def count(registry: SchemaRegistry) -> int:
    (deployment,) = registry.deployments()
    found = registry.query(deployment.engine, "SELECT count(*) AS n FROM shop.events")
    return int(found.column("n")[0].as_py())


def test_a_load_is_there_once(events: SchemaRegistry) -> None:
    first = events.ingest("shop.events", DATA, load_id="monday")
    again = events.ingest("shop.events", DATA, load_id="monday")
    assert (first.rows, first.already_loaded, first.load_id) == (2, False, "monday")
    assert (again.rows, again.already_loaded, again.load_id) == (0, True, "monday")
    assert count(events) == 2
    with pytest.raises(ConflictError, match="'monday' of shop.events has 2 rows"):
        events.ingest("shop.events", delimited(GOOD), load_id="monday")
    assert count(events) == 2


def test_the_content_makes_an_id(events: SchemaRegistry, tmp_path: Path) -> None:
    file = tmp_path / "events.bin"
    file.write_bytes(DATA)
    ways = [DATA, io.BytesIO(DATA), file, Source(file)]
    found = [events.ingest("shop.events", way, load_id="content") for way in ways]
    assert [result.already_loaded for result in found] == [False, True, True, True]
    assert len({result.load_id for result in found}) == 1
    file.write_bytes(delimited(GOOD, GOOD, GOOD))
    assert events.ingest("shop.events", file, load_id="content").rows == 3
    assert count(events) == 5


def test_folders_and_packed_files_have_ids_of_their_bytes(
    events: SchemaRegistry, tmp_path: Path
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(DATA, mtime=0))
    results = [events.ingest("shop.events", tmp_path, load_id="content") for _ in range(2)]
    assert [result.rows for result in results] == [4, 0]
    (tmp_path / "b.gz").unlink()
    assert events.ingest("shop.events", tmp_path, load_id="content").rows == 2


def test_another_version_or_framing_makes_another_id(events: SchemaRegistry) -> None:
    first = events.ingest("shop.events", DATA, load_id="content")
    events.register_schema(PROTO.replace("name", "title"), "events", "shop")
    second = events.ingest("shop.events", DATA, load_id="content")
    lines = Source(b'{"id": "1"}', "json")
    third = events.ingest("shop.events", lines, load_id="content")
    assert len({first.load_id, second.load_id, third.load_id}) == 3
    assert count(events) == 5


def test_where_no_id_can_be_made(events: SchemaRegistry) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    for data in (Source(pa.table({"b": [GOOD]})), Pipe(DATA)):
        with pytest.raises(MalformedError) as caught:
            events.ingest("shop.events", data, load_id="content")
        assert caught.value.hint == "name the load"
    for load_id in ("", "x" * 201, "a\0"):
        with pytest.raises(MalformedError, match="load id"):
            events.ingest("shop.events", DATA, load_id=load_id)
    assert count(events) == 0


def test_a_replay_that_died_before_its_file_was_written_adds_nothing(
    events: SchemaRegistry, tmp_path: Path
) -> None:
    file = tmp_path / "refused.jsonl"
    events.ingest("shop.events", delimited(BAD), dead_letters=file)
    events.set_compatibility("shop.events", "NONE")
    kept = file.read_text()
    loose = events.register_schema(PROTO.partition(" string")[0] + " }", "events", "shop")
    assert events.replay(file, loose, load_id="a").rows == 1
    assert not file.exists()
    file.write_text(kept)  # as it is after a crash
    again = events.replay(file, loose, load_id="a")
    assert (again.rows, again.already_loaded, count(events)) == (0, True, 1)
    assert not file.exists()


def test_a_load_that_is_there_leaves_no_second_letters(
    events: SchemaRegistry, tmp_path: Path
) -> None:
    file = tmp_path / "refused.jsonl"
    data = delimited(GOOD, BAD)
    for _ in range(2):
        result = events.ingest("shop.events", data, dead_letters=file, load_id="monday")
        assert result.rejected_count == 1
    assert [json.loads(line)["record"] for line in file.read_text().splitlines()] == [1]
    assert count(events) == 1
