"""What the plugin makes of a message: its columns as a tree, with what it left out and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Dropped: TypeAlias = Literal["ignored", "recursive", "empty"]
"""Why a field gives no column: its option says so, it refers back, or it holds nothing."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one request may expand to; BigQuery's own, smaller limits are the lint's.

    `columns` counts nested ones, `depth` is the number of records around a column, `text` is in
    bytes, and `visits` counts fields met on the way, since recursion can cost time without columns.
    """

    columns: int = 100_000
    depth: int = 64
    text: int = 16 * 1024 * 1024
    visits: int = 300_000


@dataclass(frozen=True, slots=True)
class Node:
    """One field as the plugin sees it: a column, or with `dropped` a field that has none.

    Text is what the descriptor holds, with lone surrogates for bytes that are not UTF-8, and
    `description` is bytes because the plugin cuts it inside characters. `field` is this node's
    part of the field path: sub-trees are shared between places, so only `walk` knows a whole one.
    `null` says that the plugin writes a JSON null in the place of this dropped column.
    """

    name: str
    type: str
    mode: str
    description: bytes = b""
    fields: "tuple[Node, ...]" = ()
    policy_tags: tuple[str, ...] = ()
    default: str = ""
    field: str = ""
    dropped: Dropped | None = None
    null: bool = False


def walk(nodes: tuple[Node, ...]) -> Iterator[tuple[str, Node]]:
    """Every node with its dotted field path, outer before inner, dropped ones included."""
    pending = [("", iter(nodes))]
    while pending:
        prefix, rest = pending[-1]
        node = next(rest, None)
        if node is None:
            pending.pop()
            continue
        yield prefix + node.field, node
        pending.append((f"{prefix}{node.field}.", iter(node.fields)))
