"""What ClickHouse keeps of a table beside its columns: defaults, clauses, a comment.

What should be there is formatted by ClickHouse itself, as what is there was.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from protolith.dialects.clickhouse.alter import WAIT
from protolith.engines.difference import Kind
from protolith.engines.particulars import Particular, commented, defaults
from protolith.tables import Table

if TYPE_CHECKING:
    from protolith.engines.base import Engine

_DEFAULTS = """
SELECT name, default_kind AS kind, default_expression AS value FROM system.columns
WHERE database = {} AND table = {}
"""
_TABLE = """
SELECT engine_full AS clauses, comment FROM system.tables WHERE database = {} AND name = {}
"""
_WORDS: dict[str, Kind] = {
    "PARTITION BY": "partition_by",
    "PRIMARY KEY": "primary_key",
    "ORDER BY": "order_by",
    "TTL": "ttl",
    "SETTINGS": "settings",
}
_TOKEN = re.compile(
    rf"(?P<quoted>'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)|(?P<open>[(\[])|(?P<close>[)\]])"
    rf"|(?P<word>\b(?:{'|'.join(_WORDS)})\b)|(?P<comma>, )|.",
    re.DOTALL,
)
_REPLICA = re.compile(r"\('(?:[^'\\]|\\.)*', '(?:[^'\\]|\\.)*'(?:, )?")
_STAYS: dict[Kind, str] = {
    "engine": "the engine of a table that is there stays",
    "partition_by": "the partitions of a table that is there stay",
    "primary_key": "the primary key of a table that is there stays",
    "order_by": "the sorting key of a table that is there stays",
}
_FIXED = {"index_granularity"}


def particulars(engine: "Engine", table: Table) -> Iterator[Particular]:
    """What is not as it should be; `table` with its cluster."""
    dialect = engine.dialect
    clauses = dialect.clauses(table)
    prefix = f"ALTER TABLE {dialect.qualified(table)}{clauses.cluster} "
    place = dialect.literal(table.database), dialect.literal(table.name)

    def alter(column: str, default: str) -> str:
        kind = kinds[column] or "DEFAULT"
        action = f"DEFAULT {default}" if default else f"REMOVE {kind}"
        return f"{prefix}MODIFY COLUMN {dialect.quote(column)} {action}{WAIT}"

    rows = engine.query(_DEFAULTS.format(*place)).to_pylist()
    kinds = {row["name"]: row["kind"] for row in rows}
    live = {row["name"]: _default(row["kind"], row["value"]) for row in rows}
    yield from defaults(table, _expected_defaults(engine, table), live, alter)
    (found,) = engine.query(_TABLE.format(*place)).to_pylist()
    create = f"CREATE TABLE t (x Int8) {clauses.after}"
    (expected,) = _formatted(engine, [create])
    wanted = _clauses(expected.partition(" ENGINE = ")[2])
    yield from _storage(wanted, _clauses(found["clauses"]), prefix)
    statement = f"{prefix}MODIFY COMMENT {dialect.literal(table.comment)}{WAIT}"
    yield from commented(table.comment, found["comment"], statement)


def _default(kind: str, value: str) -> str:
    """A default; what is computed in another way has the word for it before."""
    return value if kind in {"", "DEFAULT"} else f"{kind} {value}"


def _expected_defaults(engine: "Engine", table: Table) -> dict[str, str]:
    texts = {column.name: engine.dialect.default(column).sql for column in table.columns}
    texts = {name: text for name, text in texts.items() if text}
    found = _formatted(engine, [f"SELECT {text}" for text in texts.values()])
    return dict(zip(texts, (text.removeprefix("SELECT ") for text in found), strict=True))


def _formatted(engine: "Engine", statements: Sequence[str]) -> list[str]:
    if not statements:
        return []
    parts = ", ".join(f"formatQuerySingleLine({engine.dialect.literal(s)})" for s in statements)
    (row,) = engine.query(f"SELECT [{parts}] AS texts").to_pylist()
    return list(row["texts"])


def _storage(wanted: dict[Kind, str], live: dict[Kind, str], prefix: str) -> Iterator[Particular]:
    if _REPLICA.search(wanted["engine"]) is None:  # they come from the server's settings
        live["engine"] = _REPLICA.sub("(", live["engine"]).removesuffix("()")
    for kind, why in _STAYS.items():
        expected, found = wanted.get(kind, ""), live.get(kind, "")
        if expected != found:
            yield Particular(kind, expected, found, why=why)
    ttl = wanted.get("ttl", "")
    if ttl != live.get("ttl", ""):
        action = f"MODIFY TTL {ttl}" if ttl else "REMOVE TTL"
        why = "rows that are older are removed" if ttl else "no row is removed any longer"
        yield Particular("ttl", ttl, live.get("ttl", ""), (f"{prefix}{action}{WAIT}",), why)
    there = _settings(live.get("settings", ""))
    for name, value in _settings(wanted.get("settings", "")).items():
        texts = f"{name} = {value}", f"{name} = {there[name]}" if name in there else ""
        if there.get(name) == value:
            continue
        if name in _FIXED:
            yield Particular("settings", *texts, why="it is fixed when a table is created")
        else:
            change = f"{prefix}MODIFY SETTING {texts[0]}"
            yield Particular("settings", *texts, (change,), "a setting of the table alone")


def _clauses(text: str) -> dict[Kind, str]:
    """The clauses after ENGINE = by their kinds; a primary key that is the sorting key is none."""
    kinds: list[Kind] = ["engine"]
    texts = [""]
    for token, depth in _tokens(text):
        if token.lastgroup == "word" and not depth:
            kinds.append(_WORDS[token[0]])
            texts.append("")
        else:
            texts[-1] += token[0]
    found = dict(zip(kinds, (text.strip().removesuffix("()") for text in texts), strict=True))
    found["order_by"] = _bare(found.get("order_by", ""))
    if "primary_key" in found and _bare(found["primary_key"]) == found["order_by"]:
        del found["primary_key"]
    return found


def _bare(key: str) -> str:
    return "" if key == "tuple" else key


def _settings(text: str) -> dict[str, str]:
    parts = [""]
    for token, depth in _tokens(text):
        if token.lastgroup == "comma" and not depth:
            parts.append("")
        else:
            parts[-1] += token[0]
    pairs = (part.partition(" = ") for part in parts if part)
    return {name.strip(): value for name, _, value in pairs}


def _tokens(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Quoted texts, words, brackets and other characters, each with its depth in brackets."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth -= token.lastgroup == "close"
        yield token, depth
        depth += token.lastgroup == "open"
