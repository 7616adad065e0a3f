"""From a message to its columns: the plugin's walk, with a budget and shared sub-trees."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from protolith.dialects.bigquery import wire
from protolith.dialects.bigquery.nodes import Budget, Dropped, Node
from protolith.dialects.bigquery.packages import Message, Package
from protolith.errors import Detail, LayoutError, SchemaTooComplexError
from protolith.options import FieldOptions

_MODES = {1: "NULLABLE", 2: "REQUIRED", 3: "REPEATED"}
_INTEGERS = (3, 4, 5, 6, 7, 13, 15, 16, 17, 18)
_ENUM = 14
_TYPES = dict.fromkeys(_INTEGERS, "INTEGER") | {
    1: "FLOAT",
    2: "FLOAT",
    8: "BOOLEAN",
    9: "STRING",
    10: "RECORD",
    11: "RECORD",
    12: "BYTES",
}
_WELL_KNOWN = {
    b".google.protobuf." + name: type_
    for type_, names in {
        "INTEGER": (b"Int32Value", b"Int64Value", b"UInt32Value", b"UInt64Value"),
        "FLOAT": (b"DoubleValue", b"FloatValue"),
        "BOOLEAN": (b"BoolValue",),
        "STRING": (b"StringValue",),
        "BYTES": (b"BytesValue",),
        "INTERVAL": (b"Duration",),
        "TIMESTAMP": (b"Timestamp",),
    }.items()
    for name in names
}
_DESCRIPTION_BYTES = 1024
_KEPT_RESULTS = 32
_FEW_PARTS = "expecting at least 2 parts in extra field definition separated by colon, got 1"
_NO_OPTIONS = FieldOptions()
_WAY_OUT = "cut a field with the option type_override or ignore"


@dataclass(slots=True)  # not frozen: that would double the time to make one
class _Entry:
    """A field as far as it can be told without looking further than its message."""

    node: Node
    type_name: bytes | None = None
    error: str | None = None
    extra: bool = False


@dataclass(frozen=True, slots=True)
class _Result:
    """An expanded message; it is the same under every path that fits both sets of messages.

    `expanded` are the messages that were expanded inside, itself included: none may be on the
    path. `cut` are the messages on the path at which it stopped: all must be there.
    """

    nodes: tuple[Node, ...]
    columns: int
    height: int
    expanded: int
    cut: int


class _Frame:
    """A message while it is expanded; sets of messages are bits of an integer."""

    __slots__ = ("columns", "cut", "entry", "expanded", "height", "message", "nodes", "rest")

    def __init__(self, message: Message, entries: list[_Entry]) -> None:
        self.message = message
        self.rest = iter(entries)
        self.entry = _Entry(Node("", "", ""))
        self.nodes: list[Node] = []
        self.columns = 0
        self.height = 0
        self.expanded = message.bit
        self.cut = 0

    def add(self, node: Node, inside: int = 0) -> int:
        """Add a node that has so many columns inside; says how many it makes in all."""
        self.nodes.append(node)
        added = inside + 1 if node.null or node.dropped is None else 0
        self.columns += added
        return added

    def cut_off(self, message: Message) -> int:
        """Add the record at hand, which leads back to a message on the path."""
        self.cut |= message.bit
        return self.add(_record(self.entry, (), "recursive"))

    def attach(self, result: _Result) -> int:
        """Add the record at hand with an expanded message as its content."""
        self.height = max(self.height, result.height + 1)
        self.expanded |= result.expanded
        self.cut |= result.cut
        reason: Dropped | None = None if result.columns else "empty"
        return self.add(_record(self.entry, result.nodes, reason), result.columns)

    def close(self) -> _Result:
        """What the message has become."""
        cut = self.cut & ~self.message.bit
        return _Result(tuple(self.nodes), self.columns, self.height, self.expanded, cut)


def _record(entry: _Entry, fields: tuple[Node, ...], dropped: Dropped | None) -> Node:
    # A record without columns is dropped, but an extra field is then a null.
    node = entry.node
    return Node(
        node.name,
        node.type,
        node.mode,
        node.description,
        fields,
        node.policy_tags,
        node.default,
        node.field,
        dropped,
        null=entry.extra and dropped is not None,
    )


class Expansion:
    """Expands messages of one request; the budget is for all of them together."""

    def __init__(self, root: Package, budget: Budget, *, enum_as_string: bool = False) -> None:
        self._root = root
        self._package = root
        self._budget = budget
        self._types = _TYPES | {_ENUM: "STRING" if enum_as_string else "INTEGER"}
        self._absolute: dict[bytes, Message | None] = {}
        self._entries: dict[Message, list[_Entry]] = {}
        self._results: dict[Message, list[_Result]] = {}
        self._relative_names = False
        self._stack: list[_Frame] = []
        self._path = 0
        self._columns = 0
        self._visits = 0
        self._bits = 0

    def enter(self, package: Package) -> None:
        """Begin with a file: names without a leading dot are looked up from its package."""
        if self._relative_names and package is not self._package:
            self._results.clear()
        self._package = package

    def forget(self, message: Message) -> None:
        """Take in that a message has other options than before."""
        self._entries.pop(message, None)
        self._results.clear()

    def expand(self, message: Message) -> tuple[Node, ...]:
        """The columns of one message, as if it were a table.

        The path is a list of our own: protobuf sets no limit to a chain of references, and
        Python's stack is not to be the limit either.
        """
        self._stack = [self._frame(message)]
        self._path = message.bit
        while True:
            child = self._advance()
            if child is not None:
                self._stack.append(self._frame(child))
                self._path |= child.bit
                continue
            frame = self._stack.pop()
            result = frame.close()
            self._keep(frame.message, result)
            self._path &= ~frame.message.bit
            if not self._stack:
                return result.nodes
            added = self._stack[-1].attach(result)
            self._count(added - result.columns)  # those were counted one by one

    def _advance(self) -> Message | None:
        """Go on in the innermost message, up to a message that is still to be expanded."""
        frame = self._stack[-1]
        for entry in frame.rest:
            frame.entry = entry
            self._visit(entry)
            if entry.type_name is None:
                self._count(frame.add(entry.node))
                continue
            child = self._find(entry.type_name)
            if child.bit & self._path:
                self._count(frame.cut_off(child))
                continue
            known = self._known(child)
            self._check_depth(known.height if known else 0)
            if known is None:
                return child
            self._count(frame.attach(known))
        return None

    def _frame(self, message: Message) -> _Frame:
        if not message.bit:
            message.bit = 1 << self._bits
            self._bits += 1
        entries = self._entries.get(message)
        if entries is None:
            entries = self._entries[message] = list(self._entries_of(message))
        return _Frame(message, entries)

    def _keep(self, message: Message, result: _Result) -> None:
        results = self._results.setdefault(message, [])
        if len(results) < _KEPT_RESULTS:
            results.append(result)

    def _known(self, message: Message) -> _Result | None:
        path = self._path
        for result in self._results.get(message, ()):
            if not (result.expanded & path or result.cut & ~path):
                return result
        return None

    def _find(self, name: bytes) -> Message:
        if name in self._absolute:
            found = self._absolute[name]
        elif name.startswith(b"."):
            found = self._absolute[name] = self._root.find(name[1:])
        else:
            self._relative_names = True
            found = self._package.find(name)
        if found is None:
            raise self._refused(f"no such message type named {wire.text(name)}")
        return found

    # Budget

    def _visit(self, entry: _Entry) -> None:
        self._visits += 1
        if self._visits > self._budget.visits:
            raise self._too_complex(f"takes more than {self._budget.visits:,} steps to expand")
        if entry.error is not None:
            raise self._refused(entry.error)

    def _count(self, columns: int) -> None:
        self._columns += columns
        if self._columns > self._budget.columns:
            raise self._too_complex(f"has more than {self._budget.columns:,} columns")

    def _check_depth(self, height: int) -> None:
        if len(self._stack) + height > self._budget.depth:
            raise self._too_complex(f"has more than {self._budget.depth} records inside each other")

    def _too_complex(self, what: str) -> SchemaTooComplexError:
        detail = Detail("here it ran over", field_path=self._field_path())
        return SchemaTooComplexError(f"the schema {what}", details=[detail], hint=_WAY_OUT)

    def _refused(self, text: str) -> LayoutError:
        detail = Detail("this field cannot be converted", field_path=self._field_path())
        return LayoutError(text, details=[detail])

    def _field_path(self) -> str:
        return ".".join(frame.entry.node.field for frame in self._stack if frame.entry)

    # One message

    def _entries_of(self, message: Message) -> Iterator[_Entry]:
        path = (*message.path, 2)
        json_names = message.options.use_json_names
        # Comments go by the position after sorting: the plugin's mistake, and its bytes.
        for position, field in enumerate(message.ordered_fields()):
            comment = message.file.comment((*path, position))
            yield self._field(field, message.field_options(field), comment, json_names=json_names)
        for position, text in enumerate(message.options.extra_fields):
            yield _extra_field(text, f"extra_fields[{position}]")

    def _field(
        self, field: Any, options: FieldOptions | None, comment: bytes, *, json_names: bool
    ) -> _Entry:
        label, kind = field.label, field.type
        name = wire.text(field.name)
        column = wire.text(field.json_name) if json_names else ""
        node = Node(
            column or name, self._types.get(kind, ""), _MODES.get(label, ""), comment, field=name
        )
        if not node.mode:
            return _Entry(node, error=f"unrecognized field label: {label}")
        if not node.type:
            return _Entry(node, error=f"unrecognized field type: {kind}")
        return _column(_with_options(node, options), field.type_name)


def _with_options(node: Node, options: FieldOptions | None) -> Node:
    given = options or _NO_OPTIONS
    description = given.description.encode() or node.description
    if len(description) > _DESCRIPTION_BYTES:
        description = description[: _DESCRIPTION_BYTES - 3] + b"..."  # also inside a character
    if options is None:
        return node if description is node.description else replace(node, description=description)
    return Node(
        options.name or node.name,
        options.type_override or node.type,
        "REQUIRED" if options.require else node.mode,
        description,
        policy_tags=(options.policy_tags,) if options.policy_tags else (),
        default=options.default_value_expression,
        field=node.field,
        dropped="ignored" if options.ignore else None,
    )


def _column(node: Node, type_name: bytes, *, extra: bool = False) -> _Entry:
    if node.type != "RECORD" or node.dropped:
        return _Entry(node)
    known = _WELL_KNOWN.get(type_name)
    if known is not None:
        return _Entry(replace(node, type=known))
    return _Entry(node, type_name, extra=extra)


def _extra_field(text: str, field: str) -> _Entry:
    parts = text.split(":")
    if len(parts) == 1:
        return _Entry(Node(text, "", "", field=field), error=_FEW_PARTS)
    name, type_, *rest = parts
    type_name = b""
    if type_ == "RECORD":
        if not rest:
            node = Node(name, type_, "", field=field)
            return _Entry(node, error="extra field RECORD has no type defined")
        type_name = rest.pop(0).encode()
    mode = rest[0] if rest else "NULLABLE"
    return _column(Node(name, type_, mode, field=field), type_name, extra=True)
