"""Random requests to the plugin, with everything that is awkward in a descriptor."""

from random import Random
from typing import Any

from google.protobuf import message_factory
from hypothesis import strategies as st

from protolith.dialects.bigquery import wire
from protolith.options import FieldOptions, options_pool

NAMES = ["a", "b", "A", "B", "C", "A", "B", "x_y", "ünï", "two words", "<&>", "RECORD", ""]
PACKAGES = ["p", "p", "p.q", "q", "p.A", "p..q", "google.protobuf", "", ".p", ".."]
FILES = ["f.proto", "d/f.proto", "x.y.proto", "é.proto", "d.e/f", "d/.proto", "f", "d/g.proto"]
PARAMETERS = [
    "",
    "enum-as-string",
    "single-message",
    "x-enum-as-string=false",
    "single-message,enum-as-string,type-override=a.JSON,type-override=A.RECORD",
    "single-message,type-override=b.,type-override=a.b.c, type-override=B.X,type-override=x_y.T",
    "type-override=a.JSON",
    "paths=source_relative,,=",
]
TEXTS = [
    "",
    " ",
    "plain",
    " first\n second\n",
    "\x1c kept \x1d",
    "\x85\xa0\u3000trimmed\u2028\u2029",
    "\u200bnot trimmed\ufeff",
    "<b> & \"quoted\" \\ / 'x'",
    "\x00\x01\b\f\t\r\n\x1f\x7f",
    "\u2028 inside \u2029 and 😀",
    "é" * 511 + "x",
    "é" * 512 + "x",
    "漢" * 400,
    "😀" * 300,
    "x" * 1024,
    "x" * 1025,
    "\n\n lead \n\n",
]
RAW = [b"\xff", b"ok \xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98 cut", b" \xc2 \x85 "]
TYPE_NAMES = [".google.protobuf.Timestamp", ".google.protobuf.Int64Value", "google.protobuf.Any"]
SIMPLE_TYPES = [1, 3, 4, 5, 8, 9, 12, 13, 14, 18]
WORDS = ["STRING", "RECORD", "RECORD", "JSON", "record", "", "NUMERIC(10,2)", "RECORD "]
OVERRIDES = ["JSON", "record", "NUMERIC(10,2)", "RECORD ", "<T>", "DATE", "GEOGRAPHY", "RECORD"]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A serialized `CodeGeneratorRequest`."""
    return _Builder(draw(st.randoms(use_true_random=False))).request()


class _Builder:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.pick = random.choice
        allowed = 10 if self.rarely() else self.pick([4, 7])
        self.packages = [self.pick(PACKAGES[:allowed]) for _ in range(2)]
        self.messages: list[tuple[str, Any]] = []

    def rarely(self, one_in: int = 12) -> bool:
        return self.random.randrange(one_in) == 0

    def often(self) -> bool:
        return self.random.randrange(2) == 0

    def request(self) -> bytes:
        request = wire.read_request(b"")
        usual = FILES if self.rarely() else FILES[:4]
        names = self.random.sample(usual, self.pick([1, 2, 2, 3]))
        for name in names:
            self.file(request.proto_file.add(name=name.encode()))
        for _, message in self.messages:
            self.content(message)
        wanted = [name for name in names if not self.rarely(4)] or names
        request.file_to_generate.extend(name.encode() for name in wanted)
        request.parameter = self.pick(PARAMETERS if self.often() else PARAMETERS[:2]).encode()
        return request.SerializePartialToString()

    def file(self, file: Any) -> None:
        package = self.pick(self.packages)
        if package or self.often():
            file.package = package.encode()
        for _ in range(self.pick([0, 1, 2, 2, 3])):
            self.message(file.message_type.add(), package.strip("."), depth=0)
        for _ in range(self.random.randrange(14)):
            self.location(file.source_code_info.location.add())

    def location(self, location: Any) -> None:
        path = [4, self.random.randrange(2), *([3, 0] * self.pick([0, 0, 1]))]
        location.path.extend([*path, 2, self.random.randrange(4)])
        if not self.rarely(4):
            location.leading_comments = self.comment()
        if self.rarely(3):
            location.trailing_comments = self.comment()
        if self.rarely(6):
            location.leading_detached_comments.append(b"detached")

    def comment(self) -> bytes:
        return self.pick(RAW) if self.rarely(8) else self.pick(TEXTS).encode()

    def message(self, message: Any, outer: str, depth: int) -> None:
        name = self.pick(NAMES if self.rarely() else ["A", "B", "C", "D"])
        message.name = name.encode()
        full_name = f"{outer}.{name}" if outer else name
        self.messages.append((full_name, message))
        for _ in range(self.pick([0, 0, 1, 2]) if depth < 2 else 0):
            self.message(message.nested_type.add(), full_name, depth + 1)

    def content(self, message: Any) -> None:
        for number in range(self.pick([0, 1, 2, 3, 4, 4])):
            self.field(message.field.add(number=self.pick([number + 1, 9 - number, 5])))
        if not self.rarely(4):
            self.message_options(message.options)

    def field(self, field: Any) -> None:
        if not self.rarely(30):
            name = self.pick(RAW) if self.rarely(40) else self.pick(NAMES).encode()
            field.name = name
        if not self.rarely(20):
            field.label = 9 if self.rarely(99) else self.pick([1, 1, 2, 3])
        if not self.rarely(20):
            field.type = self.pick([11, 11, self.pick(SIMPLE_TYPES), 10])
            field.type = self.pick([0, 99]) if self.rarely(99) else field.type
        if field.type in (10, 11, 14) or self.rarely():
            field.type_name = self.type_name().encode()
        if self.often():
            field.json_name = self.pick(["jsonName", "", "ünï"]).encode()
        if self.rarely(3):
            self.field_options(field.options)

    def type_name(self) -> str:
        if self.rarely(6):
            return self.pick(TYPE_NAMES[:2] if self.often() else TYPE_NAMES)
        name, _ = self.pick(self.messages)
        if self.rarely(8):
            return name.partition(".")[2] if self.often() else name
        return f".{name}{self.pick(['.A', 'X', '']) if self.rarely() else ''}"

    def message_options(self, options: Any) -> None:
        for _ in range(2 if self.rarely() else 1):
            found = _new("BigQueryMessageOptions")
            if not self.rarely(4):
                found.table_name = self.pick(["t", "u", "v w", "a/b", "../e", "ünï", "t"])
            found.use_json_names = self.rarely(3)
            found.output_field_order = self.pick([0, 0, 1, 5])
            for _ in range(self.pick([0, 0, 0, 1, 2])):
                found.extra_fields.append(self.extra_field())
            _extend(options, found)

    def extra_field(self) -> str:
        if self.rarely(40):
            return self.pick(["", "alone", "x:RECORD"])
        type_ = self.pick(WORDS[:4])
        parts = [self.pick(NAMES), type_, *([self.type_name()] if type_ == "RECORD" else [])]
        return ":".join(parts + self.pick([[], [], ["REPEATED"], ["any", "more"], [""]]))

    def field_options(self, options: Any) -> None:
        for _ in range(2 if self.rarely() else 1):
            found = _new("BigQueryFieldOptions")
            for name in FieldOptions.__slots__:
                if name in ("require", "ignore"):
                    setattr(found, name, self.rarely(5))
                elif self.rarely(4):
                    words = OVERRIDES if name == "type_override" else TEXTS
                    setattr(found, name, self.pick(words))
            _extend(options, found)


def _new(name: str) -> Any:
    found = options_pool().FindMessageTypeByName(f"gen_bq_schema.{name}")
    return message_factory.GetMessageClass(found)()


def _extend(options: Any, extension: Any) -> None:
    # Written as bytes: so it can be there twice, which the classes would merge.
    data = extension.SerializeToString()
    length = (
        bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])
    )
    options.MergeFromString(b"\xea\x3f" + length + data)
