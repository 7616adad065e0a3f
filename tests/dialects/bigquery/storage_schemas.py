"""Random message types that do not contain themselves, and random messages of them."""

from random import Random
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor

_F = descriptor_pb2.FieldDescriptorProto
SCALARS = [kind for kind in range(1, 19) if kind not in (_F.TYPE_GROUP, _F.TYPE_MESSAGE)]
KEYS = [_F.TYPE_STRING, _F.TYPE_BOOL, _F.TYPE_INT32, _F.TYPE_UINT64, _F.TYPE_SFIXED64]
SYNTAXES = ["proto2", "proto3", "editions"]
PACKAGES = ["", "p", "p.q"]
# Names that are also names of types, flat ones included.
NAMES = ["a", "b", "M1", "E", "p_M2", "p_q_E_E", "M1_E", "key", "value"]


class Schemas:
    """Files f0, f1, …: each imports those before it, and messages refer only to earlier ones."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.messages: list[str] = []
        self.enums: list[str] = []
        self.files = descriptor_pb2.FileDescriptorSet()
        for number in range(random.randint(1, 3)):
            self.file(number)

    def file(self, number: int) -> None:
        file = self.files.file.add(name=f"f{number}.proto", syntax=self.random.choice(SYNTAXES))
        file.package = self.random.choice(PACKAGES)
        file.dependency.extend(f"f{earlier}.proto" for earlier in range(number))
        if file.syntax == "editions":
            file.edition = descriptor_pb2.EDITION_2023
            if self.random.random() < 0.5:
                file.options.features.field_presence = descriptor_pb2.FeatureSet.IMPLICIT
        prefix = f".{file.package}." if file.package else "."
        self.enum(file.enum_type.add(name=f"E{number}"), f"{prefix}E{number}")
        for count in range(self.random.randint(1, 3)):
            name = f"M{number}{count}"
            self.message(file.message_type.add(name=name), f"{prefix}{name}", file)

    def enum(self, enum: descriptor_pb2.EnumDescriptorProto, full_name: str) -> None:
        value = full_name.removeprefix(".").replace(".", "_")
        for number in range(3):
            enum.value.add(name=f"{value}_V{number}", number=number)
        self.enums.append(full_name)

    def message(
        self,
        message: descriptor_pb2.DescriptorProto,
        full_name: str,
        file: descriptor_pb2.FileDescriptorProto,
    ) -> None:
        if self.random.random() < 0.4:
            nested = message.nested_type.add(name="M1")
            self.message(nested, f"{full_name}.M1", file)
        for number, name in enumerate(self.random.sample(NAMES, self.random.randint(0, 6)), 1):
            self.field(message, message.field.add(name=name, number=number), full_name, file)
        self.oneofs(message, file)
        self.messages.append(full_name)

    def field(
        self,
        message: descriptor_pb2.DescriptorProto,
        field: descriptor_pb2.FieldDescriptorProto,
        full_name: str,
        file: descriptor_pb2.FileDescriptorProto,
    ) -> None:
        field.label = self.random.choice([_F.LABEL_OPTIONAL, _F.LABEL_OPTIONAL, _F.LABEL_REPEATED])
        if file.syntax == "proto2" and self.random.random() < 0.2:
            field.label = _F.LABEL_REQUIRED
        if self.random.random() < 0.2:
            self.map(message, field, full_name, file)
            return
        self.type(field, file)
        packable = field.type not in (9, 10, 11, 12) and field.label == _F.LABEL_REPEATED
        if packable and file.syntax != "editions" and self.random.random() < 0.5:
            field.options.packed = self.random.random() < 0.5

    def type(
        self,
        field: descriptor_pb2.FieldDescriptorProto,
        file: descriptor_pb2.FileDescriptorProto,
    ) -> None:
        if self.messages and self.random.random() < 0.4:
            groups = file.syntax == "proto2" and self.random.random() < 0.3
            field.type = _F.TYPE_GROUP if groups else _F.TYPE_MESSAGE
            field.type_name = self.random.choice(self.messages)
            return
        kind = self.random.choice(SCALARS)
        own = [name for name in self.enums if file.syntax == "proto2" or name == self.enums[-1]]
        field.type = _F.Type.ValueType(kind)
        if kind == _F.TYPE_ENUM:  # proto3 refuses the enums of proto2
            field.type_name = self.random.choice(own)

    def map(
        self,
        message: descriptor_pb2.DescriptorProto,
        field: descriptor_pb2.FieldDescriptorProto,
        full_name: str,
        file: descriptor_pb2.FileDescriptorProto,
    ) -> None:
        entry = message.nested_type.add(name=f"X{field.number}Entry")
        entry.options.map_entry = True
        optional = _F.LABEL_OPTIONAL
        entry.field.add(name="key", number=1, label=optional, type=self.random.choice(KEYS))
        value = entry.field.add(name="value", number=2, label=optional)
        self.type(value, file)
        if value.type == _F.TYPE_GROUP:
            value.type = _F.TYPE_MESSAGE
        field.label, field.type = _F.LABEL_REPEATED, _F.TYPE_MESSAGE
        field.type_name = f"{full_name}.{entry.name}"

    def oneofs(
        self,
        message: descriptor_pb2.DescriptorProto,
        file: descriptor_pb2.FileDescriptorProto,
    ) -> None:
        plain = [field for field in message.field if field.label == _F.LABEL_OPTIONAL]
        together = plain if self.random.random() < 0.3 else []
        if together:
            message.oneof_decl.add(name="choice")
        for field in together:
            field.oneof_index = 0
        for field in [] if together or file.syntax != "proto3" else plain:
            if self.random.random() < 0.4:
                message.oneof_decl.add(name=f"_{field.name}")
                field.oneof_index = len(message.oneof_decl) - 1
                field.proto3_optional = True


def fill(message: Any, random: Random) -> None:
    """Set some fields, and all that are required."""
    for part in message.DESCRIPTOR.fields:
        if not part.is_required and random.random() < 0.3:
            continue
        if part.message_type is not None and part.message_type.GetOptions().map_entry:
            _fill_map(getattr(message, part.name), part.message_type, random)
        elif part.message_type is not None and part.is_repeated:
            for _ in range(random.randint(0, 3)):
                fill(getattr(message, part.name).add(), random)
        elif part.message_type is not None:
            getattr(message, part.name).SetInParent()
            fill(getattr(message, part.name), random)
        elif part.is_repeated:
            getattr(message, part.name).extend(_value(part, random) for _ in range(3))
        else:
            setattr(message, part.name, _value(part, random))


def _fill_map(container: Any, entry: Any, random: Random) -> None:
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for _ in range(random.randint(0, 3)):
        if value.message_type is None:
            container[_value(key, random)] = _value(value, random)
        else:
            fill(container[_value(key, random)], random)


def _value(part: FieldDescriptor, random: Random) -> Any:
    if part.enum_type is not None:
        return random.choice(part.enum_type.values).number
    match part.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            text = random.choice(["", "é", "word"])
            return text.encode() if part.type == FieldDescriptor.TYPE_BYTES else text
        case FieldDescriptor.CPPTYPE_BOOL:
            return random.random() < 0.5
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            return random.choice([0.0, 1.5, -2.0])
        case FieldDescriptor.CPPTYPE_INT32:
            return random.choice([0, 1, -1, 2**31 - 1, -(2**31)])
        case FieldDescriptor.CPPTYPE_INT64:
            return random.choice([0, 1, -1, 2**63 - 1, -(2**63)])
        case FieldDescriptor.CPPTYPE_UINT32:
            return random.choice([0, 1, 2**32 - 1])
        case _:
            return random.choice([0, 1, 2**64 - 1])
