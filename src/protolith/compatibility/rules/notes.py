"""Rules of the source level about what guards the future, most of them notes."""

from collections.abc import Iterator

from protolith.compatibility.facts import EnumFacts, MessageFacts, Ranges
from protolith.compatibility.rules.base import Place, Said
from protolith.compatibility.rules.source import Change, SourceRule, places


def file_same_syntax(change: Change) -> Iterator[Said]:
    """A syntax stands for many features; those that matter are compared one by one."""
    for before, after in change.common_files:
        if before.syntax != after.syntax:
            yield Said(
                "FILE_SAME_SYNTAX", "safe", after.name, before.syntax, after.syntax,
                "what the syntax changes for a field or an enum is a finding of its own",
                "look for findings about presence, closed enums and UTF-8 beside this one",
                (before.name, (12,)), (after.name, (12,)),
            )  # fmt: skip


def message_same_json_format(change: Change) -> Iterator[Said]:
    """JSON of a message that was promised must not become a best effort."""
    yield from _json_format("MESSAGE_SAME_JSON_FORMAT", change.common_messages)


def enum_same_json_format(change: Change) -> Iterator[Said]:
    """JSON of an enum that was promised must not become a best effort."""
    yield from _json_format("ENUM_SAME_JSON_FORMAT", change.common_enums)


def _json_format(
    rule: str,
    pairs: list[tuple[MessageFacts, MessageFacts]] | list[tuple[EnumFacts, EnumFacts]],
) -> Iterator[Said]:
    for before, after in pairs:
        if after.best_effort_json and not before.best_effort_json:
            yield Said(
                rule, "safe", after.full_name, "ALLOW", "LEGACY_BEST_EFFORT",
                "the compiler no longer refuses names that are one and the same in JSON",
                "keep the feature json_format = ALLOW",
                *places(before, after),
            )  # fmt: skip


def reserved_message_no_delete(change: Change) -> Iterator[Said]:
    """A number or name that was given up must stay reserved, or somebody takes it again."""
    yield from _reserved("RESERVED_MESSAGE_NO_DELETE", change.common_messages)


def reserved_enum_no_delete(change: Change) -> Iterator[Said]:
    """A value's number or name that was given up must stay reserved."""
    yield from _reserved("RESERVED_ENUM_NO_DELETE", change.common_enums)


def _reserved(
    rule: str,
    pairs: list[tuple[MessageFacts, MessageFacts]] | list[tuple[EnumFacts, EnumFacts]],
) -> Iterator[Said]:
    for before, after in pairs:
        gone = [_words(*part) for part in _uncovered(before.reserved, after.reserved)]
        gone += sorted(before.reserved_names - after.reserved_names)
        if gone:
            yield Said(
                rule, "safe", after.full_name, f"reserved {', '.join(gone)}", "not reserved",
                "no value is lost yet, but old data is misread once these are used again",
                "reserve them again",
                *places(before, after),
            )  # fmt: skip


def extension_message_no_delete(change: Change) -> Iterator[Said]:
    """Files that nobody here knows may extend a message with any number of its ranges."""
    for before, after in change.common_messages:
        gone = [_words(*part) for part in _uncovered(before.extensible, after.extensible)]
        if gone:
            yield Said(
                "EXTENSION_MESSAGE_NO_DELETE", "error", after.full_name,
                f"extensions {', '.join(gone)}", "absent",
                "files that extend the message with these numbers do not compile",
                "keep the range",
                *places(before, after),
            )  # fmt: skip


def message_name_in_any(change: Change) -> Iterator[Said]:
    """A message inside Any is found by its full name, and no field says what an Any holds."""
    for message in change.old.messages_in(change.files):
        name, top = message.full_name, len(message.path) == 2  # noqa: PLR2004
        if top and name not in change.new.messages:
            there: Place = (message.file, ()) if message.file in change.new else None
            yield Said(
                "MESSAGE_NAME_IN_ANY", "safe", name, name, "absent",
                "where one is packed in google.protobuf.Any, it can no longer be unpacked",
                "keep the message if Any may hold it",
                (message.file, message.path), there,
            )  # fmt: skip


def _uncovered(old: Ranges, new: Ranges) -> Iterator[tuple[int, int]]:
    """What of the old ranges no new range covers; split ranges cover as well."""
    for start, end in sorted(old):
        position = start
        for first, stop in sorted(new):
            if stop <= position or first >= end:
                continue
            if first > position:
                yield position, first
            position = stop
        if position < end:
            yield position, end


def _words(start: int, end: int) -> str:
    return str(start) if end == start + 1 else f"{start} to {end - 1}"


RULES: tuple[SourceRule, ...] = (
    file_same_syntax, message_same_json_format, enum_same_json_format,
    reserved_message_no_delete, reserved_enum_no_delete, extension_message_no_delete,
    message_name_in_any,
)  # fmt: skip
