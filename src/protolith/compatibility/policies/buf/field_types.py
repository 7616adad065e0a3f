"""What a field is, and which of its changes the policy lets pass."""

from google.protobuf.descriptor_pb2 import FeatureSet, FieldDescriptorProto

from protolith.compatibility.policies.buf.index import FieldPart

_F = FieldDescriptorProto
NAMED = (_F.TYPE_MESSAGE, _F.TYPE_ENUM, _F.TYPE_GROUP)
"""The types that have a name of their own."""
WIRE_GROUP: dict[int, str] = {
    _F.TYPE_INT32: "varint",
    _F.TYPE_INT64: "varint",
    _F.TYPE_UINT32: "varint",
    _F.TYPE_UINT64: "varint",
    _F.TYPE_BOOL: "varint",
    _F.TYPE_SINT32: "zigzag",
    _F.TYPE_SINT64: "zigzag",
    _F.TYPE_FIXED32: "32 bits",
    _F.TYPE_SFIXED32: "32 bits",
    _F.TYPE_FIXED64: "64 bits",
    _F.TYPE_SFIXED64: "64 bits",
}
"""The groups within which a type may change; a type that is not here is alone."""
JSON_GROUP: dict[int, str] = {
    _F.TYPE_INT32: "int32",
    _F.TYPE_UINT32: "int32",
    _F.TYPE_INT64: "int64",
    _F.TYPE_UINT64: "int64",
    _F.TYPE_FIXED32: "fixed32",
    _F.TYPE_SFIXED32: "fixed32",
    _F.TYPE_FIXED64: "fixed64",
    _F.TYPE_SFIXED64: "fixed64",
}
JSON_CARDINALITY = {"explicit": "singular", "implicit": "singular"}
WIRE_CARDINALITY = {**JSON_CARDINALITY, "map": "repeated"}
_PRESENCE: dict[int, str] = {
    FeatureSet.IMPLICIT: "implicit",
    FeatureSet.LEGACY_REQUIRED: "required",
}


def kind(one: FieldPart) -> int:
    """The field's type; a message with delimited encoding is a group."""
    found = one.proto.type
    delimited = one.features.encoding == FeatureSet.DELIMITED
    if found == _F.TYPE_MESSAGE and delimited and not one.is_map and not is_in_entry(one):
        return _F.TYPE_GROUP
    return found


def is_in_entry(one: FieldPart) -> bool:
    """Whether it is the key or the value of a map."""
    return one.message is not None and one.message.proto.options.map_entry


def cardinality(one: FieldPart) -> str:
    """Explicit, implicit, required, repeated or map."""
    proto = one.proto
    if proto.label == _F.LABEL_REPEATED:
        return "map" if one.is_map else "repeated"
    if proto.label == _F.LABEL_REQUIRED:
        return "required"
    return _presence(one)


def _presence(one: FieldPart) -> str:
    found = _PRESENCE.get(one.features.presence, "explicit")
    if found == "implicit" and _is_explicit_anyway(one):
        return "explicit"
    return found


def _is_explicit_anyway(one: FieldPart) -> bool:
    proto = one.proto
    message = proto.type in (_F.TYPE_MESSAGE, _F.TYPE_GROUP)
    return message or bool(proto.extendee) or proto.HasField("oneof_index")
