"""The wire level, which asks whether the writer's bytes keep every value under the reader."""

from collections import defaultdict
from collections.abc import Iterator

from protolith.compatibility.facts import EnumFacts, FieldFacts, MessageFacts
from protolith.compatibility.findings import Severity
from protolith.compatibility.rules.base import RANK, Match, Messages, Rules, Said, Sides
from protolith.compatibility.rules.kinds import RANGES, SIZED, WIDTH, WIRE

_MESSAGES = ("message", "group")
_WHYS: dict[Severity, str] = {
    "safe": "every value survives",
    "lossy": "some values are read as others",
    "broken": "no value of the field is read as it was written",
    "error": "some of its values cannot be parsed",
}


def field_wire_compatible_type(match: Match) -> Said | None:
    """A value is read by its wire type, so a field's type may change only within its encoding."""
    writer, reader = match.writer, match.reader
    if writer.shape == reader.shape == "map":
        sides = match.sides
        parts = [(*match.key(), "key"), (*match.value(), "value")]
        said = [(_element(mine, its, sides), mine, its, word) for mine, its, word in parts]
        severity, mine, its, word = max(said, key=lambda part: RANK[part[0]])
        same = all(part[1].kind == part[2].kind for part in said) and severity == "safe"
        words = {"old": f"map {word} {mine.words}", "new": f"map {word} {its.words}"}
    else:
        severity, mine, its = _element(writer, reader, match.sides), writer, reader
        same, words = writer.kind == reader.kind and severity == "safe", {}
    if same:
        return None
    witness = _witness(mine.kind, its.kind) if severity == "lossy" else ""
    why = f"written as {mine.words}, read as {its.words}: {_WHYS[severity]}"
    fix = "add a field with a new number" if severity != "safe" else "nothing needs to be done"
    rule = "FIELD_WIRE_COMPATIBLE_TYPE"
    if mine.kind == its.kind == "string":
        rule, why = "FIELD_SAME_UTF8_VALIDATION", "text that is not UTF-8 was accepted before"
    return match.says(rule, severity, why, fix, witness=witness, **words)


def _element(writer: FieldFacts, reader: FieldFacts, sides: Sides) -> Severity:
    """What becomes of one value; types inside are compared on their own."""
    wrote, reads = writer.kind, reader.kind
    if wrote == reads == "string":
        return "error" if reader.verified and not writer.verified else "safe"
    if wrote == reads:
        return "safe"
    if wrote in _MESSAGES or reads in _MESSAGES:
        return _message(writer, reader)
    if wrote in SIZED and reads in SIZED:
        return _text(reader)
    if wrote in SIZED:
        return "error" if reader.shape == "repeated" else "broken"  # a list may come packed
    if reads in SIZED:
        return "error" if writer.packed and reads == "string" and reader.verified else "broken"
    found = _number(writer, reader, sides)
    packed = writer.packed and reader.shape == "repeated"
    return _misread(wrote, reads) if packed and RANK[found] >= RANK["broken"] else found


def _text(reader: FieldFacts) -> Severity:
    if reader.kind == "bytes":
        return "safe"
    return "error" if reader.verified else "lossy"


def _message(writer: FieldFacts, reader: FieldFacts) -> Severity:
    wrote, reads = writer.kind, reader.kind
    if "group" in (wrote, reads):
        return "broken"
    if wrote == "message":
        if reads in SIZED:
            return _text(reader)
        return "error" if reader.shape == "repeated" else "broken"
    return "error" if wrote in SIZED or writer.packed else "broken"


def _misread(wrote: str, reads: str) -> Severity:
    """What becomes of a packed list in another encoding."""
    ours, theirs = WIDTH.get(wrote), WIDTH.get(reads)
    if ours is None and theirs is None:
        return "broken"
    return "broken" if ours and theirs and ours >= theirs else "error"


def _number(writer: FieldFacts, reader: FieldFacts, sides: Sides) -> Severity:
    found = WIRE[writer.kind, reader.kind]
    if writer.kind == "enum" and found == "lossy":
        enum = sides.writer.enums[writer.type_name]
        if reader.kind == "bool":
            return "safe" if enum.closed and {*enum.names} <= {0, 1} else found
        return "lossy" if min(enum.names) < 0 else "safe"
    if reader.kind == "enum" and found == "safe":
        enum = sides.reader.enums[reader.type_name]
        known = writer.kind == "bool" and {0, 1} <= {*enum.names}
        return "lossy" if enum.closed and not known else found
    return found


def _witness(wrote: str, reads: str) -> str:
    if wrote not in RANGES or reads not in RANGES:
        return ""
    low, high = RANGES[wrote]
    least, most = RANGES[reads]
    value = most + 1 if high > most else low
    if least <= value <= most:
        return ""
    size = most - least + 1
    return f"{value} → {(value - least) % size + least}"


def field_wire_compatible_cardinality(match: Match) -> Said | None:
    """A list that becomes a single value keeps at most its last element."""
    writer, reader = match.writer, match.reader
    if writer.shape == reader.shape:
        return None
    severity: Severity = "safe"
    why = "a single value is read as a list of one; an unwritten default as an empty list"
    fix = "nothing needs to be done"
    if writer.shape != "singular" and reader.shape == "singular":
        severity = "broken" if writer.packed and reader.kind not in SIZED else "lossy"
        why = "a packed list is not read at all" if severity == "broken" else _last(reader)
        fix = "keep the list, or add a field with a new number"
    elif reader.shape == "map" and writer.shape == "repeated":
        severity, why = "lossy", "of entries with one key only the last is kept"
        fix = "keep the list, or add a field with a new number"
    elif writer.shape == "map":
        why = "a map is a list of entries on the wire"
    return match.says("FIELD_WIRE_COMPATIBLE_CARDINALITY", severity, why, fix)


def _last(reader: FieldFacts) -> str:
    if reader.kind in _MESSAGES:
        return "the elements of a list are merged into one message"
    return "only the last element of a list is read"


def field_same_presence(match: Match) -> Said | None:
    """A field without presence cannot tell its zero from unset; no value is lost on the wire."""
    writer, reader = match.writer, match.reader
    if writer.presence == reader.presence or "singular" not in (writer.shape, reader.shape):
        return None
    if writer.shape != reader.shape or "group" in (writer.kind, reader.kind):
        return None
    why = "values are kept; a zero and unset are told apart on one side only"
    old, new = ("explicit" if part.presence else "implicit" for part in (writer, reader))
    return match.says("FIELD_SAME_PRESENCE", "safe", why, "keep the presence", old=old, new=new)


def message_same_required_fields(both: Messages) -> Iterator[Said]:
    """A reader refuses a message without a field that it requires."""
    writer, reader = both.writer, both.reader
    for number, wanted in reader.fields.items():
        given = writer.fields.get(number)
        if wanted.required and not (given and given.required):
            yield missing_required(wanted, given, writer)


def missing_required(wanted: FieldFacts, given: FieldFacts | None, writer: MessageFacts) -> Said:
    """Say that the writer need not set what the reader requires."""
    return Said(
        "MESSAGE_SAME_REQUIRED_FIELDS",
        "error",
        wanted.full_name,
        given.words if given else "absent",
        wanted.words,
        "a message without this field is written, and its reader refuses it",
        "make the field optional on both sides",
        (given.file, given.path) if given else (writer.file, writer.path),
        (wanted.file, wanted.path),
    )


def field_known_to_reader(both: Messages) -> Iterator[Said]:
    """A field that the reader does not know is kept among its unknown fields."""
    writer, reader = both.writer, both.reader
    for number, field in writer.fields.items():
        if number not in reader.fields and _renumbered(field, both) is None:
            yield Said(
                "FIELD_KNOWN_TO_READER",
                "safe",
                field.full_name,
                field.words,
                "absent",
                "the reader keeps it as an unknown field",
                "nothing needs to be done",
                (field.file, field.path),
                (reader.file, reader.path),
            )


def field_same_number(both: Messages) -> Iterator[Said]:
    """A field or an extension is found by its number, so its name must not move to another."""
    writer, reader = both.writer, both.reader
    for number, field in writer.fields.items():
        if number not in reader.fields and (found := _renumbered(field, both)):
            yield Said(
                "EXTENSION_SAME_NUMBER" if field.extension else "FIELD_SAME_NUMBER",
                "broken",
                found.full_name,
                f"number {number}",
                f"number {found.number}",
                f"values written under number {number} are not read as {found.name}",
                f"keep number {number} for {found.name}",
                (field.file, field.path),
                (found.file, found.path),
            )


def _renumbered(field: FieldFacts, both: Messages) -> FieldFacts | None:
    writer, reader, sides = both.writer, both.reader, both.sides
    if field.extension:
        return sides.reader.extension(field.full_name, reader.full_name)
    named = reader.by_name.get(field.name)
    return named if named and named.number not in writer.fields else None


def field_same_oneof(both: Messages) -> Iterator[Said]:
    """Of two fields of one oneof only the last on the wire is kept."""
    writer, reader = both.writer, both.reader
    for oneof in sorted(reader.oneofs):
        members = [field for field in reader.fields.values() if field.oneof == oneof]
        known = [writer.fields[field.number] for field in members if field.number in writer.fields]
        yield from together(oneof, known, members, "lossy")


def together(
    oneof: str, known: list[FieldFacts], members: list[FieldFacts], severity: Severity
) -> Iterator[Said]:
    """Say that fields which the writer may set together share a oneof in the reader."""
    origins: dict[str, list[FieldFacts]] = defaultdict(list)
    for field in known:
        origins[field.oneof or f".{field.name}"].append(field)
    if len(origins) > 1:
        names = ", ".join(field.name for field in known)
        first, parent = members[0], members[0].full_name.rpartition(".")[0]
        yield Said(
            "FIELD_SAME_ONEOF",
            severity,
            f"{parent}.{oneof}",
            "several fields",
            f"oneof {oneof}",
            f"{names} could all be set, and now exclude each other",
            "put only one existing field into a new oneof",
            (known[0].file, known[0].path),
            (first.file, first.path),
        )


def enum_value_known_to_reader(writer: EnumFacts, reader: EnumFacts) -> Iterator[Said]:
    """A closed enum drops numbers that it does not declare, an open one keeps them."""
    for number, names in writer.names.items():
        if number not in reader.names and names[0] not in reader.numbers:
            lost = "a closed enum drops the value" if reader.closed else "the number is kept"
            yield _about_value(
                writer, reader, names[0], "ENUM_VALUE_KNOWN_TO_READER",
                ("lossy" if reader.closed else "safe", "absent", lost, "keep the value"),
            )  # fmt: skip


def enum_value_same_number(writer: EnumFacts, reader: EnumFacts) -> Iterator[Said]:
    """A value is found by its number, so its name must not move to another."""
    for name, number in writer.numbers.items():
        found = reader.numbers.get(name, number)
        if found != number:
            why = f"{name} is written as {number}, which is not {name} to its reader"
            yield _about_value(
                writer, reader, name, "ENUM_VALUE_SAME_NUMBER",
                ("broken", f"{name} = {found}", why, f"keep number {number} for {name}"),
            )  # fmt: skip


def enum_same_type(writer: EnumFacts, reader: EnumFacts) -> Iterator[Said]:
    """An open enum is written with numbers that a closed one drops."""
    if writer.closed != reader.closed:
        old, new = ("closed" if part.closed else "open" for part in (writer, reader))
        why = "every number is kept"
        if reader.closed:
            why = "undeclared numbers are dropped: a value, an element or a whole map entry"
        yield Said(
            "ENUM_SAME_TYPE", "lossy" if reader.closed else "safe", reader.full_name, old, new,
            why, f"keep the enum {old}", (writer.file, writer.path), (reader.file, reader.path),
        )  # fmt: skip


def _about_value(
    writer: EnumFacts, reader: EnumFacts, name: str, rule: str, said: tuple[Severity, str, str, str]
) -> Said:
    severity, new, why, fix = said
    place = reader.places.get(name, reader.path)
    old = f"{name} = {writer.numbers[name]}"
    return Said(
        rule, severity, f"{reader.full_name}.{name}", old, new, why, fix,
        (writer.file, writer.places[name]), (reader.file, place),
    )  # fmt: skip


def _by_number(both: Messages) -> Iterator[tuple[FieldFacts, FieldFacts]]:
    writer, reader = both.writer, both.reader
    for number, field in writer.fields.items():
        if (found := reader.fields.get(number)) is not None:
            yield field, found


RULES = Rules(
    "wire",
    (field_wire_compatible_type, field_wire_compatible_cardinality, field_same_presence),
    (message_same_required_fields, field_known_to_reader, field_same_number, field_same_oneof),
    (enum_value_known_to_reader, enum_value_same_number, enum_same_type),
    _by_number,
    lambda *_names: False,
    "FIELD_WIRE_COMPATIBLE_TYPE",
)
