"""Records that are not what they should be: with index, byte offset and reason, nothing loaded."""

import pytest

from bad_input.ways import Command, Python, Refusal, Rest, Way, refused
from bad_input.worlds import GOOD
from conftest import delimited

REFUSED = "a record cannot be loaded, so nothing was loaded"
SKIP = "mend the record, or skip and report bad records (--skip-bad)"
PARSING = "not a shop.Order: Error parsing message with type 'shop.Order'"
NO_LENGTH = "no length of a message here: is the file length-delimited?"

# What is wrong, the subject, the data; then the record, its offset and the reason.
RECORDS = [
    ("cut", "shop.orders", b"\x05\x0a\x01a", 0, 0, "truncated: 5 bytes announced, 3 left"),
    (
        "cut later",
        "shop.orders",
        delimited(GOOD, GOOD) + b"\x09\x0a",
        2,
        8,
        "truncated: 9 bytes announced, 1 left",
    ),
    (
        "a length too large",
        "shop.orders",
        delimited(GOOD) + b"\xff\xff\xff\xff\x0f",
        1,
        4,
        "a length of 4,294,967,295 bytes; at most 67,108,864 are accepted",
    ),
    ("a length cut", "shop.orders", delimited(GOOD) + b"\xff", 1, 4, NO_LENGTH),
    ("a length without end", "shop.orders", b"\xff" * 11, 0, 0, NO_LENGTH),
    (
        "wrong wire type",
        "shop.orders",
        delimited(GOOD, b"\x08\x01"),
        1,
        4,
        "shop.Order.id: wire type varint does not fit its type",
    ),
    (
        "wrong wire type within",
        "shop.orders",
        delimited(b"\x22\x02\x08\x01"),
        0,
        0,
        "shop.Order.Address.city: wire type varint does not fit its type",
    ),
    (
        "no known field",
        "shop.orders",
        delimited(GOOD, b"\xc8\x3e\x01"),
        1,
        4,
        "no field of shop.Order in it: is it another message?",
    ),
    (
        "no UTF-8",
        "shop.orders",
        delimited(b"\x0a\x01\xff"),
        0,
        0,
        f"{PARSING}: String field had bad UTF-8",
    ),
    (
        "noise",
        "shop.orders",
        delimited(b"\xff\xff\xff"),
        0,
        0,
        f"{PARSING}: Wire format was corrupt",
    ),
    (
        "a required field",
        "shop.need",
        delimited(GOOD, b"\x10\x05"),
        1,
        4,
        "required fields are missing: who",
    ),
    (
        "after the first batch",
        "shop.orders",
        delimited(*[GOOD] * 9_000, b"\x08\x01"),
        9_000,
        36_000,
        "shop.Order.id: wire type varint does not fit its type",
    ),
]


@pytest.mark.parametrize("case", RECORDS, ids=lambda case: case[0])
def test_a_bad_record_loads_nothing(way: Way, case: tuple[str, str, bytes, int, int, str]) -> None:
    _, subject, data, record, offset, reason = case
    place = f"record {record} at byte {offset}: {reason}"
    assert way.ingest(subject, data) == Refusal("ROWS_REJECTED", REFUSED, SKIP, (place,))


def test_the_whole_input_as_one_bad_message(way: Way) -> None:
    refusal = way.ingest("shop.orders", b"\x08\x01", framing="single")
    place = "record 0 at byte 0: shop.Order.id: wire type varint does not fit its type"
    assert refusal == Refusal("ROWS_REJECTED", REFUSED, SKIP, (place,))


def test_nothing_but_bad_records(rest: Rest, command: Command) -> None:
    data = delimited(b"\x08\x01", b"\x08\x02")
    reason = "shop.Order.id: wire type varint does not fit its type"
    expected = Refusal(
        "ROWS_REJECTED",
        "no record could be loaded",
        "is it the right schema, and the right framing?",
        (f"record 0 at byte 0: {reason}", f"record 1 at byte 3: {reason}"),
    )
    path = "/schemas/shop.orders/ingest?skip_bad=true"
    assert rest.post(path, content=data) == expected
    file = command.folder / "records.bin"
    file.write_bytes(data)
    out, err, code = command.call("ingest", str(file), "--subject=shop.orders", "--skip-bad")
    assert (code, out) == (100, "duckdb: shop.orders: 0 rows loaded, 2 skipped\n")
    assert err.splitlines()[-1] == f"hint: {expected.hint}"


def test_a_value_that_the_engine_refuses(way: Way) -> None:
    """A batch is loaded in one transaction: the good record does not stay."""
    good, bad = b"\x0a\x0aPOINT(1 2)", b"\x0a\x03far"
    refusal = way.ingest("shop.place", delimited(good, bad))
    assert refusal.code == "ENGINE_REFUSED"
    assert refusal.message.startswith("DuckDB refused: ")


def test_a_framing_that_is_not_there(python: Python) -> None:
    refusal = python.ingest("shop.orders", b"", framing="lines")
    assert refusal == Refusal(
        "MALFORMED_REQUEST",
        "no framing 'lines'",
        "one of delimited, single, wrapped, base64, json, parquet, arrow, confluent",
        (),
    )


@pytest.mark.parametrize("sql", ["", "SELECT 1; SELECT 2", "SELEC", "SELECT * FROM nothing"])
def test_a_query_that_is_none(python: Python, command: Command, sql: str) -> None:
    refusal = refused(lambda: python.registry.query("duckdb", sql))
    assert refusal.code == "ENGINE_REFUSED"
    assert command.run("query", sql, "--engine=duckdb") == refusal
