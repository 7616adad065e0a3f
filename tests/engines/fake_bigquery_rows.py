"""The rows of the fake BigQuery: what a Parquet load may bring, and what a query answers."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TAKEN = {("STRING", "GEOGRAPHY"), ("STRING", "JSON"), ("NUMERIC", "BIGNUMERIC")}


class QueryError(Exception):
    """What the service would say of a query or of rows."""


def check_rows(fields: list[Any], rows: pa.Table) -> None:
    """Refuse rows that do not have the table's types, by name."""
    kinds = {field["name"]: field for field in fields}
    for name in rows.column_names:
        if name not in kinds:
            raise QueryError(f"Provided Schema does not match: no such field {name}.")
    for name, field in kinds.items():
        if name in rows.column_names:
            _check_column(field, rows[name].combine_chunks(), name)
        elif field["mode"] == "REQUIRED":
            raise QueryError(f"Required field {name} is missing.")


def _check_column(field: dict[str, Any], column: Any, path: str) -> None:
    if field["mode"] == "REQUIRED" and column.null_count:
        raise QueryError(f"Required field {path} cannot be null.")
    if field["mode"] == "REPEATED":
        if not pa.types.is_list(column.type):
            raise QueryError(f"Field {path} has changed mode from REPEATED to NULLABLE.")
        column = column.flatten()
        if column.null_count:
            raise QueryError(f"Only optional fields can be set to NULL: {path}.")
    found = _type(column.type)[0]
    if found != field["type"] and (found, field["type"]) not in _TAKEN:
        raise QueryError(f"Field {path} has changed type from {field['type']} to {found}.")
    if field["type"] == "RECORD":
        _check_record(field, column.filter(column.is_valid()), path)


def _check_record(field: dict[str, Any], there: Any, path: str) -> None:
    for inner in field["fields"]:
        if there.type.get_field_index(inner["name"]) < 0:
            raise QueryError(f"Field {path}.{inner['name']} is missing.")
        _check_column(inner, there.field(inner["name"]), f"{path}.{inner['name']}")


def answer(sql: str, tables: dict[Any, Any], rows: dict[Any, list[pa.Table]]) -> dict[str, Any]:
    """The answer of jobs.query, by DuckDB."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            asked = sqlglot.parse_one(sql, read="bigquery")
            named = {(found.db, found.name) for found in asked.find_all(sqlglot.exp.Table)}
            for place in named & tables.keys():
                _hold(connection, place, tables[place]["schema"]["fields"], rows.get(place, []))
            found = connection.sql(asked.sql("duckdb")).to_arrow_table()
        except (duckdb.Error, sqlglot.errors.SqlglotError) as error:
            raise QueryError(str(error).partition("\n")[0]) from None
    fields = [_field(field) for field in found.schema]
    whole = {"mode": "NULLABLE", "fields": fields}
    listed = [_cell(row, whole) for row in found.to_pylist()]
    return {
        "jobComplete": True,
        "schema": {"fields": fields},
        "rows": listed,
        "totalRows": str(len(listed)),
        "jobReference": {"projectId": "p", "jobId": "query", "location": "US"},
    }


def _hold(
    connection: Any, place: tuple[str, str], fields: list[Any], parts: list[pa.Table]
) -> None:
    dataset, name = place
    empty = pa.schema([arrow_field(field) for field in fields]).empty_table()
    held = pa.concat_tables([empty, *parts], promote_options="permissive")
    connection.register(f"rows of {dataset}.{name}", held)
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{dataset}"')
    connection.execute(f'CREATE TABLE "{dataset}"."{name}" AS FROM "rows of {dataset}.{name}"')


_WORDS = {
    "STRING": pa.utf8(),
    "GEOGRAPHY": pa.utf8(),
    "JSON": pa.utf8(),
    "BYTES": pa.binary(),
    "INTEGER": pa.int64(),
    "FLOAT": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "DATETIME": pa.timestamp("us"),
}


def arrow_field(field: dict[str, Any]) -> Any:
    """A field of a resource in Arrow."""
    if field["type"] == "RECORD":
        kind: Any = pa.struct([arrow_field(inner) for inner in field["fields"]])
    elif field["type"] == "NUMERIC":
        digits = int(field.get("precision", 38)), int(field.get("scale", 0))
        kind = pa.decimal128(*digits if "precision" in field else (38, 9))
    elif field["type"] == "BIGNUMERIC":
        kind = pa.decimal256(76, 38)
    else:
        kind = _WORDS[field["type"]]
    return pa.field(field["name"], pa.list_(kind) if field["mode"] == "REPEATED" else kind)


def _field(field: Any) -> dict[str, Any]:
    repeated = pa.types.is_list(field.type)
    word, inner = _type(field.type.value_type if repeated else field.type)
    made = {"name": field.name, "type": word, "mode": "REPEATED" if repeated else "NULLABLE"}
    return made | ({"fields": [_field(part) for part in inner]} if inner else {})


def _type(kind: pa.DataType) -> tuple[str, list[Any]]:
    if pa.types.is_struct(kind):
        return "RECORD", list(kind)
    if pa.types.is_decimal(kind):
        small = kind.scale <= 9 and kind.precision - kind.scale <= 29
        return ("NUMERIC" if small else "BIGNUMERIC"), []
    if pa.types.is_integer(kind):
        return "INTEGER", []
    found = [word for word, arrow in _WORDS.items() if arrow == kind]
    if not found:
        raise QueryError(f"there is nothing for {kind}")
    return found[0], []


def _cell(value: Any, field: dict[str, Any]) -> Any:
    """A value as the service writes it: everything a text, records by position."""
    match value:
        case None:
            return [] if field["mode"] == "REPEATED" else None
        case bool():
            return str(value).lower()
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            parts = zip(value.values(), field["fields"], strict=True)
            return {"f": [{"v": _cell(part, inner)} for part, inner in parts]}
        case list():
            return [{"v": _cell(part, field)} for part in value]
        case datetime(tzinfo=zone) if zone:
            return str((value - _EPOCH) // timedelta(microseconds=1))
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
        case _:
            return str(value)
