"""What BigQuery has beside columns: partitions, clustering, keys that it trusts, table options."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlglot import exp

from protolith.dialects.base import Dialect
from protolith.dialects.clauses import Names, check_known, is_nested, settings
from protolith.dialects.expressions import name_parts, parse
from protolith.dialects.parts import Clauses
from protolith.errors import LayoutError, quoted
from protolith.tables import (
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    Interval,
    Json,
    Range,
    Storage,
    Table,
    Time,
    Timestamp,
    Type,
)

MAX_CLUSTERING = 4
_UNITS = ("HOUR", "DAY", "MONTH", "YEAR")
_TRUNCATED: dict[str, tuple[type[Type], tuple[str, ...]]] = {
    "TIMESTAMP_TRUNC": (Timestamp, _UNITS),
    "DATETIME_TRUNC": (DateTime, _UNITS),
    "DATE_TRUNC": (Date, _UNITS[2:]),
}
_FORMS = (
    "a DATE column, DATE(c), TIMESTAMP_TRUNC(c, HOUR|DAY|MONTH|YEAR), DATETIME_TRUNC(…),"
    " DATE_TRUNC(c, MONTH|YEAR), RANGE_BUCKET(c, GENERATE_ARRAY(from, to, step)) or _PARTITIONDATE"
)
_UNSORTED = (Float, Json, Interval, Time, Range)
_MAX_RANGES = 10_000


def write_clauses(dialect: Dialect, table: Table) -> Clauses:
    """PARTITION BY, CLUSTER BY, a primary key and options; only columns of the table itself."""
    known = ("partition_by", "order_by", "primary_key", "settings")
    storage = check_known(dialect, table, known)
    names = Names(dialect, dialect_table(dialect, table), fold=True)
    partition = _partition(names, storage.partition_by) if storage.partition_by else ""
    cluster = _cluster(names, storage.order_by)
    return Clauses(
        inside=_key(names, storage.primary_key),
        after="\n".join(filter(None, (partition, cluster))),
        options=tuple(_options(names, storage)),
    )


def dialect_table(dialect: Dialect, table: Table) -> Table:
    """The table with the types that BigQuery keeps."""
    columns = tuple(
        Column(column.name, dialect.storable(column.type), nullable=column.nullable)
        for column in table.columns
    )
    return Table(table.database, table.name, columns)


def _key(names: Names, key: tuple[str, ...]) -> str:
    columns = [names.column(name, "primary_key") for name in key]
    for column in columns:
        if is_nested(column) or isinstance(column.type, _UNSORTED):
            raise names.refused("primary_key", "not of this type", path=column.name)
    written = ", ".join(names.dialect.quote(column.name) for column in columns)
    return f",\n  PRIMARY KEY ({written}) NOT ENFORCED" if columns else ""


def _cluster(names: Names, order: tuple[str, ...]) -> str:
    columns = [names.column(name, "order_by") for name in order]
    if len(columns) > MAX_CLUSTERING:
        text = f"at most {MAX_CLUSTERING} columns are possible, not {len(columns)}"
        raise names.refused("order_by", text)
    if len({column.name for column in columns}) < len(columns):
        raise names.refused("order_by", "a column is named twice")
    for column in columns:
        if is_nested(column) or isinstance(column.type, _UNSORTED):
            word = names.dialect.type_text(column.type).partition("<")[0]
            text = f"BigQuery does not cluster by {word}"
            raise names.refused("order_by", text, path=column.name)
    written = ", ".join(names.dialect.quote(column.name) for column in columns)
    return f"CLUSTER BY {written}" if columns else ""


def _partition(names: Names, text: str) -> str:
    tree = parse(names.dialect, text, at=f"storage.{names.dialect.name}.partition_by")
    match tree:
        case exp.Column() if tree.name.upper() == "_PARTITIONDATE" and len(tree.parts) == 1:
            return "PARTITION BY _PARTITIONDATE"
        case exp.Column():
            return f"PARTITION BY {_dated(names, tree, (Date,))}"
        case exp.Anonymous(this=str() as word, expressions=parts):
            return f"PARTITION BY {_call(names, word.upper(), parts, text)}"
    raise names.refused("partition_by", f"{quoted(text)} is not a partition", hint=_FORMS)


def _call(names: Names, word: str, parts: list[exp.Expression], text: str) -> str:
    match word, parts:
        case "DATE", [exp.Column() as column]:
            return f"DATE({_dated(names, column, (Timestamp, DateTime))})"
        case "RANGE_BUCKET", [exp.Column() as column, exp.Anonymous() as array]:
            return f"RANGE_BUCKET({_dated(names, column, (Integer,))}, {_ranges(names, array)})"
        case _, [exp.Column() as column, exp.Column() as unit] if word in _TRUNCATED:
            wanted, units = _TRUNCATED[word]
            found = unit.name.upper()
            if len(unit.parts) > 1 or found not in units:
                text = f"{word} by {quoted(found)}"
                raise names.refused("partition_by", text, hint=f"one of {', '.join(units)}")
            return f"{word}({_dated(names, column, (wanted,))}, {found})"
    raise names.refused("partition_by", f"{quoted(text)} is not a partition", hint=_FORMS)


def _dated(names: Names, tree: exp.Column, types: tuple[type[Type], ...]) -> str:
    parts = name_parts(tree)
    sql, column = names.sql(parts, "partition_by")
    path = ".".join(parts)
    if len(parts) > 1:
        raise names.refused("partition_by", "only a column of the table itself", path=path)
    if not isinstance(column.type, types):
        word = names.dialect.type_text(column.type)
        raise names.refused("partition_by", f"not by {word} in this way", path=path, hint=_FORMS)
    return sql


def _ranges(names: Names, tree: exp.Anonymous) -> str:
    numbers = [_number(part) for part in tree.expressions]
    match tree.name.upper(), numbers:
        case "GENERATE_ARRAY", [int(first), int(last), int(step)]:
            if step > 0 and first < last and (last - first) / step <= _MAX_RANGES:
                return f"GENERATE_ARRAY({first}, {last}, {step})"
    hint = f"GENERATE_ARRAY(from, to, step) of whole numbers, at most {_MAX_RANGES:,} steps"
    raise names.refused("partition_by", "not the ranges that BigQuery takes", hint=hint)


def _number(tree: exp.Expression) -> int | None:
    match tree:
        case exp.Neg(this=exp.Literal(is_string=False)):
            inner = _number(tree.this)
            return None if inner is None else -inner
        case exp.Literal(is_string=False) if re.fullmatch(r"\d{1,18}", tree.name, re.ASCII):
            return int(tree.name)
        case _:
            return None


def _text(names: Names, value: Any) -> str | None:
    return names.dialect.literal(value) if isinstance(value, str) else None


def _flag(_: Names, value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None


def _days(_: Names, value: Any) -> str | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**6
    return str(value) if fits else None


def _instant(names: Names, value: Any) -> str | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return f"TIMESTAMP {names.dialect.literal(moment.isoformat())}" if moment.tzinfo else None


def _labels(names: Names, value: Any) -> str | None:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        return None
    literal = names.dialect.literal
    pairs = (f"({literal(key)}, {literal(text)})" for key, text in sorted(value.items()))
    return f"[{', '.join(pairs)}]"


_OPTIONS: dict[str, tuple[Callable[[Names, Any], str | None], str]] = {
    "partition_expiration_days": (_days, "a number of days"),
    "require_partition_filter": (_flag, "true or false"),
    "expiration_timestamp": (_instant, "an instant such as 2030-01-01T00:00:00Z"),
    "friendly_name": (_text, "a text"),
    "labels": (_labels, "an object of texts"),
    "kms_key_name": (_text, "a text"),
    "default_rounding_mode": (_text, "a text"),
    "enable_change_history": (_flag, "true or false"),
}
_OF_PARTITIONS = ("partition_expiration_days", "require_partition_filter")


def _options(names: Names, storage: Storage) -> list[str]:
    return [
        f"{name}={_option(names, storage, name, value)}"
        for name, value in settings(storage).items()
    ]


def _option(names: Names, storage: Storage, name: str, value: Any) -> str:
    if name not in _OPTIONS:
        raise _unknown(names, name)
    if name in _OF_PARTITIONS and not storage.partition_by:
        raise names.refused("settings", f"{name} needs partition_by")
    write, what = _OPTIONS[name]
    written = write(names, value)
    if written is None:
        raise names.refused("settings", f"{name} is {what}")
    return written


def _unknown(names: Names, name: str) -> LayoutError:
    hint = f"one of {', '.join(_OPTIONS)}; the description is the table's comment"
    return names.refused("settings", f"{quoted(name)} is not a table option", hint=hint)
