"""What BigQuery keeps of a table beside its columns: defaults, partitions, keys, options."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from protolith.dialects import Dialect
from protolith.engines.bigquery_resource import resource
from protolith.engines.particulars import Particular, commented, defaults
from protolith.tables import Storage, Table

_PARTITIONS = "timePartitioning", "rangePartitioning"
_EXPIRES = "expirationMs"


def particulars(dialect: Dialect, table: Table, live: Mapping[str, Any]) -> Iterator[Particular]:
    """What is not as it should be in a live resource; a missing column's default too."""
    prefix = f"ALTER TABLE {dialect.qualified(table)} "

    def alter(column: str, default: str) -> str:
        action = f"SET DEFAULT {default}" if default else "DROP DEFAULT"
        return f"{prefix}ALTER COLUMN {dialect.quote(column)} {action}"

    fields = live["schema"].get("fields", [])
    there = {column.name: "" for column in table.columns}
    there |= {field["name"]: field.get("defaultValueExpression", "") for field in fields}
    yield from defaults(table, {c.name: c.default or "" for c in table.columns}, there, alter)
    wanted = resource(table)
    yield from _partition(wanted, live)
    yield from _order(wanted, live)
    yield from _key(dialect, wanted, live, prefix)
    yield from _settings(dialect, table, live, prefix)
    comment = wanted.get("description", "")
    statement = f"{prefix}SET OPTIONS (description={dialect.literal(comment)})"
    yield from commented(comment, live.get("description", ""), statement)


def _partition(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Particular]:
    expected, found = (_text(_partitions(side)) for side in (wanted, live))
    if expected != found:
        why = "the partitions of a table that is there stay"
        yield Particular("partition_by", expected, found, why=why)


def _partitions(side: Mapping[str, Any]) -> dict[str, Any]:
    """The partitions without what is a setting: how long they are kept."""
    kept = {key: dict(side[key]) for key in _PARTITIONS if side.get(key)}
    for spec in kept.values():
        spec.pop(_EXPIRES, None)
        spec.pop("requirePartitionFilter", None)
    return kept


def _order(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Particular]:
    expected, found = (
        ", ".join(side.get("clustering", {}).get("fields", [])) for side in (wanted, live)
    )
    if expected != found:
        why = "no statement changes how rows that are there are clustered"
        yield Particular("order_by", expected, found, why=why)


def _key(
    dialect: Dialect, wanted: Mapping[str, Any], live: Mapping[str, Any], prefix: str
) -> Iterator[Particular]:
    keys = [
        side.get("tableConstraints", {}).get("primaryKey", {}).get("columns", [])
        for side in (wanted, live)
    ]
    if keys[0] == keys[1]:
        return
    statements = [f"{prefix}DROP PRIMARY KEY"] if keys[1] else []
    if keys[0]:
        quoted = ", ".join(map(dialect.quote, keys[0]))
        statements.append(f"{prefix}ADD PRIMARY KEY ({quoted}) NOT ENFORCED")
    expected, found = (", ".join(key) for key in keys)
    why = "a key that BigQuery trusts and does not check"
    yield Particular("primary_key", expected, found, tuple(statements), why)


def _settings(
    dialect: Dialect, table: Table, live: Mapping[str, Any], prefix: str
) -> Iterator[Particular]:
    storage = table.stored_in("bigquery")
    for setting in storage.settings:
        expected = _made_by(table, storage, setting)
        found = {
            key: {_EXPIRES: live.get(key, {}).get(_EXPIRES)}
            if key in _PARTITIONS
            else live.get(key)
            for key in expected
        }
        if expected != found:
            alone = _stored(table, replace(storage, settings=(setting,)))
            (text,) = dialect.clauses(alone).options
            change = f"{prefix}SET OPTIONS ({text})"
            why = "an option of the table alone"
            yield Particular("settings", _text(expected), _text(found), (change,), why)


def _made_by(table: Table, storage: Storage, setting: tuple[str, str]) -> dict[str, Any]:
    """What one setting adds to the resource."""
    plain, whole = (
        resource(_stored(table, replace(storage, settings=settings)))
        for settings in ((), (setting,))
    )
    made = {key: value for key, value in whole.items() if value != plain.get(key)}
    return {
        key: {_EXPIRES: value[_EXPIRES]} if key in _PARTITIONS else value
        for key, value in made.items()
    }


def _stored(table: Table, storage: Storage) -> Table:
    return replace(table, storage=(("bigquery", storage),))


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if value else ""
