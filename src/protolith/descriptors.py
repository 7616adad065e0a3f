"""A compiled schema: descriptors with their imports and comments, in a pool of their own."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

from protolith.errors import (
    CompileError,
    Detail,
    LayoutError,
    NotFoundError,
    SchemaTooComplexError,
    quoted,
)
from protolith.limits import DATA
from protolith.options import message_options

MAX_BYTES = DATA.descriptor_bytes

if api_implementation.Type() != "upb":  # the pure-Python runtime differs in what it accepts
    raise ImportError(f"protobuf's upb runtime is needed, found {api_implementation.Type()!r}")


class BareFile(NamedTuple):
    """A file without comments and positions, and the names of what it imports."""

    name: str
    data: bytes
    imports: tuple[str, ...]


@dataclass(frozen=True)
class DescriptorSet:
    """Compiled files with everything they import; the one truth about a schema.

    `data` is a serialized `google.protobuf.FileDescriptorSet`, dependencies first, with source
    info where the compiler gave it. `roots` are the names of the files that were submitted; the
    others are their imports. Nothing here touches protobuf's default pool, so two versions of
    one file can be held at once.
    """

    data: bytes = field(repr=False)
    roots: tuple[str, ...]

    @classmethod
    def from_bytes(cls, data: bytes, roots: tuple[str, ...] = ()) -> "DescriptorSet":
        """Read a serialized `FileDescriptorSet`; the roots default to what no file imports."""
        if len(data) > MAX_BYTES:
            raise SchemaTooComplexError(
                f"the descriptor set has {len(data):,} bytes; at most {MAX_BYTES:,} are accepted"
            )
        files = _bare(data)
        imported = {name for file in files for name in file.imports}
        found = roots or tuple(file.name for file in files if file.name not in imported)
        result = cls(data, found)
        result.__dict__["bare"] = files  # they are parsed already
        for root in found:
            result.file(root)  # builds the pool: what cannot be decoded is refused here
        return result

    @classmethod
    def of(cls, *messages: Descriptor) -> "DescriptorSet":
        """The descriptor set of generated messages, such as those of an installed package."""
        files: dict[str, FileDescriptor] = {}

        def add(file: FileDescriptor) -> None:
            for dependency in file.dependencies:
                if dependency.name not in files:
                    add(dependency)
            files[file.name] = file

        for message in messages:
            add(message.file)
        parts = descriptor_pb2.FileDescriptorSet()
        for file in files.values():
            parts.file.append(descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb))
        roots = dict.fromkeys(message.file.name for message in messages)
        return cls.from_bytes(parts.SerializeToString(), tuple(roots))

    @cached_property
    def files(self) -> tuple[descriptor_pb2.FileDescriptorProto, ...]:
        """Every file, dependencies first; read them, never change them."""
        return tuple(parse_files(self.data))

    @cached_property
    def bare(self) -> tuple[BareFile, ...]:
        """Every file as the bytes that its meaning is in, dependencies first."""
        return _bare(self.data)

    @cached_property
    def pool(self) -> descriptor_pool.DescriptorPool:
        """A private pool with exactly these files."""
        pool = descriptor_pool.DescriptorPool()
        for file in self.bare:
            try:
                pool.AddSerializedFile(file.data)
            except TypeError as error:  # how upb reports a file that it cannot build
                reason = str(error).removeprefix("Couldn't build proto file into descriptor pool: ")
                raise CompileError(
                    f"{file.name} cannot be used by the protobuf runtime",
                    details=[Detail(reason, file=file.name)],
                    hint="one message may have at most 4,095 string or 8,190 int64 fields",
                ) from None
        return pool

    def file(self, name: str) -> FileDescriptor:
        """One file by its name."""
        try:
            return find_file(self.pool, name)
        except KeyError:
            raise NotFoundError(f"no file {name!r} in the descriptor set") from None

    def messages(self) -> Iterator[Descriptor]:
        """The top-level messages of the submitted files, in their order."""
        for root in self.roots:
            yield from self.file(root).message_types_by_name.values()

    def message(self, name: str) -> Descriptor:
        """A message by its full name, or by a shorter name that fits one submitted message."""
        try:
            return self.pool.FindMessageTypeByName(name.removeprefix("."))
        except (KeyError, TypeError):  # the latter for text that is not UTF-8
            pass
        names = [message.full_name for message in self.messages()]
        fitting = [full for full in names if full.endswith(f".{name}")]
        if len(fitting) == 1:
            return self.message(fitting[0])
        candidates = fitting or names
        raise NotFoundError(
            f"{'several messages are named' if fitting else 'no message'} {quoted(name)}",
            hint=f"messages here: {', '.join(candidates[:20])}" if candidates else None,
        )

    def has_message(self, full_name: str) -> bool:
        """Whether a message of that full name is in a submitted file or in an import."""
        try:
            self.pool.FindMessageTypeByName(full_name)
        except KeyError:
            return False
        return True

    def table_message(self, name: str | None = None) -> Descriptor:
        """The message that is the table.

        It is the one asked for, else the one that carries the option `table_name`, else the first
        message of the submitted file. Raises `LayoutError` naming the candidates when several
        messages carry the option, or several submitted files have messages.
        """
        if name is not None:
            return self.message(name)
        messages = list(self.messages())
        if not messages:
            raise LayoutError(
                f"{', '.join(self.roots)}: no message, so there is no table",
                hint="a table is made from a top-level message",
            )
        candidates = [message for message in messages if message_options(message).table_name]
        why = "carry the option table_name"
        if not candidates:
            firsts = {message.file.name: message for message in reversed(messages)}
            candidates = [message for message in messages if message in firsts.values()]
            why = "could be the table"
        if len(candidates) == 1:
            return candidates[0]
        names = ", ".join(message.full_name for message in candidates)
        raise LayoutError(
            f"{len(candidates)} messages {why}: {names}",
            hint=f"choose one, for example --message {candidates[0].full_name}",
        )

    @cached_property
    def comments(self) -> dict[str, str]:
        """Comment text by the full name of a message or field; needs source info."""
        found: dict[str, str] = {}
        for file in self.files:
            texts = {
                tuple(location.path): text
                for location in file.source_code_info.location
                if (text := _comment(location))
            }
            if texts:
                prefix = f"{file.package}." if file.package else ""
                for index, message in enumerate(file.message_type):
                    _collect(message, prefix, (4, index), texts, found)
        return found

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex over the descriptors without comments and positions."""
        digest = hashlib.sha256()
        for file in self.bare:
            digest.update(len(file.data).to_bytes(8, "big") + file.data)
        return digest.hexdigest()


def find_file(pool: descriptor_pool.DescriptorPool, name: str) -> FileDescriptor:
    """A file of a pool, or `KeyError`."""
    key = name.encode(errors="surrogatepass")  # upb finds no text outside ASCII, but its bytes
    return pool.FindFileByName(key)  # type: ignore[arg-type]


def parse_files(data: bytes) -> list[descriptor_pb2.FileDescriptorProto]:
    """The files of a serialized `FileDescriptorSet`."""
    try:
        return list(descriptor_pb2.FileDescriptorSet.FromString(data).file)
    except DecodeError as error:
        raise CompileError(
            f"these bytes are not a serialized google.protobuf.FileDescriptorSet: {error}",
            hint="protoc --include_imports --include_source_info --descriptor_set_out=FILE",
        ) from None


def _bare(data: bytes) -> tuple[BareFile, ...]:
    files = parse_files(data)
    for file in files:
        file.ClearField("source_code_info")
    return tuple(
        BareFile(file.name, file.SerializeToString(deterministic=True), tuple(file.dependency))
        for file in files
    )


def _comment(location: descriptor_pb2.SourceCodeInfo.Location) -> str:
    comments = location.leading_comments, location.trailing_comments
    parts = [_text(comment) for comment in comments if comment]
    return "\n\n".join(part for part in parts if part)


def _text(comment: str | bytes) -> str:
    # protoc accepts comments that are not UTF-8; the runtime then gives bytes instead of str.
    return (comment if isinstance(comment, str) else comment.decode(errors="replace")).strip()


def _collect(
    message: descriptor_pb2.DescriptorProto,
    prefix: str,
    path: tuple[int, ...],
    texts: dict[tuple[int, ...], str],
    found: dict[str, str],
) -> None:
    name = prefix + message.name
    if text := texts.get(path):
        found[name] = text
    for index, part in enumerate(message.field):
        if text := texts.get((*path, 2, index)):
            found[f"{name}.{part.name}"] = text
    for index, nested in enumerate(message.nested_type):
        _collect(nested, f"{name}.", (*path, 3, index), texts, found)
