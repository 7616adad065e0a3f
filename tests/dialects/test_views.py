"""Flattened views: made and read on the engines, with rows that have nothing in them."""

from collections.abc import Iterator
from typing import Any

import pytest

from googlesql import analyze_over
from protolith import Column, NotFoundError, Table, dialect
from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.errors import EngineError
from protolith.tables import Float, Integer, Json, List, Map, Record, String

SUB = Record((Column("x", Integer(), nullable=False),))
ITEM = Record(
    (
        Column("sku", String()),
        Column("tags", List(String()), nullable=False),
        Column("sub", List(SUB), nullable=False),
        Column("deep", Record((Column("y", Integer()),))),
    )
)
PLACE = Record(
    (
        Column("a", Integer(), nullable=False),
        Column("geo", Record((Column("lat", Float()),))),
        Column("stops", List(SUB), nullable=False),
    )
)
TABLE = Table(
    "shop",
    "orders",
    (
        Column("id", Integer(), nullable=False),
        Column("st", PLACE),
        Column("st_a", String()),
        Column("items", List(ITEM), nullable=False),
        Column("m", Map(String(), Record((Column("v", Integer()),))), nullable=False),
        Column("tags", List(String()), nullable=False),
        Column("j", Json()),
    ),
)
ROWS = {
    "duckdb": """INSERT INTO shop.orders VALUES
        (1, NULL, 'x', [], MAP {}, [], NULL),
        (2, {'a': 5, 'geo': {'lat': 1.5}, 'stops': [{'x': 7}]}, NULL,
         [{'sku': 's', 'tags': ['t'], 'sub': [{'x': 1}, {'x': 2}], 'deep': {'y': 3}},
          {'sku': NULL, 'tags': [], 'sub': [], 'deep': NULL}],
         MAP {'k': {'v': 1}, 'n': NULL}, ['p', 'q'], '{}')""",
    "clickhouse": """INSERT INTO shop.orders VALUES
        (1, NULL, 'x', [], {}, [], NULL),
        (2, (5, (1.5), [(7)]), NULL, [('s', ['t'], [(1), (2)], (3)), (NULL, [], [], NULL)],
         {'k': (1), 'n': NULL}, ['p', 'q'], '{}')""",
}
VIEWS = ["orders_flat", "orders_st_stops", "orders_items", "orders_items_sub", "orders_m"]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    home = tmp_path_factory.mktemp("engines")
    opened = {name: open_engine(name, home) for name in EMBEDDED}
    for name, engine in opened.items():
        engine.create(TABLE)
        engine.run([ROWS[name]])
        for _ in range(2):
            for view in engine.dialect.flattened_views(TABLE):
                engine.run(view.statements)
    yield opened
    for engine in opened.values():
        engine.close()


def _rows(engine: Engine, view: str, *columns: str) -> list[tuple[Any, ...]]:
    found = engine.query(f"SELECT * FROM shop.{view}").to_pylist()
    rows = [tuple(row[column] for column in columns) for row in found]
    return sorted(rows, key=lambda row: tuple((value is not None, value) for value in row))


@pytest.mark.parametrize("name", EMBEDDED)
def test_records_become_columns_and_lists_stay(engines: dict[str, Engine], name: str) -> None:
    flat = engines[name].dialect.view(TABLE)
    assert flat.columns == (
        *("id", "st_a", "st_geo_lat", "st_stops", "st_a_2", "items", "m", "tags", "j"),
    )
    assert [str(note.text) for note in flat.notes] == ["st_a_2 in the view: st_a is there already"]
    engine = engines[name]
    assert _rows(engine, "orders_flat", "id", "st_a", "st_geo_lat", "st_a_2", "tags", "j") == [
        (1, None, None, "x", [], None),
        (2, 5, 1.5, None, ["p", "q"], "{}"),
    ]


@pytest.mark.parametrize("name", EMBEDDED)
def test_each_element_is_a_row_and_an_empty_list_is_one(
    engines: dict[str, Engine], name: str
) -> None:
    rows = _rows(
        engines[name],
        *("orders_items", "id", "st_a_2", "items_ordinal", "items_sku", "items_deep_y"),
        "items_tags",
    )
    assert [row[:5] for row in rows] == [
        (1, "x", None, None, None),
        (2, None, 1, "s", 3),
        (2, None, 2, None, None),
    ]
    assert [row[5] or [] for row in rows] == [[], ["t"], []]
    stops = _rows(engines[name], "orders_st_stops", "id", "st_stops_ordinal", "st_stops_x")
    assert stops == [(1, None, None), (2, 1, 7)]


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_second_level_keeps_both_numbers(engines: dict[str, Engine], name: str) -> None:
    columns = "id", "items_ordinal", "items_sub_ordinal", "items_sku", "items_sub_x"
    assert _rows(engines[name], "orders_items_sub", *columns) == [
        (1, None, None, None, None),
        (2, 1, 1, "s", 1),
        (2, 1, 2, "s", 2),
        (2, 2, None, None, None),
    ]


@pytest.mark.parametrize("name", EMBEDDED)
def test_maps_are_rows_of_key_and_value(engines: dict[str, Engine], name: str) -> None:
    assert _rows(engines[name], "orders_m", "id", "m_key", "m_value_v") == [
        (1, None, None),
        (2, "k", 1),
        (2, "n", None),
    ]


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_chosen_list_of_plain_values_has_a_view_too(
    engines: dict[str, Engine], name: str
) -> None:
    view = engines[name].dialect.view(TABLE, "tags", name="each tag")
    engines[name].run(view.statements)
    assert _rows(engines[name], engines[name].dialect.quote("each tag"), "id", "tags") == [
        (1, None),
        (2, "p"),
        (2, "q"),
    ]
    with pytest.raises(NotFoundError, match="no list or map 'tag'") as caught:
        engines[name].dialect.view(TABLE, "tag")
    assert caught.value.hint == "perhaps tags"


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_view_never_replaces_a_table(engines: dict[str, Engine], name: str) -> None:
    engine = engines[name]
    with pytest.raises(EngineError):
        engine.run(engine.dialect.view(TABLE, name="orders").statements)
    count = engine.query("SELECT CAST(count(*) AS INTEGER) AS n FROM shop.orders").to_pylist()
    assert count == [{"n": 2}]


@pytest.mark.parametrize("name", ["bigquery", *EMBEDDED])
def test_views_have_names_of_their_own(name: str) -> None:
    inner = Record((Column("a", List(SUB), nullable=False),))
    table = Table(
        "d",
        "t",
        (
            Column("b", inner),
            Column("b_a", List(SUB), nullable=False),
            Column("flat", List(SUB), nullable=False),
        ),
    )
    views = dialect(name).flattened_views(table)
    assert [view.name for view in views] == ["t_flat", "t_b_a", "t_b_a_2", "t_flat_2"]
    assert views[3].notes[0].text == "its view is t_flat_2: t_flat is there already"
    assert "*" not in "".join(view.script for view in views)


def test_googles_analyzer_takes_the_views() -> None:
    bigquery = dialect("bigquery")
    views = bigquery.flattened_views(TABLE)
    assert [view.name for view in views] == VIEWS
    statements = [statement for view in views for statement in view.statements]
    for view, found in zip(views, analyze_over(*bigquery.create(TABLE), *statements), strict=True):
        assert [column.name for column in found.output_column_list] == list(view.columns)


@pytest.mark.parametrize("name", EMBEDDED)
def test_three_levels_are_numbered_each(engines: dict[str, Engine], name: str) -> None:
    middle = Record((Column("k", String()), Column("low", List(SUB), nullable=False)))
    top = Record((Column("mid", Map(String(), middle), nullable=False),))
    columns = (Column("id", Integer()), Column("top", List(top), nullable=False))
    table, engine = Table("shop", "deep", columns), engines[name]
    engine.create(table)
    row = {
        "duckdb": "(1, [{'mid': MAP {'a': {'k': 'z', 'low': [{'x': 1}, {'x': 2}]}}}])",
        "clickhouse": "(1, [({'a': ('z', [(1), (2)])})])",
    }
    engine.run([f"INSERT INTO shop.deep VALUES {row[name]}"])
    engine.run(engine.dialect.view(table, "top.mid.value.low", name="low").statements)
    wanted = "top_ordinal", "top_mid_key", "top_mid_value_k", "top_mid_value_low_x"
    assert _rows(engine, "low", *wanted) == [(1, "a", "z", 1), (1, "a", "z", 2)]
