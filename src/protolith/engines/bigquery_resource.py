"""A table as BigQuery's `tables` resource: what inserting and patching it are given."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from protolith.dialects.bigquery.googlesql import MAX_DESCRIPTION, MAX_TABLE_DESCRIPTION
from protolith.dialects.bigquery.schema_json import to_json
from protolith.errors import Detail, LayoutError, quoted
from protolith.tables import Column, List, Map, Record, Table, Type

_NAME = r"`?(?P<field>[A-Za-z_][A-Za-z0-9_]*)`?"
_BY_TIME = re.compile(
    rf"{_NAME}|DATE\({_NAME.replace('field', 'day')}\)|"
    rf"(?:DATE|DATETIME|TIMESTAMP)_TRUNC\({_NAME.replace('field', 'cut')}\s*,\s*"
    r"(?P<unit>HOUR|DAY|MONTH|YEAR)\)",
    re.IGNORECASE,
)
_BY_NUMBER = re.compile(
    rf"RANGE_BUCKET\({_NAME}\s*,\s*GENERATE_ARRAY\("
    r"(?P<start>-?\d+)\s*,\s*(?P<end>-?\d+)\s*,\s*(?P<interval>\d+)\)\)",
    re.IGNORECASE,
)
_MS_A_DAY = 86_400_000


def resource(table: Table) -> dict[str, Any]:
    """The body that creates a table, or `LayoutError` for storage that it cannot say."""
    made: dict[str, Any] = {"schema": {"fields": to_json(shortened(table))}}
    if table.comment:
        made["description"] = _cut(table.comment, MAX_TABLE_DESCRIPTION)
    storage = table.stored_in("bigquery")
    if storage.order_by:
        made["clustering"] = {"fields": list(storage.order_by)}
    if storage.primary_key:
        made["tableConstraints"] = {"primaryKey": {"columns": list(storage.primary_key)}}
    made |= _partitions(table, storage.partition_by.strip())
    for name, text in storage.settings:
        value = json.loads(text)
        if name == "partition_expiration_days" and "timePartitioning" in made:
            made["timePartitioning"] |= {"expirationMs": str(int(value * _MS_A_DAY))}
        else:
            made |= _option(table, name, value)
    return made


def merged(live: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[Any]:
    """A live schema with what `wanted` adds to it: new fields last, comments, NULLABLE.

    Every other key of a live field stays as it is, and so do fields that are not wanted.
    """
    asked = {field["name"].lower(): field for field in wanted}
    there = {field["name"].lower() for field in live}
    old = [_merged(field, asked.get(field["name"].lower(), {})) for field in live]
    return old + [field for field in wanted if field["name"].lower() not in there]


def _merged(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    field = dict(live)
    if wanted and wanted.get("description", "") != field.get("description", ""):
        field["description"] = wanted.get("description", "")
    if "policyTags" in wanted:
        field["policyTags"] = wanted["policyTags"]
    if field.get("mode") == "REQUIRED" and wanted.get("mode") == "NULLABLE":
        field["mode"] = "NULLABLE"
    if "fields" in live and "fields" in wanted:
        field["fields"] = merged(live["fields"], wanted["fields"])
    return field


def shortened(table: Table) -> Table:
    """The table with each column's comment as long as BigQuery takes it."""
    return replace(table, columns=_commented(table.columns, MAX_DESCRIPTION))


def bare(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns with no comment at any depth."""
    return _commented(columns, 0)


def _commented(columns: tuple[Column, ...], longest: int) -> tuple[Column, ...]:
    return tuple(
        replace(
            column,
            comment=_cut(column.comment, longest),
            type=_with_comments(column.type, longest),
        )
        for column in columns
    )


def _with_comments(type_: Type, longest: int) -> Type:
    match type_:
        case Record(columns):
            return Record(_commented(columns, longest))
        case List(element):
            return List(_with_comments(element, longest))
        case Map(key, value):
            return Map(key, _with_comments(value, longest))
        case _:
            return type_


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return text[: longest - 1] + "…" if longest else ""


def _partitions(table: Table, by: str) -> dict[str, Any]:
    if not by:
        return {}
    if by.upper() == "_PARTITIONDATE":
        return {"timePartitioning": {"type": "DAY"}}
    if found := _BY_TIME.fullmatch(by):
        field = found["field"] or found["day"] or found["cut"]
        unit = (found["unit"] or "DAY").upper()
        return {"timePartitioning": {"type": unit, "field": field}}
    if found := _BY_NUMBER.fullmatch(by):
        span = {key: found[key] for key in ("start", "end", "interval")}
        return {"rangePartitioning": {"field": found["field"], "range": span}}
    hint = "a date column, DATE(x), TIMESTAMP_TRUNC(x, MONTH) or RANGE_BUCKET(x, GENERATE_ARRAY(…))"
    raise _unsayable(table, f"the partition {quoted(by)} cannot be created over the API", hint)


def _option(table: Table, name: str, value: Any) -> dict[str, Any]:
    match name:
        case "require_partition_filter":
            return {"requirePartitionFilter": value}
        case "friendly_name":
            return {"friendlyName": value}
        case "labels":
            return {"labels": value}
        case "kms_key_name":
            return {"encryptionConfiguration": {"kmsKeyName": value}}
        case "default_rounding_mode":
            return {"defaultRoundingMode": value}
        case "expiration_timestamp":
            return {"expirationTime": str(round(datetime.fromisoformat(value).timestamp() * 1000))}
        case _:
            text = f"the option {quoted(name)} cannot be set over the API"
            raise _unsayable(table, text, "leave it out, and set it with ALTER TABLE")


def _unsayable(table: Table, text: str, hint: str) -> LayoutError:
    return LayoutError(
        f"{table.database}.{table.name} cannot be a table in BigQuery",
        details=[Detail(text)],
        hint=hint,
    )
