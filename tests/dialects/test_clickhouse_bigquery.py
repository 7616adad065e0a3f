"""ClickHouse's own map of BigQuery's types, by its table function, is that of our dialect."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from protolith import SchemaValidationError, Table
from protolith.dialects.bigquery.schema_json import from_json
from protolith.engines import Engine, open_engine

# Each word that a schema may have for a type, alone and with its parameters.
TYPES: list[dict[str, Any]] = [
    {"type": "STRING"},
    {"type": "STRING", "maxLength": "10"},
    {"type": "BYTES"},
    {"type": "BYTES", "maxLength": "10"},
    {"type": "INTEGER"},
    {"type": "INT64"},
    {"type": "FLOAT"},
    {"type": "FLOAT64"},
    {"type": "NUMERIC"},
    {"type": "NUMERIC", "precision": "10", "scale": "2"},
    {"type": "NUMERIC", "precision": "20"},
    {"type": "BIGNUMERIC"},
    {"type": "BIGNUMERIC", "precision": "40", "scale": "20"},
    {"type": "BOOLEAN"},
    {"type": "BOOL"},
    {"type": "TIMESTAMP"},
    {"type": "TIMESTAMP", "timestampPrecision": "12"},
    {"type": "DATE"},
    {"type": "TIME"},
    {"type": "DATETIME"},
    {"type": "INTERVAL"},
    {"type": "GEOGRAPHY"},
    {"type": "JSON"},
    {"type": "RANGE", "rangeElementType": {"type": "DATE"}},
    {"type": "RANGE", "rangeElementType": {"type": "DATETIME"}},
    {"type": "RANGE", "rangeElementType": {"type": "TIMESTAMP"}},
]
MODES: list[dict[str, str]] = [{}, *({"mode": m} for m in ("NULLABLE", "REQUIRED", "REPEATED"))]
DECISIONS = {
    # It drops timestampPrecision, and with it the digits that the field is there for.
    "TIMESTAMP_12": ("DateTime64(6, 'UTC')", "DateTime64(9, 'UTC')"),
    # Geometry takes no collection and no EMPTY, and cannot be told from NULL: text keeps all.
    "GEOGRAPHY": ("Geometry", "String"),
}
"""Where the two differ on purpose: ClickHouse's text, and ours."""


def _kind(type_: dict[str, Any]) -> str:
    words = (value if isinstance(value, str) else value["type"] for value in type_.values())
    return "_".join(words)


def _fields() -> list[dict[str, Any]]:
    """Every type in every mode, alone and within a record of every mode."""
    found: list[dict[str, Any]] = []
    for type_ in TYPES:
        kind = _kind(type_)
        inner = [{"name": f"x{n}", **type_, **mode} for n, mode in enumerate(MODES)]
        for n, mode in enumerate(MODES):
            found.append({"name": f"{kind}__{n}", **type_, **mode})
            record = {"type": "RECORD", "fields": inner}
            found.append({"name": f"RECORD_{kind}__{n}", **record, **mode})
    return found


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """BigQuery's `tables.get` for the one table, at a local address."""
    body = json.dumps({"schema": {"fields": _fields()}, "type": "TABLE"}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    opened = open_engine("clickhouse", Path(tmp_path_factory.mktemp("engine")))
    yield opened
    opened.close()


def _ours(engine: Engine, table: Table) -> dict[str, str]:
    columns = engine.dialect.stored(table).columns
    texts = [engine.dialect.type_text(c.type, nullable=c.nullable) for c in columns]
    names = [column.name for column in columns]
    return dict(zip(names, engine.canonical(texts), strict=True))


def test_our_types_are_those_of_its_own_map(engine: Engine, service: str) -> None:
    wanted = from_json(_fields(), table="things", database="shop")
    answer = engine.query(
        f"DESCRIBE TABLE bigquery('p', 'shop', 'things', 'token', base_url = '{service}')"
        " SETTINGS describe_compact_output = 1, print_pretty_type_names = 0"
    ).to_pylist()
    theirs = {row["name"]: row["type"] for row in answer}
    ours = _ours(engine, wanted)
    assert list(ours) == list(theirs)
    differ = {name for name in ours if ours[name] != theirs[name]}
    kinds = {name: name.removeprefix("RECORD_").partition("__")[0] for name in ours}
    assert differ == {name for name in ours if kinds[name] in DECISIONS}
    for kind, (their_text, our_text) in DECISIONS.items():
        assert theirs[f"{kind}__2"] == their_text
        assert ours[f"{kind}__2"] == our_text


def test_every_word_of_a_schema_is_compared() -> None:
    with pytest.raises(SchemaValidationError) as caught:
        from_json([{"name": "a", "type": "NONE"}], table="t", database="d")
    known = str(caught.value.hint).removeprefix("one of ").split(", ")
    assert {type_["type"] for type_ in TYPES} | {"RECORD"} == set(known)
