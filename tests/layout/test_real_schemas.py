"""Every message of the real schemas, in every style, is created for real or refused by name."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from dialects.live_postgresql import connected, live_table
from dialects.random_tables import as_read
from googlesql import analyze, parse_alter, refuses_null, shape, shape_of
from layout.real_messages import real_messages, refused_goldens
from protolith import Column, Layout, SchemaRegistry, Table, dialect, lay_out
from protolith.dialects.bigquery.bq_schema import bq_schema
from protolith.engines import EMBEDDED, EngineSettings, open_engine
from protolith.errors import SchemaRegistryError
from protolith.layout.choices import STYLES
from protolith.tables import List, Map, Record, Type, records_in

DEAREST = 200  # the analyzer looks at the inner of each record and list twice

Refusals = dict[str, tuple[str, str]]


def _impossible(words: str) -> tuple[str, str]:
    return "LAYOUT_IMPOSSIBLE", words


def _unfit(column: str, type_: str) -> tuple[str, str]:
    return "EXPRESSION_INVALID", f"{column}: it is not of the column's type {type_}"


NO_COLUMNS = "LAYOUT_IMPOSSIBLE", "has no columns"
NOT_TABLES: Refusals = {
    "comments_crlf: google.protobuf.FeatureSet.VisibilityFeature": NO_COLUMNS,
    "comments_crlf: google.protobuf.FeatureSet.ProtoLimitsFeature": NO_COLUMNS,
    "empty_root: emp.Nothing": NO_COLUMNS,
    "extensions_ignored: ext.OnlyExt": NO_COLUMNS,
    "extra_fields_null_entry: xf3.Empty": NO_COLUMNS,
    "fuzz_100205: p.q.A": NO_COLUMNS,
    "fuzz_100515: p.q.r.A": NO_COLUMNS,
    "groups_proto2: legacy.SearchResponse.Empty": NO_COLUMNS,
    "ignore_variants: ign.Sub": NO_COLUMNS,
    "map_value_dropped: inv3.Empty": NO_COLUMNS,
    "oneof_basic: evt.Event.Nothing": NO_COLUMNS,
    "single_message_empty_first: sm11.M": NO_COLUMNS,
    "wkt_structural: google.protobuf.Empty": NO_COLUMNS,
    "rename_collisions: ren3.M": _impossible("two columns are both called ID"),
    "request_no_json_name: d.M": ("NAME_INVALID", "snake_two: the name ''"),
    "type_override_matrix: ovr.M": _impossible("amount: 'NUMERIC(10, 2)' is not a column type"),
    "type_override_record_on_scalar: ovr3.M": _impossible("x: 'RECORD' is not a column type"),
    "extra_fields_basic: xf.M": _impossible("amount: 'NUMERIC(10,2)' is not a column type"),
    "extra_fields_error_00: xfe.M": _impossible("nocolon: '' is not a column type"),
    "extra_fields_error_02: xfe.M": _impossible("r: no message ''"),
    "extra_fields_error_05: xfe.M": _impossible("r: no message 'Missing'"),
    "extra_fields_error_10: xfe.M": _impossible("r: no message 'xfe.M.E2'"),
    "extra_fields_error_first_wins: xfe2.M": _impossible("bad: '' is not a column type"),
    "extra_fields_error_first_wins: xfe2.N": _impossible("x: 'RECORD' is not a column type"),
    "extra_fields_from_imported_absolute: lib.Thing": _impossible("rel: several messages are"),
    "extra_fields_null_entry: xf3.M": _impossible("e: the extra field's record Empty has no"),
    "extra_fields_null_entry: xf3.Holder": _impossible("record Empty has no columns"),
    "extra_fields_relative_nested: one.two.M": _impossible("d: no message 'N.P'"),
}
"""What is a table in no style: the code, and words of the sentence."""
WITH_NESTED_COLUMNS: Refusals = {
    "extra_fields_from_imported_absolute: app.M": _impossible("thing.rel: several messages are"),
}
"""What a message within a message cannot be, unless it is JSON."""
_DEEP = _impossible("BigQuery takes at most 15 levels of records")
_DEFAULT = "EXPRESSION_INVALID", "x: it is neither a literal nor one of those functions"
_RECORDS = {
    "deep_message_16: deep16.L0": _DEEP,
    "deep_message_16: deep16.L1": _DEEP,
    "default_values: dfl.M.Sub": _DEFAULT,
}


NOT_WRITTEN: dict[tuple[str, str], Refusals] = {
    ("native", "bigquery"): _RECORDS,
    ("exact", "bigquery"): _RECORDS,
    ("json", "bigquery"): {
        "default_values: dfl.M": (
            "EXPRESSION_INVALID",
            "at: it is not of the column's type DATETIME",
        ),
        "default_values: dfl.M.Sub": _DEFAULT,
        "map_options: inv4.M": (
            "EXPRESSION_INVALID",
            "tagged: it is not of the column's type JSON",
        ),
    },
    ("flat", "bigquery"): {
        "default_values: dfl.M": ("EXPRESSION_INVALID", "sub_" + _DEFAULT[1]),
        "default_values: dfl.M.Sub": _DEFAULT,
    },
    ("flat", "postgresql"): {
        "googleapis-common-protos: google.api.ClientLibrarySettings": _impossible("76 bytes"),
    },
}
"""What a dialect refuses in a style."""


@cache
def laid_out(style: str) -> tuple[dict[str, Table], Refusals]:
    """The tables of a style, and what cannot be one."""
    found, refused = {}, {}
    for number, real in enumerate(real_messages()):
        options = {"table": f"t{number}", "database": style, "layout": Layout.from_text(style)}
        try:
            found[str(real)] = lay_out(real.descriptors, real.message, **options)  # type: ignore[arg-type]
        except SchemaRegistryError as error:
            refused[str(real)] = error.code, str(error)
    return found, refused


def written(style: str, name: str) -> tuple[list[Table], list[str]]:
    """The tables of a style that a dialect does not refuse, with its statements."""
    tables, statements, refused = [], [], {}
    for real, table in laid_out(style)[0].items():
        try:
            statements += dialect(name).create(table)
            tables.append(table)
        except SchemaRegistryError as error:
            refused[real] = error.code, str(error)
    _check_refusals(refused, NOT_WRITTEN.get((style, name), {}))
    sys.stdout.write(f"{name} {style}: {len(tables)} tables, {len(refused)} refused\n")
    return tables, list(dict.fromkeys(statements))


def _check_refusals(refused: Refusals, expected: Refusals) -> None:
    assert refused.keys() == expected.keys()
    for real, (code, words) in expected.items():
        assert refused[real][0] == code, real
        assert words in refused[real][1], real


def test_the_messages_are_those_of_all_sources() -> None:
    sources = Counter(real.source for real in real_messages())
    assert sources["googleapis-common-protos"] > 140
    assert sources["opentelemetry-proto"] > 50
    assert len(sources) == 90
    assert {error.code for error in refused_goldens()} == {"SCHEMA_INVALID"}


@pytest.mark.parametrize("style", STYLES)
def test_a_message_is_a_table_in_every_style_or_its_fault_is_named(style: str) -> None:
    nested = {} if style == "json" else WITH_NESTED_COLUMNS
    _check_refusals(laid_out(style)[1], NOT_TABLES | nested)


def test_recursion_is_refused_by_the_name_of_what_contains_itself() -> None:
    refused = laid_out("native")[1]
    said = [text for real, (_, text) in _recursions().items() if real not in refused]
    assert len(said) == 65
    assert {text.rpartition(": ")[2].removesuffix(" contains itself") for text in said} == {
        *(f"google.api.{name}" for name in ("BackendRule", "HttpRule", "Page")),
        *(f"opentelemetry.proto.common.v1.{name}" for name in ("AnyValue", "ArrayValue")),
        "google.protobuf.DescriptorProto",
        *("bank.ledger.v2.Party", "boom5.M0", "dsc.M", "ed4.First", "ed4.Second", "inv3.Node"),
        *("rec.Tree", "rec3.A", "rec3.A.Link"),
    }


def _recursions() -> Refusals:
    found = {}
    layout = Layout(recursion="refuse")
    for real in real_messages():
        try:
            lay_out(real.descriptors, real.message, table="t", layout=layout)
        except SchemaRegistryError as error:
            found[str(real)] = error.code, str(error)
    return found


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_engine_creates_all_of_them(name: str, tmp_path: Path) -> None:
    engine = open_engine(name, tmp_path, EngineSettings(duckdb=":memory:"))
    for style in STYLES:
        tables, statements = written(style, name)
        engine.run(statements)
        assert [t for t in tables if engine.compare(t)] == []
    engine.close()


def test_postgresql_creates_all_of_them() -> None:
    with connected() as connection:
        for style in STYLES:
            tables, statements = written(style, "postgresql")
            with connection.transaction():
                for statement in statements:
                    connection.execute(statement)
            for table in tables:
                assert live_table(connection, table) == as_read(dialect("postgresql"), table)


@pytest.mark.parametrize("style", STYLES)
def test_googles_analyzer_takes_all_of_them(style: str) -> None:
    tables, statements = written(style, "bigquery")
    for statement in statements:
        parse_alter(statement)
    for columns in {p for t in tables for p in _pieces(dialect("bigquery").stored(t).columns)}:
        _analyze(columns)


@cache
def _analyze(columns: tuple[Column, ...]) -> None:
    bigquery = dialect("bigquery")
    (statement,) = bigquery.create(Table("d", "t", columns))
    found = analyze(statement).column_definition_list
    assert [(c.name, shape(c.type), refuses_null(c)) for c in found] == [
        (c.name, shape_of(bigquery.as_read(c.type)), not _may_be_null(c)) for c in columns
    ]


def _may_be_null(column: Column) -> bool:
    return column.nullable or isinstance(column.type, List | Map)


def _pieces(columns: tuple[Column, ...]) -> Iterator[tuple[Column, ...]]:
    """Columns in parts that are analyzed quickly: the inner of a deep one is a part of its own."""
    near = []
    for column in columns:
        if _cost(column.type) > DEAREST:
            yield from _pieces(tuple(replace(c, default=None) for c in records_in(column.type)))
        else:
            near.append(column)
    if near:
        yield tuple(near)


def _cost(type_: Type) -> int:
    match type_:
        case Record(columns):
            return 1 + 2 * sum(_cost(column.type) for column in columns)
        case List(element):
            return 1 + 2 * _cost(element)
        case _:
            return 1


def test_the_json_schema_of_bigquery_is_the_same_whatever_layout_a_table_has(
    registry: SchemaRegistry,
) -> None:
    for number, real in enumerate(real_messages()[:3]):
        schema_id = registry.register_schema(real.descriptors, f"t{number}", message=real.message)
        expected = bq_schema(real.descriptors, real.message)
        assert registry.bq_schema(schema_id) == expected
        for style in STYLES:
            registry.register_schema(real.descriptors, f"{style}{number}", message=real.message)
            registry.create_table(f"bigquery_lite.{style}{number}", "duckdb", Layout(style=style))  # type: ignore[arg-type]
            assert registry.bq_schema(f"bigquery_lite.{style}{number}") == expected
