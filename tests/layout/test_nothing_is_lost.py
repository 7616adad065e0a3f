"""A layout that claims to lose nothing gives the messages back, through real engines."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from layout.random_messages import YEARS_1_TO_9999, YEARS_1678_TO_2261, messages
from protolith import Layout, ReferenceDecoder, Table, compile_protos, decode, lay_out
from protolith.arrow import arrow_schema
from protolith.decoding import Decoded, Encoder, Frame
from protolith.engines import EMBEDDED, Engine, open_engine

EXAMPLES = int(os.environ.get("PROTOLITH_EXAMPLES", "8"))
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking would take minutes
NUMBERS = ("int32", "uint32", "int64", "uint64", "sint32", "sint64", "fixed32", "fixed64")
SCALARS = (*NUMBERS, "sfixed32", "sfixed64", "float", "double", "bool", "string", "bytes", "E")
WRAPPED = ("Bool", "String", "Bytes", "Float", "Double", "Int32", "Int64", "UInt32", "UInt64")


def _body() -> str:
    lines = [f"{kind} plain_{kind} = {n};" for n, kind in enumerate(SCALARS, 1)]
    lines += [f"optional {kind} maybe_{kind} = {n};" for n, kind in enumerate(SCALARS, 21)]
    lines += [f"repeated {kind} many_{kind} = {n};" for n, kind in enumerate(SCALARS, 41)]
    lines += [f"google.protobuf.{k}Value w_{k} = {n};" for n, k in enumerate(WRAPPED, 61)]
    keys = ("int32", "uint64", "bool", "string", "sfixed32")
    values = ("N", "bytes", "E", "double", "Tree")
    maps = enumerate(zip(keys, values, strict=True), 81)
    lines += [f"map<{key}, {value}> map_{key} = {n};" for n, (key, value) in maps]
    lines += [f"map<string, {v}> map_to_{v} = {n};" for n, v in enumerate(("Empty", "E"), 88)]
    return " ".join(lines)


SCHEMA = f"""
syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
message M {{
  {_body()}
  oneof choice {{ int32 a = 101; string b = 102; N c = 103; Empty d = 104; E e = 105; }}
  N n = 106; repeated N ns = 107; Tree tree = 108; Empty empty = 109; repeated Empty empties = 110;
  google.protobuf.Duration duration = 111; google.protobuf.Struct struct = 112;
  repeated google.protobuf.StringValue texts = 113; Timed timed = 114;
}}
message N {{ int32 x = 1; optional string y = 2; Deep deep = 3; repeated Deep deeps = 4; }}
message Deep {{ bytes z = 1; oneof one {{ E e = 2; uint64 u = 3; }} map<string, bool> m = 4; }}
message Tree {{ string name = 1; repeated Tree children = 2; Tree left = 3; double weight = 4; }}
message Empty {{}}
message Timed {{ int32 x = 1; }}
enum E {{ ZERO = 0; ONE = 1; MINUS = -1; }}
"""
TIMED = SCHEMA.replace(
    "message Timed { int32 x = 1; }",
    "message Timed { int32 x = 1; google.protobuf.Timestamp at = 2;"
    " repeated google.protobuf.Timestamp all = 3; map<string, google.protobuf.Timestamp> by = 4; }",
).replace("Timed timed = 114;", "Timed timed = 114; google.protobuf.Timestamp at = 115;")
PROTO2 = """
syntax = "proto2";
message M {
  required string id = 1; optional int32 x = 2 [default = 7]; optional E e = 3 [default = TWO];
  repeated int32 packed = 4 [packed = true]; optional group G = 5 { required bytes b = 6; }
  optional N n = 7; oneof o { float f = 8; N m = 9; }
  message N { required uint32 r = 1; optional double d = 2 [default = nan]; repeated N ns = 3; }
}
enum E { TWO = 2; ONE = 1; }
"""
LAYOUTS = (
    "native",
    "exact",
    "json",
    "flat",
    "exact,enums=both,oneofs=case,ingestion=columns,maps=entries,wrappers=record",
    "flat,names=camel,enums=number,oneofs=case,recursion=bytes,recursion_depth=1",
    "json,lists=list,maps=map,enums=both,structs=bytes,durations=record",
    "json,messages=record,scalars=typed,names=json",
    "flat,lists=json,maps=json,durations=record,ingestion=columns",
)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Engine]]:
    home = tmp_path_factory.mktemp("engines")
    opened = [open_engine(name, home) for name in EMBEDDED]
    yield opened
    for engine in opened:
        engine.close()


class Case:
    """A message type in a layout, with its table in each engine."""

    def __init__(self, number: int, schema: str, layout: str, engines: list[Engine]) -> None:
        self.descriptors = compile_protos(schema)
        self.kind = self.descriptors.message("M")
        self.table = lay_out(
            self.descriptors, "M", table=f"t{number}", layout=Layout.from_text(layout)
        )
        self.engines, self.layout = engines, layout
        for engine in engines:
            engine.create(self.table)

    def there_and_back(self, sent: Sequence[Any]) -> None:
        data = sorted(message.SerializeToString(deterministic=True) for message in sent)
        frames = [Frame(n, n, record) for n, record in enumerate(data)]
        for engine in self.engines:
            decoder = ReferenceDecoder(self.descriptors, self.table, engine.dialect)
            account = Decoded()
            batches = list(decode(frames, decoder, account=account))
            assert not account.cut
            engine.run([f"TRUNCATE TABLE {engine.dialect.qualified(self.table)}"])
            engine.load(decoder.table, pa.Table.from_batches(batches, arrow_schema(decoder.table)))
            self._compare(sorted(self._back(engine)), data, f"{engine.name} {self.layout}")

    def _compare(self, found: list[bytes], sent: list[bytes], where: str) -> None:
        cls: Any = GetMessageClass(self.kind)
        missing = [data for data in sent if data not in found]
        more = [data for data in found if data not in sent]
        for one, other in zip(missing, more, strict=True):  # as text, to be read
            assert f"{where} {cls.FromString(one)}" == f"{where} {cls.FromString(other)}"
        assert (missing, more, len(found)) == ([], [], len(sent))

    def _back(self, engine: Engine) -> Iterator[bytes]:
        dialect = engine.dialect
        encoder = Encoder(self.descriptors, self.table, dialect.stored(self.table))
        with engine.read(f"SELECT * FROM {dialect.qualified(self.table)}") as rows:
            for message in encoder.messages(rows):
                yield message.SerializeToString(deterministic=True)


def _cases(schema: str, layouts: Sequence[str], engines: list[Engine], at: int) -> list[Case]:
    return [Case(at + n, schema, layout, engines) for n, layout in enumerate(layouts)]


def _run(cases: list[Case], seconds: tuple[int, ...], step: int) -> None:
    kind = cases[0].kind

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), phases=PHASES)
    @given(st.lists(messages(kind, seconds, step), min_size=1, max_size=8))
    def check(sent: list[Any]) -> None:
        for case in cases:
            case.there_and_back(
                [GetMessageClass(case.kind).FromString(m.SerializeToString()) for m in sent]
            )

    check()


def test_messages_come_back_from_every_layout_that_claims_to_lose_nothing(
    engines: list[Engine],
) -> None:
    cases = _cases(SCHEMA, LAYOUTS, engines, 0)
    assert [case.table.losses for case in cases] == [()] * len(cases)
    _run(cases, (), 1)


def test_instants_come_back_to_the_microsecond_or_in_nanoseconds(engines: list[Engine]) -> None:
    micros = _cases(TIMED, ("native", "json", "flat"), engines, 20)
    for case in micros:
        assert {note.text for note in case.table.losses} == {
            "nanoseconds below a microsecond are cut, and counted"
        }
    _run(micros, YEARS_1_TO_9999, 1000)
    nanos = _cases(TIMED, ("native,timestamps=nanos", "flat,timestamps=nanos"), engines, 30)
    assert [case.table.losses for case in nanos] == [(), ()]
    _run(nanos, YEARS_1678_TO_2261, 1)


def test_proto2_messages_come_back(engines: list[Engine]) -> None:
    cases = _cases(PROTO2, ("native", "json", "flat", "exact,enums=both"), engines, 40)
    assert [case.table.losses for case in cases] == [()] * len(cases)
    _run(cases, (), 1)


def test_a_text_of_a_megabyte_comes_back(engines: list[Engine]) -> None:
    for case in _cases(SCHEMA, ("native", "json", "flat"), engines, 50):
        message: Any = GetMessageClass(case.kind)(plain_string="\0é" * 500_000)
        if case.layout != "json":
            message.plain_float = 3.4028234663852886e38
        message.n.deep.z = bytes(range(256)) * 4000
        case.there_and_back([message])


@pytest.mark.parametrize(
    ("body", "layout", "lost"),
    [
        ("P p = 1; message P { optional int32 x = 1; }", "flat", "p: whether it is set"),
        ("Timestamp t = 1;", "native", "t: nanoseconds below"),
        ("Duration d = 1;", "durations=interval", "d: nanoseconds below"),
        ("E e = 1; message E {}", "empty_messages=drop", "e: E has no fields"),
        ("Any a = 1;", "any=json", "a: fields that the type of an Any"),
        ("Any a = 1;", "json", "a: fields that the type of an Any"),
        ("N n = 1; message N { repeated Any a = 1; }", "json", "n: fields that the type of an Any"),
        ("int32 x = 1 [(gen_bq_schema.bigquery).ignore = true];", "native", "x: left out by"),
        ('string x = 1 [(gen_bq_schema.bigquery).type_override = "DATE"];', "native", "x: kept as"),
        ("google.type.TimeOfDay t = 1;", "google_types=value", "t: nanoseconds below"),
        ("google.type.Decimal t = 1;", "google_types=value", "t: the number is kept"),
    ],
)
def test_what_a_layout_loses_is_said(body: str, layout: str, lost: str) -> None:
    for name in ("Timestamp", "Duration", "Any"):
        body = body.replace(f"{name} ", f"google.protobuf.{name} ")
    names = ("timestamp", "duration", "any")
    imports = "".join(f'import "google/protobuf/{name}.proto";' for name in names)
    imports += 'import "google/type/timeofday.proto"; import "google/type/decimal.proto";'
    head = f'syntax = "proto3"; import "bq_field.proto"; {imports}'
    table: Table = lay_out(
        compile_protos(
            f"{head} message M {{ int32 z = 9; {body.partition(' message')[0]} }}"
            f" {'message' + body.partition(' message')[2] if ' message' in body else ''}"
        ),
        "M",
        layout=Layout.from_text(layout),
    )
    assert [f"{note.field_path}: {note.text}" for note in table.losses if note.loses]
    assert f"{table.losses[0].field_path}: {table.losses[0].text}".startswith(lost)
    assert replace(table, notes=()).losses == ()
