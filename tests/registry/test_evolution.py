"""Modes, the check of new versions, waivers, and differences between versions."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from protolith import (
    IncompatibleError,
    Layout,
    MalformedError,
    NotFoundError,
    SchemaRegistry,
    Waiver,
)
from protolith.registry.registration import Submission
from protolith.store import NewVersion, Reference, Version

HEAD = 'syntax = "proto3"; package a;\n'
LONG = HEAD + "message M {\n  int64 x = 1;\n}\n"
INT, BOOL = LONG.replace("int64", "int32"), LONG.replace("int64", "bool")
RULE = "FIELD_WIRE_COMPATIBLE_TYPE"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SchemaRegistry]:
    with SchemaRegistry(tmp_path) as registry:
        yield registry


def put(registry: SchemaRegistry, text: str, *waived: str) -> int:
    waivers = tuple(Waiver.of(one, "ann") for one in waived)
    return registry.register(Submission(text, "m", "d", message="M", waivers=waivers)).version


def rules(error: pytest.ExceptionInfo[IncompatibleError]) -> set[str | None]:
    return {detail.rule for detail in error.value.details}


def test_without_a_mode_everything_passes(registry: SchemaRegistry) -> None:
    assert [put(registry, text) for text in (LONG, INT, BOOL)] == [1, 2, 3]
    found = registry.get_compatibility("d.m")
    assert (found.mode, found.inherited, found.subject) == ("NONE", True, "d.m")


def test_a_subject_inherits_until_it_says_something(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    assert registry.set_compatibility(None, "BACKWARD").inherited is False
    assert registry.get_compatibility("d.m").mode == "BACKWARD"
    registry.set_compatibility("d.m", "FULL", levels=("wire", "json"))
    found = registry.get_compatibility("d.m@1")
    assert (found.mode, found.levels, found.inherited) == ("FULL", ("wire", "json"), False)
    assert registry.set_compatibility("d.m", None).mode == "BACKWARD"
    assert registry.set_compatibility(None, None).mode == "NONE"


def test_what_is_incompatible_is_refused_and_not_stored(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    registry.set_compatibility("d.m", "BACKWARD")
    with pytest.raises(IncompatibleError, match="d.m: not compatible under the mode BACK") as error:
        put(registry, INT)
    (detail,) = error.value.details
    place = (detail.file, detail.line, detail.column, detail.field_path, detail.rule)
    assert place == ("schema.proto", 3, 3, "a.M.x", RULE)
    assert "2147483648" in detail.text
    assert "against version 1" in detail.text
    assert "add a field with a new number" in detail.text
    assert len(registry.get_schema_versions("d.m")) == 1
    assert put(registry, LONG) == 1  # the same content again is no new version
    assert put(registry, LONG.replace("}", "  string y = 2;\n}")) == 2


def test_the_levels_that_count(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    renamed = LONG.replace("64 x", "64 z")
    registry.set_compatibility("d.m", "BACKWARD", levels=("wire", "json"))
    with pytest.raises(IncompatibleError) as error:
        put(registry, renamed)
    assert rules(error) == {"FIELD_SAME_JSON_NAME"}
    registry.set_compatibility("d.m", "BACKWARD")
    assert put(registry, renamed) == 2


def test_transitive_modes_look_at_every_version(registry: SchemaRegistry) -> None:
    for text in (INT, LONG):
        put(registry, text)
    wide = INT.replace("int32", "bool")
    registry.set_compatibility("d.m", "FORWARD")
    assert put(registry, LONG + "message N {}") == 3
    registry.set_compatibility("d.m", "FORWARD_TRANSITIVE")
    with pytest.raises(IncompatibleError) as error:
        put(registry, LONG + "message O {}")  # the first version reads it as int32
    assert "against version 1" in error.value.details[0].text
    assert put(registry, wide) == 4


def test_a_policy_counts_instead_of_the_levels(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    registry.set_compatibility("d.m", "BACKWARD", policy="confluent")
    assert put(registry, INT) == 2  # one group of types there
    with pytest.raises(IncompatibleError) as error:
        put(registry, INT.replace("int32", "string"))
    assert rules(error) == {"FIELD_SCALAR_KIND_CHANGED"}


def test_a_batch_is_checked_in_its_order_and_stored_whole_or_not(registry: SchemaRegistry) -> None:
    about = {"table_name": "m", "database_name": "d"}
    registry.set_compatibility(None, "BACKWARD")
    with pytest.raises(IncompatibleError, match=r"schemas\[1\]: d.m"):
        registry.register_schemas_batch([{"proto_content": text, **about} for text in (LONG, INT)])
    assert registry.list_schemas() == []
    registry.register_schemas_batch([{"proto_content": text, **about} for text in (INT, LONG)])
    assert len(registry.get_schema_versions("d.m")) == 2


def test_a_batch_whose_first_member_was_registered_meanwhile_is_checked_again(
    registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with it what others registered after that."""
    registry.set_compatibility(None, "BACKWARD")
    plain, others = registry._store.add, [INT, INT.replace("}", "  string y = 2;\n}")]

    def add(versions: Sequence[NewVersion], **words: Any) -> list[Version]:
        if others:
            texts = [others.pop(0), others.pop()]
            for text in texts:
                put(registry, text)
        return plain(versions, **words)

    monkeypatch.setattr(registry._store, "add", add)
    about = {"table_name": "m", "database_name": "d"}
    batch = [{"proto_content": text, **about} for text in (INT, INT.replace("}", " M y = 2;\n}"))]
    with pytest.raises(IncompatibleError, match=r"schemas\[1\]: d.m"):
        registry.register_schemas_batch(batch)
    assert len(registry.get_schema_versions("d.m")) == 2


def test_the_same_text_with_another_import_is_checked(registry: SchemaRegistry) -> None:
    for kind in ("int64", "int32"):
        registry.register_schema(f"{HEAD}message Part {{ {kind} size = 1; }}", "part", "d")
    text = f'{HEAD}import "part.proto"; message M {{ Part part = 1; }}'

    def put_with(number: int) -> int:
        reference = Reference("part.proto", "d.part", number)
        return registry.register(Submission(text, "m", "d", references=(reference,))).version

    assert put_with(1) == 1
    registry.set_compatibility(None, "BACKWARD")
    assert put_with(1) == 1
    with pytest.raises(IncompatibleError) as error:
        put_with(2)
    assert rules(error) == {RULE}
    assert error.value.details[0].field_path == "a.Part.size"


def test_a_mode_is_in_the_audit_trail(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    registry.set_compatibility("d.m", "FULL")
    change = registry.audit("d.m")[0]
    assert (change.action, change.object, change.details["mode"]) == ("mode", "d.m", "FULL")


def test_another_message_is_refused(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    registry.set_compatibility("d.m", "BACKWARD")
    with pytest.raises(IncompatibleError) as error:
        registry.register_schema(LONG.replace("message M", "message N"), "m", "d")
    assert rules(error) == {"MESSAGE_SAME_NAME"}


def test_json_schemas_are_compared_by_column(registry: SchemaRegistry) -> None:
    columns = [{"name": "a", "type": "STRING"}, {"name": "b", "type": "INT64"}]
    registry.register_json(columns, "m", "d")
    registry.set_compatibility("d.m", "BACKWARD")
    with pytest.raises(IncompatibleError) as error:
        registry.register_json(columns[:1], "m", "d")
    assert rules(error) == {"FIELD_REMOVAL"}
    with pytest.raises(IncompatibleError):
        put(registry, LONG)
    (removed,) = [d for d in error.value.details if d.rule == "FIELD_REMOVAL"]
    assert removed.field_path == "b"
    registry.register_json([*columns, {"name": "c", "type": "DATE"}], "m", "d")
    assert '"c"' in registry.diff("d.m").text


def test_a_waiver_lets_one_change_pass_and_is_kept(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    registry.set_compatibility("d.m", "BACKWARD_TRANSITIVE")
    assert put(registry, INT, f"{RULE}:a.M.x=the numbers are small") == 2
    (kept,) = registry.waivers("d.m")
    assert (kept.version, kept.rule, kept.subject) == (2, RULE, "a.M.x")
    assert (kept.reason, kept.who) == ("the numbers are small", "ann")
    # It holds for later versions against the first, and for no other change of the field.
    assert put(registry, INT + "message N {}") == 3
    with pytest.raises(IncompatibleError) as error:
        put(registry, BOOL)
    assert {"against version 3" in d.text or "against version 2" in d.text
            for d in error.value.details} == {True}  # fmt: skip
    assert put(registry, BOOL, f"{RULE}:1=yes or no") == 4
    (found,) = [f for f in registry.diff("d.m", 1, 2).findings if f.waived]
    assert (found.level, found.severity, found.waived) == (
        "wire", "lossy", "the numbers are small (ann)",
    )  # fmt: skip


def test_a_waiver_that_covers_nothing_is_refused(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    registry.set_compatibility("d.m", "BACKWARD")
    with pytest.raises(MalformedError, match="covers nothing that was found"):
        put(registry, INT, f"{RULE}:a.M.x=small", "FIELD_SAME_NAME:a.M.x=typed wrongly")
    for text in ("no", "A:b", "A:b= ", ":b=c"):
        with pytest.raises(MalformedError, match="not a waiver"):
            Waiver.of(text, "ann")


def test_of_versions_that_arrive_at_once_each_is_checked_against_the_other(
    registry: SchemaRegistry,
) -> None:
    put(registry, LONG)
    registry.set_compatibility("d.m", "BACKWARD_TRANSITIVE")
    texts = [LONG.replace("}", f"  {kind} y = 2;\n}}") for kind in ("string", "int32", "M")]

    def attempt(text: str) -> int | None:
        try:
            return put(registry, text)
        except IncompatibleError:
            return None

    with ThreadPoolExecutor(3) as pool:
        numbers = list(pool.map(attempt, texts))
    assert sorted(numbers, key=str) == [2, None, None]
    assert len(registry.get_schema_versions("d.m")) == 2


def test_a_difference_has_the_meaning_and_the_text(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    put(registry, LONG.replace("}", "  string y = 2;\n}") + "message N {}\nenum E { A = 0; }")
    found = registry.diff("d.m")
    assert (found.old, found.new) == ("d.m@1", "d.m@2")
    assert {one.rule for one in found.findings if one.severity == "safe"} == {
        "FIELD_KNOWN_TO_READER", "MESSAGE_ADDED", "ENUM_ADDED",
    }  # fmt: skip
    assert {one.against for one in found.findings} == {1}
    assert "+  string y = 2;\n }\n+message N {}\n" in found.text
    assert found.text.endswith("\n\\ No newline at end of file\n")
    back = registry.diff("d.m", 2, 1)
    assert (back.old, back.new) == ("d.m@2", "d.m@1")
    with pytest.raises(NotFoundError, match="no version before 1"):
        registry.diff("d.m", to_version=1)


@pytest.mark.parametrize(
    ("mode", "levels", "policy", "words"),
    [
        ("BACK", ("wire",), None, "no mode 'BACK'"),
        ("FULL", ("source",), None, "the level 'source' cannot decide"),
        ("FULL", (), None, "no level was given"),
        ("FULL", ("wire",), "karapace", "no policy 'karapace'"),
    ],
)
def test_wrong_words_are_refused(
    registry: SchemaRegistry, mode: str, levels: tuple[str, ...], policy: str | None, words: str
) -> None:
    with pytest.raises(MalformedError, match=words):
        registry.set_compatibility(None, mode, levels, policy=policy)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        registry.set_compatibility("d.nothing", "FULL")


def test_the_level_table_asks_the_tables_that_are_there(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    registry.set_compatibility("d.m", "BACKWARD", levels=("table",))
    assert put(registry, INT) == 2  # there is no table yet
    registry.create_table("d.m@1", "duckdb", Layout.from_text("integers=exact"))
    # The table is that of version 1 still, whatever the mode compares with.
    with pytest.raises(IncompatibleError) as error:
        put(registry, INT + "message N {}")
    assert rules(error) == {"COLUMN_SAME_TYPE"}
    (detail,) = error.value.details
    assert "[lossy, table in duckdb, backward, against version 1]" in detail.text
    assert (detail.file, detail.line, detail.field_path) == ("schema.proto", 3, "a.M.x")
    assert put(registry, INT + "message N {}", "COLUMN_SAME_TYPE:a.M.x=all are small") == 3
    registry.set_compatibility("d.m", "FORWARD", levels=("wire", "table"))
    with pytest.raises(IncompatibleError) as error:
        put(registry, INT.replace(" x =", " y ="))
    assert "COLUMN_SAME_NAME" in rules(error)
    assert registry.get_compatibility("d.m").levels == ("wire", "table")


def test_a_layout_that_no_longer_fits_is_a_finding(registry: SchemaRegistry) -> None:
    two = LONG.replace("}", "  string y = 2;\n}")
    put(registry, two)
    layout = Layout.of({"columns": {"y": {"name": "why"}}})
    registry.create_table("d.m", "duckdb", layout)
    registry.set_compatibility("d.m", "BACKWARD", levels=("table",))
    with pytest.raises(IncompatibleError) as error:
        put(registry, LONG)
    assert rules(error) == {"TABLE_STORABLE"}


def test_a_schema_is_checked_for_tables_and_engines(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    renamed = LONG.replace(" x =", " y =")

    def engines(**more: object) -> set[tuple[str, ...]]:
        found = registry.check_compatibility(renamed, "d.m", "BACKWARD", levels=("table",), **more)  # type: ignore[arg-type]
        assert {one.level for one in found} <= {"table"}
        return {tuple(engine for engine, _ in one.engines) for one in found}

    assert engines() == set()
    assert engines(engines=("duckdb",)) == {("duckdb",)}
    registry.create_table("d.m", "clickhouse", Layout.from_text("flat"))
    assert engines() == {("clickhouse",)}
    policy = registry.check_compatibility(
        renamed, "d.m", "BACKWARD", policy="buf", categories=("WIRE_JSON",)
    )
    assert {one.rule for one in policy} == {"FIELD_SAME_JSON_NAME", "FIELD_SAME_NAME"}


def test_a_table_whose_message_has_another_name_needs_a_waiver(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    registry.create_table("d.m", "duckdb")
    registry.set_compatibility("d.m", "FULL_TRANSITIVE", levels=("wire", "table"))
    renamed = LONG.replace("message M", "message Order")

    def register(text: str, *waivers: str) -> int:
        agreed = tuple(Waiver.of(one, "ann") for one in waivers)
        return registry.register(Submission(text, "m", "d", waivers=agreed)).version

    with pytest.raises(IncompatibleError) as error:
        register(renamed)
    assert rules(error) == {"MESSAGE_SAME_NAME"}
    assert "the fields are compared by number all the same" in error.value.details[0].text
    told = registry.check_compatibility(renamed, "d.m", "FULL", levels=("wire", "table"))
    assert [(one.rule, one.old, one.new) for one in told] == [
        ("MESSAGE_SAME_NAME", "a.M", "a.Order")
    ]
    waiver = "MESSAGE_SAME_NAME:a.Order=the name of the product"
    with pytest.raises(IncompatibleError) as error:
        register(renamed.replace("int64", "bytes"), waiver)  # it lets the name pass, nothing else
    assert {"FIELD_WIRE_COMPATIBLE_TYPE", "COLUMN_SAME_TYPE"} <= set(map(str, rules(error)))
    assert register(renamed, waiver) == 2
    assert register(renamed.replace("}", "  string y = 2;\n}")) == 3
    assert registry.plan_migration("d.m@2").statements == []
    with pytest.raises(IncompatibleError) as error:
        register(renamed.replace("Order {", "Other {"))
    assert {one.field_path for one in error.value.details} == {"a.Other"}


def test_the_message_of_a_subject_is_found_by_its_name(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    first = LONG.replace("message M", "message First { bool b = 1; }\nmessage M")
    assert registry.check_compatibility(first, "d.m", "FULL", levels=("wire", "table")) == []
    assert registry.check_compatibility(first, "d.m", "FULL", "M", levels=("wire", "table")) == []
    found = registry.check_compatibility(first, "d.m", "FULL", "First", levels=("wire",))
    assert {one.rule for one in found} >= {"MESSAGE_SAME_NAME", RULE}


def test_a_difference_has_a_plan_for_each_engine(registry: SchemaRegistry) -> None:
    put(registry, LONG)
    put(registry, LONG.replace("int64 x", "string y"))
    registry.create_table("d.m@1", "duckdb", Layout.from_text("names=camel"))
    plans = {one.engine: one for one in registry.diff("d.m").tables}
    assert {name: one.outcome for name, one in plans.items()} == {
        "bigquery": "rebuild", "clickhouse": "rewrite", "duckdb": "rewrite",
    }  # fmt: skip
    assert plans["duckdb"].table == "d.m"
    assert plans["duckdb"].statements == [
        'ALTER TABLE "d"."m" RENAME COLUMN "x" TO "y"',
        'ALTER TABLE "d"."m" ALTER COLUMN "y" TYPE VARCHAR',
    ]
    assert any("cannot change in place" in step.why for step in plans["bigquery"].steps)


def test_waivers_in_python(registry: SchemaRegistry) -> None:
    columns = [{"name": "a", "type": "STRING"}, {"name": "b", "type": "INT64"}]
    registry.register_json(columns, "j", "d")
    put(registry, LONG)
    registry.set_compatibility(None, "BACKWARD")
    agreed = Waiver("FIELD_REMOVAL", "b", "nobody has it", "ann")
    registry.register_json(columns[:1], "j", "d", waivers=(agreed,))
    small = Waiver(RULE, "a.M.x", "all are small", "ann")
    registry.register_schema(INT, "m", "d", waivers=(small,))
    assert [one.rule for name in ("d.j", "d.m") for one in registry.waivers(name)] == [
        "FIELD_REMOVAL", RULE,
    ]  # fmt: skip
    batch = [{"proto_content": BOOL, "table_name": "m", "database_name": "d"}]
    with pytest.raises(MalformedError, match="waivers must be a list"):
        registry.register_schemas_batch([{**batch[0], "waivers": [1]}])
    agreed_so = {"waivers": [f"{RULE}:1=yes or no"], "waived_by": "bob"}
    registry.register_schemas_batch([{**batch[0], **agreed_so}])
    assert [one.who for one in registry.waivers("d.m")] == ["ann", "bob"]
