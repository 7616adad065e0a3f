"""Which resource uses which subject: topics as clients say, and the tables of engines."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from protolith.registry.confluent import names
from protolith.registry.confluent.refusals import ConfluentError
from protolith.registry.confluent.requests import SchemaRequest
from protolith.registry.confluent.subjects import Subjects
from protolith.store import Store, audit, scopes
from protolith.store.identity import NAMESPACE
from protolith.tables import check_text

ANY = "-"
_TYPES = ("key", "value")
_LIVES = ("STRONG", "WEAK")


class Associations:
    """What is said about resources; those of tables are made from what the registry knows."""

    def __init__(self, store: Store, subjects: Subjects) -> None:
        self._store = store
        self._subjects = subjects

    # ── find ──

    def by_name(self, namespace: str, name: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The associations of a resource; `-` stands for every namespace, or every name."""
        kind = wanted.get("resourceType") or "topic"
        found = [
            one
            for one in self._all(kind)
            if namespace in (ANY, one["resourceNamespace"]) and name in (ANY, one["resourceName"])
        ]
        return _chosen(found, wanted)

    def by_id(self, resource_id: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The associations of the resource with this id."""
        found = [
            one for one in self._all(wanted.get("resourceType")) if one["resourceId"] == resource_id
        ]
        return _chosen(found, wanted)

    def by_subject(self, subject: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What uses a subject."""
        name = names.plain(subject)
        found = [one for one in self._all(wanted.get("resourceType")) if one["subject"] == name]
        return _chosen(found, wanted)

    def _all(self, kind: str | None) -> list[dict[str, Any]]:
        kept = self._store.ask(scopes.read_settings, "association")
        found = [] if kind == "table" else [one for many in kept.values() for one in _spread(many)]
        if kind in (None, "table"):
            found += self._tables()
        return [one for one in found if kind in (None, one["resourceType"])]

    def _tables(self) -> list[dict[str, Any]]:
        found = []
        for subject, deployments in self._store.all_deployments().items():
            for one in deployments:
                if not one.created:
                    continue
                version = self._store.find_exactly(subject, one.version, deleted=True)
                created = int(one.created_at.timestamp() * 1000)
                found.append(
                    {
                        "subject": subject,
                        "guid": str(uuid.uuid5(NAMESPACE, f"{subject}:{one.engine}")),
                        "resourceType": "table",
                        "resourceNamespace": one.engine,
                        "resourceName": f"{version.database}.{version.table}",
                        "resourceId": f"{subject}:{one.engine}",
                        "associationType": "value",
                        "lifecycle": "WEAK",
                        "frozen": False,
                        "createTs": created,
                        "updateTs": created,
                        "version": one.version,
                        "engine": one.engine,
                        "layout": json.loads(one.layout),
                    }
                )
        return found

    # ── change ──

    def create(
        self, body: Any, *, dry_run: bool = False, replacing: bool = False
    ) -> dict[str, Any]:
        """Say which subjects a resource uses; `replacing` what was said before."""
        about, wanted = _checked(body)
        kept = self._store.ask(scopes.read_setting, "association", about["resourceId"])
        there = {one["associationType"]: one for one in (kept or {}).get("associations", [])}
        for one in wanted:
            before = there.get(one["associationType"])
            if before is not None and not replacing and _essence(before) != _essence(one):
                raise ConfluentError(
                    40903,
                    f"An association of type '{one['associationType']}' already exists for"
                    f" resource '{about['resourceName']}'",
                )
            self._check(about, one, before)
        now = int(audit.now().timestamp() * 1000)
        for one in wanted:
            schema = one.pop("schema", None)
            if schema is not None and not dry_run:
                request = SchemaRequest.of(schema)
                self._subjects.register(one["subject"], request, normalize=one.pop("normalize"))
            one.pop("normalize", None)
            before = there.get(one["associationType"], {})
            one["createTs"] = before.get("createTs", now)
            one["guid"] = before.get("guid") or str(uuid.uuid4())
            one["updateTs"] = now
            there[one["associationType"]] = one
        answer = {**about, "associations": list(there.values())}
        if not dry_run:
            self._store.keep_setting("association", about["resourceId"], answer)
        return answer

    def _check(
        self, about: Mapping[str, Any], one: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> None:
        if before is not None and before["subject"] != one["subject"]:
            raise ConfluentError(40908, "An association's subject never changes in place")
        if before is not None and before["frozen"] and not one["frozen"]:
            raise ConfluentError(40908, "The association is frozen")
        others = [
            other
            for other in self.by_subject(one["subject"], {"resourceType": about["resourceType"]})
            if other["resourceId"] != about["resourceId"]
        ]
        if any(other["lifecycle"] == "STRONG" for other in others):
            raise ConfluentError(
                40905, f"A strong association of subject '{one['subject']}' already exists"
            )
        if one["lifecycle"] == "STRONG" and others:
            raise ConfluentError(40904, f"Subject '{one['subject']}' is associated already")
        if "schema" not in one:
            self._subjects.numbers(one["subject"])

    def delete(self, resource_id: str, wanted: Mapping[str, Any], *, cascade: bool) -> None:
        """Forget associations of a resource, and with `cascade` the subjects that it owns."""
        known = self._store.ask(scopes.read_settings, "association")
        kept = known.get(resource_id)
        if kept is None:
            raise ConfluentError(40410, f"Association for resource '{resource_id}' not found")
        types = set(wanted.get("associationType") or _TYPES)
        gone = [one for one in kept["associations"] if one["associationType"] in types]
        left = [one for one in kept["associations"] if one["associationType"] not in types]
        if not gone:
            raise ConfluentError(40410, f"Association for resource '{resource_id}' not found")
        value = {**kept, "associations": left} if left else None
        self._store.keep_setting("association", resource_id, value)
        for one in gone:
            if cascade and one["lifecycle"] == "STRONG":
                self._subjects.delete(one["subject"], permanent=False)


def _spread(kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    about = {key: value for key, value in kept.items() if key != "associations"}
    return [about | one for one in kept["associations"]]


def _chosen(found: Sequence[dict[str, Any]], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    types = set(wanted.get("associationType") or _TYPES)
    life = wanted.get("lifecycle")
    chosen = [
        one
        for one in found
        if one["associationType"] in types and life in (None, "", one["lifecycle"])
    ]
    return sorted(
        chosen, key=lambda one: (one["resourceName"], one["associationType"], one["subject"])
    )


def _essence(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return one["subject"], one["lifecycle"], one["frozen"]


def _checked(body: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if not isinstance(body, Mapping):
        raise ConfluentError(42212, "Invalid association: the body is not an object")
    keys = ("resourceName", "resourceNamespace", "resourceId")
    about = {key: body.get(key) for key in keys}
    for key, value in about.items():
        if not isinstance(value, str) or not value:
            raise ConfluentError(42212, f"Invalid association: {key} is missing")
        check_text(value, key)
    about["resourceType"] = body.get("resourceType") or "topic"
    if about["resourceType"] != "topic":
        raise ConfluentError(
            42212,
            "Invalid association: resourceType is not topic",
            hint="those of tables are made by creating the table",
        )
    given = body.get("associations")
    if not isinstance(given, list) or not given:
        raise ConfluentError(42212, "Invalid association: associations is empty")
    wanted = [_association(one) for one in given]
    if len({one["associationType"] for one in wanted}) < len(wanted):
        raise ConfluentError(42212, "Invalid association: a type is there twice")
    if len({one["lifecycle"] for one in wanted}) > 1:
        raise ConfluentError(42212, "Invalid association: all types have one lifecycle")
    return about, wanted


def _association(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not isinstance(given.get("subject"), str):
        raise ConfluentError(42212, "Invalid association: the subject is missing")
    found = {
        "subject": names.checked(given["subject"]),
        "associationType": given.get("associationType") or "value",
        "lifecycle": given.get("lifecycle") or "WEAK",
        "frozen": bool(given.get("frozen")),
        "normalize": bool(given.get("normalize")),
    }
    if found["associationType"] not in _TYPES or found["lifecycle"] not in _LIVES:
        raise ConfluentError(42212, "Invalid association: its type or lifecycle is not known")
    if found["frozen"] and found["lifecycle"] != "STRONG":
        raise ConfluentError(42212, "Invalid association: a weak one is never frozen")
    return found | ({"schema": given["schema"]} if given.get("schema") is not None else {})
