import pytest

from protolith.errors import InvalidNameError
from protolith.tables import Column, Integer, List, Map, Record, String, check_identifier, walk


def test_walk_goes_through_records_lists_and_maps() -> None:
    inner = Record((Column("x", Integer()),))
    columns = (
        Column("a", inner),
        Column("b", List(inner)),
        Column("c", Map(String(), inner)),
        Column("d", List(String())),
    )
    assert [name for name, _ in walk(columns)] == ["a", "a.x", "b", "b.x", "c", "c.x", "d"]


@pytest.mark.parametrize("name", ["a", "_a1", "A" * 300])
def test_identifiers(name: str) -> None:
    assert check_identifier(name, "table") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1a",
        "a-b",
        "a b",
        "a.b",
        'a"b',
        "a;b",
        "a/b",
        "a\n",
        "ä",
        "a`",
        "a'",
        "A" * 301,
        "\u0661",
    ],
)
def test_what_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError, match="is not a table name") as caught:
        check_identifier(name, "table")
    assert str(caught.value).isascii() or "…" in str(caught.value)
    assert caught.value.hint
