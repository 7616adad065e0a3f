"""Messages as they come: every framing, packed or not, of files, folders and tables."""

import base64
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import json_format, message_factory
from pyarrow import parquet
from tests.conftest import delimited

from protolith import ReferenceDecoder, Source, compile_protos, lay_out
from protolith.decoding import Decoded, decode_source
from protolith.errors import MalformedError, NotFoundError, RowsRejectedError

PROTO = """syntax = "proto3";
message Event { int64 id = 1; string name = 2; repeated int32 n = 3; }
message Many { repeated Event events = 7; }
"""
SET = compile_protos(PROTO)
EVENT: Any = message_factory.GetMessageClass(SET.message("Event"))
MANY: Any = message_factory.GetMessageClass(SET.message("Many"))
EVENTS = [EVENT(id=k, name=f"e{k}" * (k % 7), n=range(k % 4)) for k in range(1, 20_001)]
RECORDS = [event.SerializeToString() for event in EVENTS]


def decoder() -> ReferenceDecoder:
    return ReferenceDecoder(SET, lay_out(SET, "Event"))


def rows(source: Source, account: Decoded | None = None, *, skip_bad: bool = False) -> list[Any]:
    batches = decode_source(source, decoder(), skip_bad=skip_bad, account=account)
    return pa.Table.from_batches(batches).to_pylist()


def _table() -> pa.Table:
    numbers = list(range(len(RECORDS)))
    return pa.table({"offset": numbers, "payload": pa.array(RECORDS, pa.binary())})


def _parquet() -> bytes:
    out = io.BytesIO()
    parquet.write_table(_table(), out, row_group_size=3000)
    return out.getvalue()


def _arrow(new: Callable[..., Any]) -> bytes:
    out = io.BytesIO()
    with new(out, _table().schema) as writer:
        writer.write_table(_table(), max_chunksize=3000)
    return out.getvalue()


def _json(event: Any) -> bytes:
    return json_format.MessageToJson(event, indent=None).encode()


FORMS = {
    "delimited": delimited(*RECORDS),
    "wrapped": MANY(events=EVENTS).SerializeToString(),
    "base64": b"\n\n".join(map(base64.b64encode, RECORDS)) + b"\r\n",
    "json": b"\n".join(map(_json, EVENTS)),
    "parquet": _parquet(),
    "arrow": _arrow(pa.ipc.new_file),
    "arrow stream": _arrow(pa.ipc.new_stream),
}
EXPECTED = [{"id": e.id, "name": e.name, "n": list(e.n)} for e in EVENTS]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packing", ["none", "gzip", "zstd"])
def test_every_form_holds_the_same_rows(form: str, packing: Any, tmp_path: Path) -> None:
    data = FORMS[form]
    if packing != "none":
        half = len(data) // 2  # a packed file may be several, one after another
        parts = (data[:half], data[half:])
        data = b"".join(pa.Codec(packing).compress(part, asbytes=True) for part in parts)
        if packing == "gzip":
            data = b"".join(map(gzip.compress, parts))
    framing: Any = form.partition(" ")[0]
    assert rows(Source(data, framing, compression=packing)) == EXPECTED
    file = tmp_path / f"events.bin{ {'gzip': '.gz', 'zstd': '.zst'}.get(packing, '') }"
    file.write_bytes(data)
    assert rows(Source(file, framing)) == EXPECTED
    with file.open("rb") as stream:
        assert rows(Source(stream, framing, compression=packing)) == EXPECTED


def test_one_message() -> None:
    assert rows(Source(RECORDS[4], "single")) == EXPECTED[4:5]


def test_tables_and_queries() -> None:
    assert rows(Source(_table())) == EXPECTED
    assert rows(Source(_table().to_reader(max_chunksize=7))) == EXPECTED
    two = _table().append_column("other", pa.array([b""] * len(RECORDS)))
    assert rows(Source(two, column="payload")) == EXPECTED
    with pytest.raises(MalformedError, match="not clear which column"):
        rows(Source(two))
    with pytest.raises(MalformedError, match="no column 'offset' of bytes"):
        rows(Source(two, column="offset"))
    with pytest.raises(MalformedError, match="only tables have a column"):
        rows(Source(b"", column="payload"))


def test_folders_and_patterns(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_bytes(b"\xff")
    (tmp_path / "b.bin").write_bytes(delimited(*RECORDS[3:5]))
    (tmp_path / "a.bin.gz").write_bytes(gzip.compress(delimited(*RECORDS[:3])))
    assert rows(Source(tmp_path)) == EXPECTED[:5]
    assert rows(Source(tmp_path / "b*.bin")) == EXPECTED[3:5]
    (tmp_path / "c.bin").write_bytes(delimited(RECORDS[5], b"\xff"))
    with pytest.raises(RowsRejectedError) as caught:
        rows(Source(tmp_path))
    place = f"{tmp_path / 'c.bin'}: record 1 at byte {len(RECORDS[5]) + 1}: "
    assert str(caught.value.details[0]).startswith(place)
    with pytest.raises(NotFoundError, match="has no files"):
        rows(Source(tmp_path / "none-*"))


BROKEN = [
    ("base64", [base64.b64encode(r) for r in RECORDS[:2]], b"!", "not base64: "),
    ("base64", [base64.b64encode(r) for r in RECORDS[:2]], b"/w==", "not a Event: "),
    ("json", [_json(e) for e in EVENTS[:2]], b'{"nope": 1}', "not ProtoJSON of Event: "),
    ("json", [_json(e) for e in EVENTS[:2]], b"\xff", "not ProtoJSON of Event: "),
    ("json", [_json(e) for e in EVENTS[:2]], b'{"id": "12.5"}', "not ProtoJSON of Event: "),
]


@pytest.mark.parametrize(("framing", "good", "bad", "reason"), BROKEN)
def test_a_bad_line_never_costs_its_neighbours(
    framing: Any, good: list[bytes], bad: bytes, reason: str
) -> None:
    account = Decoded()
    data = b"\n".join([good[0], bad, good[1]])
    assert rows(Source(data, framing), account, skip_bad=True) == EXPECTED[:2]
    (detail,) = account.rejected
    assert (detail.record, detail.offset) == (1, len(good[0]) + 1)
    assert detail.text.startswith(reason)


def test_a_null_is_no_record() -> None:
    account = Decoded()
    table = pa.table({"payload": pa.array([RECORDS[0], None, RECORDS[1]], pa.binary())})
    assert rows(Source(table), account, skip_bad=True) == EXPECTED[:2]
    assert [d.text for d in account.rejected] == ["the value is NULL"]


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (b"\x3a\x02\x08\x01\x3a", 4, "truncated: a tag without a length"),
        (b"\x3a\x02\x08\x01\x3a\x05a", 4, "truncated: 5 bytes announced, 1 left"),
        (b"\x3a\x02\x08\x01\x08\x01", 4, "not an element of one repeated message field"),
        (b"\x3a\x02\x08\x01\x42\x00", 4, "not an element of one repeated message field"),
    ],
)
def test_what_is_no_wrapper_ends_there(data: bytes, offset: int, reason: str) -> None:
    account = Decoded()
    found = rows(Source(data, "wrapped"), account, skip_bad=True)
    assert [row["id"] for row in found] == [1]
    (detail,) = account.rejected
    assert (detail.record, detail.offset) == (1, offset)
    assert detail.text.startswith(reason)


@pytest.mark.parametrize("framing", ["parquet", "arrow"])
@pytest.mark.parametrize("cut", [0, 3, 2000])
def test_files_that_are_no_tables(framing: Any, cut: int) -> None:
    with pytest.raises(MalformedError, match="cannot be read"):
        rows(Source(FORMS[framing][:cut], framing))


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_what_cannot_be_unpacked(packing: Any) -> None:
    whole = pa.Codec(packing).compress(FORMS["delimited"], asbytes=True)
    for data in (FORMS["delimited"], whole[: len(whole) // 2]):
        with pytest.raises((MalformedError, RowsRejectedError)):
            rows(Source(data, compression=packing))
