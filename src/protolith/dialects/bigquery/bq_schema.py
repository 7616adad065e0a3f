"""The BigQuery JSON schema of a message, byte for byte as protoc-gen-bq-schema writes it."""

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import driven, parity
from protolith.dialects.bigquery.driven import Converter
from protolith.errors import MalformedError, ProtocExecutionError


def bq_schema(
    descriptors: DescriptorSet,
    message: str | None = None,
    *,
    parameter: str = "",
    converter: Converter = "protolith",
) -> bytes:
    """The schema of the table that `DescriptorSet.table_message` finds, with a last newline.

    `parameter` is the plugin's own: `enum-as-string`, `single-message`,
    `type-override=FIELD.TYPE`, joined by commas. A message needs no option `table_name` here,
    except where the real plugin is driven (`converter="protoc"`), which takes `enum-as-string`
    alone. Raises `ProtocExecutionError` with the plugin's words where it would fail.
    """
    strings = "enum-as-string" in parameter
    if converter == "protoc":
        if parameter not in ("", "enum-as-string"):
            raise MalformedError(
                f"the converter protoc does not take the parameter {parameter!r}",
                hint="enum-as-string is what it takes; or leave the converter out",
            )
        root = descriptors.table_message(message)
        return driven.convert_with_plugin(descriptors, root.full_name, enum_as_string=strings)
    if "single-message" in parameter:
        return _single_message(descriptors, parameter)
    root = descriptors.table_message(message)
    return parity.schema_text(descriptors, root.full_name, enum_as_string=strings)


def _single_message(descriptors: DescriptorSet, parameter: str) -> bytes:
    request = plugin_pb2.CodeGeneratorRequest(
        file_to_generate=descriptors.roots, parameter=parameter
    )
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.data).file
    request.proto_file.extend(files)
    answer = parity.answer_request(request.SerializeToString())
    if answer.error is not None:
        raise ProtocExecutionError(answer.error, hint="see the plugin's own documentation")
    if len(answer.files) != 1:
        names = ", ".join(name for name, _ in answer.files) or "none"
        raise ProtocExecutionError(
            f"single-message gives one table a file, and there are {len(answer.files)}: {names}",
            hint="give one file with a message",
        )
    return answer.files[0][1]
