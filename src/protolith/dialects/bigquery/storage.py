"""A message as BigQuery's Storage Write API wants it: one descriptor that needs no other.

The service decodes rows with the `DescriptorProto` of `ProtoSchema` alone, by the rules of proto2,
and takes each field for the column of its name. The shape is that of Google's own normalizers for
Java and Go, and what Google's tests write with it to the live service: types lie flat in the
message, `a.b.C` as `a_b_C`, and refer to each other by these names.
"""

import itertools
import re
from dataclasses import dataclass

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from protolith.descriptors import DescriptorSet
from protolith.errors import Detail, LayoutError, SchemaTooComplexError, quoted
from protolith.options import MessageOptions, field_options, message_options
from protolith.tables import Note

_F = FieldDescriptor
_Type = descriptor_pb2.FieldDescriptorProto.Type
_DEPTH = 64
_WAY_OUT = (
    "leave the field out with (gen_bq_schema.bigquery).ignore,"
    " or write rows that have a string of JSON in its place"
)
_ZEROS = {_F.TYPE_BOOL: "false", _F.TYPE_STRING: "", _F.TYPE_BYTES: ""}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The tag of field 454943157 of a field's options: (google.cloud.bigquery.storage.v1.column_name).
_COLUMN_NAME = b"\xaa\x9b\xbc\xc7\x0d"

_WELL_KNOWN = "google.protobuf."
_WHOLE = frozenset({"int32", "int64", "uint32"})
_DIGITS = _WHOLE | {"uint64", "float", "double", "string", "bytes", f"{_WELL_KNOWN}BytesValue"}
# https://cloud.google.com/bigquery/docs/supported-data-types, for protocol buffers. Google's tests
# also write sint, fixed32 and sfixed to INTEGER columns, but that page does not promise it.
_LISTED: dict[str, frozenset[str]] = {
    "BOOL": _WHOLE | {"bool", "uint64", f"{_WELL_KNOWN}BoolValue"},
    "BYTES": frozenset({"bytes", "string", f"{_WELL_KNOWN}BytesValue"}),
    "DATE": frozenset({"int32", "int64", "string"}),
    "DATETIME": frozenset({"string", "int64"}),
    "TIME": frozenset({"string", "int64"}),
    "FLOAT": frozenset(
        {"double", "float", f"{_WELL_KNOWN}DoubleValue", f"{_WELL_KNOWN}FloatValue"}
    ),
    "GEOGRAPHY": frozenset({"string"}),
    "INTEGER": _WHOLE
    | {"enum", *(f"{_WELL_KNOWN}{kind}Value" for kind in ("Int32", "Int64", "UInt32"))},
    "JSON": frozenset({"string"}),
    "NUMERIC": _DIGITS,
    "BIGNUMERIC": _DIGITS,
    "STRING": frozenset({"string", "enum", f"{_WELL_KNOWN}StringValue"}),
    "TIMESTAMP": _WHOLE | {f"{_WELL_KNOWN}Timestamp"},
    "INTERVAL": frozenset({"string", f"{_WELL_KNOWN}Duration"}),
    "RECORD": frozenset({"message"}),
}
_ALIASES = {
    "BOOLEAN": "BOOL",
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "STRUCT": "RECORD",
}
# What the plugin makes of a field; of what is not here, INTEGER.
_COLUMNS = {
    "bool": "BOOL",
    "bytes": "BYTES",
    "double": "FLOAT",
    "float": "FLOAT",
    "group": "RECORD",
    "message": "RECORD",
    "string": "STRING",
    f"{_WELL_KNOWN}BoolValue": "BOOL",
    f"{_WELL_KNOWN}BytesValue": "BYTES",
    f"{_WELL_KNOWN}DoubleValue": "FLOAT",
    f"{_WELL_KNOWN}Duration": "INTERVAL",
    f"{_WELL_KNOWN}FloatValue": "FLOAT",
    f"{_WELL_KNOWN}StringValue": "STRING",
    f"{_WELL_KNOWN}Timestamp": "TIMESTAMP",
}
_SCALAR_MESSAGES = frozenset().union(*_LISTED.values()) | {f"{_WELL_KNOWN}UInt64Value"}


@dataclass(frozen=True, slots=True)
class StorageSchema:
    """The descriptor for `ProtoSchema`, and what people should know before they append rows."""

    descriptor: descriptor_pb2.DescriptorProto
    notes: tuple[Note, ...]


def storage_descriptor(
    descriptors: DescriptorSet, message: str | None = None
) -> descriptor_pb2.DescriptorProto:
    """The descriptor alone; `storage_schema` says the rest."""
    return storage_schema(descriptors, message).descriptor


def storage_schema(descriptors: DescriptorSet, message: str | None = None) -> StorageSchema:
    """Make one descriptor of a message and all it uses; its rows are the message's own bytes.

    Fields are called like their columns, and those without a column (ignored ones, messages
    without fields) are left out. Oneofs become plain fields, maps repeated messages with `key` and
    `value`. A field without presence has its zero as default: without that, the service stores
    NULL for each zero. Defaults of other fields are left out, so that what is not set is NULL.
    Enums are closed, as in proto2: a number that has no name is lost.

    Raises `LayoutError` with the field path where a message contains itself: the API cannot take
    that.
    """
    root = descriptors.table_message(message)
    run = _Run(root)
    if not run.root.field:
        raise LayoutError(
            f"{root.full_name} has no columns", hint="a table needs at least one field"
        )
    _flatten(run.root)
    return StorageSchema(run.root, tuple(run.notes))


class _Run:
    """One message on its way; types have their full names until all of them are known."""

    def __init__(self, root: Descriptor) -> None:
        self.root = descriptor_pb2.DescriptorProto(name=root.full_name)
        self.notes: list[Note] = []
        self._types: dict[str, bool] = {}
        self._above: list[Descriptor] = []
        self._fill(self.root, root, "")

    def _fill(self, made: descriptor_pb2.DescriptorProto, kind: Descriptor, prefix: str) -> None:
        if len(self._above) >= _DEPTH:
            raise SchemaTooComplexError(
                f"{prefix[:-1]}: nested deeper than {_DEPTH} messages", hint=_WAY_OUT
            )
        self._above.append(kind)
        options = message_options(kind)
        found = [part for part in kind.fields if self._add(made, part, f"{prefix}{part.name}")]
        self._above.pop()
        _name_columns(made, found, options, prefix)

    def _add(self, made: descriptor_pb2.DescriptorProto, part: FieldDescriptor, path: str) -> bool:
        """Add a field, unless it has no column."""
        if field_options(part).ignore:
            self._note(path, "left out as its option says; best leave it out of the rows as well")
            return False
        field = descriptor_pb2.FieldDescriptorProto(
            name=part.name, number=part.number, type=_Type.ValueType(part.type), label=_label(part)
        )
        if part.message_type is not None:
            if not self._has_columns(part.message_type, path):
                text = f"left out: {part.message_type.full_name} has no fields, so it is no column"
                self._note(path, text)
                return False
            field.type_name = part.message_type.full_name
        elif part.enum_type is not None:
            field.type_name = self._enum(part.enum_type)
        if part.is_packed:
            field.options.packed = True
        self._set_default(field, part, path)
        self._check_listed(part, path)
        made.field.append(field)
        return True

    def _has_columns(self, kind: Descriptor, path: str) -> bool:
        """Copy a message in, the first time; whether anything of it is left."""
        if kind.full_name not in self._types:
            if kind in self._above:
                raise LayoutError(
                    f"{path}: {kind.full_name} contains itself, which the Storage Write API"
                    " cannot take",
                    details=[Detail("it begins again here", field_path=path)],
                    hint=_WAY_OUT,
                )
            made = descriptor_pb2.DescriptorProto(name=kind.full_name)
            self._fill(made, kind, f"{path}.")
            self._types[kind.full_name] = bool(made.field)
            if made.field:
                self.root.nested_type.append(made)
        return self._types[kind.full_name]

    def _enum(self, kind: EnumDescriptor) -> str:
        """Copy an enum in, within a message of its own: its values' names lie beside it."""
        if kind.full_name not in self._types:
            self._types[kind.full_name] = True
            made = self.root.nested_type.add(name=kind.full_name).enum_type.add(name=kind.name)
            for value in kind.values:
                made.value.add(name=value.name, number=value.number)
            if kind.GetOptions().allow_alias:
                made.options.allow_alias = True
        return str(kind.full_name)

    def _set_default(
        self, field: descriptor_pb2.FieldDescriptorProto, part: FieldDescriptor, path: str
    ) -> None:
        if part.is_repeated or part.message_type is not None:
            return
        owner = part.containing_type
        # What is missing in an entry of a map is its zero, in proto2 as well.
        if not part.has_presence or (owner is not None and owner.GetOptions().map_entry):
            zero = part.enum_type.values[0].name if part.enum_type is not None else "0"
            field.default_value = _ZEROS.get(part.type, zero)
        elif part.has_default_value:
            self._note(path, "its default is left out: where it is not set, the column is NULL")

    def _check_listed(self, part: FieldDescriptor, path: str) -> None:
        if part.containing_type is not None and _is_scalar(part.containing_type):
            return  # it is not a column: the whole message is
        kind = _kind(part)
        word = field_options(part).type_override.partition("(")[0].strip().upper()
        column = _ALIASES.get(word, word) if word else _COLUMNS.get(kind, "INTEGER")
        if kind not in _LISTED.get(column, {kind}):
            others = [other for other, kinds in _LISTED.items() if kind in kinds]
            text = f"the Storage Write API's documentation does not list {kind} for {column}"
            self._note(path, text + (f", but for {', '.join(others)}" if others else ""))

    def _note(self, path: str, text: str) -> None:
        self.notes.append(Note(path, text))


def _kind(part: FieldDescriptor) -> str:
    """A field's type in the words of that page."""
    if part.message_type is not None and _is_scalar(part.message_type):
        return str(part.message_type.full_name)
    return _Type.Name(_Type.ValueType(part.type)).removeprefix("TYPE_").lower()


def _is_scalar(kind: Descriptor) -> bool:
    return kind.full_name in _SCALAR_MESSAGES


def _label(part: FieldDescriptor) -> descriptor_pb2.FieldDescriptorProto.Label.ValueType:
    if part.is_repeated:
        return descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    if part.is_required:
        return descriptor_pb2.FieldDescriptorProto.LABEL_REQUIRED
    return descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL


def _name_columns(
    made: descriptor_pb2.DescriptorProto,
    parts: list[FieldDescriptor],
    owner: MessageOptions,
    prefix: str,
) -> None:
    """Call each field like its column; one whose name is no identifier carries it as an option."""
    columns: dict[str, FieldDescriptor] = {}
    for field, part in zip(made.field, parts, strict=True):
        column = part.json_name if owner.use_json_names else part.name
        field.name = field_options(part).name or column
        other = columns.setdefault(field.name.lower(), part)
        if other is not part:
            raise LayoutError(
                f"two columns are both called {quoted(field.name)}",
                details=[Detail("", field_path=prefix + one.name) for one in (other, part)],
                hint="give one of them another name with (gen_bq_schema.bigquery).name",
            )
    taken = {field.name for field in made.field}
    for field, part in zip(made.field, parts, strict=True):
        if not _IDENTIFIER.fullmatch(field.name):
            # Length and text, as in any message whose first field is a string.
            text = descriptor_pb2.OneofDescriptorProto(name=field.name).SerializeToString()[1:]
            field.options.MergeFromString(_COLUMN_NAME + text)
            field.name = _unused(part.name, taken)


def _flatten(root: descriptor_pb2.DescriptorProto) -> None:
    """Give all types the flat names by which the fields refer to them."""
    messages = (root, *root.nested_type)
    full_name = root.name
    root.name = full_name.replace(".", "_")
    # A reference is looked up from inside outwards, and a field's name would be found first.
    taken = {root.name, *(field.name for message in messages for field in message.field)}
    references: dict[str, str] = {}
    # Protobuf's own types are known by their names, so they choose first.
    for nested in sorted(root.nested_type, key=lambda kind: not kind.name.startswith(_WELL_KNOWN)):
        enums = [enum.name for enum in nested.enum_type]
        flat = _unused("_".join([*nested.name.split("."), *("E" for _ in enums)]), taken)
        references[nested.name] = ".".join([flat, *enums])
        nested.name = flat
    for field in (field for message in messages for field in message.field if field.type_name):
        field.type_name = references[field.type_name]


def _unused(name: str, taken: set[str]) -> str:
    """A name that is not taken yet, and is from now on."""
    numbers = itertools.count(2)
    found = name
    while found in taken:
        found = f"{name}_{next(numbers)}"
    taken.add(found)
    return found
