"""Rules about fields of one number: what they ask of generated code."""

from dataclasses import replace

from google.protobuf.descriptor_pb2 import FeatureSet, FieldDescriptorProto, FieldOptions

from protolith.compatibility.policies.buf.features import CPP_CORD, CPP_STRING, EDITION_2024
from protolith.compatibility.policies.buf.field_types import is_in_entry
from protolith.compatibility.policies.buf.index import FieldPart
from protolith.compatibility.policies.buf.pairs import Breaks, breaks, rule

_F = FieldDescriptorProto
_TEXT = {_F.TYPE_STRING, _F.TYPE_BYTES}
_LONG = {_F.TYPE_INT64, _F.TYPE_UINT64, _F.TYPE_SINT64, _F.TYPE_FIXED64, _F.TYPE_SFIXED64}
_PIECE = "STRING_PIECE"
_CTYPES = {
    FieldOptions.STRING: CPP_STRING,
    FieldOptions.CORD: CPP_CORD,
    FieldOptions.STRING_PIECE: _PIECE,
}
_JAVA_CHECK_AT = (8, 27)


@rule("FP", "fields")
def field_same_jstype(old: FieldPart, new: FieldPart) -> Breaks:
    """An integer of 64 bits keeps the option jstype."""
    was, now = old.proto.options.jstype, new.proto.options.jstype
    if was != now and {old.proto.type, new.proto.type} <= _LONG:
        values = FieldOptions.JSType.Name(was), FieldOptions.JSType.Name(now)
        why = f"the option jstype changed from {values[0]} to {values[1]}"
        yield breaks(old, new, values, why, (8, 6), ())


@rule("FP", "fields")
def field_same_cpp_string_type(old: FieldPart, new: FieldPart) -> Breaks:
    """A string keeps its type in C++: ctype, or the feature (pb.cpp).string_type."""
    if not {old.proto.type, new.proto.type} <= _TEXT or (is_in_entry(old) and is_in_entry(new)):
        return
    was, now = _cpp_type(old), _cpp_type(new)
    if was != now and (was, now) != (_PIECE, CPP_STRING):  # that way is no break
        why = f"the type in C++ changed from {was} to {now}"
        yield breaks(old, new, (was, now), why, (8, 1), (8, 21, 1000, 2), ())


@rule("FP", "fields")
def field_same_utf8_validation(old: FieldPart, new: FieldPart) -> Breaks:
    """A string stays checked for UTF-8, or stays unchecked."""
    was, now = old.features.utf8, new.features.utf8
    if was != now and old.proto.type == new.proto.type == _F.TYPE_STRING:
        values = _validation(was), _validation(now)
        why = f"the check for UTF-8 changed from {values[0]} to {values[1]}"
        yield breaks(old, new, values, why, (8, 21, 4), ())


@rule("FP", "fields")
def field_same_java_utf8_validation(old: FieldPart, new: FieldPart) -> Breaks:
    """A string stays checked for UTF-8 in Java, or stays unchecked."""
    if not old.proto.type == new.proto.type == _F.TYPE_STRING:
        return
    was, now = _java_validation(old), _java_validation(new)
    if was != now:
        values = _validation(was), _validation(now)
        why = f"the check for UTF-8 in Java changed from {values[0]} to {values[1]}"
        found = breaks(old, new, values, why, (8, 21, 1001, 2), ())
        # The file's option is looked for before the field's feature.
        paths, old_paths = ((_JAVA_CHECK_AT, *some) for some in (found.paths, found.old_paths))
        yield replace(found, paths=paths, old_paths=old_paths)


def _cpp_type(one: FieldPart) -> str:
    options, file = one.proto.options, one.file.proto
    if options.HasField("ctype") and file.edition < EDITION_2024:
        return _CTYPES[options.ctype]
    return one.features.cpp_string


def _java_validation(one: FieldPart) -> int:
    options = one.file.proto.options
    if one.file.proto.syntax != "editions" or options.HasField("java_string_check_utf8"):
        verifies = options.java_string_check_utf8
    else:
        verifies = one.features.java_verifies
    return FeatureSet.VERIFY if verifies else one.features.utf8


def _validation(value: int) -> str:
    return "VERIFY" if value == FeatureSet.VERIFY else "NONE"
