"""Every message of Google's common protos and of OpenTelemetry, in every style, on real engines."""

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import files
from pathlib import Path

import pytest

from googlesql import analyze
from protolith import DescriptorSet, Layout, SchemaRegistry, Table, dialect, lay_out
from protolith.dialects.bigquery.bq_schema import bq_schema
from protolith.engines import EMBEDDED, open_engine
from protolith.layout.choices import STYLES

PACKAGES = ("googleapis-common-protos", "opentelemetry-proto")
LONGEST = 2000  # the analyzer takes seconds for what is much longer
Messages = list[tuple[DescriptorSet, str]]


@pytest.fixture(scope="module")
def messages() -> Messages:
    modules = [
        ".".join(file.with_suffix("").parts)
        for package in PACKAGES
        for file in files(package) or []
        if file.name.endswith("_pb2.py")
    ]
    found: Messages = []
    for name in modules:
        kinds = import_module(name).DESCRIPTOR.message_types_by_name.values()
        if kinds:
            descriptors = DescriptorSet.of(*kinds)
            found += [(descriptors, kind.full_name) for kind in kinds if kind.fields]
    return found


def _tables(messages: Messages, style: str) -> Iterator[Table]:
    layout = Layout.from_text(style)
    for number, (descriptors, message) in enumerate(messages):
        yield lay_out(descriptors, message, table=f"t{number}", database=style, layout=layout)


@pytest.mark.parametrize("engine_name", EMBEDDED)
def test_every_style_is_created(messages: Messages, engine_name: str, tmp_path: Path) -> None:
    engine = open_engine(engine_name, tmp_path)
    for style in STYLES:
        tables = list(_tables(messages, style))
        assert len(tables) > 100
        statements = (text for table in tables for text in engine.dialect.create(table))
        engine.run(list(dict.fromkeys(statements)))
        for number, table in enumerate(tables):
            live = [column.name for column in engine.columns(table.database, table.name)]
            assert live == [column.name for column in table.columns]
            if number % 5 == 0:
                engine.verify(table)
    engine.close()


def test_bigquery_takes_every_style(messages: Messages) -> None:
    for style in STYLES:
        statements = [dialect("bigquery").create(table)[0] for table in _tables(messages, style)]
        short = [text for text in statements if len(text) < LONGEST]
        assert len(short) > 100
        for statement in short[::12]:
            analyze(statement)


def test_the_json_schema_of_bigquery_is_the_same_whatever_layout_a_table_has(
    registry: SchemaRegistry, messages: Messages
) -> None:
    for number, (descriptors, message) in enumerate(messages[:3]):
        schema_id = registry.register_schema(descriptors, f"t{number}", message=message)
        expected = bq_schema(descriptors, message)
        assert registry.bq_schema(schema_id) == expected
        for style in STYLES:
            registry.register_schema(descriptors, f"{style}{number}", message=message)
            registry.create_table(f"bigquery_lite.{style}{number}", "duckdb", Layout(style=style))  # type: ignore[arg-type]
            assert registry.bq_schema(f"bigquery_lite.{style}{number}") == expected
