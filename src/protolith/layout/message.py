"""Laying a message out: the walk over its fields."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from protolith.descriptors import DescriptorSet
from protolith.errors import Detail, InvalidNameError, LayoutError, NotFoundError
from protolith.layout.choices import NATIVE, Layout
from protolith.layout.faults import impossible, too_complex
from protolith.layout.overrides import known_word, overridden
from protolith.layout.well_known import key_type, scalar_type, value_note, value_type
from protolith.options import FieldOptions, MessageOptions, field_options, message_options
from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    Json,
    List,
    Map,
    Note,
    Record,
    Table,
    Type,
    check_identifier,
)

DEFAULT_DATABASE = "bigquery_lite"

MAX_COLUMNS = 10_000
MAX_DEPTH = 62
"""Arrow's C interface ends at 64 levels, and a list is a level too."""


def lay_out(
    descriptors: DescriptorSet,
    message: str | None = None,
    *,
    table: str | None = None,
    database: str = DEFAULT_DATABASE,
    layout: Layout = NATIVE,
) -> Table:
    """Lay a message out as a table.

    The message is found as `DescriptorSet.table_message` describes; the table's name defaults to
    the option `table_name`, else to the message's name in snake case. Raises `LayoutError` with
    the field path where no such table is possible.
    """
    root = descriptors.table_message(message)
    own_name = message_options(root).table_name or _snake(root.name)
    run = _Run(descriptors, layout)
    columns = run.columns(root, "")
    if not columns:
        raise LayoutError(
            f"{root.full_name} has no columns", hint="a table needs at least one field"
        )
    return Table(
        database=check_identifier(database, "database"),
        name=check_identifier(own_name, "table", at=root.full_name)
        if table is None
        else check_identifier(table, "table"),
        columns=columns,
        comment=descriptors.comments.get(root.full_name, ""),
        message=root.full_name,
        notes=tuple(run.notes),
    )


@dataclass
class _Run:
    descriptors: DescriptorSet
    layout: Layout
    notes: list[Note] = field(default_factory=list)
    above: list[Descriptor] = field(default_factory=list)
    visited: int = 0

    def columns(self, message: Descriptor, prefix: str) -> tuple[Column, ...]:
        """The columns of a message; `prefix` is its dotted path with a dot, or empty."""
        if len(self.above) >= MAX_DEPTH:
            raise too_complex(
                prefix[:-1],
                f"nested deeper than {MAX_DEPTH} messages",
                hint="leave the field out, or override its type with JSON",
            )
        self.above.append(message)
        options = message_options(message)
        fields: Iterable[FieldDescriptor] = message.fields
        if options.order_by_number:
            fields = sorted(fields, key=lambda part: part.number)
        found = [column for part in fields if (column := self.column(part, options, prefix))]
        found += [self.extra_column(text, prefix) for text in options.extra_fields]
        self.above.pop()
        _check_names(found, prefix)
        return tuple(found)

    def column(self, part: FieldDescriptor, owner: MessageOptions, prefix: str) -> Column | None:
        options = field_options(part)
        if options.ignore:
            return None
        self.visited += 1
        if self.visited > MAX_COLUMNS:
            raise too_complex(
                f"{prefix}{part.name}",
                f"more than {MAX_COLUMNS:,} columns",
                hint="leave fields out, or override the type of a large message with JSON",
            )
        name = options.name or (_json_name(part) if owner.use_json_names else part.name)
        check_identifier(name, "column", at=f"{prefix}{part.name}")
        path = f"{prefix}{name}"
        type_ = self.type_of(part, options, path)
        if type_ is None:
            return None
        comment = options.description or self.descriptors.comments.get(part.full_name, "")
        return Column(
            name=name,
            type=type_,
            nullable=not (isinstance(type_, List | Map) or options.require or part.is_required),
            path=(part.number,),
            comment=comment,
            default=options.default_value_expression or None,
            policy_tags=(options.policy_tags,) if options.policy_tags else (),
        )

    def type_of(self, part: FieldDescriptor, options: FieldOptions, path: str) -> Type | None:
        """The type of a field's column; None if it has none."""
        kind = part.message_type
        if kind is not None and kind.GetOptions().map_entry and not options.type_override:
            return self.map_of(kind, path)
        element = self.single(part, options, path)
        return List(element) if element is not None and part.is_repeated else element

    def map_of(self, entry: Descriptor, path: str) -> Type:
        value = entry.fields_by_name["value"]
        key = key_type(entry.fields_by_name["key"], self.layout)
        # A value that is left out would make the key a set: it stays as a boolean.
        type_ = self.single(value, field_options(value), f"{path}.value") or Boolean()
        if self.layout.maps == "map":
            return Map(key, type_)
        nullable = not isinstance(type_, List | Map)
        columns = (
            Column("key", key, nullable=False, path=(1,)),
            Column("value", type_, nullable=nullable, path=(2,)),
        )
        return List(Record(columns))

    def single(self, part: FieldDescriptor, options: FieldOptions, path: str) -> Type | None:
        if options.type_override:
            return overridden(part, options.type_override, path)
        kind = part.message_type
        if kind is None:
            return scalar_type(part, self.layout)
        if (type_ := value_type(kind.full_name, self.layout)) is not None:
            self.note(path, value_note(kind.full_name, self.layout))
            return type_
        if self.above.count(kind) > self.layout.recursion_depth:
            return self.recurring(kind, path)
        columns = self.columns(kind, f"{path}.")
        if columns:
            return Record(columns)
        if self.layout.empty_messages == "drop":
            self.note(path, f"{kind.full_name} has no fields: left out")
            return None
        self.note(path, f"{kind.full_name} has no fields: kept as a boolean, true where it is set")
        return Boolean()

    def recurring(self, kind: Descriptor, path: str) -> Type:
        if self.layout.recursion == "refuse":
            raise impossible(
                path,
                f"{kind.full_name} contains itself",
                hint="the layout option recursion=json or recursion=bytes cuts it here",
            )
        form = "JSON" if self.layout.recursion == "json" else "serialized bytes"
        self.note(path, f"{kind.full_name} contains itself: kept as {form} here")
        return Json() if self.layout.recursion == "json" else Bytes()

    def note(self, path: str, text: str | None) -> None:
        if text is not None:
            self.notes.append(Note(path, text))

    def extra_column(self, text: str, prefix: str) -> Column:
        """A column that no field feeds, from an `extra_fields` option: `name:TYPE[:MODE]`."""
        name, word, *rest = [*text.split(":"), ""]
        path = prefix + check_identifier(name, "column", at=f"{prefix}extra_fields")
        if word.upper() == "RECORD":
            type_: Type = self.extra_record(rest[0] if rest else "", path)
            rest = rest[1:]
        else:
            type_ = known_word(word, path)
        mode = rest[0].upper() if rest else ""
        if mode == "REPEATED":
            return Column(name=name, type=List(type_), nullable=False)
        return Column(name=name, type=type_, nullable=mode != "REQUIRED")

    def extra_record(self, name: str, path: str) -> Type:
        well_known = value_type(name.removeprefix("."), self.layout)
        if well_known is not None:
            return well_known
        try:
            kind = self.descriptors.message(name)
        except NotFoundError as error:
            raise impossible(path, error.message, hint=error.hint) from None
        columns = () if kind in self.above else self.columns(kind, f"{path}.")
        if not columns:
            raise impossible(path, f"the extra field's record {name} has no columns")
        return Record(columns)


def _json_name(part: FieldDescriptor) -> str:
    try:
        return str(part.json_name)
    except UnicodeDecodeError:  # protoc takes any bytes
        details = [Detail("its json_name is not UTF-8", field_path=part.full_name)]
        hint = "change json_name, or set (gen_bq_schema.bigquery).name"
        raise InvalidNameError("a column's name is not UTF-8", details=details, hint=hint) from None


def _check_names(columns: list[Column], prefix: str) -> None:
    seen: dict[str, Column] = {}
    for column in columns:
        # DuckDB and BigQuery take names that differ in case alone for the same name.
        other = seen.setdefault(column.name.lower(), column)
        if other is not column:
            raise LayoutError(
                f"two columns are both called {column.name}",
                details=[
                    Detail("the name", field_path=prefix + one.name) for one in (other, column)
                ],
                hint="give one of them another name with (gen_bq_schema.bigquery).name",
            )


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
