"""Schemas built as descriptors, without text, and what can be changed in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FeatureSet, FieldDescriptorProto

from protolith import DescriptorSet

NUMBERS = (
    "double",
    "float",
    "int32",
    "int64",
    "uint32",
    "uint64",
    "sint32",
    "sint64",
    "fixed32",
    "fixed64",
    "sfixed32",
    "sfixed64",
    "bool",
)
KINDS = [*NUMBERS, "string", "bytes", "enum", "message"]
KEYS = [kind for kind in [*NUMBERS, "string"] if kind not in ("double", "float")]
PACKABLE = {*NUMBERS, "enum"}
_TYPES = {"enum": ".t.E", "message": ".t.Sub", "group": ".t.Sub"}
_PRESENCE = {
    "explicit": FeatureSet.EXPLICIT,
    "implicit": FeatureSet.IMPLICIT,
    "required": FeatureSet.LEGACY_REQUIRED,
}


@dataclass(frozen=True)
class Field:
    name: str
    number: int
    kind: str = "int32"
    shape: str = "singular"
    presence: str = "explicit"
    packed: bool = True
    oneof: str = ""
    key: str = "string"
    type_name: str = ""
    json_name: str = ""
    verified: bool = True


@dataclass(frozen=True)
class Schema:
    """The message t.M with its fields, and the types that they use, in an edition or a syntax."""

    fields: tuple[Field, ...]
    values: tuple[tuple[str, int], ...] = (("ZERO", 0), ("ONE", 1), ("MINUS", -5))
    closed: bool = False
    sub: tuple[Field, ...] = (Field("a", 1), Field("b", 2, "string"))
    syntax: str = "editions"

    def compiled(self) -> DescriptorSet:
        file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax=self.syntax)
        if self.syntax == "editions":
            file.edition = descriptor_pb2.EDITION_2023
        enum = file.enum_type.add(name="E")
        if self.closed and self.syntax == "editions":
            enum.options.features.enum_type = FeatureSet.CLOSED
        for name, number in self.values:
            enum.value.add(name=name, number=number)
        if len({number for _, number in self.values}) < len(self.values):
            enum.options.allow_alias = True
        for name in ("Sub", "Other"):
            self._fill(file.message_type.add(name=name), self.sub)
        self._fill(file.message_type.add(name="M"), self.fields)
        files = descriptor_pb2.FileDescriptorSet(file=[file])
        return DescriptorSet.from_bytes(files.SerializeToString(), ("t.proto",))

    def _fill(self, message: descriptor_pb2.DescriptorProto, fields: tuple[Field, ...]) -> None:
        oneofs = list(dict.fromkeys(field.oneof for field in fields if field.oneof))
        for field in fields:
            given = {"json_name": field.json_name} if field.json_name else {}
            made = message.field.add(name=field.name, number=field.number, **given)
            if field.shape == "map":
                _map(message, made, field)
            else:
                self._type(made, field)
            if field.oneof:
                made.oneof_index = oneofs.index(field.oneof)
        for oneof in oneofs:
            message.oneof_decl.add(name=oneof)
        for made in message.field:
            if made.proto3_optional:
                made.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{made.name}")

    def _type(self, made: FieldDescriptorProto, field: Field) -> None:
        _set_type(made, field)
        made.label = 3 if field.shape == "repeated" else 1
        singular = field.shape == "singular" and not field.oneof
        packable = field.shape == "repeated" and field.kind in PACKABLE
        if self.syntax == "editions":
            _set_features(made, field, singular=singular, packable=packable)
            return
        if packable:
            made.options.packed = field.packed
        if self.syntax == "proto2" and singular and field.presence == "required":
            made.label = 2
        if self.syntax == "proto3" and singular and field.kind != "message":
            made.proto3_optional = field.presence == "explicit"


def _set_features(
    made: FieldDescriptorProto, field: Field, *, singular: bool, packable: bool
) -> None:
    features = FeatureSet()
    if singular and (field.kind not in ("message", "group") or field.presence == "required"):
        features.field_presence = _PRESENCE[field.presence]
    if packable and not field.packed:
        features.repeated_field_encoding = FeatureSet.EXPANDED
    if field.kind == "group":
        made.type = FieldDescriptorProto.TYPE_MESSAGE
        features.message_encoding = FeatureSet.DELIMITED
    if field.kind == "string" and not field.verified:
        features.utf8_validation = FeatureSet.NONE
    if features.ListFields():
        made.options.features.CopyFrom(features)


def _set_type(made: FieldDescriptorProto, field: Field) -> None:
    made.type = FieldDescriptorProto.Type.Value(f"TYPE_{field.kind.upper()}")
    if name := field.type_name or _TYPES.get(field.kind):
        made.type_name = name


def _map(message: descriptor_pb2.DescriptorProto, made: FieldDescriptorProto, field: Field) -> None:
    name = f"{''.join(part.title() for part in field.name.split('_'))}Entry"
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    _set_type(entry.field.add(name="key", number=1, label=1), Field("key", 1, field.key))
    _set_type(entry.field.add(name="value", number=2, label=1), replace(field, shape="singular"))
    made.type, made.type_name, made.label = 11, f".t.M.{name}", 3


Change = Callable[[Schema], Schema]


def base(syntax: str = "editions") -> Schema:
    presence = "implicit" if syntax == "proto3" else "explicit"
    verified = syntax != "proto2"
    closed = syntax == "proto2"
    fields = (
        Field("id", 1, "int64", presence=presence),
        Field("name", 2, "string", presence=presence, verified=verified),
        Field("tags", 3, "string", "repeated", verified=verified),
        Field("counts", 4, "int32", "repeated", packed=syntax != "proto2"),
        Field("color", 5, "enum", presence=presence),
        Field("colors", 6, "enum", "repeated", packed=syntax != "proto2"),
        Field("by_color", 7, "enum", "map", key="int32"),
        Field("item", 8, "message"),
        Field("left", 9, "int32", oneof="choice"),
        Field("right", 10, "string", oneof="choice", verified=verified),
        Field("score", 11, "uint32", presence="explicit"),
        Field("items", 12, "message", "map", key="string"),
        Field("list", 13, "message", "repeated"),
    )
    return Schema(fields, closed=closed, syntax=syntax)


def edit(name: str, /, **more: object) -> Change:
    return lambda schema: replace(
        schema,
        fields=tuple(
            replace(field, **more) if field.name == name else field for field in schema.fields
        ),
    )


def edit_sub(name: str, /, **more: object) -> Change:
    return lambda schema: replace(
        schema, sub=tuple(replace(f, **more) if f.name == name else f for f in schema.sub)
    )


def drop(name: str) -> Change:
    return lambda schema: replace(
        schema, fields=tuple(field for field in schema.fields if field.name != name)
    )


def add(field: Field) -> Change:
    return lambda schema: replace(schema, fields=(*schema.fields, field))


def values(*pairs: tuple[str, int], closed: bool | None = None) -> Change:
    return lambda schema: replace(
        schema, values=pairs, closed=schema.closed if closed is None else closed
    )


_BASE_VALUES = (("ZERO", 0), ("ONE", 1), ("MINUS", -5))

CHANGES: dict[str, Change] = {
    "nothing": lambda schema: schema,
    "remove a field": drop("id"),
    "remove a list": drop("tags"),
    "remove a oneof member": drop("right"),
    "add a field": add(Field("more", 20, "string")),
    "add a oneof member": add(Field("middle", 20, "bool", oneof="choice")),
    "rename a field": edit("name", name="title"),
    "rename a field, json_name kept": edit("name", name="title", json_name="name"),
    "other json_name": edit("name", json_name="label"),
    "renumber a field": edit("name", number=30),
    "swap two names": lambda s: edit("tmp", name="name")(
        edit("name", name="id")(edit("id", name="tmp")(s))
    ),
    "one field into a new oneof": edit("score", oneof="fresh"),
    "two fields into a new oneof": lambda s: edit("score", oneof="fresh")(
        edit("id", oneof="fresh")(s)
    ),
    "a field into an existing oneof": edit("score", oneof="choice"),
    "a member out of its oneof": edit("left", oneof=""),
    "dissolve a oneof": lambda s: edit("left", oneof="")(edit("right", oneof="")(s)),
    "rename a oneof": lambda s: edit("left", oneof="pick")(edit("right", oneof="pick")(s)),
    "implicit and explicit": edit("id", presence="explicit"),
    "implicit": edit("score", presence="implicit"),
    "required": edit("id", presence="required"),
    "add a required field": add(Field("must", 21, "int32", presence="required")),
    "required message": edit("item", presence="required"),
    "required inside": edit_sub("a", presence="required"),
    "add an enum value": values(*_BASE_VALUES, ("TWO", 2)),
    "remove an enum value": values(*_BASE_VALUES[:2]),
    "rename an enum value": values(("ZERO", 0), ("FIRST", 1), ("MINUS", -5)),
    "renumber an enum value": values(("ZERO", 0), ("ONE", 8), ("MINUS", -5)),
    "alias an enum value": values(*_BASE_VALUES, ("UNO", 1)),
    "open and closed": lambda s: replace(s, closed=not s.closed),
    "list to single": edit("counts", shape="singular"),
    "single to list": edit("score", shape="repeated"),
    "texts to text": edit("tags", shape="singular"),
    "text to texts": edit("name", shape="repeated"),
    "messages to message": edit("list", shape="singular"),
    "message to messages": edit("item", shape="repeated"),
    "unpacked and packed": lambda s: edit("counts", packed=not s.fields[3].packed)(s),
    "map to entries": edit("items", shape="repeated", type_name=".t.M.Pair"),
    "message of another name": edit("item", type_name=".t.Other"),
    "map value of another name": edit("items", type_name=".t.Other"),
    "message to group": edit("item", kind="group"),
    "text to bytes": edit("name", kind="bytes"),
    "texts to bytes": edit("tags", kind="bytes"),
    "inside int32 to int64": edit_sub("a", kind="int64"),
    "inside int32 to sint32": edit_sub("a", kind="sint32"),
    "inside removed": lambda s: replace(s, sub=s.sub[1:]),
    "inside renumbered": edit_sub("a", number=5),
    "utf8 not verified": edit("name", verified=False),
    "recursion": add(Field("self", 22, "message", type_name=".t.M")),
    "map of enums to map of numbers": edit("by_color", kind="int32"),
    "map key narrowed": edit("by_color", key="int64"),
    "enum to int32": edit("color", kind="int32"),
    "enums to ints": edit("colors", kind="int32"),
    "reorder": lambda s: replace(s, fields=s.fields[::-1]),
}
del CHANGES["map to entries"]  # its type has to be declared: it is among the shapes below


def allowed(schema: Schema) -> bool:
    """Whether the syntax has what the schema uses."""
    everything = (*schema.fields, *schema.sub)
    if schema.syntax == "editions":
        # a message field has no implicit presence, and the implicit ones have no closed enum
        return not any(
            field.kind == "enum" and field.presence == "implicit" and schema.closed
            and field.shape == "singular" and not field.oneof
            for field in everything
        )  # fmt: skip
    if any(field.kind == "group" for field in everything):
        return False
    if schema.syntax == "proto2":
        return (
            schema.closed
            and all(not field.verified for field in everything if field.kind == "string")
            and not any(
                field.presence == "implicit" and field.shape == "singular" for field in everything
            )
        )
    return not schema.closed and not any(
        field.presence == "required" or not field.verified for field in everything
    )


SHAPES: dict[str, dict[str, object]] = {
    "implicit": {"presence": "implicit"},
    "explicit": {},
    "packed": {"shape": "repeated"},
    "unpacked": {"shape": "repeated", "packed": False},
    "map value": {"shape": "map", "key": "int32"},
    "map key": {"shape": "map"},
    "oneof": {"oneof": "choice"},
}


def of_shape(kind: str, shape: str, *, closed: bool = False) -> Schema | None:
    """A message with one field of this kind in this shape, where there is such a thing."""
    more = dict(SHAPES[shape])
    if shape == "map key":
        if kind not in KEYS:
            return None
        more |= {"key": kind, "kind": "int32"}
    elif shape == "unpacked" and kind not in PACKABLE:
        return None
    schema = Schema((Field("f", 1, **({"kind": kind} | more)),), closed=closed)  # type: ignore[arg-type]
    return schema if allowed(schema) else None


def type_pairs() -> Iterator[tuple[str, Schema, Schema]]:
    """Every two kinds in every two shapes."""
    for (old, new), (was, now) in product(product(KINDS, KINDS), product(SHAPES, SHAPES)):
        pair = of_shape(old, was), of_shape(new, now)
        if pair[0] and pair[1]:
            yield f"{was} → {now}", pair[0], pair[1]
    for kind, shape in product([*NUMBERS, "enum", "string"], SHAPES):
        for first, second in (("enum", kind), (kind, "enum")):
            old, new = of_shape(first, shape, closed=True), of_shape(second, shape, closed=True)
            if old and new:
                yield f"closed enum, {shape}", old, new


def fitting(schema: Schema) -> Schema:
    """The same in the words of its syntax: proto2 verifies no text and knows no implicit field."""
    if schema.syntax != "proto2":
        return schema

    def fit(field: Field) -> Field:
        explicit = "explicit" if field.presence == "implicit" else field.presence
        return replace(field, verified=False, presence=explicit)

    return replace(schema, fields=tuple(map(fit, schema.fields)), sub=tuple(map(fit, schema.sub)))


STARTS = (
    base(),
    replace(base(), closed=True),
    fitting(base("proto2")),
    base("proto3"),
)


def changed_pairs() -> Iterator[tuple[str, Schema, Schema]]:
    """Each change alone, and each two of them, in every syntax that has it; both ways."""
    for start in STARTS:
        for first, second in product(CHANGES, CHANGES):
            name = first if first == second else "two changes"
            if first == second:
                one = fitting(CHANGES[first](start))
            else:
                try:
                    one = fitting(CHANGES[second](CHANGES[first](start)))
                except (ValueError, IndexError):
                    continue
            if _valid(one):
                yield name, start, one
                yield name, one, start


def _valid(schema: Schema) -> bool:
    names = [field.name for field in schema.fields]
    numbers = [field.number for field in schema.fields]
    jsons = [field.json_name or field.name for field in schema.fields]
    unique = all(len(set(part)) == len(part) for part in (names, numbers, jsons))
    lists = any(field.oneof and field.shape != "singular" for field in schema.fields)
    return unique and not lists and allowed(schema)
