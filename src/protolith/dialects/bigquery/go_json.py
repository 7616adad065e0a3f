"""JSON text as Go's `encoding/json` writes it, with an indent of one blank (Go 1.22 to 1.26)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from protolith.dialects.bigquery.nodes import Node
from protolith.errors import Detail, SchemaTooComplexError

_SPECIAL = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\"} | {
    c: f"\\{n}" for c, n in zip("\b\f\n\r\t", "bfnrt", strict=True)
}


def quote(text: str) -> str:
    """One string; each lone surrogate stands for a byte that is not UTF-8."""
    return f'"{_SPECIAL.sub(_escaped, text)}"'


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if "\ud800" <= char <= "\udfff":
        return "\\ufffd"
    return _SHORT.get(char) or f"\\u{ord(char):04x}"


def render(nodes: tuple[Node, ...], *, limit: int) -> bytes:
    """The file that the plugin writes for these columns; more than `limit` bytes are refused."""
    if not any(map(_shown, nodes)):
        return b"null\n"
    text = _Text(limit)
    text.write(nodes)
    return b"".join(text.parts)


def to_json(nodes: tuple[Node, ...]) -> list[dict[str, Any] | None]:
    """The same schema as Python objects; None stands for each null that the plugin writes."""
    found: list[dict[str, Any] | None] | None = json.loads(render(nodes, limit=2**63))
    return found or []


def _shown(node: Node) -> bool:
    return node.null or node.dropped is None


class _Text:
    """The parts of one text, with their total size.

    Sub-trees are shared in memory but not in the text, so the size is checked on the way; the
    nesting is kept in a list because Python's own stack is no limit that a schema should meet.
    """

    def __init__(self, limit: int) -> None:
        self.parts: list[bytes] = [b"["]
        self._size = 4  # both brackets and two newlines
        self._limit = limit
        self._open: list[Node] = []
        self._texts: dict[tuple[int, int], bytes] = {}

    def write(self, nodes: tuple[Node, ...]) -> None:
        arrays = [filter(_shown, nodes)]
        separator = b"\n"
        while True:
            node = next(arrays[-1], None)
            level = 2 * len(self._open) + 1
            if node is not None:
                self._add(separator + self._start(node, level), node)
                separator = b",\n"
                if node.fields and not node.null:
                    self._open.append(node)
                    arrays.append(filter(_shown, node.fields))
                    separator = b"\n"
            elif self._open:
                arrays.pop()
                closed = self._open.pop()
                self._add(_end(closed, " " * (level - 2)).encode(), closed)
                separator = b",\n"
            else:
                self.parts.append(b"\n]\n")
                return

    def _add(self, part: bytes, node: Node) -> None:
        self._size += len(part)
        if self._size > self._limit:
            path = ".".join(part.field for part in (*self._open, node))
            raise SchemaTooComplexError(
                f"the schema has more than {self._limit:,} bytes of text",
                details=[Detail("here it ran over", field_path=path)],
                hint="cut a field with the option type_override or ignore",
            )
        self.parts.append(part)

    def _start(self, node: Node, level: int) -> bytes:
        key = (id(node), level)
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = "".join(_start(node, " " * level)).encode()
        return found


def _start(node: Node, pad: str) -> Iterator[str]:
    if node.null:
        yield f"{pad}null"
        return
    yield f'{pad}{{\n{pad} "name": {quote(node.name)},\n{pad} "type": {quote(node.type)}'
    yield f',\n{pad} "mode": {quote(node.mode)}'
    if node.description:
        description = node.description.decode("utf-8", "surrogateescape")
        yield f',\n{pad} "description": {quote(description)}'
    if node.fields:
        yield f',\n{pad} "fields": ['
    else:
        yield _tail(node, pad)


def _end(node: Node, pad: str) -> str:
    return f"\n{pad} ]{_tail(node, pad)}"


def _tail(node: Node, pad: str) -> str:
    text = ""
    if node.policy_tags:
        names = f",\n{pad}   ".join(map(quote, node.policy_tags))
        text = f',\n{pad} "policyTags": {{\n{pad}  "names": [\n{pad}   {names}\n{pad}  ]\n{pad} }}'
    if node.default:
        text += f',\n{pad} "defaultValueExpression": {quote(node.default)}'
    return f"{text}\n{pad}}}"
