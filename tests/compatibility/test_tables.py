"""The level `table`: what moves the table of a message, in each engine."""

import pytest

from compatibility.test_check import proto
from protolith import (
    DescriptorSet,
    Finding,
    Layout,
    LayoutError,
    SourceFile,
    Sources,
    Waiver,
    check,
    compile_protos,
    verdict,
)
from protolith.compatibility.table_plans import plan_tables, sides
from protolith.layout import NATIVE

OLD = proto("message M { string id = 1; int64 cents = 2; L line = 3; } message L { int32 n = 1; }")


def table(
    new: DescriptorSet, old: DescriptorSet = OLD, mode: str = "FULL", **more: object
) -> list[Finding]:
    return check(new, old, mode, levels=("table",), **more)  # type: ignore[arg-type]


def outcomes(findings: list[Finding], rule: str, direction: str = "backward") -> dict[str, str]:
    """The severity of a rule's finding by engine, with the outcome of its step."""
    return {
        engine: f"{one.severity}, {told.partition(':')[0]}"
        for one in findings
        if (one.rule, one.direction) == (rule, direction)
        for engine, told in one.engines
    }


def test_a_rename_is_a_rename_in_each_engine() -> None:
    new = proto(
        "message M { string key = 1; int64 cents = 2; L line = 3; } message L { int32 n = 1; }"
    )
    found = table(new)
    assert {one.rule for one in found} == {"COLUMN_SAME_NAME"}
    in_place = "safe, in place"
    assert outcomes(found, "COLUMN_SAME_NAME") == dict.fromkeys(
        ("bigquery", "clickhouse", "duckdb"), in_place
    )
    assert outcomes(found, "COLUMN_SAME_NAME", "forward") == dict.fromkeys(
        ("bigquery", "clickhouse", "duckdb"), "broken, in place"
    )
    (duckdb,) = [told for one in found[-2:] for engine, told in one.engines if engine == "duckdb"]
    assert duckdb.endswith('RENAME COLUMN "id" TO "key"')
    assert {(one.subject, one.old, one.new, one.against) for one in found} == {
        ("shop.M.key", "id", "key", 1)
    }
    assert {one.place for one in found} == {"shop.proto:2:13"}


def test_each_engine_moves_its_table_in_its_own_way() -> None:
    new = proto(
        "message M { string id = 1; int64 cents = 2; L line = 3; } message L { int32 count = 1; }"
    )
    found = table(new, mode="BACKWARD")
    assert outcomes(found, "COLUMN_SAME_NAME") == {
        "bigquery": "safe, rebuild",
        "clickhouse": "safe, rewrite",
        "duckdb": "safe, in place",
    }
    assert {one.field_path for one in found} == {(3, 1)}
    assert verdict(found)["table"] is True


def test_what_no_engine_can_do_is_an_error() -> None:
    old = proto("message M { L line = 3; } message L { int64 n = 1; }")
    head = 'syntax = "proto3"; package shop; import "google/protobuf/struct.proto";'
    new = proto("message M { google.protobuf.Struct line = 3; }", head)
    found = table(new, old, mode="BACKWARD")
    assert outcomes(found, "COLUMN_SAME_TYPE") == dict.fromkeys(
        ("bigquery", "clickhouse", "duckdb"), "error, impossible"
    )
    assert verdict(found)["table"] is False


def test_the_layout_decides() -> None:
    old, new = proto("message M { int64 x = 1; }"), proto("message M { int32 x = 1; }")
    assert table(new, old) == []  # one type in the native layout
    found = table(new, old, layout=Layout.from_text("integers=exact"))
    assert outcomes(found, "COLUMN_SAME_TYPE") == {
        "bigquery": "safe, nothing", "clickhouse": "lossy, rewrite", "duckdb": "lossy, rewrite",
    }  # fmt: skip


def test_a_renumbered_field_has_the_name_of_another_column() -> None:
    new = proto(
        "message M { string id = 1; int64 cents = 4; L line = 3; } message L { int32 n = 1; }"
    )
    (found,) = table(new)
    assert (found.rule, found.severity) == ("COLUMN_NAME_FREE", "lossy")
    assert [engine for engine, _ in found.engines] == ["bigquery", "clickhouse", "duckdb"]
    assert "has the field number 4 now; the column that is there has 2" in found.why


def test_modes_look_at_the_history() -> None:
    between = proto("message M { string id = 1; L line = 3; } message L { int32 n = 1; }")
    new = proto("message M { string key = 1; L line = 3; } message L { int32 n = 1; }")

    def rules(mode: str) -> set[tuple[str, str, int | None]]:
        found = check(new, [OLD, between], mode, levels=("table",))  # type: ignore[arg-type]
        return {(one.rule, one.direction, one.against) for one in found}

    renamed = {("COLUMN_SAME_NAME", "backward", 2)}
    assert rules("NONE") == set()
    assert rules("BACKWARD") == renamed
    assert rules("FORWARD") == {("COLUMN_SAME_NAME", "forward", 2)}
    assert rules("BACKWARD_TRANSITIVE") == renamed | {
        ("COLUMN_SAME_NAME", "backward", 1), ("COLUMN_NO_DELETE", "backward", 1),
    }  # fmt: skip


def test_a_table_follows_its_message_under_another_name() -> None:
    text = "{ string id = 1; int64 cents = 2; L line = 3; } message L { int32 n = 1; }"
    renamed = proto(f"message Order {text}")
    assert table(renamed) == []
    assert check(renamed, OLD, levels=("wire", "json"), message="Order", old_message="shop.M") == []
    moved = proto(f"message Order {text}".replace("string id", "int32 id"))
    (found,) = check(
        moved, OLD, "BACKWARD", levels=("wire",), message="Order", old_message="shop.M"
    )
    assert (found.rule, found.subject) == ("FIELD_WIRE_COMPATIBLE_TYPE", "shop.Order.id")


def test_the_message_before_the_table_is_not_taken_for_it() -> None:
    text = "message M { string id = 1; int64 cents = 2; L line = 3; } message L { int32 n = 1; }"
    assert table(proto(f"message First {{ bool b = 9; }} {text}")) == []


def test_which_message_is_the_table_may_have_to_be_said() -> None:
    assert table(proto("enum E { A = 0; }"), proto("enum E { A = 0; }")) == []
    files = [SourceFile(f"{n}.proto", f'syntax = "proto3"; message {n} {{ int32 x = 1; }}'.encode())
             for n in ("A", "B")]  # fmt: skip
    both = compile_protos(Sources(tuple(files)))
    with pytest.raises(LayoutError, match="message"):
        table(both, both)
    assert table(both, both, message="A") == []


def test_a_waiver_covers_a_column() -> None:
    new = proto(
        "message M { string key = 1; int64 cents = 2; L line = 3; } message L { int32 n = 1; }"
    )
    agreed = Waiver("COLUMN_SAME_NAME", "shop.M.key", "queries are ours", "ann", level="table")
    assert verdict(table(new))["table"] is False
    assert verdict(table(new, waivers=(agreed,)))["table"] is True


def test_a_table_that_no_engine_can_have_has_no_plan() -> None:
    new = proto("message M { string id = 1; string Id = 2; }")
    found = table(new, proto("message M { string id = 1; }"))
    assert {(one.rule, one.severity) for one in found} == {("TABLE_STORABLE", "error")}
    (pair,) = sides(new, proto("message M { string id = 1; }"), None, NATIVE)
    assert {(one.outcome, bool(one.why and one.fix)) for one in plan_tables(*pair)} == {
        ("impossible", True)
    }


def test_a_plan_is_the_worst_of_its_steps() -> None:
    new = proto(
        "message M { string id = 1; double cents = 2; L line = 3; bool paid = 4; }"
        " message L { int32 n = 1; }"
    )
    (pair,) = sides(new, OLD, ("shop.M", "shop.M"), NATIVE)
    plans = {one.engine: one for one in plan_tables(*pair)}
    assert {name: (one.outcome, one.risk) for name, one in plans.items()} == {
        "bigquery": ("in place", "lossy"),
        "clickhouse": ("rewrite", "lossy"),
        "duckdb": ("rewrite", "lossy"),
    }
    assert any('ADD COLUMN "paid"' in one for one in plans["duckdb"].statements)
    (same,) = sides(OLD, OLD, None, NATIVE)
    assert {(one.outcome, one.risk, *one.statements) for one in plan_tables(*same)} == {
        ("nothing", "none")
    }


def enums(values: str, *, uses: str = "E e = 1;") -> DescriptorSet:
    return proto(f"message M {{ {uses} }} enum E {{ Z = 0; {values} }}")


@pytest.mark.parametrize(
    "uses",
    [
        "E e = 1;",
        "repeated E e = 1;",
        "map<string, E> e = 1;",
        "A i = 2; message A { repeated B j = 1; } message B { E e = 1; }",
    ],
)
def test_rows_keep_the_old_name_of_a_value(uses: str) -> None:
    old, new = enums("A = 1; B = 2;", uses=uses), enums("A = 1; C = 2;", uses=uses)
    found = table(new, old)
    assert [(one.rule, one.severity, one.old, one.new) for one in found] == [
        ("COLUMN_SAME_VALUES", "lossy", "B", "C")
    ] * 2
    assert {one.subject.rpartition(".")[2] for one in found} <= {"e", "value"}
    assert table(enums("A = 1; B = 2; D = 3;", uses=uses), old) == []
    assert table(enums("A = 1;", uses=uses), old) == []
    by_number = Layout.from_text("enums=number")
    assert table(new, old, layout=by_number) == []
    moved = table(enums("A = 1; B = 3;", uses=uses), old, layout=by_number)
    assert {(one.old, one.new) for one in moved} == {("B = 2", "B = 3")}
