"""Compare two BigQuery JSON schemas, for people who have only those.

A JSON schema has no field numbers, so a renamed column looks like one removed and one added.
"""

from collections.abc import Iterator
from typing import Any

from protolith.dialects.bigquery.schema_json import from_json, to_json
from protolith.errors import naming

Issue = dict[str, Any]


def compare_schemas(old_schema: Any, new_schema: Any) -> dict[str, Any]:
    """What the new schema would break: `{"is_compatible": bool, "issues": [...]}`.

    Issues name columns by dotted path. Their types are `FIELD_REMOVAL` (with `fields`),
    `TYPE_CHANGE`, `MODE_CHANGE` and `REQUIRED_FIELD_ADDED` (with `field`); each is `BREAKING`.
    Raises `SchemaValidationError` when a schema is not one.
    """
    with naming("the old schema"):
        old = _fields(old_schema)
    with naming("the new schema"):
        new = _fields(new_schema)
    removed = [path for path in old if path not in new and _is_in(new, _parent(path))]
    issues: list[Issue] = []
    if removed:
        issues.append({"type": "FIELD_REMOVAL", "fields": removed, "severity": "BREAKING"})
    for path, field in new.items():
        before = old.get(path)
        if before is not None:
            issues += _changes(path, before, field)
        elif field["mode"] == "REQUIRED" and _is_in(old, _parent(path)):
            issues.append({"type": "REQUIRED_FIELD_ADDED", "field": path, "severity": "BREAKING"})
    return {"is_compatible": not issues, "issues": issues}


def _changes(path: str, old: Issue, new: Issue) -> Iterator[Issue]:
    if old["type"] != new["type"]:
        yield {
            "type": "TYPE_CHANGE",
            "field": path,
            "old_type": old["type"],
            "new_type": new["type"],
            "severity": "BREAKING",
        }
    if old["mode"] != new["mode"] and (old["mode"], new["mode"]) != ("REQUIRED", "NULLABLE"):
        yield {
            "type": "MODE_CHANGE",
            "field": path,
            "old_mode": old["mode"],
            "new_mode": new["mode"],
            "severity": "BREAKING",
        }


def _fields(schema: Any) -> dict[str, Issue]:
    """Every field by its dotted path, with type names as BigQuery returns them."""
    table = from_json(schema, table="schema", database="schema")
    return dict(_walk(to_json(table), ""))


def _walk(fields: list[Issue], prefix: str) -> Iterator[tuple[str, Issue]]:
    for field in fields:
        path = prefix + field["name"]
        yield path, field
        yield from _walk(field.get("fields", []), f"{path}.")


def _is_in(fields: dict[str, Issue], parent: str | None) -> bool:
    return parent is None or parent in fields


def _parent(path: str) -> str | None:
    return path.rpartition(".")[0] or None
