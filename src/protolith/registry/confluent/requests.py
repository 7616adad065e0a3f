"""What a client asks to register or to look up, read as leniently as Confluent does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protolith.registry.confluent.forms import document
from protolith.registry.confluent.refusals import ConfluentError, bad_schema
from protolith.registry.references import LATEST
from protolith.store import Reference

_KINDS = ("TRANSFORM", "CONDITION")
_MODES = ("UPGRADE", "DOWNGRADE", "UPDOWN", "WRITE", "READ", "WRITEREAD")
_RULES = ("migrationRules", "domainRules", "encodingRules")
_MAX_NUMBER = 2**31


@dataclass(frozen=True, slots=True)
class SchemaRequest:
    """A schema with what it imports; unknown properties were ignored."""

    schema: str
    references: tuple[Reference, ...] = ()
    metadata: str | None = None
    rule_set: str | None = None
    id: int | None = None
    version: int | None = None

    @classmethod
    def of(cls, body: Any) -> "SchemaRequest":
        """Read a request's body."""
        if not isinstance(body, Mapping):
            raise bad_schema("the body is not an object", hint='{"schema": "…"}')
        kind = body.get("schemaType") or "AVRO"
        if kind != "PROTOBUF":
            raise bad_schema(
                f"Invalid schema: the type {str(kind)[:40]} is not supported",
                hint='"schemaType": "PROTOBUF" is the only one here; without it AVRO is meant',
            )
        schema = body.get("schema") or ""
        if not isinstance(schema, str):
            raise bad_schema("Invalid schema: schema is not a text")
        return cls(
            schema,
            _references(body.get("references")),
            document(_object(body, "metadata")),
            document(check_rules(_object(body, "ruleSet"))),
            _number(body, "id"),
            _number(body, "version"),
        )


def _references(given: Any) -> tuple[Reference, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise bad_schema("Invalid schema: references is not a list")
    return tuple(map(_reference, given))


def _reference(given: Any) -> Reference:
    if isinstance(given, Mapping):
        name, subject = given.get("name"), given.get("subject")
        number = given.get("version", LATEST)
        texts = isinstance(name, str) and isinstance(subject, str) and name and subject
        right = number == LATEST or (type(number) is int and 0 < number < _MAX_NUMBER)
        if texts and right:
            return Reference(str(name), str(subject), number)
    raise bad_schema(
        "Invalid schema: a reference is not complete",
        hint='{"name": "a.proto", "subject": "a.proto", "version": 1}; -1 is the latest',
    )


def _object(body: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    found = body.get(key)
    if found is not None and not isinstance(found, dict):
        raise bad_schema(f"Invalid schema: {key} is not an object", hint=None)
    return found


def check_rules(rule_set: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a rule set whose rules clients can read, or raise."""
    for kind in _RULES:
        rules = (rule_set or {}).get(kind)
        if rules is not None and not isinstance(rules, list):
            raise ConfluentError(42210, f"Invalid rule set: {kind} is not a list")
        for rule in rules or ():
            _check_rule(rule)
    return rule_set


def _check_rule(rule: Any) -> None:
    if not isinstance(rule, Mapping) or not isinstance(rule.get("name"), str) or not rule["name"]:
        raise ConfluentError(42210, "Invalid rule set: a rule has no name")
    for key, known in (("kind", _KINDS), ("mode", _MODES)):
        if rule.get(key) is not None and rule[key] not in known:
            raise ConfluentError(
                42210,
                f"Invalid rule set: the {key} of the rule {rule['name'][:100]} is not known",
                hint=f"one of {', '.join(known)}",
            )


def _number(body: Mapping[str, Any], key: str) -> int | None:
    found = body.get(key)
    return found if type(found) is int and 0 < found < _MAX_NUMBER else None
