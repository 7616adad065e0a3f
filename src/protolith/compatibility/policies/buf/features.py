"""Features of a file and what is in it, as they are after inheritance."""

from functools import cache
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_S = descriptor_pb2.FeatureSet
_F = descriptor_pb2.FieldDescriptorProto
EDITION_2023 = descriptor_pb2.EDITION_2023
EDITION_2024 = descriptor_pb2.EDITION_2024
_PROTO2 = (_S.EXPLICIT, _S.CLOSED, _S.NONE, _S.LENGTH_PREFIXED, _S.LEGACY_BEST_EFFORT)
_PROTO3 = (_S.IMPLICIT, _S.OPEN, _S.VERIFY, _S.LENGTH_PREFIXED, _S.ALLOW)
_EDITIONS = (_S.EXPLICIT, _S.OPEN, _S.VERIFY, _S.LENGTH_PREFIXED, _S.ALLOW)
CPP_STRING, CPP_CORD, CPP_VIEW = "STRING", "CORD", "VIEW"
_CPP_TYPES = {1: CPP_VIEW, 2: CPP_CORD, 3: CPP_STRING}
_JAVA_VERIFY = 2


class Features(NamedTuple):
    """Resolved features; the numbers are those of `google.protobuf.FeatureSet`."""

    presence: int
    enum_type: int
    utf8: int
    encoding: int
    json_format: int
    cpp_string: str
    java_verifies: bool

    def over(self, message: Any) -> "Features":
        """What holds inside a descriptor with these features around it."""
        options = message.options
        if not message.HasField("options") or not options.HasField("features"):
            return self
        own = options.features
        of_cpp, of_java = _of_languages(own.SerializeToString(deterministic=True))
        return Features(
            own.field_presence or self.presence,
            own.enum_type or self.enum_type,
            own.utf8_validation or self.utf8,
            own.message_encoding or self.encoding,
            own.json_format or self.json_format,
            _CPP_TYPES.get(of_cpp, self.cpp_string),
            of_java == _JAVA_VERIFY if of_java else self.java_verifies,
        )


def file_features(file: descriptor_pb2.FileDescriptorProto) -> Features:
    """The features of a file."""
    if file.syntax == "editions":
        view = file.edition >= EDITION_2024
        base = Features(*_EDITIONS, CPP_VIEW if view else CPP_STRING, java_verifies=False)
    else:
        defaults = _PROTO3 if file.syntax == "proto3" else _PROTO2
        base = Features(*defaults, CPP_STRING, java_verifies=False)
    return base.over(file)


@cache
def _reader() -> Any:
    """A message that reads `(pb.cpp).string_type` and `(pb.java).utf8_validation`.

    The runtime has no class for them, so in its feature sets they are unknown fields.
    """
    file = descriptor_pb2.FileDescriptorProto(name="features", package="features")
    for name, number in (("cpp", 2), ("java", 2)):
        inner = file.message_type.add(name=name)
        inner.field.add(name="value", number=number, type=_F.TYPE_INT32, label=_F.LABEL_OPTIONAL)
    outer = file.message_type.add(name="both")
    for name, number in (("cpp", 1000), ("java", 1001)):
        outer.field.add(
            name=name,
            number=number,
            type=_F.TYPE_MESSAGE,
            type_name=f".features.{name}",
            label=_F.LABEL_OPTIONAL,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("features.both"))


@cache
def _of_languages(data: bytes) -> tuple[int, int]:
    both = _reader().FromString(data)
    return both.cpp.value, both.java.value
