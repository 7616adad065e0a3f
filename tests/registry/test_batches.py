"""Schemas registered together: they import each other in any order, and are kept whole or not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postgres import PostgresServer, postgres
from protolith import CompileError, ConflictError, MalformedError, SchemaRegistry
from protolith.store.postgres import PostgresStore

__all__ = ["postgres"]

MONEY = 'syntax = "proto3"; package base; message Money { int64 cents = 1; }'
LINE = 'syntax = "proto3"; import "money.proto"; message Line { base.Money price = 1; }'
ORDER = 'syntax = "proto3"; import "line.proto"; message Order { Line line = 1; }'


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SchemaRegistry]:
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        address = server.database()
        store = PostgresStore(address, checked=False)
        store.upgrade()
        store.close()
        monkeypatch.setenv("PROTOLITH_STORE", address)
    with SchemaRegistry(tmp_path / "home") as opened:
        yield opened


def member(text: str, table: str, *imports: tuple[str, str], **more: Any) -> dict[str, Any]:
    references = [{"name": name, "subject": subject, **more} for name, subject in imports]
    return {
        "proto_content": text,
        "table_name": table,
        "database_name": "d",
        "references": references,
    }


CHAIN = [
    member(ORDER, "order", ("line.proto", "d.line")),
    member(LINE, "line", ("money.proto", "d.money")),
    member(MONEY, "money"),
]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_in_any_order(registry: SchemaRegistry, order: tuple[int, ...]) -> None:
    schemas = [CHAIN[place] for place in order]
    ids = registry.register_schemas_batch(schemas)
    assert [name.partition("_")[0] for name in ids] == [s["table_name"] for s in schemas]
    assert registry.referenced_by("d.money@1") == ["d.line@1"]
    assert registry.referenced_by("d.line@1") == ["d.order@1"]
    (line,) = registry.get_schema_version("d.order").fields
    assert line.nested_fields[0].nested_fields[0].name == "cents"  # type: ignore[index]
    assert registry.register_schemas_batch(schemas) == ids
    assert len(registry.get_schema_versions("d.order")) == 1


def test_again_under_a_mode_it_is_the_same(registry: SchemaRegistry) -> None:
    """What is there already is known before its imports' numbers are given."""
    registry.set_compatibility(None, "BACKWARD")
    ids = registry.register_schemas_batch(CHAIN)
    newer = member(LINE.replace("price = 1;", "price = 1; int32 n = 2;"), "line")
    newer["references"] = CHAIN[1]["references"]
    registry.register_schemas_batch([newer])
    assert registry.register_schemas_batch(CHAIN[1:]) == ids[1:]
    assert len(registry.get_schema_versions("d.line")) == 2


def test_numbers_of_members(registry: SchemaRegistry) -> None:
    """A number that is not there yet is that of a member, if that one gets it."""
    registry.register_schema(MONEY, "money", "d")
    mills = MONEY.replace("cents", "mills")
    first = member(LINE, "line1", ("money.proto", "d.money"), version=1)
    second = member(LINE, "line2", ("money.proto", "d.money"), version=2)
    registry.register_schemas_batch([first, second, member(mills, "money")])
    for table, name in (("line1", "cents"), ("line2", "mills")):
        (price,) = registry.get_schema_version(f"d.{table}").fields
        assert price.nested_fields[0].name == name  # type: ignore[index]
    third = member(LINE, "line3", ("money.proto", "d.money"), version=3)
    with pytest.raises(ConflictError, match=r"schemas\[0\]: d.money has become version 1, not 3"):
        registry.register_schemas_batch([third, member(MONEY, "money")])
    assert len(registry.list_schemas()) == 3


def test_a_circle_is_refused(registry: SchemaRegistry) -> None:
    a = member(MONEY, "a", ("b.proto", "d.b"))
    b = member(MONEY, "b", ("a.proto", "d.a"))
    with pytest.raises(
        MalformedError, match=r"schemas\[1\] → schemas\[2\] → schemas\[1\]"
    ) as found:
        registry.register_schemas_batch([CHAIN[2], a, b])
    assert found.value.hint
    assert registry.list_schemas() == []


def test_every_fault_is_named_with_its_index(registry: SchemaRegistry) -> None:
    bad = member("nonsense", "bad")
    wrong = member(ORDER, "wrong", ("line.proto", "d.none"))
    with pytest.raises(CompileError) as found:
        registry.register_schemas_batch([CHAIN[2], bad, CHAIN[1], wrong, {"table_name": "x"}])
    assert found.value.message.startswith("schemas[1]: ")
    assert found.value.message.endswith("(and 2 more of 5)")
    texts = [detail.text for detail in found.value.details]
    assert any(text.startswith("schemas[3]: no schema 'd.none") for text in texts)
    assert any(text.startswith("schemas[4]: one of proto_content") for text in texts)
    assert registry.list_schemas() == []


def test_a_fault_is_not_repeated_for_those_that_import_it(registry: SchemaRegistry) -> None:
    broken = member("nonsense", "money")
    with pytest.raises(CompileError) as found:
        registry.register_schemas_batch([CHAIN[0], CHAIN[1], broken])
    assert found.value.message.startswith("schemas[2]: ")
    assert not any("schemas[0]" in detail.text for detail in found.value.details)


def test_a_thousand(registry: SchemaRegistry) -> None:
    """Each imports the one after it in the batch, in twenty chains."""
    text = 'syntax = "proto3"; package p%d; %s message M { int32 n%d = 1; }'
    schemas = []
    for n in range(1000):
        last = n % 50 == 49
        importing = "" if last else f'import "m{n + 1}.proto";'
        imports = [] if last else [(f"m{n + 1}.proto", f"d.t{n + 1}")]
        schemas.append(member(text % (n, importing, n), f"t{n}", *imports))
    assert len(set(registry.register_schemas_batch(schemas))) == 1000
    assert len(registry.list_schemas()) == 1000
    assert registry.referenced_by("d.t49@1") == ["d.t48@1"]
