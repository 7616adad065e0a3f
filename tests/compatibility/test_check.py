"""Modes, histories, waivers, verdicts and positions."""

import pytest

from protolith import (
    BufConfig,
    DescriptorSet,
    MalformedError,
    NotFoundError,
    SourceFile,
    Sources,
    Waiver,
    check,
    compile_protos,
    diff,
    verdict,
)


def proto(body: str, head: str = 'syntax = "proto3"; package shop;') -> DescriptorSet:
    return compile_protos(Sources((SourceFile("shop.proto", f"{head}\n{body}".encode()),)))


V1 = proto("message M {\n  string x = 2;\n}")
V2 = proto("message M {\n  reserved 2;\n}")
V3 = proto("message M {\n  int32 y = 2;\n}")


def test_a_number_used_before_is_found_without_a_transitive_mode() -> None:
    found = check(V3, [V1, V2], "BACKWARD", levels=("wire",))
    assert [(one.rule, one.severity, one.against) for one in found] == [
        ("FIELD_NUMBER_NOT_REUSED", "broken", 1)
    ]
    assert check(V2, [V1], "BACKWARD", levels=("wire",))[0].severity == "safe"


def test_a_finding_says_where_in_both_versions() -> None:
    (found,) = check(proto("\nmessage M {\n  int32 x = 2;\n}"), V1, "BACKWARD", levels=("wire",))
    assert (found.place, found.old_place) == ("shop.proto:4:3", "shop.proto:3:3")
    assert (found.old, found.new, found.severity) == ("string", "int32", "broken")


def test_a_narrowed_number_has_its_witness() -> None:
    old, new = proto("message M { int64 x = 1; }"), proto("message M { int32 x = 1; }")
    (found,) = check(new, old, "BACKWARD", levels=("wire",))
    assert (found.severity, found.witness) == ("lossy", "2147483648 → -2147483648")


def test_modes_choose_directions() -> None:
    new = proto("message M { string x = 2; int32 y = 3; }")
    directions = {
        mode: {one.direction for one in check(new, V1, mode, levels=("json",))}  # type: ignore[arg-type]
        for mode in ("NONE", "BACKWARD", "FORWARD", "FULL")
    }
    assert directions == {
        "NONE": set(), "BACKWARD": set(), "FORWARD": {"forward"}, "FULL": {"forward"},
    }  # fmt: skip


def test_a_waiver_leaves_the_finding_and_lifts_the_verdict() -> None:
    new = proto("message M { bytes x = 2; int64 y = 3; }")
    waiver = Waiver("FIELD_SAME_TYPE", "shop.M.x", "nobody builds with it", "ann")
    before = check(new, V1, "BACKWARD", levels=("source",))
    after = check(new, V1, "BACKWARD", levels=("source",), waivers=(waiver,))
    assert verdict(before)["source"] is False
    assert verdict(after)["source"] is True
    assert [one.waived for one in after] == ["nobody builds with it (ann)"]


def test_what_is_renamed_at_source_is_one_finding() -> None:
    new = proto("message M { string title = 2; }")
    found = check(new, V1, "BACKWARD")
    assert sorted((one.level, one.rule) for one in found) == [
        ("json", "FIELD_SAME_JSON_NAME"), ("source", "FIELD_SAME_NAME"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("message A {} message B {}", "message A {}", "MESSAGE_NO_DELETE"),
        ("enum E { A = 0; } message M {}", "message M {}", "ENUM_NO_DELETE"),
        ("enum E { A = 0; B = 1; }", "enum E { A = 0; }", "ENUM_VALUE_NO_DELETE"),
        ("enum E { A = 0; B = 1; }", "enum E { A = 0; C = 1; }", "ENUM_VALUE_SAME_NAME"),
        ("message M { int32 a = 1; }", "message M { optional int32 a = 1; }",
         "FIELD_SAME_CARDINALITY"),
        ("message M { oneof o { int32 a = 1; } }", "message M { oneof p { int32 a = 1; } }",
         "ONEOF_NO_DELETE"),
        ("message M {} service S { rpc A(M) returns (M); }", "message M {}", "SERVICE_NO_DELETE"),
        ("message M {} service S { rpc A(M) returns (M); }", "message M {} service S {}",
         "RPC_NO_DELETE"),
        ("message M {} service S { rpc A(M) returns (M); }",
         "message M {} service S { rpc A(stream M) returns (M); }", "RPC_SAME_CLIENT_STREAMING"),
        ('option java_package = "a";', 'option java_package = "b";', "FILE_SAME_JAVA_PACKAGE"),
        ("message M { int64 a = 1; }", "message M { int64 a = 1 [jstype = JS_STRING]; }",
         "FIELD_SAME_JSTYPE"),
    ],
)  # fmt: skip
def test_generated_code(old: str, new: str, rule: str) -> None:
    before, after = proto(old), proto(new)
    assert rule in {one.rule for one in check(after, before, levels=("source",))}
    assert rule not in {one.rule for one in check(after, after, levels=("source",))}


def test_a_default_and_a_closed_enum_are_told_apart_by_feature() -> None:
    head = 'edition = "2023"; package shop;'
    old = proto("message M { int32 a = 1 [default = 1]; } enum E { A = 0; }", head)
    new = proto(
        "message M { int32 a = 1 [default = 2]; }"
        " enum E { option features.enum_type = CLOSED; A = 0; }",
        head,
    )
    found = check(new, old, "BACKWARD", levels=("wire", "source"))
    assert {(one.rule, one.level, one.severity) for one in found} == {
        ("ENUM_SAME_TYPE", "wire", "lossy"), ("ENUM_SAME_TYPE", "source", "error"),
        ("FIELD_SAME_DEFAULT", "source", "lossy"),
    }  # fmt: skip


def test_wrong_words_are_refused() -> None:
    with pytest.raises(MalformedError, match="no mode 'BACK'"):
        check(V1, V1, "BACK")  # type: ignore[arg-type]
    with pytest.raises(MalformedError, match="no level 'tables'"):
        check(V1, V1, levels=("tables",))  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="no engine 'postgresql' whose tables change"):
        check(V1, V1, levels=("table",), engines=("postgresql",))
    with pytest.raises(NotFoundError, match="no policy"):
        check(V1, V1, policy="karapace")
    with pytest.raises(NotFoundError, match="no message"):
        check(V1, V1, message="Nothing")


def test_a_field_path_leads_from_the_checked_message() -> None:
    old = proto("message M { repeated L lines = 3; } message L { int64 count = 2; }")
    new = proto("message M { repeated L lines = 3; } message L { int32 count = 2; }")
    (found,) = check(new, old, "BACKWARD", levels=("wire",), message="M")
    assert (found.field_path, found.subject) == ((3, 2), "shop.L.count")
    waiver = Waiver("FIELD_WIRE_COMPATIBLE_TYPE", "3.2", "small numbers", "ann", level="wire")
    (waived,) = check(new, old, "BACKWARD", levels=("wire",), message="M", waivers=(waiver,))
    assert waived.waived


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [
        ("reserved 2 to 9;", "reserved 2 to 5, 6 to 9;", None),
        ("reserved 2 to 9;", "reserved 1 to 20;", None),
        ("reserved 2 to 9;", "reserved 3 to 5, 8;", "reserved 2, 6 to 7, 9"),
        ("reserved 2;", "int32 x = 2;", "reserved 2"),
        ('reserved "a", "b";', 'reserved "a";', "reserved b"),
        ("int32 x = 2;", "reserved 2;", None),
    ],
)
def test_a_reservation_may_be_split_but_not_shrink(old: str, new: str, gone: str | None) -> None:
    before, after = proto(f"message M {{ {old} }}"), proto(f"message M {{ {new} }}")
    found = [one for one in check(after, before) if one.rule == "RESERVED_MESSAGE_NO_DELETE"]
    assert [one.old for one in found] == ([gone] if gone else [])
    assert all(one.severity == "safe" for one in found)


def test_a_difference_also_says_what_is_new() -> None:
    service = "service S { rpc A(M) returns (M); }"
    old = proto(f"message M {{}} {service}")
    new = proto(
        "message M {} message N {} enum E { Z = 0; } service T {}"
        "service S { rpc A(M) returns (M); rpc B(M) returns (M); }"
    )
    found = diff(new, old)
    assert {(one.rule, one.subject, one.severity) for one in found} == {
        ("MESSAGE_ADDED", "shop.N", "safe"), ("ENUM_ADDED", "shop.E", "safe"),
        ("SERVICE_ADDED", "shop.T", "safe"), ("RPC_ADDED", "shop.S.B", "safe"),
    }  # fmt: skip
    assert {one.place.partition(":")[0] for one in found} == {"shop.proto"}
    assert diff(new, new) == []


def test_bufs_policy_has_categories_and_a_configuration() -> None:
    new = proto("message M { string title = 2; }")

    def rules(**more: object) -> set[str]:
        return {one.rule for one in check(new, V1, "BACKWARD", policy="buf", **more)}  # type: ignore[arg-type]

    assert rules() == {"FIELD_SAME_NAME", "FIELD_SAME_JSON_NAME"}
    assert rules(categories=("WIRE",)) == set()
    settings = "version: v2\nbreaking:\n  except: [FIELD_SAME_NAME]\n"
    assert rules(config=BufConfig.from_yaml(settings)) == {"FIELD_SAME_JSON_NAME"}
    only = {"ignore_only": {"FIELD_SAME_JSON_NAME": ["shop.proto"]}}
    assert rules(config=BufConfig.of(only)) == {"FIELD_SAME_NAME"}
    assert rules(config=BufConfig.of({"use": ["WIRE"]})) == set()


def test_an_old_message_needs_the_new_one() -> None:
    with pytest.raises(MalformedError, match="without the new one"):
        check(V2, V1, old_message="shop.M")
    with pytest.raises(MalformedError, match="2 old messages are given for 1 versions"):
        check(V2, V1, message="M", old_message=["shop.M", "shop.N"])
