"""Byte parity with the Go plugin protoc-gen-bq-schema, in process: bytes in, bytes out.

The plugin is the one of commit 3fd349912e31, built with Go 1.22 to 1.26. What it writes is kept
with its mistakes: nulls, arrays that became scalars, descriptions on the wrong column. So this
works from descriptors and shares nothing with the layout, whose tables cannot hold such things.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import wire
from protolith.dialects.bigquery.expansion import Expansion
from protolith.dialects.bigquery.go_json import render, to_json
from protolith.dialects.bigquery.nodes import Budget, Dropped, Node, walk
from protolith.dialects.bigquery.packages import File, Package
from protolith.errors import LayoutError, MalformedError, NotFoundError, SchemaValidationError

__all__ = [
    "Answer",
    "Budget",
    "Dropped",
    "Node",
    "answer_request",
    "convert_request",
    "message_columns",
    "output_fault",
    "schema_text",
    "single_message",
    "to_json",
    "walk",
]

_DEFAULT = Budget()
_FEATURES = 3  # proto3 optional, editions
_EDITIONS = (998, 2**31 - 1)  # proto2 to the last that can be
_OVERRIDE = b"type-override="
_OVERRIDE_PARTS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to protoc: an error, and the files of the targets before it.

    Names are as the plugin makes them: whoever writes files has to check them. `understood` is
    False if the request could not be read at all.
    """

    error: str | None = None
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    understood: bool = True

    def to_bytes(self) -> bytes:
        """The serialized `CodeGeneratorResponse`, field by field as the plugin fills it."""
        # By hand: protobuf's runtime refuses names that are not UTF-8.
        parts = [_delimited(1, _raw(self.error))] if self.error is not None else []
        if self.understood:
            numbers = (_FEATURES, *_EDITIONS)
            parts += [bytes([n << 3]) + _varint(value) for n, value in enumerate(numbers, 2)]
        for name, content in self.files:
            parts.append(_delimited(15, _delimited(1, _raw(name)) + _delimited(15, content)))
        return b"".join(parts)


def convert_request(request: bytes, *, budget: Budget = _DEFAULT) -> bytes:
    """A serialized `CodeGeneratorRequest` to its `CodeGeneratorResponse`; errors are inside."""
    return answer_request(request, budget=budget).to_bytes()


def answer_request(request: bytes, *, budget: Budget = _DEFAULT) -> Answer:
    """The same before it is serialized; a budget that ran over is an error like any other."""
    try:
        parsed = wire.read_request(request)
    except MalformedError as error:
        return Answer(f"Failed to read input: {error.message}", understood=False)
    conversion = _Conversion([File(proto) for proto in parsed.proto_file], parsed.parameter, budget)
    targets = set(parsed.file_to_generate)
    done: list[tuple[str, bytes]] = []
    for file in conversion.files:
        if file.name in targets and file.messages:
            try:
                done += list(conversion.tables(file))
            except SchemaValidationError as error:
                text = _one_line(error)
                return Answer(f"Failed to convert {wire.text(file.name)}: {text}", tuple(done))
    return Answer(None, tuple(done))


def message_columns(
    descriptors: DescriptorSet,
    message: str,
    *,
    enum_as_string: bool = False,
    budget: Budget = _DEFAULT,
) -> tuple[Node, ...]:
    """What the plugin makes of one message, as if it had a table name and its file a package."""
    full_name = descriptors.message(message).full_name
    root = Package.of([File(proto) for proto in wire.read_files(descriptors.data)])
    found = root.find(full_name.encode())
    if found is None:
        raise NotFoundError(f"no message {full_name!r}")
    expansion = Expansion(root, budget, enum_as_string=enum_as_string)
    expansion.enter(root.subpackage(found.file.package) or root)
    return expansion.expand(found)


def schema_text(
    descriptors: DescriptorSet,
    message: str,
    *,
    enum_as_string: bool = False,
    budget: Budget = _DEFAULT,
) -> bytes:
    """The file that the plugin writes for such a message, with its newline at the end."""
    columns = message_columns(descriptors, message, enum_as_string=enum_as_string, budget=budget)
    return render(columns, limit=budget.text)


def single_message(file: File, parameter: bytes) -> tuple[str, dict[bytes, str]] | None:
    """All that `single-message` leaves a file's first message: a table name, types by field."""
    if b"single-message" not in parameter:
        return None
    return _table_name(file), dict(_overrides(parameter))


def output_fault(name: str) -> str | None:
    """Why an output file of this name must not be written; names hold `table_name` as it is."""
    if ".." in name.split("/"):
        return "leads out of the output folder"
    if name.startswith("/"):
        return "has an absolute path"
    if "\0" in name or "\\" in name:
        return "has a NUL or a backslash in its name"
    return None


class _Conversion:
    """One request on its way: parameters, files and what is left of the budget."""

    def __init__(self, files: list[File], parameter: bytes, budget: Budget) -> None:
        self.files = files
        self._parameter = parameter
        self._root = Package.of(files)
        enums = b"enum-as-string" in parameter
        self._expansion = Expansion(self._root, budget, enum_as_string=enums)
        self._text_left = budget.text

    def tables(self, file: File) -> Iterator[tuple[str, bytes]]:
        """The files that a target gives, each with its name."""
        single = single_message(file, self._parameter)
        if single is not None:
            file.messages[0].replace_options(*single)
            self._expansion.forget(file.messages[0])
            del file.messages[1:]
        package = self._root.subpackage(file.package)
        if package is None:
            raise LayoutError(f"no such package found: {wire.text(file.package)}")
        self._expansion.enter(package)
        folder = wire.text(file.package).replace(".", "/")
        for message in file.messages:
            if table := message.options.table_name:
                text = render(self._expansion.expand(message), limit=self._text_left)
                self._text_left -= len(text)
                yield f"{folder}/{table}.schema", text


def _overrides(parameter: bytes) -> Iterator[tuple[bytes, str]]:
    for segment in parameter.split(b","):
        if segment.startswith(_OVERRIDE):
            parts = segment.removeprefix(_OVERRIDE).split(b".")
            if len(parts) == _OVERRIDE_PARTS:
                yield parts[0], wire.text(parts[1])


def _table_name(file: File) -> str:
    start = file.name.rfind(b"/") + 1
    end = file.name.rfind(b".")
    if end < start:  # here the plugin panics
        raise LayoutError("single-message names the table after the file: it needs an extension")
    return wire.text(file.name[start:end])


def _one_line(error: SchemaValidationError) -> str:
    # protoc shows one text; where the plugin has words of its own, they stand alone.
    if error.hint is None:
        return error.message
    where = "".join(f" at {detail.field_path}" for detail in error.details)
    return f"{error.message}{where} ({error.hint})"


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _delimited(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    data = bytearray()
    while value >> 7:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
