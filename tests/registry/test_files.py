"""Several files are decoded on several cores, and their rows stay in the files' order."""

from pathlib import Path

import pytest
from tests.conftest import delimited

from protolith import RowsRejectedError, SchemaRegistry
from protolith.registry import spool
from protolith.registry.letters import read_letters
from protolith.registry.spool import Progress

PROTO = 'syntax = "proto3"; message Event { int64 id = 1; string name = 2; }'
BAD = b"\x08\x02\x12\x02\xff\xfe"
FILES, ROWS = 12, 500


def record(number: int) -> bytes:
    return b"\x08" + bytes([number & 127 | 128, number >> 7])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "events"
    inside.mkdir()
    for n in range(FILES):
        rows = [record(128 + n * ROWS + k) for k in range(ROWS)]
        (inside / f"{n:02}.bin").write_bytes(delimited(*rows))
    return inside


@pytest.fixture
def events(registry: SchemaRegistry) -> SchemaRegistry:
    registry.register_schema(PROTO, "events", "shop")
    registry.create_table("shop.events", "duckdb")
    return registry


@pytest.mark.parametrize("small", [spool.IN_MEMORY, 20_000, 0])
def test_rows_stay_in_order_in_memory_and_on_disk(
    events: SchemaRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(spool, "_cores", lambda: 4)
    monkeypatch.setattr(spool.Spool.__init__, "__defaults__", (small,))
    progress = Progress()
    assert events.ingest("shop.events", folder, progress=progress).rows == FILES * ROWS
    found = events.query("duckdb", "SELECT id FROM shop.events ORDER BY rowid")
    assert found.column("id").to_pylist() == list(range(128, 128 + FILES * ROWS))
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert (progress.rows, progress.rejected_count, progress.read_bytes) == (6000, 0, size)


def test_refused_records_are_named_in_order_with_their_files(
    events: SchemaRegistry, folder: Path, tmp_path: Path
) -> None:
    for name in ("03.bin", "07.bin"):
        with (folder / name).open("ab") as file:
            file.write(delimited(BAD, BAD))
    with pytest.raises(RowsRejectedError) as caught:
        events.ingest("shop.events", folder)
    assert caught.value.details[0].file == str(folder / "03.bin")
    letters = tmp_path / "refused.jsonl"
    result = events.ingest("shop.events", folder, dead_letters=letters)
    places = [(Path(d.file or "").name, d.record) for d in result.rejected]
    assert places == [("03.bin", 500), ("03.bin", 501), ("07.bin", 500), ("07.bin", 501)]
    assert (result.rows, result.rejected_count) == (FILES * ROWS, 4)
    kept = [(Path(letter.file or "").name, letter.record) for letter in read_letters(letters)]
    assert kept == places


def test_the_only_file_of_a_folder_is_named(events: SchemaRegistry, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.bin").write_bytes(delimited(BAD))
    with pytest.raises(RowsRejectedError) as caught:
        events.ingest("shop.events", tmp_path / "one")
    assert caught.value.details[0].file == str(tmp_path / "one" / "a.bin")
