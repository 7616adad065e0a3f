"""A layout: options, what is said of single columns, and how engines keep the rows."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from protolith.errors import MalformedError, NotFoundError, quoted
from protolith.layout.choices import OPTIONS, STYLES, Choices, chosen
from protolith.layout.columns import (
    ColumnChoices,
    read_columns,
    read_storage,
    storage_values,
)
from protolith.tables import Storage

_PARTS = ("columns", "storage")
_OPTION_NAMES = {part.name for part in OPTIONS}


@dataclass(frozen=True, slots=True)
class Layout(Choices):
    """How a message becomes a table; without a choice it is the native layout.

    A table that was created with a layout keeps it. An option that is None is as the style says.
    `columns` holds what is said of single fields by their path, `storage` how engines keep rows
    by the engine's name; `of` and `from_file` read both from plain values.
    """

    columns: tuple[tuple[str, ColumnChoices], ...] = ()
    storage: tuple[tuple[str, Storage], ...] = ()

    @classmethod
    def of(cls, choices: Mapping[str, Any]) -> Self:
        """A layout from choices by name, or `MalformedError`."""
        known = [*(part.name for part in OPTIONS), *_PARTS]
        unknown = sorted(str(name) for name in set(choices) - set(known))
        if unknown:
            raise MalformedError(
                f"no layout option {quoted(unknown[0])}", hint=f"one of {', '.join(known)}"
            )
        values = dict(choices)
        if "columns" in values:
            values["columns"] = read_columns(values["columns"])
        if "storage" in values:
            values["storage"] = read_storage(values["storage"])
        return cls(**values)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A layout from a JSON object, or from a style and pairs between commas.

        Such as `flat`, `enums=number,maps=entries`, or `json,lists=list`.
        """
        if text.lstrip().startswith("{"):
            return cls.of(_read_json(text))
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        choices: dict[str, Any] = {}
        for word, equals, value in pairs:
            name = word.strip()
            bare = not equals and name not in _OPTION_NAMES
            if bare and name not in STYLES:
                raise MalformedError(
                    f"no layout style {quoted(name)}",
                    hint=f"{' or '.join(STYLES)}, or pairs such as enums=number",
                )
            choices["style" if bare else name] = name if bare else value.strip()
        depth = choices.get("recursion_depth", "")
        if depth.isascii() and depth.isdigit():
            choices["recursion_depth"] = int(depth)
        for name in _PARTS:
            if name in choices:
                raise MalformedError(f"{name} cannot be said in pairs", hint="use a mapping file")
        return cls.of(choices)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """A layout from a mapping file in TOML, with the keys of `of`."""
        shown = quoted(str(path))
        try:
            given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            if isinstance(error, OSError):
                raise NotFoundError(f"{shown} cannot be read: {error.strerror}") from None
            raise MalformedError(f"{shown} is not TOML: {error}") from None
        return cls.of(given)

    @property
    def choices(self) -> dict[str, Any]:
        """What differs from the native layout, by name: the style, and what differs from it."""
        found = chosen(self)
        if self.columns:
            found["columns"] = {path: choices.values for path, choices in self.columns}
        if self.storage:
            found["storage"] = {name: storage_values(storage) for name, storage in self.storage}
        return found

    def to_json(self) -> str:
        """The choices as a JSON object; `Layout.of` reads it back."""
        return json.dumps(self.choices, sort_keys=True)

    def with_options(self, options: Choices) -> Self:
        """The layout with other options where they are chosen."""
        style = {} if options.style == "native" else {"style": options.style}
        given = {part.name: getattr(self, part.name) for part in OPTIONS}
        given |= style | options.explicit
        return type(self)(**given, columns=self.columns, storage=self.storage)


def _read_json(text: str) -> Mapping[str, Any]:
    try:
        given: Mapping[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedError("the layout is not JSON") from None
    return given


NATIVE = Layout()
