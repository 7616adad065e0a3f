"""What a mapping file says of one field, and of how engines keep the rows."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

from protolith.errors import MalformedError, quoted
from protolith.layout.choices import OPTIONS, Choices
from protolith.options import FieldOptions
from protolith.tables import Storage

ENGINES = ("bigquery", "clickhouse", "duckdb")
"""Whose storage clauses a layout may hold."""

_OF_THE_TABLE = ("style", "ingestion")


@dataclass(frozen=True, slots=True)
class ColumnChoices:
    """What a mapping file says of a field; it goes before the options of the schema.

    Parameters
    ----------
    name: str
        The column's name.
    type: str
        A BigQuery type name, as in the option `type_override`.
    ignore: bool
        Leave the field out, or keep one that the schema leaves out.
    require: bool
        Refuse records in which the field is not set.
    description: str
        The column's comment.
    default: str
        The column's default value, in the engine's own SQL.
    policy_tags: list
        BigQuery's policy tags.
    options: Choices
        Layout options for the field and all within it.
    """

    name: str = ""
    type: str = ""
    ignore: bool | None = None
    require: bool | None = None
    description: str = ""
    default: str = ""
    policy_tags: tuple[str, ...] = ()
    options: Choices = field(default_factory=Choices)

    @classmethod
    def of(cls, path: str, given: Any) -> "ColumnChoices":
        """The choices for a field from values by key, or `MalformedError`."""
        where = f"columns.{path}"
        own = [part.name for part in fields(cls) if part.name != "options"]
        options = [part.name for part in OPTIONS if part.name not in _OF_THE_TABLE]
        _check_keys(where, given, [*own, *options])
        values = {key: value for key, value in given.items() if key in own}
        for key, value in values.items():
            kind = "list" if key == "policy_tags" else "flag" if key in _FLAGS else "text"
            values[key] = _checked(f"{where}.{key}", value, kind)
        return cls(**values, options=Choices(**{k: given[k] for k in given if k not in own}))

    @property
    def values(self) -> dict[str, Any]:
        """What was chosen, by key; `of` reads it back."""
        own = {p.name: getattr(self, p.name) for p in fields(self) if p.name != "options"}
        kept = {key: value for key, value in own.items() if value not in ("", None, ())}
        kept |= {"policy_tags": list(self.policy_tags)} if self.policy_tags else {}
        return kept | self.options.explicit

    def over(self, options: FieldOptions) -> FieldOptions:
        """The options of a field with what was chosen in their place."""
        given: dict[str, Any] = {
            "name": self.name or options.name,
            "type_override": self.type or options.type_override,
            "description": self.description or options.description,
            "default_value_expression": self.default or options.default_value_expression,
            "ignore": options.ignore if self.ignore is None else self.ignore,
            "require": options.require if self.require is None else self.require,
        }
        return replace(options, **given)


_FLAGS = ("ignore", "require")
NOTHING_CHOSEN = ColumnChoices()


def read_columns(given: Any) -> tuple[tuple[str, ColumnChoices], ...]:
    """The choices by field path, from values by field path."""
    _check_table("columns", given)
    return tuple(sorted((path, ColumnChoices.of(path, given[path])) for path in given))


def read_storage(given: Any) -> tuple[tuple[str, Storage], ...]:
    """How engines keep the rows, from values by the engine's name; clauses are not checked."""
    _check_keys("storage", given, ENGINES)
    return tuple(sorted((name, _storage(f"storage.{name}", given[name])) for name in given))


def storage_values(storage: Storage) -> dict[str, Any]:
    """What a storage says, by key; `read_storage` reads it back."""
    found = {part.name: getattr(storage, part.name) for part in fields(storage)}
    found["settings"] = {key: json.loads(text) for key, text in storage.settings}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items() if v}


def _storage(where: str, given: Any) -> Storage:
    _check_keys(where, given, [part.name for part in fields(Storage)])
    values = dict(given)
    for part in fields(Storage):
        if part.name == "settings" or part.name not in values:
            continue
        kind = "list" if part.default == () and part.default is not MISSING else "text"
        values[part.name] = _checked(f"{where}.{part.name}", values[part.name], kind)
    settings = values.get("settings", {})
    _check_table(f"{where}.settings", settings)
    texts = ((str(key), _as_json(f"{where}.settings.{key}", settings[key])) for key in settings)
    return Storage(**(values | {"settings": tuple(sorted(texts))}))


def _as_json(where: str, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):  # a date of TOML
        raise MalformedError(f"{where} must be text, a number, a flag, or lists of them") from None


def _checked(where: str, value: Any, kind: str) -> Any:
    if kind == "flag" and isinstance(value, bool):
        return value
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "list" and isinstance(value, str):
        return (value,)
    if kind == "list" and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return tuple(value)
    forms = {"flag": "true or false", "text": "text", "list": "a list of texts"}
    raise MalformedError(f"{where} must be {forms[kind]}")


def _check_table(where: str, given: Any) -> None:
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise MalformedError(f"{where} must be an object of values by name")


def _check_keys(where: str, given: Any, known: "list[str] | tuple[str, ...]") -> None:
    _check_table(where, given)
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise MalformedError(
            f"{where} has no key {quoted(unknown[0])}", hint=f"one of {', '.join(known)}"
        )
