"""Messages as Arrow and as files, without any engine."""

import io
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from google.protobuf import message_factory
from pyarrow import parquet
from tests.conftest import delimited

from protolith import Layout, NotFoundError, RowsRejectedError, Source, compile_protos, read
from protolith.cli import main

PROTO = """syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Event {
  int64 id = 1;
  map<string, int32> counts = 2;
  repeated Part parts = 3;
  google.protobuf.Timestamp at = 4;
  message Part { string name = 1; optional double size = 2; }
}
"""
SET = compile_protos(PROTO)
EVENT: Any = message_factory.GetMessageClass(SET.message("Event"))


def run(words: list[str]) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["protolith", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code


def _event(k: int) -> Any:
    parts = [{"name": f"p{n}"} if n % 2 else {"size": n / 4} for n in range(k % 3)]
    return EVENT(id=k, counts={"a": k}, parts=parts, at={"seconds": k, "nanos": 1000 * k})


RECORDS = [_event(k).SerializeToString() for k in range(20_000)]
DATA = delimited(*RECORDS)


def test_a_reader_streams_what_duckdb_reads() -> None:
    reader = read(Source(io.BytesIO(DATA)), SET, "Event")
    assert reader.schema.names == ["id", "counts", "parts", "at"]
    sql = "SELECT count(*), sum(id), sum(len(parts)), max(reader.at)::VARCHAR FROM reader"
    expected = (20_000, sum(range(20_000)), sum(k % 3 for k in range(20_000)))
    *found, latest = duckdb.sql(sql).fetchall()[0]
    assert tuple(found) == expected
    assert latest.startswith("1970-01-01 05:33:19.019999")


def test_layouts_and_bad_records() -> None:
    data = delimited(RECORDS[1], b"\xff", RECORDS[2])
    layout = Layout.of({"style": "json"})
    table = read(data, SET, "Event", layout=layout, skip_bad=True).read_all()
    assert table.column("parts").to_pylist() == [
        '[{"size": 0.0}]',
        '[{"size": 0.0}, {"name": "p1"}]',
    ]
    with pytest.raises(RowsRejectedError, match="record 1 at byte"):
        read(data, SET, "Event").read_all()


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_convert(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "event.proto").write_text(PROTO)
    (tmp_path / "events.bin").write_bytes(DATA)
    out = tmp_path / f"events.{kind}"
    out.write_bytes(b"old")
    words = ["convert", str(tmp_path / "events.bin"), "--schema", str(tmp_path / "event.proto")]
    words += ["--message", "Event", "--output", str(out), "--to", kind]
    assert run(words) == 0
    assert capsys.readouterr().out == f"{out}: 20000 rows written\n"
    opened = parquet.read_table(out) if kind == "parquet" else pa.ipc.open_file(out).read_all()
    assert opened.equals(read(DATA, SET, "Event").read_all())
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["event.proto", "events.bin", out.name]
    )


def test_a_refused_record_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "event.proto").write_text(PROTO)
    (tmp_path / "events.bin").write_bytes(delimited(*RECORDS[:9000], b"\xff"))
    out = tmp_path / "events.parquet"
    out.write_bytes(b"old")
    words = ["convert", str(tmp_path / "events.bin"), "--schema", str(tmp_path / "event.proto")]
    words += ["--message", "Event", "--output"]
    assert run([*words, str(out)]) == 100
    assert out.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 3
    assert run([*words, str(tmp_path / "none" / "x.parquet")]) != 0
    assert run([*words, str(out), "--skip-bad"]) == 0
    assert parquet.read_metadata(out).num_rows == 9000


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="cannot be read"):
        read(Path("nothing.bin"), SET, "Event").read_all()
