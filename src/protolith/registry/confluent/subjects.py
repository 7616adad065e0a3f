"""Subjects as Confluent's clients see them: any name, numbered versions, ids across all."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from protolith.errors import ConflictError, NotFoundError
from protolith.registry.confluent import names
from protolith.registry.confluent.answers import schema_body
from protolith.registry.confluent.content import Contents
from protolith.registry.confluent.refusals import (
    ConfluentError,
    no_schema,
    no_subject,
    no_version,
    not_permitted,
    translating,
)
from protolith.registry.confluent.requests import SchemaRequest
from protolith.registry.confluent.settings import DEFAULT_LEVEL, Settings
from protolith.store import Store, Version, scopes

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Keep = Callable[..., list[Version]]


class Subjects:
    """Registering, finding and deleting, with Confluent's rules about each."""

    def __init__(self, store: Store, settings: Settings, contents: Contents, keep: Keep) -> None:
        self._store = store
        self._settings = settings
        self._contents = contents
        self._keep = keep

    # ── register and look up ──

    def register(
        self, subject: str, request: SchemaRequest, *, normalize: bool = False
    ) -> tuple[Version, bool]:
        """Register a schema; the version, and whether it holds more than what was sent."""
        name = names.checked(subject)
        with translating():
            request = self._contents.completed(name, request)
            sent = self._contents.prepared(name, request)
            normalize = normalize or bool(self._settings.effective(name).get("normalize"))
            found = self._contents.find(name, sent, normalize=normalize)
            new = self._contents.inheriting(name, sent, request)
            if found is None and new is not sent:
                found = self._contents.find(name, new, normalize=normalize)
            if found is None:
                self._check_new(name, request)
                group = self._settings.group(name)
                found = self._keep([new], default=DEFAULT_LEVEL, group=group)[0]
        more = (found.metadata, found.rule_set) != (request.metadata, request.rule_set)
        return found, more

    def _check_new(self, name: str, request: SchemaRequest) -> None:
        self._settings.check_writable(name)
        if self._settings.access(name, inherited=True) == "IMPORT":
            raise not_permitted(
                f"Subject '{name}' is in IMPORT mode: ids are not taken over",
                "protolith export and protolith import move everything with its ids",
            )
        if request.id is not None:
            raise not_permitted(f"Subject '{name}' is not in import mode", "leave id out")

    def look_up(
        self, subject: str, request: SchemaRequest, *, normalize: bool, deleted: bool
    ) -> Version:
        """The version of a subject that has this schema."""
        name = self._existing(subject, deleted=deleted)
        with translating():
            request = self._contents.completed(name, request)
            try:
                sent = self._contents.prepared(name, request, deleted=True)
            except NotFoundError as error:
                raise no_schema() from error
            found = self._contents.find(
                name, sent, normalize=normalize, deleted=deleted, loosely=True
            )
        if found is None:
            raise no_schema()
        return found

    # ── find ──

    def listed(self, prefix: str | None, *, deleted: bool, only: bool) -> list[str]:
        """The subjects by name: those that are live, with `deleted` all, or `only` the deleted."""
        found = self._store.ask(scopes.read_names)
        chosen = [name for name, live in found.items() if (not live if only else live or deleted)]
        return [name for name in chosen if prefix is None or names.matches(name, prefix)]

    def numbers(self, subject: str, *, deleted: bool = False, only: bool = False) -> list[int]:
        """The numbers of a subject's versions."""
        found = self._numbers(subject)
        chosen = [
            number for number, gone in found.items() if (gone if only else deleted or not gone)
        ]
        if not chosen:
            raise no_subject(subject)
        return chosen

    def live(self, subject: str) -> list[int]:
        """The numbers of those that are not deleted; none if there are none."""
        return [number for number, gone in self._numbers(subject).items() if not gone]

    def version(self, subject: str, number: str, *, deleted: bool = False) -> Version:
        """A version by its number, or the latest."""
        wanted = version_number(number)
        name = self._existing(subject, deleted=deleted or wanted is not None)
        try:
            found = self._store.find_exactly(name, wanted, deleted=deleted)
        except NotFoundError:
            if all(self._numbers(name).values()) and not deleted:
                raise no_subject(subject) from None
            raise no_version(subject, number) from None
        if found.descriptors is None:
            raise no_version(subject, number)
        return found

    def by_id(self, number: str, subject: str | None = None) -> tuple[Version, bool]:
        """A version with the content of an id; whether it is one of the subject asked for."""
        if not (number.isascii() and number.isdigit()) or int(number) >= 2**31:
            raise no_schema(number[:40])
        try:
            found = self._store.find_id(int(number))
        except NotFoundError:
            raise no_schema(number) from None
        return self._of(found, number, subject)

    def by_guid(self, guid: str) -> Version:
        """A version with the content of a GUID."""
        if not _GUID.fullmatch(guid):
            raise no_schema()
        try:
            return self._of(self._store.find_guid(guid.lower()), guid, None)[0]
        except NotFoundError:
            raise no_schema() from None

    def with_id(self, number: str, *, deleted: bool) -> list[Version]:
        """Every version with the content of an id, by subject and number."""
        first, _ = self.by_id(number)
        found = [v for v in self._store.find_id(first.id) if deleted or not v.deleted]
        return sorted(found, key=lambda version: (version.subject, version.version))

    def every_version(self, prefix: str | None, *, deleted: bool, latest: bool) -> list[Version]:
        """The versions of all subjects, by subject and number."""
        found = []
        for name in self.listed(prefix, deleted=deleted, only=False):
            numbers = [n for n, gone in self._numbers(name).items() if deleted or not gone]
            found += [(name, number) for number in (numbers[-1:] if latest else numbers)]
        return [self._store.find_exactly(*one, deleted=True) for one in found]

    def body(
        self, version: Version, *, form: str = "", qualified: bool = False, named: str | None = None
    ) -> dict[str, Any]:
        """A version as an answer."""
        references = self._store.references(version.version_id)
        with translating():
            return schema_body(version, references, form=form, qualified=qualified, named=named)

    def users(self, subject: str, number: str, *, deleted: bool) -> list[int]:
        """The ids of what imports a version."""
        version = self.version(subject, number, deleted=True)
        found = self._store.ask(scopes.read_users, version.subject, version.version)
        return sorted({id_ for id_, _, gone in found if deleted or not gone})

    def with_metadata(
        self, subject: str, wanted: Sequence[tuple[str, str]], *, deleted: bool
    ) -> Version:
        """The newest version whose metadata has all these properties."""
        name = self._existing(subject, deleted=deleted)
        for number in reversed(self.numbers(subject, deleted=deleted)):
            version = self._store.find_exactly(name, number, deleted=True)
            if self._contents.has_properties(version, wanted):
                return version
        raise no_schema()

    # ── delete ──

    def delete(self, subject: str, *, permanent: bool) -> list[int]:
        """Delete a subject, softly and then for good."""
        name = self._existing(subject, deleted=True)
        self._settings.check_writable(name)
        found = self._numbers(name)
        if not permanent and all(found.values()):
            raise ConfluentError(
                40404, f"Subject '{subject}' was soft deleted.", hint="permanent=true deletes it"
            )
        if permanent and not all(found.values()):
            raise ConfluentError(
                40405, f"Subject '{subject}' was not deleted first before being permanently deleted"
            )
        self._check_associated(name, 40904)
        numbers = self._deleted(name, None, found, permanent=permanent)
        if permanent:
            self._settings.forget(name)
        return numbers

    def delete_version(self, subject: str, number: str, *, permanent: bool) -> int:
        """Delete a version, softly and then for good."""
        wanted = version_number(number)
        name = self._existing(subject, deleted=True)
        self._settings.check_writable(name)
        found = self._numbers(name)
        if wanted is None:
            wanted = max((n for n, gone in found.items() if gone == permanent), default=None)
        if wanted is None or wanted not in found:
            raise no_version(subject, number)
        if found[wanted] and not permanent:
            raise ConfluentError(
                40406,
                f"Subject '{subject}' Version {wanted} was soft deleted.",
                hint="permanent=true deletes it",
            )
        if permanent and not found[wanted]:
            raise ConfluentError(
                40407,
                f"Subject '{subject}' Version {wanted} was not deleted first before being"
                " permanently deleted",
            )
        if not permanent and self.live(name) == [wanted]:
            self._check_associated(name, 40907)
        self._deleted(name, wanted, found, permanent=permanent)
        if permanent and len(found) == 1:
            self._settings.forget(name)
        return wanted

    def _deleted(
        self, name: str, number: int | None, found: dict[int, bool], *, permanent: bool
    ) -> list[int]:
        chosen = [n for n, gone in found.items() if number in (n, None) and gone == permanent]
        for one in chosen:
            users = self._store.ask(scopes.read_users, name, one)
            if any(
                (permanent or not gone) and (number is not None or user != name)
                for _, user, gone in users
            ):
                raise ConfluentError(
                    42206, f"One or more references exist to the schema of '{name}' version {one}"
                )
        try:
            return self._store.delete(name, number, for_good=permanent)
        except ConflictError as error:
            code = 40904 if number is None else 40907
            raise ConfluentError(code, error.message, hint=error.hint, cause=error) from error

    def _check_associated(self, name: str, code: int) -> None:
        kept = self._store.ask(scopes.read_settings, "association")
        for resource_id, one in kept.items():
            if any(other["subject"] == name for other in one["associations"]):
                raise ConfluentError(
                    code,
                    f"Subject '{name}' is associated with the resource '{one['resourceName']}'",
                    hint=f"DELETE /associations/resources/{resource_id}",
                )

    # ── inside ──

    def _numbers(self, subject: str) -> dict[int, bool]:
        return self._store.ask(scopes.read_numbers, names.plain(subject))

    def _existing(self, subject: str, *, deleted: bool) -> str:
        """A subject's name as it is kept, or the one that it is an alias of."""
        name = names.plain(subject)
        numbers = self._numbers(name)
        if not numbers:
            alias = (self._store.ask(scopes.read_setting, "config", name) or {}).get("alias")
            name = names.plain(alias) if alias else name
            numbers = self._numbers(name) if alias else numbers
        if not numbers or (all(numbers.values()) and not deleted):
            raise no_subject(subject)
        return name

    def _of(self, found: list[Version], what: str, subject: str | None) -> tuple[Version, bool]:
        messages = [version for version in found if version.descriptors is not None]
        if not messages:
            raise no_schema(what)
        if subject is not None:
            context, bare = names.split(subject)
            inside = [v for v in messages if names.split(v.subject)[0] == context]
            for version in inside:
                if names.split(version.subject)[1] == bare:
                    return version, True
        return messages[0], False


def version_number(text: str) -> int | None:
    """A version's number; None is the latest."""
    if text == "-1" or text.lower() == "latest":
        return None
    if text.isascii() and text.isdigit() and 0 < int(text) < 2**31:
        return int(text)
    raise ConfluentError(
        42202,
        f"The specified version '{text[:40]}' is not a valid version id",
        hint='from 1 to 2147483647, or "latest"',
    )
