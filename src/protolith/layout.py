"""How a message becomes a table."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from protolith.descriptors import DescriptorSet
from protolith.errors import (
    Detail,
    InvalidNameError,
    LayoutError,
    NotFoundError,
    SchemaTooComplexError,
    quoted,
)
from protolith.options import FieldOptions, MessageOptions, field_options, message_options
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
    Map,
    Note,
    Record,
    String,
    Table,
    Time,
    Timestamp,
    Type,
    check_identifier,
)

DEFAULT_DATABASE = "bigquery_lite"

_F = FieldDescriptor
_SCALARS: dict[int, Type] = {
    _F.TYPE_BOOL: Boolean(),
    _F.TYPE_STRING: String(),
    _F.TYPE_BYTES: Bytes(),
    _F.TYPE_ENUM: EnumName(),
    _F.TYPE_FLOAT: Float(),
    _F.TYPE_DOUBLE: Float(),
    _F.TYPE_UINT64: Integer(signed=False),
    _F.TYPE_FIXED64: Integer(signed=False),
}
_KEYS: dict[int, Boolean | Integer | String] = {
    _F.TYPE_BOOL: Boolean(),
    _F.TYPE_STRING: String(),
    _F.TYPE_UINT64: Integer(signed=False),
    _F.TYPE_FIXED64: Integer(signed=False),
}
_WELL_KNOWN: dict[str, Type] = {
    "google.protobuf.Timestamp": Timestamp(),
    "google.protobuf.Duration": Integer(),
    "google.protobuf.Struct": Json(),
    "google.protobuf.Value": Json(),
    "google.protobuf.ListValue": Json(),
    "google.protobuf.BoolValue": Boolean(),
    "google.protobuf.StringValue": String(),
    "google.protobuf.BytesValue": Bytes(),
    "google.protobuf.FloatValue": Float(),
    "google.protobuf.DoubleValue": Float(),
    "google.protobuf.Int32Value": Integer(),
    "google.protobuf.Int64Value": Integer(),
    "google.protobuf.UInt32Value": Integer(),
    "google.protobuf.UInt64Value": Integer(signed=False),
}
_TYPE_WORDS: dict[str, Type] = {
    "STRING": String(),
    "BYTES": Bytes(),
    "INTEGER": Integer(),
    "INT64": Integer(),
    "FLOAT": Float(),
    "FLOAT64": Float(),
    "BOOLEAN": Boolean(),
    "BOOL": Boolean(),
    "NUMERIC": Decimal(),
    "BIGNUMERIC": Decimal(76, 38),
    "TIMESTAMP": Timestamp(),
    "DATE": Date(),
    "TIME": Time(),
    "DATETIME": DateTime(),
    "INTERVAL": Interval(),
    "GEOGRAPHY": Geography(),
    "JSON": Json(),
}
_FROM_TEXT = ("STRING", "JSON", "NUMERIC", "BIGNUMERIC", "GEOGRAPHY", "DATE", "TIME", "DATETIME")
_FROM_WHOLE = ("INTEGER", "INT64", "NUMERIC", "BIGNUMERIC", "TIMESTAMP", "DATE", "STRING")
# Which overrides have one meaning for a field: those of BigQuery's own write interface.
_OVERRIDES: dict[int, tuple[str, ...]] = {
    _F.TYPE_STRING: (*_FROM_TEXT, "TIMESTAMP"),
    _F.TYPE_BYTES: ("BYTES",),
    _F.TYPE_BOOL: ("BOOLEAN", "BOOL"),
    _F.TYPE_FLOAT: ("FLOAT", "FLOAT64"),
    _F.TYPE_DOUBLE: ("FLOAT", "FLOAT64"),
    _F.TYPE_ENUM: ("STRING", "INTEGER", "INT64"),
    _F.TYPE_MESSAGE: ("JSON", "STRING"),
    _F.TYPE_GROUP: ("JSON", "STRING"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The user's choices of how a message becomes a table.

    The native layout: nested messages are records, repeated fields lists, maps maps; integers are
    64 bits wide as in BigQuery, uint64 stays unsigned, enums are their names, timestamps instants
    in microseconds, durations nanoseconds, `Struct`, `Value` and `ListValue` JSON. A message that
    contains itself is cut to JSON where it recurs, and an empty message is a boolean that says
    whether it was there; both are noted in the table.
    """

    max_columns: int = 10_000
    max_depth: int = 62  # Arrow's C interface ends at 64 levels, and a list is a level


def lay_out(
    descriptors: DescriptorSet,
    message: str | None = None,
    *,
    table: str | None = None,
    database: str = DEFAULT_DATABASE,
    layout: Layout | None = None,
) -> Table:
    """Lay a message out as a table.

    The message is found as `DescriptorSet.table_message` describes; the table's name defaults to
    the option `table_name`, else to the message's name in snake case. Raises `LayoutError` with
    the field path where no such table is possible.
    """
    root = descriptors.table_message(message)
    own_name = message_options(root).table_name or _snake(root.name)
    run = _Run(descriptors, layout or Layout())
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
        if len(self.above) >= self.layout.max_depth:
            raise _too_complex(
                prefix[:-1],
                f"nested deeper than {self.layout.max_depth} messages",
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
        if self.visited > self.layout.max_columns:
            raise _too_complex(
                f"{prefix}{part.name}",
                f"more than {self.layout.max_columns:,} columns",
                hint="leave fields out, or override the type of a large message with JSON",
            )
        name = options.name or (_json_name(part) if owner.use_json_names else part.name)
        check_identifier(name, "column", at=f"{prefix}{part.name}")
        path = f"{prefix}{name}"
        type_ = self.type_of(part, options, path)
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

    def type_of(self, part: FieldDescriptor, options: FieldOptions, path: str) -> Type:
        kind = part.message_type
        if kind is not None and kind.GetOptions().map_entry and not options.type_override:
            value = kind.fields_by_name["value"]
            key = _KEYS.get(kind.fields_by_name["key"].type, Integer())
            return Map(key, self.single(value, field_options(value), f"{path}.value"))
        element = self.single(part, options, path)
        return List(element) if part.is_repeated else element

    def single(self, part: FieldDescriptor, options: FieldOptions, path: str) -> Type:
        if options.type_override:
            return _overridden(part, options.type_override, path)
        kind = part.message_type
        if kind is None:
            return _SCALARS.get(part.type, Integer())
        if kind.full_name in _WELL_KNOWN:
            return self.well_known(kind.full_name, path)
        if kind in self.above:
            self.notes.append(Note(path, f"{kind.full_name} contains itself: kept as JSON here"))
            return Json()
        columns = self.columns(kind, f"{path}.")
        if not columns:
            text = f"{kind.full_name} has no fields: kept as a boolean, true where it is set"
            self.notes.append(Note(path, text))
            return Boolean()
        return Record(columns)

    def well_known(self, name: str, path: str) -> Type:
        if name == "google.protobuf.Timestamp":
            self.notes.append(Note(path, "nanoseconds below a microsecond are cut, and counted"))
        elif name == "google.protobuf.Duration":
            self.notes.append(Note(path, "a duration in nanoseconds"))
        return _WELL_KNOWN[name]

    def extra_column(self, text: str, prefix: str) -> Column:
        """A column that no field feeds, from an `extra_fields` option: `name:TYPE[:MODE]`."""
        name, word, *rest = [*text.split(":"), ""]
        path = prefix + check_identifier(name, "column", at=f"{prefix}extra_fields")
        if word.upper() == "RECORD":
            type_: Type = self.extra_record(rest[0] if rest else "", path)
            rest = rest[1:]
        else:
            type_ = _known_word(word, path)
        mode = rest[0].upper() if rest else ""
        if mode == "REPEATED":
            return Column(name=name, type=List(type_), nullable=False)
        return Column(name=name, type=type_, nullable=mode != "REQUIRED")

    def extra_record(self, name: str, path: str) -> Type:
        well_known = _WELL_KNOWN.get(name.removeprefix("."))
        if well_known is not None:
            return well_known
        try:
            kind = self.descriptors.message(name)
        except NotFoundError as error:
            raise _impossible(path, error.message, hint=error.hint) from None
        columns = () if kind in self.above else self.columns(kind, f"{path}.")
        if not columns:
            raise _impossible(path, f"the extra field's record {name} has no columns")
        return Record(columns)


def _impossible(path: str, text: str, *, hint: str | None = None) -> LayoutError:
    details = [Detail(text, field_path=path)]
    return LayoutError("the message cannot be a table", details=details, hint=hint)


def _too_complex(path: str, text: str, *, hint: str) -> SchemaTooComplexError:
    details = [Detail(text, field_path=path or None)]
    return SchemaTooComplexError("the message is too large a table", details=details, hint=hint)


def _json_name(part: FieldDescriptor) -> str:
    try:
        return str(part.json_name)
    except UnicodeDecodeError:  # protoc takes any bytes
        details = [Detail("its json_name is not UTF-8", field_path=part.full_name)]
        hint = "change json_name, or set (gen_bq_schema.bigquery).name"
        raise InvalidNameError("a column's name is not UTF-8", details=details, hint=hint) from None


def _overridden(part: FieldDescriptor, word: str, path: str) -> Type:
    type_ = _known_word(word, path)
    allowed = _OVERRIDES.get(part.type, _FROM_WHOLE)
    kind = part.message_type
    if kind is not None and _WELL_KNOWN.get(kind.full_name) == type_:
        return type_
    if word.upper() not in allowed:
        raise _impossible(
            path,
            f"a field of type {_kind_name(part)} cannot be stored as {word}",
            hint=f"type_override may be one of {', '.join(allowed)} here",
        )
    return EnumName() if part.enum_type is not None and type_ == String() else type_


def _known_word(word: str, path: str) -> Type:
    type_ = _TYPE_WORDS.get(word.upper())
    if type_ is None:
        text = f"{quoted(word)} is not a column type"
        raise _impossible(path, text, hint=f"one of {', '.join(_TYPE_WORDS)}")
    return type_


def _kind_name(part: FieldDescriptor) -> str:
    if part.message_type is not None:
        return str(part.message_type.full_name)
    names = (name for name, value in vars(_F).items() if name.startswith("TYPE_"))
    return next(
        name.removeprefix("TYPE_").lower() for name in names if getattr(_F, name) == part.type
    )


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
