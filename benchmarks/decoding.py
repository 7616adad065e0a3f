"""Decoding alone: our native decoder against upb's parse, which makes no columns at all.

    python benchmarks/decoding.py [ROWS]

CPU time, medians of interleaved rounds, on messages with 26 fields (nested, map, oneof, about
300 bytes) and on flat ones with 8 scalars. The reference decoder and a script that makes a
dictionary of each message run on fewer rows.
"""

import io
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable
from statistics import median
from time import process_time

import pyarrow as pa
from google.protobuf import json_format, message_factory

from protolith import ReferenceDecoder, compile_protos, decode, lay_out, read_delimited
from protolith.decoding.streams import decode_stream
from protolith.descriptors import DescriptorSet

ROUNDS = 5
EVENT = """syntax = "proto3"; package bench; import "google/protobuf/timestamp.proto";
enum Kind { UNKNOWN = 0; VIEW = 1; CLICK = 2; BUY = 3; }
message Geo { string country = 1; string city = 2; double lat = 3; double lon = 4; }
message Device { string model = 1; string os = 2; Geo geo = 3; }
message Item { string sku = 1; int32 quantity = 2; int64 cents = 3; }
message Event {
  string id = 1; Kind kind = 2; google.protobuf.Timestamp at = 3; int64 user = 4;
  string session = 5; Device device = 6; repeated Item items = 7; map<string, string> labels = 8;
  oneof payment { string card = 9; string voucher = 10; int64 points = 11; }
  repeated int32 scores = 12; repeated string tags = 13; sint64 delta = 14; fixed64 trace = 15;
  bytes span = 16; optional double amount = 17; bool mobile = 18; float ratio = 19;
  uint32 port = 20; uint64 bytes_in = 21; uint64 bytes_out = 22; string referrer = 23;
  string agent = 24; int32 status = 25; sfixed32 zone = 26; }"""
FLAT = """syntax = "proto3"; message Flat { int64 a = 1; int32 b = 2; double c = 3; string d = 4;
  bool e = 5; uint64 f = 6; float g = 7; sint32 h = 8; }"""


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"{rows:,} rows; CPU in microseconds a row, medians of {ROUNDS} interleaved rounds\n")
    for name, text in (("bench.Event", EVENT), ("Flat", FLAT)):
        measure(compile_protos(text), name, rows)


def measure(descriptors: DescriptorSet, name: str, rows: int) -> None:
    message = descriptors.message(name)
    cls = message_factory.GetMessageClass(message)
    chance = random.Random(1)
    records = [record(cls, chance, flat=name == "Flat") for _ in range(min(rows, 20_000))]
    records = (records * (rows // len(records) + 1))[:rows]
    few = records[: max(rows // 50, 100)]
    data, some = framed(records), framed(few)
    decoder = ReferenceDecoder(descriptors, lay_out(descriptors, name))
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "ours, native": (lambda: spend(decode_stream(data, decoder)), rows),
        "upb, parse only": (lambda: spend(map(cls.FromString, records)), rows),
        "ours, reference": (
            lambda: spend(decode(read_delimited(io.BytesIO(some)), decoder)),
            len(few),
        ),
        "message to dict": (
            lambda: spend(json_format.MessageToDict(cls.FromString(one)) for one in few),
            len(few),
        ),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, (call, count) in ways.items():
            start = process_time()
            call()
            taken[way].append((process_time() - start) / count * 1e6)
    ours = median(taken["ours, native"])
    size = data.size / rows
    print(f"{name}: {size:.0f} bytes a row, {size / ours / 1000:.2f} GB/s natively")
    for way, times in taken.items():
        print(f"  {way:16} {median(times):9.3f}  {median(times) / ours:7.1f}x")
    print()


def spend(made: Iterable[object]) -> None:
    """Take everything and keep nothing: what is kept costs more than making it."""
    deque(made, maxlen=0)


def framed(records: list[bytes]) -> pa.Buffer:
    out = bytearray()
    for one in records:
        length = len(one)
        while length >= 0x80:
            out.append(length & 127 | 128)
            length >>= 7
        out.append(length)
        out += one
    return pa.py_buffer(bytes(out))


def record(cls: type, chance: random.Random, *, flat: bool) -> bytes:
    word = lambda size: "".join(chance.choices("abcdefghij0123456789", k=size))  # noqa: E731
    if flat:
        made = cls(a=chance.getrandbits(40), b=chance.randrange(10_000), c=chance.random())
        made.d, made.e, made.f = word(12), True, chance.getrandbits(30)
        made.g, made.h = chance.random(), -chance.randrange(1000)
        return bytes(made.SerializeToString())
    made = cls(id=word(24), kind=chance.randint(1, 3), user=chance.getrandbits(40))
    made.at.seconds, made.at.nanos = 1_790_000_000 + chance.randrange(10**6), 5000
    made.session, made.device.model, made.device.os = word(16), word(8), "ios"
    made.device.geo.country, made.device.geo.city = "DE", word(6)
    made.device.geo.lat, made.device.geo.lon = chance.random(), chance.random()
    for _ in range(chance.randint(0, 3)):
        made.items.add(sku=word(8), quantity=chance.randint(1, 9), cents=chance.randrange(10**5))
    made.labels["campaign"], made.labels["shop"] = word(5), word(4)
    made.card = word(10)
    made.scores.extend(chance.choices(range(300), k=4))
    made.tags.extend([word(5), word(4)])
    made.delta, made.trace, made.span = -chance.getrandbits(20), chance.getrandbits(60), b"12345678"
    made.amount, made.mobile, made.ratio, made.port = chance.random(), True, 0.5, 443
    made.bytes_in, made.bytes_out = chance.getrandbits(20), chance.getrandbits(24)
    made.referrer, made.agent, made.status, made.zone = word(20), word(30), 200, -3600
    return bytes(made.SerializeToString())


if __name__ == "__main__":
    main()
