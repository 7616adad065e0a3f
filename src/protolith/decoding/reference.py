"""The reference decoder: through protobuf's own runtime, exactly right, and slow."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from protolith.arrow import arrow_schema
from protolith.decoding.documents import RecordError, entry_converter, list_document, messages_in
from protolith.decoding.paths import demanded, fields_along, missing_value, through, which
from protolith.decoding.values import adapted, converter, ranged
from protolith.descriptors import DescriptorSet
from protolith.dialects import Dialect
from protolith.errors import LayoutError
from protolith.tables import Column, List, Map, Record, Table, Type

__all__ = ["RecordError", "ReferenceDecoder", "Row"]

_WIRE_TYPES = ("varint", "64-bit", "length-delimited", "start group", "end group", "32-bit")
_Getter = Callable[[Any, "Row"], Any]


@dataclass
class Row:
    """The values of one record in column order, and what they do not hold.

    `offset` is where the record begins in its source, in bytes, if that is known.
    """

    values: list[Any] = field(default_factory=list)
    offset: int | None = None
    unknown_fields: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)


class ReferenceDecoder:
    """Decodes one message type into the rows of a table; the oracle of the tests.

    `table` is laid out from a message of `descriptors`. The rows are those of the attribute
    `table`: the table as the dialect's engine stores it, if a dialect is given. `schema_version`
    and `ingested_at` are for the columns that say where a row came from, if the table has them.
    """

    def __init__(
        self,
        descriptors: DescriptorSet,
        table: Table,
        dialect: Dialect | None = None,
        *,
        schema_version: int | None = None,
        ingested_at: datetime | None = None,
    ) -> None:
        if table.message is None:
            raise LayoutError(
                f"{table.database}.{table.name} was not made from a message",
                hint="register the .proto file to load protobuf data",
            )
        self.table = table if dialect is None else dialect.stored(table)
        self.schema = arrow_schema(self.table)
        self.logical = table
        self.descriptors = descriptors
        self.years = (1, 9999) if dialect is None else dialect.timestamp_range()
        self._known = {"schema_version": schema_version, "ingested_at": _micros(ingested_at)}
        self.message = root = descriptors.message(table.message)
        self._class = message_factory.GetMessageClass(root)
        self._name = root.full_name
        pairs = zip(table.columns, self.table.columns, strict=True)
        self._getters = [self._getter(root, *pair, pair[0].name) for pair in pairs]

    def decode(self, data: bytes, offset: int | None = None) -> Row:
        """Decode one record that began at an offset, or raise `RecordError` with the reason."""
        cls: Any = self._class
        try:
            # Through the class: a field may be called like a method of the instance.
            message = cls.FromString(data)
        except DecodeError as error:
            raise RecordError(f"not a {self._name}: {error}") from None
        if not cls.IsInitialized(message):
            missing = ", ".join(cls.FindInitializationErrors(message))
            raise RecordError(f"required fields are missing: {missing}")
        row = Row(offset=offset)
        try:
            self._check_unknown(message, row)
            if row.unknown_fields and not cls.ListFields(message):
                raise RecordError(f"no field of {self._name} in it: is it another message?")
            row.values = [get(message, row) for get in self._getters]
        except UnicodeDecodeError:  # proto2 takes any bytes for a string, also as a map's key
            raise RecordError(f"not a {self._name}: a key is not UTF-8") from None
        return row

    def _check_unknown(self, message: Any, row: Row) -> None:
        descriptor = message.DESCRIPTOR
        unknown_fields = UnknownFieldSet(message)
        for index in range(len(unknown_fields)):
            unknown = unknown_fields[index]
            known = descriptor.fields_by_number.get(unknown.field_number)
            if known is None or known.enum_type is not None:
                # A closed enum keeps numbers that it does not know among the unknown fields.
                row.unknown_fields[f"{descriptor.full_name}.{unknown.field_number}"] += 1
                continue
            found = _WIRE_TYPES[unknown.wire_type]
            raise RecordError(f"{known.full_name}: wire type {found} does not fit its type")
        for part, value in type(message).ListFields(message):
            if part.is_extension:
                row.unknown_fields[f"{descriptor.full_name}.{part.number}"] += 1
            for inner in messages_in(part, value):
                self._check_unknown(inner, row)

    def _getter(self, message: Descriptor, column: Column, stored: Column, path: str) -> _Getter:
        role, _, oneof = column.role.partition(":")
        if role == "case":
            return through(message, column.path, which(oneof), None)
        if not column.path:
            return self._told(column)
        outer = column.path[:-1]
        parts = fields_along(message, column.path)
        get = self._field_getter(parts[-1], column, stored, path)
        if not outer:
            return get
        missing = missing_value(parts[-1], column)
        found = through(message, outer, get, missing)
        required = not (column.nullable or parts[-1].is_repeated)
        return demanded(found, path) if required else found

    def _told(self, column: Column) -> _Getter:
        """What no field of the message holds."""
        if column.role == "source_offset":
            return lambda _message, row: row.offset
        missing: Any = [] if isinstance(column.type, List | Map) else None
        value = self._known.get(column.role, missing)
        return lambda _message, _row: value

    def _field_getter(
        self, part: FieldDescriptor, column: Column, stored: Column, path: str
    ) -> _Getter:
        name = part.name
        kind = part.message_type
        if part.is_repeated and not isinstance(column.type, List | Map):
            return list_document(part, path, self.descriptors.pool)
        if kind is not None and kind.GetOptions().map_entry:
            return self._map_getter(name, kind, (column.type, stored.type), path)
        if isinstance(column.type, List) and isinstance(stored.type, List):
            convert = self._converter(part, column.type.element, stored.type.element, path)
            return lambda message, row: [convert(v, row) for v in getattr(message, name)]
        convert = self._converter(part, column.type, stored.type, path)
        if not part.has_presence:
            return lambda message, row: convert(getattr(message, name), row)
        return _present(name, convert, path, nullable=column.nullable)

    def _map_getter(
        self, name: str, entry: Descriptor, types: tuple[Type, Type], path: str
    ) -> _Getter:
        keys, values = (entry.fields_by_name[part] for part in ("key", "value"))
        logical, stored = _entry_types(types[0]), _entry_types(types[1])
        if logical is None or stored is None:  # an override: each entry is one document
            whole = entry_converter(entry, path, self.descriptors.pool)
            return lambda message, row: [
                whole(key, value, row) for key, value in getattr(message, name).items()
            ]
        get_key = self._converter(keys, logical[0], stored[0], f"{path}.key")
        get_value = self._converter(values, logical[1], stored[1], f"{path}.value")
        names = None if isinstance(types[1], Map) else ("key", "value")

        def get(message: Any, row: Row) -> list[Any]:
            items = getattr(message, name).items()
            found = [(get_key(key, row), get_value(value, row)) for key, value in items]
            return found if names is None else [_named(names, pair) for pair in found]

        return get

    def _converter(self, part: FieldDescriptor, type_: Type, stored: Type, path: str) -> _Getter:
        kind = part.message_type
        if not (isinstance(type_, Record) and isinstance(stored, Record)) or kind is None:
            convert_value = converter(part, type_, path, self.descriptors.pool)
            return adapted(ranged(convert_value, type_, self.years, path), type_, stored)
        names = [column.name for column in type_.columns]
        pairs = zip(type_.columns, stored.columns, strict=True)
        getters = [self._getter(kind, *pair, f"{path}.{pair[0].name}") for pair in pairs]
        return lambda message, row: _named(names, (get(message, row) for get in getters))


def _micros(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _entry_types(type_: Type) -> tuple[Type, Type] | None:
    """The types of a map's key and value; None where an entry is one value."""
    match type_:
        case Map(key, value):
            return key, value
        case List(Record((key_column, value_column))):
            return key_column.type, value_column.type
        case _:
            return None


def _named(names: Sequence[str], values: Iterable[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _present(name: str, convert: _Getter, path: str, *, nullable: bool) -> _Getter:
    def get(message: Any, row: Row) -> Any:
        if type(message).HasField(message, name):
            return convert(getattr(message, name), row)
        if nullable:
            return None
        raise RecordError(f"{path}: a required column has no value")

    return get
