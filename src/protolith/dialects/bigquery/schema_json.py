"""Tables as BigQuery JSON schemas, and back."""

import json
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from protolith.dialects.bigquery.googlesql import DIALECT, MAX_COLUMNS
from protolith.errors import (
    Detail,
    MalformedError,
    SchemaTooComplexError,
    SchemaValidationError,
    quoted,
)
from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    Date,
    DateTime,
    Decimal,
    EnumName,
    Float,
    Geography,
    Integer,
    Interval,
    Json,
    List,
    Range,
    Record,
    String,
    Table,
    Time,
    Timestamp,
    Type,
    check_identifier,
    check_text,
    walk,
)

_WORDS: dict[Type, str] = {
    Boolean(): "BOOLEAN",
    Integer(): "INTEGER",
    Float(): "FLOAT",
    EnumName(): "STRING",
    Timestamp(6): "TIMESTAMP",
    Timestamp(9): "TIMESTAMP",
    DateTime(): "DATETIME",
    Date(): "DATE",
    Time(): "TIME",
    Interval(): "INTERVAL",
    Geography(): "GEOGRAPHY",
    Json(): "JSON",
}
_TYPES: dict[str, Type] = {
    **{word: type_ for type_, word in reversed(_WORDS.items()) if word != "STRING"},
    "BOOL": Boolean(),
    "INT64": Integer(),
    "FLOAT64": Float(),
}
_PARAMETRIC = ("STRING", "BYTES", "NUMERIC", "BIGNUMERIC", "TIMESTAMP", "RANGE")
_BIG_WHOLE, _BIG_SCALE = 38, 38
_MAX_DEPTH = 15
_MAX_NUMBER = 10**18
_KEYS = {"name", "type", "mode", "description", "fields", "policyTags", "defaultValueExpression"}
_TYPE_KEYS = {"precision", "scale", "maxLength", "rangeElementType", "timestampPrecision"}
_ATTRIBUTES = {"collation", "roundingMode", "foreignTypeDefinition", "dataPolicies"}


def to_json(table: Table) -> list[dict[str, Any]]:
    """The table's columns as BigQuery's JSON schema, with legacy type names as the service has."""
    return [_field(column) for column in DIALECT.stored(table).columns]


def from_json(schema: Any, *, table: str, database: str) -> Table:
    """Read a BigQuery JSON schema: a list of fields, or an object with `fields`.

    Legacy and standard type names are taken. Raises `SchemaValidationError` with the field path.
    """
    fields = schema.get("fields") if isinstance(schema, Mapping) else schema
    columns = _columns(fields, "", 1)
    found = sum(1 for _ in walk(columns))
    if found > MAX_COLUMNS:
        raise SchemaTooComplexError(f"{found:,} columns; at most {MAX_COLUMNS:,} are accepted")
    return Table(check_identifier(database, "database"), check_identifier(table, "table"), columns)


def _field(column: Column) -> dict[str, Any]:
    element = column.type.element if isinstance(column.type, List) else column.type
    repeated = isinstance(column.type, List)
    mode = "REPEATED" if repeated else "NULLABLE" if column.nullable else "REQUIRED"
    word, parameters = _describe(element)
    field: dict[str, Any] = {"name": column.name, "type": word, "mode": mode}
    if column.comment:
        field["description"] = column.comment
    if isinstance(element, Record):
        field["fields"] = [_field(inner) for inner in element.columns]
    if column.policy_tags:
        field["policyTags"] = {"names": list(column.policy_tags)}
    field |= parameters
    if column.default is not None:
        field["defaultValueExpression"] = column.default
    return field | {key: json.loads(text) for key, text in column.attributes}


def _describe(type_: Type) -> tuple[str, dict[str, Any]]:
    match type_:
        case Record():
            return "RECORD", {}
        case String(length) | Bytes(length):
            word = "STRING" if isinstance(type_, String) else "BYTES"
            return word, {} if length is None else {"maxLength": str(length)}
        case Decimal(precision, scale):
            word, parameters, _ = DIALECT.type_text(type_).partition("(")
            return word, _decimal_keys(precision, scale) if parameters else {}
        case Timestamp(9):
            return "TIMESTAMP", {"timestampPrecision": "12"}
        case Range(element):
            return "RANGE", {"rangeElementType": {"type": _WORDS[element]}}
        case plain:
            return _WORDS[plain], {}


def _decimal_keys(precision: int, scale: int) -> dict[str, str]:
    keys = {"precision": str(precision)}
    return keys | {"scale": str(scale)} if scale else keys


def _columns(fields: Any, path: str, depth: int) -> tuple[Column, ...]:
    if not isinstance(fields, Sequence) or isinstance(fields, str):
        raise _invalid(path, "fields must be a list")
    if not fields:
        raise _invalid(path, "no fields", hint="a record needs at least one")
    if depth > _MAX_DEPTH:
        raise _invalid(path, f"more than {_MAX_DEPTH} levels of records")
    columns = tuple(_column(field, path, index, depth) for index, field in enumerate(fields))
    seen: set[str] = set()
    for column in columns:
        if column.name.lower() in seen:
            hint = "names that differ in upper and lower case alone are the same"
            raise _invalid(_join(path, column.name), "a second column of this name", hint=hint)
        seen.add(column.name.lower())
    return columns


def _column(field: Any, parent: str, index: int, depth: int) -> Column:
    place = f"{parent}[{index}]"
    if not isinstance(field, Mapping):
        raise _invalid(place, "a field must be an object")
    path = _join(parent, check_identifier(_text(field, "name", place), "column", at=place))
    unknown = set(field) - _KEYS - _TYPE_KEYS - _ATTRIBUTES
    if unknown:
        raise _invalid(path, f"unknown key {min(map(_shown, unknown))}")
    mode = _text(field, "mode", path, "NULLABLE").upper()
    if mode not in ("NULLABLE", "REQUIRED", "REPEATED"):
        raise _invalid(path, f"{_shown(mode)} is not a mode", hint="NULLABLE, REQUIRED or REPEATED")
    element = _type(field, path, depth)
    default = field.get("defaultValueExpression")
    return Column(
        name=field["name"],
        type=List(element) if mode == "REPEATED" else element,
        nullable=mode == "NULLABLE",
        comment=_text(field, "description", path, ""),
        default=None if default is None else _text(field, "defaultValueExpression", path),
        policy_tags=_tags(field.get("policyTags") or {}, path),
        attributes=tuple(_attributes(field, path)),
    )


def _type(field: Mapping[str, Any], path: str, depth: int) -> Type:
    word = _text(field, "type", path).upper()
    if word in ("RECORD", "STRUCT"):
        return Record(_columns(field.get("fields"), path, depth + 1))
    if "fields" in field:
        raise _invalid(path, f"a {_shown(word)} has no fields of its own")
    if word in _PARAMETRIC:
        return _parametric(word, field, path)
    if word not in _TYPES:
        known = ", ".join(sorted({*_TYPES, *_PARAMETRIC, "RECORD"}))
        raise _invalid(path, f"{_shown(word)} is not a BigQuery type", hint=f"one of {known}")
    return _TYPES[word]


def _parametric(word: str, field: Mapping[str, Any], path: str) -> Type:
    match word:
        case "STRING":
            return String(_number(field, "maxLength", path, None))
        case "BYTES":
            return Bytes(_number(field, "maxLength", path, None))
        case "TIMESTAMP":
            digits = _number(field, "timestampPrecision", path, 6)
            if digits not in (6, 12):
                raise _invalid(path, "timestampPrecision must be 6 or 12")
            return Timestamp(6 if digits == 6 else 9)  # noqa: PLR2004
        case "RANGE":
            return _range(field, path)
        case _:
            return _number_type(word, field, path)


def _range(field: Mapping[str, Any], path: str) -> Range:
    element = field.get("rangeElementType")
    word = _text(element, "type", path) if isinstance(element, Mapping) else element
    type_ = {"TIMESTAMP": Timestamp()}.get(str(word).upper(), _TYPES.get(str(word).upper()))
    if not isinstance(type_, Date | DateTime | Timestamp):
        raise _invalid(path, "rangeElementType must be DATE, DATETIME or TIMESTAMP")
    return Range(type_)


def _number_type(word: str, field: Mapping[str, Any], path: str) -> Decimal:
    big = word == "BIGNUMERIC"
    precision = _number(field, "precision", path, None)
    scale = _number(field, "scale", path, 0) or 0
    if precision is None:
        if scale:
            raise _invalid(path, "scale without precision")
        return Decimal(76, 38) if big else Decimal(38, 9)
    most_scale, most_whole = (_BIG_SCALE, _BIG_WHOLE) if big else (9, 29)
    if scale > most_scale or precision - scale > most_whole or precision < max(scale, 1):
        raise _invalid(
            path,
            f"{word}({precision}, {scale}) is out of range",
            hint=f"at most {most_whole} digits before and {most_scale} after the point",
        )
    return Decimal(precision, scale)


def _number(field: Mapping[str, Any], key: str, path: str, default: int | None) -> int | None:
    value = field.get(key)
    if value is None:
        return default
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_NUMBER:
        return value
    raise _invalid(path, f"{key} must be a whole number, not {_shown(value)}")


def _tags(tags: Any, path: str) -> tuple[str, ...]:
    names = tags.get("names", []) if isinstance(tags, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _invalid(path, 'policyTags must be {"names": [text, …]}')
    return tuple(_checked(name, "policyTags", path) for name in names)


def _attributes(field: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for key in sorted(_ATTRIBUTES & set(field)):
        try:
            text = json.dumps(field[key], sort_keys=True, allow_nan=False, ensure_ascii=False)
            text.encode()
        except (TypeError, ValueError, RecursionError):  # among them NaN and lone surrogates
            raise _invalid(path, f"{key} is not a JSON value") from None
        yield key, text


def _text(field: Mapping[str, Any], key: str, path: str, default: str | None = None) -> str:
    value = field.get(key, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise _invalid(path, f"{key} must be a text, not {_shown(value)}")
    return value if key == "name" else _checked(value, key, path)


def _checked(text: str, key: str, path: str) -> str:
    try:
        return check_text(text, key)
    except MalformedError as error:
        raise _invalid(path, error.message, hint=error.hint) from None


def _join(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    too_long = isinstance(value, int) and abs(value) >= _MAX_NUMBER
    return "a number that long" if too_long else reprlib.repr(value)


def _invalid(path: str, text: str, *, hint: str | None = None) -> SchemaValidationError:
    return SchemaValidationError(
        "this is not a BigQuery JSON schema",
        details=[Detail(text, field_path=path or None)],
        hint=hint or "a list of fields, each with name and type, and perhaps a mode",
    )
