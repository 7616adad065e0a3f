"""The json level, which asks whether what the writer prints parses under the reader."""

from collections.abc import Iterator

from protolith.compatibility.facts import EnumFacts, FieldFacts, MessageFacts
from protolith.compatibility.findings import Severity
from protolith.compatibility.rules.base import RANK, Match, Messages, Rules, Said, Sides
from protolith.compatibility.rules.kinds import JSON, RANGES
from protolith.compatibility.rules.wire import missing_required, together

_WRAPPERS = {
    "google.protobuf.DoubleValue": "double",
    "google.protobuf.FloatValue": "float",
    "google.protobuf.Int64Value": "int64",
    "google.protobuf.UInt64Value": "uint64",
    "google.protobuf.Int32Value": "int32",
    "google.protobuf.UInt32Value": "uint32",
    "google.protobuf.BoolValue": "bool",
    "google.protobuf.StringValue": "string",
    "google.protobuf.BytesValue": "bytes",
}
_TEXTS = {f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask")}
_VALUE, _STRUCT = "google.protobuf.Value", "google.protobuf.Struct"
_SPECIAL = _TEXTS | {_VALUE, _STRUCT, "google.protobuf.ListValue", "google.protobuf.Any"}
_WHYS: dict[Severity, str] = {
    "safe": "every value is read as it was printed",
    "lossy": "some values are read in another form",
    "broken": "no value is read as it was printed",
    "error": "some values do not parse",
}


def field_wire_json_compatible_type(match: Match) -> Said | None:
    """A value is parsed by its form in JSON, so a field's type may change only within that."""
    writer, reader = match.writer, match.reader
    if writer.shape != reader.shape:
        return None
    if writer.shape == "map":
        (key, key_read), (value, value_read) = match.key(), match.value()
        parts = [_key(key.kind, key_read.kind), _element(value, value_read, match.sides)]
        severity = max(parts, key=RANK.__getitem__)
        same = (key.kind, value.kind) == (key_read.kind, value_read.kind)
        old, new = f"map {key.kind}, {value.words}", f"map {key_read.kind}, {value_read.words}"
    else:
        severity, same = _element(writer, reader, match.sides), writer.kind == reader.kind
        old, new = writer.words, reader.words
    if same and severity == "safe":
        return None
    why = f"printed as {old}, parsed as {new}: {_WHYS[severity]}"
    fix = "nothing needs to be done" if severity == "safe" else "add a field with a new name"
    return match.says(
        "FIELD_WIRE_JSON_COMPATIBLE_TYPE", severity, why, fix, old=old, new=new, lenient=severity
    )


def _element(writer: FieldFacts, reader: FieldFacts, sides: Sides) -> Severity:
    wrote, reads = _form(writer), _form(reader)
    if wrote == reads:
        return "safe"
    if reads == _VALUE or (reads == _STRUCT and wrote == "message"):
        return "lossy"
    if wrote in _SPECIAL or reads in _SPECIAL or "message" in (wrote, reads):
        return "lossy" if wrote in _TEXTS and reads == "string" else "error"
    if wrote == "enum":
        closed = sides.writer.enums[writer.type_name].closed
        return "lossy" if closed and reads == "string" else "error"
    found = JSON[wrote, reads]
    if reads == "enum" and sides.reader.enums[reader.type_name].closed:
        return "error"
    return found


def _form(field: FieldFacts) -> str:
    if field.kind not in ("message", "group"):
        return field.kind
    if field.type_name in _SPECIAL:
        return field.type_name
    return _WRAPPERS.get(field.type_name, "message")


def _key(wrote: str, reads: str) -> Severity:
    """The keys of a map are text in JSON."""
    if reads in (wrote, "string"):
        return "safe"
    if wrote not in RANGES or reads not in RANGES:
        return "error"
    (low, high), (least, most) = RANGES[wrote], RANGES[reads]
    return "safe" if least <= low and high <= most else "error"


def field_wire_json_compatible_cardinality(match: Match) -> Said | None:
    """A list, a map and a single value have forms of their own in JSON."""
    if match.writer.shape == match.reader.shape:
        return None
    return match.says(
        "FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY",
        "error",
        f"printed as a {match.writer.shape} value, parsed as a {match.reader.shape} one",
        "add a field with a new name",
        lenient="error",
    )


def find(field: FieldFacts, reader: MessageFacts, sides: Sides) -> FieldFacts | None:
    """The reader's field for what the writer prints; parsers take the proto name as well."""
    if field.extension:
        return sides.reader.extension(field.full_name, reader.full_name)
    return reader.by_json_name.get(field.json_name) or reader.by_name.get(field.json_name)


def field_known_to_reader(both: Messages) -> Iterator[Said]:
    """A name that the reader does not know is an error, unless it ignores unknown fields."""
    writer, reader = both.writer, both.reader
    for field in writer.fields.values():
        if find(field, reader, both.sides) is not None:
            continue
        other = reader.fields.get(field.number)
        renamed = other is not None and not _named(other, writer)
        place = other if renamed and other else reader
        yield Said(
            "FIELD_SAME_JSON_NAME" if renamed else "FIELD_KNOWN_TO_READER",
            "error",
            other.full_name if renamed and other else field.full_name,
            field.json_name,
            other.json_name if renamed and other else "absent",
            f"the reader does not know the name {field.json_name}",
            f'keep json_name = "{field.json_name}"' if renamed else "ignore unknown fields",
            (field.file, field.path),
            (place.file, place.path),
            lenient="broken" if renamed else "safe",
        )


def _named(field: FieldFacts, writer: MessageFacts) -> bool:
    return field.json_name in writer.by_json_name


def message_same_required_fields(both: Messages) -> Iterator[Said]:
    """A reader refuses a message without a field that it requires."""
    required = [field for field in both.reader.fields.values() if field.required]
    given = {found.number: field for field, found in _by_name(both)} if required else {}
    for wanted in required:
        field = given.get(wanted.number)
        if not (field and field.required):
            yield missing_required(wanted, field, both.writer)


def field_same_oneof(both: Messages) -> Iterator[Said]:
    """Two fields of one oneof are an error in JSON."""
    reader = both.reader
    pairs = list(_by_name(both)) if reader.oneofs else []
    for oneof in sorted(reader.oneofs):
        inside = [(mine, its) for mine, its in pairs if its.oneof == oneof]
        yield from together(
            oneof, [mine for mine, _ in inside], [its for _, its in inside], "error"
        )


def enum_value_known_to_reader(writer: EnumFacts, reader: EnumFacts) -> Iterator[Said]:
    """A value is printed by its name, which its reader must know."""
    for number, names in writer.names.items():
        if names[0] in reader.numbers:
            continue
        renamed = number in reader.names
        rule = "ENUM_VALUE_SAME_NAME" if renamed else "ENUM_VALUE_KNOWN_TO_READER"
        new = reader.names[number][0] if renamed else "absent"
        place = reader.places[new] if renamed else reader.path
        yield Said(
            rule,
            "error",
            f"{reader.full_name}.{names[0]}",
            names[0],
            new,
            f"the reader does not know the name {names[0]}",
            f"keep {names[0]}, if need be as an alias",
            (writer.file, writer.places[names[0]]),
            (reader.file, place),
            lenient="lossy",
        )


def enum_same_type(writer: EnumFacts, reader: EnumFacts) -> Iterator[Said]:
    """An open enum prints undeclared numbers, which a closed one refuses."""
    if reader.closed and not writer.closed:
        yield Said(
            "ENUM_SAME_TYPE", "error", reader.full_name, "open", "closed",
            "undeclared numbers do not parse", "keep the enum open",
            (writer.file, writer.path), (reader.file, reader.path), lenient="error",
        )  # fmt: skip


def _by_name(both: Messages) -> Iterator[tuple[FieldFacts, FieldFacts]]:
    writer, reader = both.writer, both.reader
    for field in writer.fields.values():
        if (found := find(field, reader, both.sides)) is not None:
            yield field, found


def _opaque(writer: str, reader: str) -> bool:
    """Types whose form in JSON is not that of their fields."""
    return bool({writer, reader} & (_SPECIAL | {*_WRAPPERS}))


RULES = Rules(
    "json",
    (field_wire_json_compatible_type, field_wire_json_compatible_cardinality),
    (field_known_to_reader, message_same_required_fields, field_same_oneof),
    (enum_value_known_to_reader, enum_same_type),
    _by_name,
    _opaque,
    "FIELD_WIRE_JSON_COMPATIBLE_TYPE",
)
