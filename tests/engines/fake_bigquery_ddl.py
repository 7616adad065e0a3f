"""ALTER TABLE in the fake BigQuery: what it is documented to do and to refuse.

That the statements are BigQuery's grammar is shown where they are planned; the rules are our
reading of the documentation.
"""

import ast
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from engines.fake_bigquery_rows import QueryError, arrow_field
from protolith.dialects import dialect
from protolith.dialects.bigquery.schema_json import to_json
from protolith.tables import Column, Table

Rows = list[pa.Table]

_ALTER = re.compile(r"ALTER TABLE `(?P<dataset>\w+)`\.`(?P<table>\w+)` (?P<action>.*)", re.DOTALL)
_DESCRIPTION = r"\(description=(?P<text>'.*')\)"
_ACTIONS = {
    "add": rf"ADD COLUMN `(?P<name>\w+)` (?P<type>.+?)(?: OPTIONS {_DESCRIPTION})?",
    "drop": r"DROP COLUMN `(?P<name>\w+)`",
    "rename": r"RENAME COLUMN `(?P<name>\w+)` TO `(?P<new>\w+)`",
    "relax": r"ALTER COLUMN `(?P<name>\w+)` DROP NOT NULL",
    "widen": r"ALTER COLUMN `(?P<name>\w+)` SET DATA TYPE (?P<type>.+)",
    "default": r"ALTER COLUMN `(?P<name>\w+)` (?:SET DEFAULT (?P<value>.+)|DROP DEFAULT)",
    "describe": rf"SET OPTIONS {_DESCRIPTION}",
}
_WIDER = {
    "INTEGER": {"NUMERIC", "BIGNUMERIC", "FLOAT"},
    "NUMERIC": {"BIGNUMERIC", "FLOAT"},
    "BIGNUMERIC": {"FLOAT"},
    "DATE": {"DATETIME"},
}
_DIGITS = {"INTEGER": (19, 0), "NUMERIC": (38, 9), "BIGNUMERIC": (76, 38)}


def is_alter(sql: str) -> bool:
    """Whether a statement is one of these."""
    return sql.startswith("ALTER TABLE ")


class Alteration:
    """One statement; `run` changes the table's resource and rows, or nothing at all."""

    def __init__(self, sql: str) -> None:
        found = _ALTER.fullmatch(sql)
        assert found, sql
        self.key = found["dataset"], found["table"]
        self.kind, self.words = next(
            (kind, match)
            for kind, pattern in _ACTIONS.items()
            if (match := re.fullmatch(pattern, found["action"], re.DOTALL))
        )

    def run(self, resource: dict[str, Any], rows: Rows) -> Rows:
        fields = resource["schema"]["fields"]
        words = self.words.groupdict()
        description = ast.literal_eval(words["text"]) if words.get("text") else ""
        if self.kind == "describe":
            resource["description"] = description
            return rows
        name = words["name"]
        there = {field["name"].lower(): field for field in fields}
        if self.kind == "add":
            if name.lower() in there:
                raise QueryError(f"Column already exists: {name}")
            fields.append(_new_field(name, words["type"], description))
            return rows
        field = there.get(name.lower())
        if field is None:
            raise QueryError(f"Column not found: {name}")
        if self.kind in {"drop", "rename"}:
            _check_free(resource, name)
        return self._change(fields, field, words, rows)

    def _change(self, fields: list[Any], field: Any, words: dict[str, str], rows: Rows) -> Rows:
        match self.kind:
            case "drop":
                return _drop(fields, field, rows)
            case "rename":
                return _rename(fields, field, words["new"], rows)
            case "widen":
                return _widen(field, words["type"], rows)
            case "relax":
                if field["mode"] != "REQUIRED":
                    raise QueryError(f"Column {field['name']} does not have NOT NULL.")
                field["mode"] = "NULLABLE"
            case _:
                field.pop("defaultValueExpression", None)
                if words["value"]:
                    field["defaultValueExpression"] = words["value"]
        return rows


def _drop(fields: list[Any], field: Any, rows: Rows) -> Rows:
    if len(fields) == 1:
        raise QueryError("A table must have a column.")
    fields.remove(field)
    return [_each(part, field["name"], lambda _: None) for part in rows]


def _rename(fields: list[Any], field: Any, new: str, rows: Rows) -> Rows:
    if any(other["name"].lower() == new.lower() for other in fields):
        raise QueryError(f"Column already exists: {new}")
    names = {field["name"]: new}
    field["name"] = new
    return [part.rename_columns([names.get(n, n) for n in part.column_names]) for part in rows]


def _widen(field: Any, text: str, rows: Rows) -> Rows:
    new = _new_field(field["name"], text, "")
    _check_wider(field, new)
    for key in ("type", "precision", "scale", "maxLength"):
        field.pop(key, None)
        field.update({key: new[key]} if key in new else {})
    kind = arrow_field(field).type
    return [_each(part, field["name"], lambda values: values.cast(kind)) for part in rows]


def _each(part: pa.Table, name: str, change: Callable[[Any], Any]) -> pa.Table:
    place = part.schema.get_field_index(name)
    if place < 0:
        return part
    values = change(part.column(place))
    return part.remove_column(place) if values is None else part.set_column(place, name, values)


def _new_field(name: str, text: str, description: str) -> dict[str, Any]:
    if re.search(r"\bNOT NULL\b", text):
        raise QueryError(f"Cannot add required columns to an existing schema: {name}")
    type_, nullable = dialect("bigquery").read(text)
    (field,) = to_json(Table("d", "t", (Column(name, type_, nullable=nullable),)))
    return _normal(field) | ({"description": description} if description else {})


def _normal(field: dict[str, Any]) -> dict[str, Any]:
    from engines.fake_bigquery import normal  # noqa: PLC0415  # it imports us

    return normal(field)


def _check_free(resource: dict[str, Any], name: str) -> None:
    used = [*resource.get("clustering", {}).get("fields", [])]
    used += [resource.get(k, {}).get("field") for k in ("timePartitioning", "rangePartitioning")]
    if name in used:
        raise QueryError(f"Column {name} is one that the table is partitioned or clustered by.")


def _check_wider(old: dict[str, Any], new: dict[str, Any]) -> None:
    refused = QueryError(
        f"ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type"
        f" ({old['type']}) is assignable to the new type ({new['type']})"
    )
    if (old["mode"] == "REPEATED") != (new["mode"] == "REPEATED"):
        raise refused
    if old["type"] != new["type"]:
        if new["type"] not in _WIDER.get(old["type"], ()):
            raise refused
        if new["type"] not in _DIGITS:
            return
    elif "maxLength" in new and int(new["maxLength"]) < int(old.get("maxLength", 2**63)):
        raise refused
    if new["type"] in _DIGITS:
        (p, s), (q, t) = _digits(old), _digits(new)
        if t < s or q - t < p - s:
            raise refused


def _digits(field: dict[str, Any]) -> tuple[int, int]:
    if "precision" in field:
        return int(field["precision"]), int(field.get("scale", 0))
    return _DIGITS[field["type"]]
