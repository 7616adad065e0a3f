"""One index per version: facts by full name, each file read when it is first asked for."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from protolith.compatibility.facts import (
    EnumFacts,
    Extension,
    FieldFacts,
    FileFacts,
    MessageFacts,
    Methods,
    Types,
    read_extensions,
    read_file,
    read_types,
    types_used,
)
from protolith.descriptors import DescriptorSet, find_file

T = TypeVar("T")

_KEPT = 1024
_INDEXES: OrderedDict[tuple[str, tuple[str, ...]], "Index"] = OrderedDict()
_LOCK = Lock()


class Names(Generic[T]):
    """Facts by full name; a name is looked for in the file that declares it."""

    __slots__ = ("_find", "_known", "_read")

    def __init__(self, find: Callable[[str], Any], read: Callable[[str], Mapping[str, T]]) -> None:
        self._find, self._read = find, read
        self._known: dict[str, T | None] = {}

    def home(self, name: str) -> str | None:
        """The file that declares the name, if one does."""
        try:
            return str(self._find(name).file.name)
        except KeyError:
            return None

    def get(self, name: str) -> T | None:
        """The facts, if the version has the name."""
        known = self._known
        if name not in known:
            file = self.home(name)
            known.update({name: None} if file is None else self._read(file))
        return known[name]

    def __getitem__(self, name: str) -> T:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None


class Index:
    """Everything in a version by its full name; `roots` are the submitted files."""

    def __init__(self, schema: DescriptorSet) -> None:
        self.roots = schema.roots
        self.names = tuple(dict.fromkeys(file.name for file in schema.bare))
        self._bare = {file.name: file for file in schema.bare}
        self._pool = pool = schema.pool
        self._facts: dict[tuple[str, str], Any] = {}
        self.messages: Names[MessageFacts] = Names(
            pool.FindMessageTypeByName, lambda file: self.types(file).messages
        )
        self.enums: Names[EnumFacts] = Names(
            pool.FindEnumTypeByName, lambda file: self.types(file).enums
        )
        self.extensions: Names[Extension] = Names(pool.FindExtensionByName, self.extensions_in)
        self.services: Names[Methods] = Names(
            pool.FindServiceByName, lambda file: self.file(file).methods
        )

    def __contains__(self, file: str) -> bool:
        return file in self._bare

    def extension(self, name: str, extendee: str) -> FieldFacts | None:
        """The extension of that name, if it is one of that message."""
        found = self.extensions.get(name)
        return found.field if found and found.extendee == extendee else None

    def submitted(self, but: frozenset[str] = frozenset()) -> list[str]:
        """The submitted files, without some, dependencies first."""
        roots = set(self.roots) - but
        return [name for name in self.names if name in roots]

    def messages_in(self, files: Iterable[str]) -> Iterator[MessageFacts]:
        """The messages of some files, those in others and of maps included."""
        for file in files:
            yield from self.types(file).messages.values()

    def enums_in(self, files: Iterable[str]) -> Iterator[EnumFacts]:
        """The enums of some files, those in messages included."""
        for file in files:
            yield from self.types(file).enums.values()

    def types(self, file: str) -> Types:
        """The messages and enums of a file."""
        return self._once("types", file, read_types, self._extensions_of)

    def extensions_in(self, file: str) -> dict[str, Extension]:
        """The extensions that a file declares."""
        return self._once("extensions", file, read_extensions)

    def file(self, file: str) -> FileFacts:
        """A file's own options and services."""
        return self._once("file", file, read_file)

    def _once(self, what: str, file: str, read: Callable[..., T], *more: Any) -> T:
        if (what, file) not in self._facts:
            proto = FileDescriptorProto.FromString(self._bare[file].data)
            self._facts[what, file] = read(find_file(self._pool, file), proto, *more)
        found: T = self._facts[what, file]
        return found

    def _extensions_of(self, message: Descriptor) -> Iterator[FieldFacts]:
        declared: list[Any] = self._pool.FindAllExtensions(message)
        files = {found.file.name for found in declared}
        for file in self.names if files else ():
            if file in files:
                found = self.extensions_in(file).values()
                yield from (one.field for one in found if one.extendee == message.full_name)

    def unchanged(self, other: "Index") -> frozenset[str]:
        """The files that mean the same here and there: equal bytes, and imports that are equal.

        A message there may yet have other extensions than here, and then neither its file nor
        those whose fields lead to it are the same.
        """
        if self is other:
            return frozenset(self._bare)
        same: set[str] = set()
        for name, file in self._bare.items():  # dependencies first
            its = other._bare.get(name)  # noqa: SLF001
            if its is not None and its.data == file.data and same.issuperset(file.imports):
                same.add(name)
        while touched := same & {*self._extended(same), *other._extended(same), *self._using(same)}:  # noqa: SLF001
            same -= touched
        return frozenset(same)

    def _extended(self, same: set[str]) -> Iterator[str]:
        """The files with messages that files which are not the same extend."""
        for file in self.names:
            if file not in same:
                for extension in self.extensions_in(file).values():
                    yield self._pool.FindMessageTypeByName(extension.extendee).file.name

    def _using(self, same: set[str]) -> Iterator[str]:
        """The files with fields of types in files that are not the same."""
        above: set[str] = set()
        for name, file in self._bare.items():
            if name not in same or not above.isdisjoint(file.imports):
                above.add(name)
        for name in above & same:
            if not same.issuperset(types_used(find_file(self._pool, name))):
                yield name


def index(schema: DescriptorSet) -> Index:
    """The index of a version, made once for each fingerprint."""
    key = (schema.fingerprint, schema.roots)
    with _LOCK:
        if key in _INDEXES:
            _INDEXES.move_to_end(key)
            return _INDEXES[key]
    made = Index(schema)
    with _LOCK:
        _INDEXES[key] = made
        while len(_INDEXES) > _KEPT:
            _INDEXES.popitem(last=False)
    return made
