"""The source level, which asks whether code for the old generated code still builds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from protolith.compatibility.facts import EnumFacts, FieldFacts, FileFacts, MessageFacts
from protolith.compatibility.findings import Severity
from protolith.compatibility.index import Index
from protolith.compatibility.rules.base import Place, Said

_KEEP = "keep the old one, or tell everyone who builds with it"
_IGNORED = {"uninterpreted_option", "deprecated", "features"}


@dataclass(frozen=True)
class Change:
    """The old and the new version, and the submitted files that are not the same in both."""

    old: Index
    new: Index
    files: tuple[str, ...]

    @classmethod
    def of(cls, old: Index, new: Index, same: frozenset[str]) -> "Change":
        """The change of all files but those that are the same."""
        return cls(old, new, tuple(old.submitted(same)))

    @cached_property
    def common_files(self) -> list[tuple[FileFacts, FileFacts]]:
        """The files that are in both versions and differ."""
        return [
            (self.old.file(name), self.new.file(name)) for name in self.files if name in self.new
        ]

    @cached_property
    def common_messages(self) -> list[tuple[MessageFacts, MessageFacts]]:
        """The messages of both versions whose files differ."""
        return [
            (message, its)
            for message in self.old.messages_in(self.files)
            if not message.map_entry and (its := self.new.messages.get(message.full_name))
        ]

    @cached_property
    def common_enums(self) -> list[tuple[EnumFacts, EnumFacts]]:
        """The enums of both versions whose files differ."""
        return [
            (enum, its)
            for enum in self.old.enums_in(self.files)
            if (its := self.new.enums.get(enum.full_name))
        ]

    @cached_property
    def common_fields(self) -> list[tuple[FieldFacts, FieldFacts]]:
        """The fields of those messages that have a number in both versions."""
        return [
            (field, found)
            for before, after in self.common_messages
            for number, field in before.fields.items()
            if (found := after.fields.get(number)) and field.extension == found.extension
        ]


SourceRule: TypeAlias = Callable[[Change], Iterator[Said]]


def _said(  # noqa: PLR0913
    rule: str, subject: str, old: str, new: str, at: tuple[Place, Place], *,
    why: str = "code that uses it does not build", severity: Severity = "error",
) -> Said:  # fmt: skip
    return Said(rule, severity, subject, old, new, why, _KEEP, *at)


def file_no_delete(change: Change) -> Iterator[Said]:
    """C++ and Python import generated code by its file."""
    for name in change.files:
        if name not in change.new:
            yield _said("FILE_NO_DELETE", name, name, "absent", ((name, ()), None))


def file_same_package(change: Change) -> Iterator[Said]:
    """The package is part of every generated name, of gRPC routes and of what Any carries."""
    for before, after in change.common_files:
        if before.package != after.package:
            at = (before.name, (2,)), (after.name, (2,))
            yield _said("FILE_SAME_PACKAGE", after.name, before.package, after.package, at)


def file_same_options(change: Change) -> Iterator[Said]:
    """Language options name packages, classes and prefixes in generated code."""
    for before, after in change.common_files:
        names = before.options.keys() | after.options.keys()
        for name in sorted(names - _IGNORED):
            mine, its = before.options.get(name), after.options.get(name)
            if mine != its and "." not in name:
                at = (before.name, (8,)), (after.name, (8,))
                rule = f"FILE_SAME_{name.upper()}"
                yield _said(rule, after.name, str(mine or "unset"), str(its or "unset"), at)


def message_no_delete(change: Change) -> Iterator[Said]:
    """A message is named in code."""
    for message in change.old.messages_in(change.files):
        if not message.map_entry and message.full_name not in change.new.messages:
            yield _gone("MESSAGE_NO_DELETE", message, change)


def enum_no_delete(change: Change) -> Iterator[Said]:
    """An enum is named in code."""
    for enum in change.old.enums_in(change.files):
        if enum.full_name not in change.new.enums:
            yield _gone("ENUM_NO_DELETE", enum, change)


def extension_no_delete(change: Change) -> Iterator[Said]:
    """An extension is named in code."""
    for file in change.files:
        for name, extension in change.old.extensions_in(file).items():
            if name not in change.new.extensions:
                yield _gone("EXTENSION_NO_DELETE", extension.field, change)


def _gone(rule: str, what: MessageFacts | EnumFacts | FieldFacts, change: Change) -> Said:
    there: Place = (what.file, ()) if what.file in change.new else None
    return _said(rule, what.full_name, "declared", "absent", ((what.file, what.path), there))


def message_same_visibility(change: Change) -> Iterator[Said]:
    """A type that becomes local cannot be imported any more."""
    local = 1
    types: list[tuple[MessageFacts, MessageFacts] | tuple[EnumFacts, EnumFacts]]
    types = [*change.common_messages, *change.common_enums]
    for before, after in types:
        if after.visibility == local != before.visibility:
            yield _said(
                "MESSAGE_SAME_VISIBILITY", after.full_name, "export", "local", places(before, after)
            )


def oneof_no_delete(change: Change) -> Iterator[Said]:
    """A oneof has an accessor of its own."""
    for before, after in change.common_messages:
        for name in sorted(before.oneofs - after.oneofs):
            subject = f"{after.full_name}.{name}"
            yield _said("ONEOF_NO_DELETE", subject, "declared", "absent", places(before, after))


def field_no_delete(change: Change) -> Iterator[Said]:
    """A field is named in code."""
    for before, after in change.common_messages:
        for number, field in before.fields.items():
            gone = number not in after.fields and field.name not in after.by_name
            if gone and not field.extension:
                yield _said(
                    "FIELD_NO_DELETE", field.full_name, field.words, "absent", places(field, after)
                )


def field_same_name(change: Change) -> Iterator[Said]:
    """A field's accessors have its name."""
    for before, after in change.common_fields:
        if before.name != after.name:
            yield _said(
                "FIELD_SAME_NAME", after.full_name, before.name, after.name, places(before, after)
            )


def field_same_type(change: Change) -> Iterator[Said]:
    """A field's type is that of a variable."""
    for before, after in change.common_fields:
        mine, its = _type(before, change.old), _type(after, change.new)
        if mine != its:
            yield _said("FIELD_SAME_TYPE", after.full_name, mine, its, places(before, after))


def _type(field: FieldFacts, index: Index) -> str:
    if field.shape != "map":
        return field.type_name or field.kind
    entry = index.messages[field.type_name].fields
    return f"map<{entry[1].kind}, {entry[2].type_name or entry[2].kind}>"


def field_same_cardinality(change: Change) -> Iterator[Said]:
    """Lists, maps, required fields and presence have accessors of their own."""
    for before, after in change.common_fields:
        mine, its = _cardinality(before), _cardinality(after)
        if mine != its and not (before.oneof or after.oneof):
            yield _said("FIELD_SAME_CARDINALITY", after.full_name, mine, its, places(before, after))


def _cardinality(field: FieldFacts) -> str:
    if field.shape != "singular":
        return field.shape
    return "required" if field.required else "explicit" if field.presence else "implicit"


def field_same_oneof(change: Change) -> Iterator[Said]:
    """A member of a oneof is also named through it."""
    for before, after in change.common_fields:
        if before.oneof != after.oneof:
            mine, its = before.oneof or "no oneof", after.oneof or "no oneof"
            yield _said("FIELD_SAME_ONEOF", after.full_name, mine, its, places(before, after))


def field_same_default(change: Change) -> Iterator[Said]:
    """An absent field reads as its default."""
    for before, after in change.common_fields:
        if before.default != after.default and before.kind == after.kind:
            mine, its = str(before.default), str(after.default)
            yield _said(
                "FIELD_SAME_DEFAULT", after.full_name, mine, its, places(before, after),
                why="an absent field reads as something else", severity="lossy",
            )  # fmt: skip


def field_same_jstype(change: Change) -> Iterator[Said]:
    """The option jstype is the type in JavaScript."""
    for before, after in change.common_fields:
        if before.jstype != after.jstype:
            at = places(before, after)
            mine, its = str(before.jstype), str(after.jstype)
            yield _said("FIELD_SAME_JSTYPE", after.full_name, mine, its, at)


def enum_value_no_delete(change: Change) -> Iterator[Said]:
    """An enum's value is named in code."""
    for before, after in change.common_enums:
        for name, number in before.numbers.items():
            if name in after.numbers:
                continue
            renamed = number in after.names
            rule = "ENUM_VALUE_SAME_NAME" if renamed else "ENUM_VALUE_NO_DELETE"
            new_name = after.names[number][0] if renamed else "absent"
            at = (before.file, before.places[name]), (after.file, after.path)
            yield _said(rule, f"{after.full_name}.{name}", name, new_name, at)


def enum_same_type(change: Change) -> Iterator[Said]:
    """Open and closed enums are different types in some languages."""
    for before, after in change.common_enums:
        if before.closed != after.closed:
            mine, its = ("closed" if part.closed else "open" for part in (before, after))
            yield _said("ENUM_SAME_TYPE", after.full_name, mine, its, places(before, after))


def service_no_delete(change: Change) -> Iterator[Said]:
    """A service and its methods have clients."""
    for name in change.files:
        for service, path in change.old.file(name).service_paths.items():
            if service not in change.new.services:
                at: tuple[Place, Place] = (
                    (name, path),
                    (name, ()) if name in change.new else None,
                )
                yield _said("SERVICE_NO_DELETE", service, "declared", "absent", at)


def rpc_no_delete(change: Change) -> Iterator[Said]:
    """A method's name, types and streaming are a client's code."""
    for before, after in change.common_files:
        for service, methods in before.methods.items():
            if service not in after.methods:
                continue
            at = ((before.name, before.service_paths[service]),
                  (after.name, after.service_paths[service]))  # fmt: skip
            for name, mine in methods.items():
                its, subject = after.methods[service].get(name), f"{service}.{name}"
                if its is None:
                    yield _said("RPC_NO_DELETE", subject, "declared", "absent", at)
                else:
                    yield from _rpc(subject, mine, its, at)


def _rpc(
    subject: str, old: tuple[str, str, bool, bool], new: tuple[str, str, bool, bool],
    at: tuple[Place, Place],
) -> Iterator[Said]:  # fmt: skip
    names = ("REQUEST_TYPE", "RESPONSE_TYPE", "CLIENT_STREAMING", "SERVER_STREAMING")
    for name, mine, its in zip(names, old, new, strict=True):
        if mine != its:
            yield _said(f"RPC_SAME_{name}", subject, str(mine), str(its), at)


def places(
    before: FieldFacts | MessageFacts | EnumFacts, after: FieldFacts | MessageFacts | EnumFacts
) -> tuple[Place, Place]:
    """Where something was and where it is."""
    return (before.file, before.path), (after.file, after.path)


RULES: tuple[SourceRule, ...] = (
    file_no_delete, file_same_package, file_same_options, message_no_delete, enum_no_delete,
    extension_no_delete, message_same_visibility, oneof_no_delete, field_no_delete,
    field_same_name, field_same_type, field_same_cardinality, field_same_oneof,
    field_same_default, field_same_jstype, enum_value_no_delete, enum_same_type,
    service_no_delete, rpc_no_delete,
)  # fmt: skip
