"""The native decoder says exactly what the reference decoder says."""

import io
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from decoding.random_schemas import damage, delimited, make_message, make_schema
from protolith import compile_protos, dialect, lay_out, read_delimited, read_path
from protolith.decoding import Decoded, Frame, ReferenceDecoder, decode
from protolith.decoding.native import TOO_LARGE, NativeDecoder, is_available, native_decoder
from protolith.decoding.streams import NativeRun, decode_stream
from protolith.engines import NAMES
from protolith.errors import LayoutError, RowsRejectedError
from protolith.layout import Layout

SCHEMAS = int(os.environ.get("PROTOLITH_FUZZ_SCHEMAS", "60"))
FIRST = int(os.environ.get("PROTOLITH_FUZZ_SEED", "0"))
SAMPLES = Path(__file__).parents[2] / "samples" / "shop"

pytestmark = pytest.mark.skipif(
    not is_available() and not os.environ.get("CI"),
    reason="the native decoder was not built: a C++ compiler is needed",
)


def comparable(value: Any) -> Any:
    """Values that can be compared: NaN is itself, and the entries of a map have no order."""
    match value:
        case float():
            return repr(value)  # -0.0 is not 0.0, and NaN is itself
        case dict() if set(value) == {"key", "value"}:
            return (comparable(value["key"]), comparable(value["value"]))
        case dict():
            return {key: comparable(inner) for key, inner in value.items()}
        case tuple():
            return tuple(comparable(inner) for inner in value)
        case list():
            made = [comparable(inner) for inner in value]
            return sorted(made, key=repr) if made and isinstance(made[0], tuple) else made
        case _:
            return value


def outcome(batches: Any, account: Decoded) -> tuple[Any, Decoded]:
    rows: list[Any] = []
    for batch in batches:
        batch.validate(full=True)
        rows += batch.to_pylist()
    return comparable(rows), account


def compare(data: bytes, decoder: ReferenceDecoder) -> Decoded:
    by_reference = Decoded()
    frames = read_delimited(io.BytesIO(data))
    wanted = outcome(decode(frames, decoder, skip_bad=True, account=by_reference), by_reference)
    for source in (pa.py_buffer(data), io.BytesIO(data)):
        account = Decoded()
        batches = decode_stream(source, decoder, skip_bad=True, account=account)
        assert outcome(batches, account) == wanted
    return by_reference


def test_it_is_built() -> None:
    assert is_available()


@pytest.mark.parametrize("name", [None, *NAMES])
@pytest.mark.parametrize("sample", ["clicks", "shop/orders"])
def test_the_samples(sample: str, name: str | None) -> None:
    descriptors = read_path(SAMPLES / f"{sample}.proto")
    decoder = ReferenceDecoder(
        descriptors, lay_out(descriptors), None if name is None else dialect(name)
    )
    assert native_decoder(decoder) is not None
    data = (SAMPLES / f"{Path(sample).name}.binpb").read_bytes()
    assert compare(data, decoder).rows >= 1000


def test_random_schemas_and_damaged_messages() -> None:
    natively = rows = refused = unknown = 0
    for seed in range(FIRST, FIRST + SCHEMAS):
        chance = random.Random(seed)
        descriptors = make_schema(chance)
        layout = Layout(
            integers=chance.choice(["wide", "exact"]),
            enums=chance.choice(["name", "number"]),
            maps=chance.choice(["map", "entries"]),
            timestamps=chance.choice(["micros", "nanos"]),
            wrappers=chance.choice(["value", "record"]),
        )
        try:
            table = lay_out(descriptors, "r.M0", layout=layout)
        except LayoutError:
            continue
        engine = chance.choice([None, "duckdb", "clickhouse", "bigquery"])
        decoder = ReferenceDecoder(descriptors, table, None if engine is None else dialect(engine))
        natively += native_decoder(decoder) is not None
        message = descriptors.message("r.M0")
        whole = [make_message(chance, message).SerializeToString() for _ in range(25)]
        records = [damage(chance, record, whole) for record in whole]
        try:
            account = compare(delimited(records), decoder)
        except BaseException:
            print(f"PROTOLITH_FUZZ_SEED={seed} PROTOLITH_FUZZ_SCHEMAS=1")  # noqa: T201
            raise
        rows += account.rows
        refused += account.rejected_count
        unknown += sum(account.unknown_fields.values())
    print(f"{natively} of {SCHEMAS} schemas natively: {rows} rows, {refused} refused")  # noqa: T201
    assert natively > SCHEMAS * 0.8
    assert min(rows, refused, unknown) > SCHEMAS / 10 or SCHEMAS < 20


def run_of(text: str, data: bytes, **options: Any) -> tuple[NativeRun, pa.Buffer]:
    descriptors = compile_protos(text)
    decoder = ReferenceDecoder(descriptors, lay_out(descriptors))
    native = native_decoder(decoder)
    assert native is not None
    return NativeRun(native, decoder, Decoded(), **options), pa.py_buffer(data)


LONG_NAMES = 'syntax = "proto3"; message M { repeated E e = 1; } enum E { %s = 0; }' % ("E" * 200)


def test_a_small_record_does_not_take_gigabytes() -> None:
    bomb = bytes([0x0A, 0x80, 0x80, 0x04]) + bytes(65_536)  # 65,536 names of 200 letters
    data = delimited([b"", bomb, b""])
    run, buffer = run_of(LONG_NAMES, data, skip_bad=True, max_bytes=1_000_000)
    assert [batch.num_rows for batch in run.batches(buffer)] == [1, 1]
    assert run.account.rejected_count == 1
    assert str(run.account.rejected[0]) == (
        "record 1 at byte 1: it would take more than 1,000,000 bytes of memory"
    )
    run, buffer = run_of(LONG_NAMES, data, skip_bad=True)
    assert sum(batch.num_rows for batch in run.batches(buffer)) == 3


def test_the_memory_limit_ends_a_batch_before_it_refuses_a_record() -> None:
    part = bytes([0x0A, 0xE8, 0x07]) + bytes(1000)  # 200,000 bytes of names
    run, buffer = run_of(LONG_NAMES, delimited([part] * 9), max_bytes=1_000_000)
    counts = [batch.num_rows for batch in run.batches(buffer)]
    assert sum(counts) == 9
    assert len(counts) > 2


def test_few_large_records_are_a_batch_by_reference() -> None:
    text = 'syntax = "proto3"; message M { repeated P p = 1; message P { int32 x = 1; } }'
    descriptors = compile_protos(text)
    decoder = ReferenceDecoder(descriptors, lay_out(descriptors))
    part = bytes([0x0A, 0]) * 150_000  # 300,000 bytes, and as many as 150,000 objects
    frames = [Frame(n, n, part) for n in range(9)]
    assert [b.num_rows for b in decode(frames, decoder)] == [4, 4, 1]


def test_the_memory_of_a_record_is_set_by_the_environment(tmp_path: Path) -> None:
    bomb = bytes([0x0A, 0x80, 0x80, 0x04]) + bytes(65_536)
    (tmp_path / "m.proto").write_text(LONG_NAMES)
    (tmp_path / "m.bin").write_bytes(delimited([bomb]))
    words = ["convert", "m.bin", "--schema", "m.proto", "--output", "m.parquet"]
    program = "from protolith.cli import main; main()"
    for limit, code in ((str(8 * 1024 * 1024), 100), ("", 0)):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            env={**os.environ, "PROTOLITH_DATA_DECODED_BYTES": limit},
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert ("it would take more than 8,388,608 bytes of memory" in done.stderr) == bool(limit)


def test_the_first_bad_record_stops_the_load() -> None:
    text = 'syntax = "proto3"; message M { string s = 1; }'
    run, buffer = run_of(text, delimited([b"\x0a\x01a"] * 3 + [b"\x0a\x01\xff"]))
    with pytest.raises(RowsRejectedError) as caught:
        list(run.batches(buffer))
    detail = caught.value.details[0]
    assert (detail.record, detail.offset) == (3, 12)


def test_chunks_end_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protolith.decoding.streams.CHUNK_BYTES", 50)
    descriptors = read_path(SAMPLES / "clicks.proto")
    decoder = ReferenceDecoder(descriptors, lay_out(descriptors))
    data = (SAMPLES / "clicks.binpb").read_bytes()[:20_000]
    assert compare(data, decoder).rejected_count == 1  # the last one is cut


def test_a_schema_with_many_parts() -> None:
    parts = "".join(
        f"P p{n} = {n}; oneof o{n} {{ string a{n} = {n + 500}; int32 b{n} = {n + 800}; }}"
        for n in range(1, 300)
    )
    descriptors = compile_protos(
        f'syntax = "proto3"; message M {{ {parts} }} message P {{ int32 x = 1; }}'
    )
    decoder = ReferenceDecoder(descriptors, lay_out(descriptors, "M"), dialect("duckdb"))
    chance = random.Random(1)
    message = descriptors.message("M")
    whole = [make_message(chance, message).SerializeToString() for _ in range(20)]
    assert compare(delimited([w + whole[0] for w in whole] + whole), decoder).rows == 40


def test_native_is_what_decodes_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = read_path(SAMPLES / "shop/orders.proto")
    decoder = ReferenceDecoder(descriptors, lay_out(descriptors))
    monkeypatch.setattr(ReferenceDecoder, "decode", None)
    data = pa.py_buffer((SAMPLES / "orders.binpb").read_bytes())
    assert sum(batch.num_rows for batch in decode_stream(data, decoder)) == 1000


def test_the_status_of_a_record_that_is_too_large() -> None:
    run, buffer = run_of(LONG_NAMES, delimited([bytes([0x0A, 0xE8, 0x07]) + bytes(1000)]))
    native: NativeDecoder = run.native
    assert native.decode(buffer, 0, 10, 100)[3] == TOO_LARGE
