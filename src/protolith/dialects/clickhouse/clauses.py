"""What ClickHouse has beside columns: engines, keys, partitions, lifetimes, clusters, settings."""

import re
from dataclasses import dataclass

from sqlglot import exp

from protolith.dialects.base import Dialect
from protolith.dialects.clauses import Names, check_known, settings
from protolith.dialects.clickhouse.clusters import on_cluster
from protolith.dialects.clickhouse.functions import DETERMINISTIC, HINTS, WITHOUT_NULL
from protolith.dialects.expressions import Writer, name_parts, parse, spellings
from protolith.dialects.parts import Clauses
from protolith.errors import ExpressionError, LayoutError, quoted
from protolith.tables import (
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    Json,
    Note,
    Storage,
    Table,
    Timestamp,
)

_ALL = ("partition_by", "order_by", "primary_key", "ttl", "engine", "cluster", "settings")
_FUNCTIONS = spellings(DETERMINISTIC)
_ENGINES = spellings(
    [f"{kind}MergeTree" for kind in ("", "Replacing", "Summing", "Aggregating", "Coalescing")]
)
_REPLICATED = "replicated"
_ESCAPES = frozenset("\\'\"`nrtbf0")
_SETTING = re.compile(r"[a-z][a-z0-9_]*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Key:
    """A key's expressions as SQL, and the columns that they read."""

    texts: tuple[str, ...]
    columns: tuple[Column, ...]
    nullable: bool

    @property
    def sql(self) -> str:
        """The key as a tuple, which also stands for none at all."""
        return f"tuple({', '.join(self.texts)})" if len(self.texts) != 1 else self.texts[0]


def write_clauses(dialect: Dialect, table: Table) -> Clauses:
    """Everything after the columns, in ClickHouse's order: the comment comes after it."""
    storage = check_known(dialect, table, _ALL)
    names = Names(dialect, table)
    order = _key(names, storage.order_by, "order_by")
    primary = _key(names, storage.primary_key, "primary_key")
    partition = _key(names, (storage.partition_by,) if storage.partition_by else (), "partition_by")
    if primary.texts != order.texts[: len(primary.texts)]:
        raise names.refused("primary_key", "it is not how ORDER BY begins")
    _check_partition(names, partition)
    parts = [
        f"ENGINE = {_engine(names, storage.engine or 'MergeTree')}",
        f"PARTITION BY {partition.sql}" if partition.texts else "",
        f"PRIMARY KEY {primary.sql}" if primary.texts else "",
        f"ORDER BY {order.sql}",
        _ttl(names, storage.ttl),
        _settings(names, storage, nullable=order.nullable or partition.nullable),
    ]
    after, notes = "\n".join(filter(None, parts)), tuple(_notes(order, partition))
    return Clauses(after=after, cluster=on_cluster(dialect, table), notes=notes)


def _key(names: Names, texts: tuple[str, ...], clause: str) -> _Key:
    written = [_expression(names, text, clause) for text in texts]
    sql = tuple(text for text, _ in written)
    if len(set(sql)) < len(sql):
        raise names.refused(clause, "an expression stands there twice")
    for _, writer in written:
        if not writer.read:
            raise names.refused(clause, f"{quoted(writer.text)} names no column")
        for column in writer.read:
            if isinstance(column.type, Json):
                hint = "leave it out: it is a document, kept as text"
                raise names.refused(clause, "JSON cannot be in a key", path=column.name, hint=hint)
    columns = tuple(column for _, writer in written for column in writer.read)
    nullable = any(_may_be_null(writer) for _, writer in written)
    return _Key(sql, columns, nullable)


def _expression(names: Names, text: str, clause: str) -> tuple[str, Writer]:
    _check_escapes(names, text, clause)
    try:
        return names.expression(text, clause, _FUNCTIONS)
    except ExpressionError as error:
        called = re.match(r"\s*(\w+)\s*\(", text)
        if error.hint is None and called is not None:
            error.hint = HINTS.get(called[1].lower())
        raise


def _check_escapes(names: Names, text: str, clause: str) -> None:
    # Of others, such as of a byte, sqlglot and ClickHouse make different texts.
    for found in re.finditer(r"\\(.?)", text, re.DOTALL):
        if found[1] not in _ESCAPES:
            why = f"the escape {quoted(found[0])} is not taken"
            raise names.refused(clause, why, hint="write the character itself")


def _may_be_null(writer: Writer) -> bool:
    return any(column.nullable for column in writer.read) and not writer.called & WITHOUT_NULL


def _check_partition(names: Names, partition: _Key) -> None:
    for column in partition.columns:
        if isinstance(column.type, Float):
            raise names.refused(
                "partition_by", "a FLOAT cannot be in it", path=column.name, hint="use an integer"
            )


def _ttl(names: Names, text: str) -> str:
    if not text:
        return ""
    sql, writer = _expression(names, text, "ttl")
    dated = [c for c in writer.read if isinstance(c.type, Date | DateTime | Timestamp)]
    if not dated:
        hint = "for example: created + INTERVAL 30 DAY"
        raise names.refused("ttl", "it names no column of days or instants", hint=hint)
    if _may_be_null(writer):
        raise names.refused(
            "ttl",
            "the column may be NULL, and ClickHouse takes no TTL that is",
            path=next(column.name for column in writer.read if column.nullable),
            hint="a required column, or assumeNotNull(…): NULL is then 1970-01-01",
        )
    return f"TTL {sql}"


def _engine(names: Names, text: str) -> str:
    at = f"storage.{names.dialect.name}.engine"
    _check_escapes(names, text, "engine")
    tree = parse(names.dialect, text, at=at)
    bare = isinstance(tree, exp.Column) and len(tree.parts) == 1
    if not (bare or isinstance(tree, exp.Anonymous)):
        raise names.refused("engine", f"{quoted(text)} is not an engine")
    name = tree.name
    replicated = name.lower().startswith(_REPLICATED)
    family = _ENGINES.get(name.lower().removeprefix(_REPLICATED))
    if family is None:
        raise _no_engine(names, name)
    arguments = list(tree.expressions)
    kept = arguments[:2] if replicated and _are_texts(arguments[:2]) else []
    if replicated and len(kept) == 1:
        raise names.refused("engine", "a replicated engine has a path and a replica, or neither")
    written = [names.dialect.literal(argument.name) for argument in kept]
    written += _arguments(names, family, arguments[len(kept) :], text)
    return f"{'Replicated' if replicated else ''}{family}({', '.join(written)})"


def _no_engine(names: Names, name: str) -> LayoutError:
    if "collapsing" in name.lower():
        text = f"{name} needs a column of Int8, and no protobuf field is one"
        return names.refused("engine", text, hint="use ReplacingMergeTree(version)")
    known = ", ".join(_ENGINES.values())
    hint = f"{known}, each also with Replicated before it"
    return names.refused("engine", f"{quoted(name)} is not one of those that keep rows", hint=hint)


def _are_texts(arguments: list[exp.Expression]) -> bool:
    return all(isinstance(part, exp.Literal) and part.is_string for part in arguments)


def _arguments(names: Names, family: str, arguments: list[exp.Expression], text: str) -> list[str]:
    parts = [inner for part in arguments for inner in _inner(part)]
    found = []
    for part in parts:
        if not isinstance(part, exp.Column):
            raise names.refused("engine", f"{quoted(text)} has something else than columns in it")
        found.append(names.sql(name_parts(part), "engine"))
    columns = [column for _, column in found]
    match family, columns:
        case _, []:
            return []
        case "ReplacingMergeTree", [version]:
            if version.nullable or not isinstance(
                version.type, Integer | Date | DateTime | Timestamp
            ):
                why = "a version is a required integer, day or instant"
                raise names.refused("engine", why, path=version.name)
        case "SummingMergeTree" | "CoalescingMergeTree", _:
            return [f"({', '.join(sql for sql, _ in found)})"]
        case _:
            raise names.refused("engine", f"{family} has no {len(columns)} columns in brackets")
    return [sql for sql, _ in found]


def _inner(tree: exp.Expression) -> list[exp.Expression]:
    match tree:
        case exp.Tuple():
            return list(tree.expressions)
        case exp.Paren():
            return [tree.this]
        case _:
            return [tree]


def _settings(names: Names, storage: Storage, *, nullable: bool) -> str:
    found = settings(storage)
    if nullable:
        found = {"allow_nullable_key": True} | found
    written = []
    for name, value in found.items():
        if not _SETTING.match(name):
            raise names.refused("settings", f"{quoted(name)} is not a name of a setting")
        if isinstance(value, bool | int | float):
            written.append(f"{name} = {str(value).lower()}")
        elif isinstance(value, str):
            written.append(f"{name} = {names.dialect.literal(value)}")
        else:
            raise names.refused("settings", f"{name} is a text, a number, true or false")
    return f"SETTINGS {', '.join(written)}" if written else ""


def _notes(order: _Key, partition: _Key) -> list[Note]:
    notes = []
    for column in {c.name: c for c in (*order.columns, *partition.columns)}.values():
        if column.nullable and (order.nullable or partition.nullable):
            notes.append(
                Note(column.name, "in a ClickHouse key and may be NULL: allow_nullable_key")
            )
        if isinstance(column.type, Float):
            notes.append(
                Note(column.name, "in a ClickHouse key and not exact: rows of NaN are last")
            )
    return notes
