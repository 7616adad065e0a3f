"""Laying a message out: the walk over its fields."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from protolith.descriptors import DescriptorSet
from protolith.errors import LayoutError, NotFoundError
from protolith.layout.choices import AS_NATIVE, Choices
from protolith.layout.columns import NOTHING_CHOSEN, ColumnChoices
from protolith.layout.extras import case_column, check_names, check_used, ingestion_columns
from protolith.layout.faults import impossible, too_complex
from protolith.layout.flat import flattened
from protolith.layout.found import Found
from protolith.layout.layouts import NATIVE, Layout
from protolith.layout.losses import document_losses, override_note
from protolith.layout.names import column_name, number_name, snake
from protolith.layout.overrides import known_word, overridden
from protolith.layout.well_known import (
    enum_number,
    key_type,
    scalar_type,
    value_note,
    value_type,
)
from protolith.limits import DATA
from protolith.options import FieldOptions, MessageOptions, field_options, message_options
from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    EnumName,
    Json,
    List,
    Map,
    Note,
    Record,
    String,
    Table,
    Type,
    check_identifier,
)

DEFAULT_DATABASE = "bigquery_lite"

MAX_COLUMNS = DATA.columns
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
    own_name = message_options(root).table_name or snake(root.name)
    run = _Run(descriptors, layout.resolved(), dict(layout.columns))
    found = run.fields_of(root, "")
    check_used(run.overrides, run.seen)
    if not found:
        raise LayoutError(
            f"{root.full_name} has no columns", hint="a table needs at least one field"
        )
    found += ingestion_columns(run.choices)
    check_names(found)
    return Table(
        database=check_identifier(database, "database"),
        name=check_identifier(own_name, "table", at=root.full_name)
        if table is None
        else check_identifier(table, "table"),
        columns=tuple(part.column for part in found),
        comment=descriptors.comments.get(root.full_name, ""),
        message=root.full_name,
        notes=tuple(run.notes),
        storage=layout.storage,
    )


@dataclass
class _Run:
    descriptors: DescriptorSet
    choices: Choices = AS_NATIVE
    overrides: dict[str, ColumnChoices] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    above: list[Descriptor] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    visited: int = 0

    def columns(self, message: Descriptor, prefix: str) -> tuple[Column, ...]:
        """The columns of a message; `prefix` is its dotted path with a dot, or empty."""
        return tuple(part.column for part in self.fields_of(message, prefix))

    def fields_of(self, message: Descriptor, prefix: str) -> list[Found]:
        """The columns of a message, each with what it was made from."""
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
        found: list[Found] = []
        oneofs: set[str] = set()
        for part in fields:
            found += case_column(part, self.choices, oneofs, prefix)
            with self.at(part.name) as given:
                found += self.field(part, options, given, prefix)
        found += [Found(self.extra_column(text, prefix), prefix) for text in options.extra_fields]
        self.above.pop()
        check_names(found)
        return found

    @contextmanager
    def at(self, *names: str) -> Iterator[ColumnChoices]:
        """Go to a field, with what a mapping file says of it and of all within it."""
        self.trail += names
        path, before = ".".join(self.trail), self.choices
        self.seen.add(path)
        given = self.overrides.get(path, NOTHING_CHOSEN)
        if given.options.explicit:
            self.choices = replace(before, **given.options.explicit)
        yield given
        self.choices = before
        del self.trail[-len(names) :]

    def field(
        self, part: FieldDescriptor, owner: MessageOptions, given: ColumnChoices, prefix: str
    ) -> list[Found]:
        options = given.over(field_options(part))
        if options.ignore:
            self.note(f"{prefix}{part.name}", ("left out by the option ignore", True))
            return []
        self.visited += 1
        if self.visited > MAX_COLUMNS:
            raise too_complex(
                f"{prefix}{part.name}",
                f"more than {MAX_COLUMNS:,} columns",
                hint="leave fields out, or override the type of a large message with JSON",
            )
        name = options.name or column_name(part, owner, self.choices)
        check_identifier(name, "column", at=f"{prefix}{part.name}")
        path = f"{prefix}{name}"
        if (kind := self.flat_kind(part, options)) is not None:
            inner = self.fields_of(kind, f"{path}.")
            if inner:
                made, note = flattened(part, name, inner, required=options.require)
                self.note(path, note)
                return made
        type_ = self.type_of(part, options, path)
        if type_ is None:
            return []
        tags = given.policy_tags or ((options.policy_tags,) if options.policy_tags else ())
        column = Column(
            name=name,
            type=type_,
            nullable=not (part.is_repeated or options.require or part.is_required),
            path=(part.number,),
            comment=options.description or self.descriptors.comments.get(part.full_name, ""),
            default=options.default_value_expression or None,
            policy_tags=tags,
        )
        always = not (part.is_repeated or (column.nullable and part.has_presence))
        found = Found(column, path, repeated=part.is_repeated, always=always)
        return [found, *self.number(part, column, path)]

    def number(self, part: FieldDescriptor, column: Column, path: str) -> list[Found]:
        """The column of an enum's number beside that of its name."""
        name = column.type.element if isinstance(column.type, List) else column.type
        if self.choices.enums != "both" or part.enum_type is None or type(name) is not EnumName:
            return []
        number = enum_number(self.choices)
        twin = replace(
            column,
            name=number_name(column.name, self.choices),
            type=List(number) if part.is_repeated else number,
            default=None,
            role="number",
        )
        return [Found(twin, path, repeated=part.is_repeated)]

    def flat_kind(self, part: FieldDescriptor, options: FieldOptions) -> Descriptor | None:
        """The message whose columns stand beside those of the message around it."""
        kind = part.message_type
        if self.choices.messages != "flat" or kind is None or part.is_repeated:
            return None
        whole = options.type_override or value_type(kind.full_name, self.choices) is not None
        return None if whole or self.recurs(kind) else kind

    def recurs(self, kind: Descriptor) -> bool:
        return self.above.count(kind) > (self.choices.recursion_depth or 0)

    def type_of(self, part: FieldDescriptor, options: FieldOptions, path: str) -> Type | None:
        """The type of a field's column; None if it has none."""
        kind = part.message_type
        if kind is not None and kind.GetOptions().map_entry and not options.type_override:
            if self.choices.maps == "json":
                return self.document(kind, path)
            return self.map_of(kind, path)
        if part.is_repeated and self.choices.lists == "json":
            if options.type_override:
                overridden(part, options.type_override, path)  # it is refused all the same
            return Json() if kind is None else self.document(kind, path)
        element = self.single(part, options, path)
        return List(element) if element is not None and part.is_repeated else element

    def map_of(self, entry: Descriptor, path: str) -> Type:
        value = entry.fields_by_name["value"]
        key = key_type(entry.fields_by_name["key"], self.choices)
        with self.at("value") as given:
            options = given.over(field_options(value))
            # A value that is left out would make the key a set: it stays as a boolean.
            type_ = self.single(value, options, f"{path}.value") or Boolean()
        if self.choices.maps == "map":
            return Map(key, type_)
        nullable = not isinstance(type_, List | Map)
        columns = (
            Column("key", key, nullable=False, path=(1,)),
            Column("value", type_, nullable=nullable, path=(2,)),
        )
        return List(Record(columns))

    def single(self, part: FieldDescriptor, options: FieldOptions, path: str) -> Type | None:
        kind = part.message_type
        if options.type_override:
            type_ = overridden(part, options.type_override, path, self.choices)
            if kind is not None and type_ in (Json(), String()):
                self.document(kind, path)
            self.note(path, override_note(part, type_))
            return type_
        return scalar_type(part, self.choices) if kind is None else self.message(kind, path)

    def message(self, kind: Descriptor, path: str) -> Type | None:
        value = value_type(kind.full_name, self.choices)
        if value is not None:
            self.note(path, value_note(kind.full_name, value))
            return value
        if self.choices.messages == "json":
            return self.document(kind, path)
        if self.recurs(kind):
            return self.recurring(kind, path)
        columns = self.columns(kind, f"{path}.")
        if columns:
            return Record(columns)
        if self.choices.empty_messages == "drop":
            self.note(path, (f"{kind.full_name} has no fields: left out", True))
            return None
        text = f"{kind.full_name} has no fields: kept as a boolean, true where it is set"
        self.note(path, (text, False))
        return Boolean()

    def recurring(self, kind: Descriptor, path: str) -> Type:
        if self.choices.recursion == "refuse":
            raise impossible(
                path,
                f"{kind.full_name} contains itself",
                hint="the layout option recursion=json or recursion=bytes cuts it here",
            )
        form = "JSON" if self.choices.recursion == "json" else "serialized bytes"
        self.note(path, (f"{kind.full_name} contains itself: kept as {form} here", False))
        return self.document(kind, path) if self.choices.recursion == "json" else Bytes()

    def document(self, kind: Descriptor, path: str) -> Type:
        """JSON, with what it loses of a message."""
        for text in document_losses(kind):
            self.note(path, (text, True))
        return Json()

    def note(self, path: str, note: tuple[str, bool] | None) -> None:
        if note is not None:
            text, loses = note
            self.notes.append(Note(path, text, loses=loses))

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
        well_known = value_type(name.removeprefix("."), self.choices)
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
