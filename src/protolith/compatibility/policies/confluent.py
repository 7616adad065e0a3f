"""The verdicts of Confluent's registry, for people who live by them.

These are that registry's own rules, faults included; Protolith's levels do not read them.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
)

from protolith.compatibility.findings import Direction, Finding, Mode
from protolith.compatibility.policies.confluent_fields import (
    Difference,
    Types,
    compare_fields,
    is_compatible,
)
from protolith.descriptors import DescriptorSet

__all__ = ["Difference", "check", "compare", "is_compatible"]

History: TypeAlias = Sequence[tuple[int | None, DescriptorSet]]


def check(new: DescriptorSet, history: History, mode: Mode = "BACKWARD") -> list[Finding]:
    """What that registry says when `new` follows a history of (version, schema), oldest first.

    A difference that it refuses has the severity error, one that it lets pass is safe.

    Backward compares old with new, forward new with old, full both; a transitive mode looks at
    every version, newest first, the others at the latest.
    """
    if mode == "NONE":
        return []
    versions = list(reversed(history))
    if not mode.endswith("_TRANSITIVE"):
        versions = versions[:1]
    found: list[Finding] = []
    for version, old in versions:
        if not mode.startswith("FORWARD"):
            found += [_finding(one, version, "backward") for one in compare(old, new)]
        if not mode.startswith("BACKWARD"):
            found += [_finding(one, version, "forward") for one in compare(new, old)]
    return found


def compare(original: DescriptorSet, update: DescriptorSet) -> list[Difference]:
    """Every difference of the submitted files, compatible ones too."""
    sides = (Types(original.files, original.roots), Types(update.files, update.roots))
    olds = {file.name: file for file in original.files if file.name in original.roots}
    news = {file.name: file for file in update.files if file.name in update.roots}
    if len(olds) == len(news) == 1:  # a subject's file has no name of its own there
        pairs = [(next(iter(olds.values())), next(iter(news.values())))]
    else:
        empty = FileDescriptorProto()
        names = dict.fromkeys([*olds, *news])
        pairs = [(olds.get(name, empty), news.get(name, empty)) for name in names]
    return [found for old, new in pairs for found in _compare_files(old, new, sides)]


def _compare_files(
    old: FileDescriptorProto, new: FileDescriptorProto, sides: tuple[Types, Types]
) -> Iterator[Difference]:
    if old.name and new.name and old.package != new.package:
        yield Difference("PACKAGE_CHANGED", "#/")
    scopes = (
        f".{old.package}" if old.package else "",
        f".{new.package}" if new.package else "",
    )
    yield from _compare_messages(old.message_type, new.message_type, scopes, "#/", sides)
    yield from _compare_enums(old.enum_type, new.enum_type, "#/")


def _compare_messages(
    olds: Sequence[DescriptorProto],
    news: Sequence[DescriptorProto],
    scopes: tuple[str, str],
    path: str,
    sides: tuple[Types, Types],
) -> Iterator[Difference]:
    # Entries of maps are no messages of their own there, so they neither come, go nor move.
    before = _by_name(olds)
    after = _by_name(news)
    for name in dict.fromkeys([*before, *after]):
        here = path + name
        if name not in before:
            yield Difference("MESSAGE_ADDED", here)
        elif name not in after:
            yield Difference("MESSAGE_REMOVED", here)
        else:
            if before[name][0] != after[name][0]:
                yield Difference("MESSAGE_MOVED", here)
            old, new = before[name][1], after[name][1]
            inner = (f"{scopes[0]}.{name}", f"{scopes[1]}.{name}")
            yield from compare_fields(inner, here, sides)
            yield from _compare_messages(old.nested_type, new.nested_type, inner, f"{here}/", sides)
            yield from _compare_enums(old.enum_type, new.enum_type, f"{here}/")


def _by_name(messages: Sequence[DescriptorProto]) -> dict[str, tuple[int, DescriptorProto]]:
    real = [message for message in messages if not message.options.map_entry]
    return {message.name: (index, message) for index, message in enumerate(real)}


def _compare_enums(
    olds: Sequence[EnumDescriptorProto], news: Sequence[EnumDescriptorProto], path: str
) -> Iterator[Difference]:
    before = {enum.name: enum for enum in olds}
    after = {enum.name: enum for enum in news}
    for name in dict.fromkeys([*before, *after]):
        if name not in before:
            yield Difference("ENUM_ADDED", path + name)
        elif name not in after:
            yield Difference("ENUM_REMOVED", path + name)
        else:
            yield from _compare_values(before[name], after[name], path + name)


def _compare_values(
    old: EnumDescriptorProto, new: EnumDescriptorProto, path: str
) -> Iterator[Difference]:
    before = {value.number: value.name for value in old.value}
    after = {value.number: value.name for value in new.value}
    for number in dict.fromkeys([*before, *after]):
        here = f"{path}/{number}"
        if number not in before:
            yield Difference("ENUM_CONST_ADDED", here)
        elif number not in after:
            yield Difference("ENUM_CONST_REMOVED", here)
        elif before[number] != after[number]:
            yield Difference("ENUM_CONST_CHANGED", here)


def _finding(difference: Difference, version: int | None, direction: Direction) -> Finding:
    return Finding(
        rule=difference.type,
        level="wire",
        direction=direction,
        severity="safe" if is_compatible(difference) else "error",
        subject=difference.path,
        old="",
        new="",
        why=f"Confluent's registry calls this {difference.type}",
        fix="undo the change, or choose another mode for the subject",
        against=version,
    )
