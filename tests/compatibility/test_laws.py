"""What holds for every two schemas, drawn by Hypothesis."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from compatibility.schemas import CHANGES, STARTS, Change, Schema, _valid, fitting
from compatibility.truth import witness
from protolith import DescriptorSet, Finding, check

some = settings(max_examples=60)


@st.composite
def histories(draw: st.DrawFn, length: int = 2) -> list[Schema]:
    """A schema, and versions of it with one to three changes each."""
    versions = [draw(st.sampled_from(STARTS))]
    changes: st.SearchStrategy[Change] = st.sampled_from(list(CHANGES.values()))
    while len(versions) < length:
        schema = versions[-1]
        for change in draw(st.lists(changes, min_size=1, max_size=3)):
            try:
                changed = fitting(change(schema))
            except (ValueError, IndexError):
                continue
            schema = changed if _valid(changed) else schema
        versions.append(schema)
    return versions


def compiled(schemas: list[Schema]) -> list[DescriptorSet]:
    return [schema.compiled() for schema in schemas]


def facts(findings: list[Finding]) -> set[tuple[object, ...]]:
    return {(one.rule, one.level, one.severity, one.subject, one.why) for one in findings}


def wire(new: DescriptorSet, old: DescriptorSet, mode: str) -> list[Finding]:
    return check(new, old, mode, levels=("wire", "json"))  # type: ignore[arg-type]


@some
@given(histories())
def test_what_is_called_safe_survives(schemas: list[Schema]) -> None:
    old, new = compiled(schemas)
    for level in ("wire", "json"):
        found = check(new, old, "FULL", levels=(level,), message="t.M")  # type: ignore[arg-type]
        bad = {one.direction for one in found if one.severity != "safe"}
        assert ("backward" in bad) == bool(witness(old, new, level))
        assert ("forward" in bad) == bool(witness(new, old, level))


@some
@given(histories(1))
def test_a_schema_is_compatible_with_itself(schemas: list[Schema]) -> None:
    (only,) = compiled(schemas)
    assert check(only, only) == []
    assert check(only, [schemas[0].compiled()]) == []


@some
@given(histories())
def test_full_is_backward_and_forward(schemas: list[Schema]) -> None:
    old, new = compiled(schemas)
    both = {*check(new, old, "BACKWARD"), *check(new, old, "FORWARD")}
    assert {*check(new, old, "FULL")} == both


@some
@given(histories())
def test_forward_is_backward_the_other_way_round(schemas: list[Schema]) -> None:
    old, new = compiled(schemas)
    assert facts(wire(new, old, "BACKWARD")) == facts(wire(old, new, "FORWARD"))


@some
@given(histories(4))
def test_transitive_is_every_version_together(schemas: list[Schema]) -> None:
    *history, new = compiled(schemas)
    whole = check(new, history, levels=("wire", "json", "source"))
    single = [check(new, version) for version in history]
    apart = {
        replace(one, against=number)
        for number, findings in enumerate(single, 1)
        for one in findings
    }
    assert {one for one in whole if one.rule != "FIELD_NUMBER_NOT_REUSED"} == apart


@some
@given(histories(), st.randoms())
def test_order_is_free(schemas: list[Schema], random: object) -> None:
    old, new = schemas
    mixed = replace(new, fields=tuple(random.sample(new.fields, len(new.fields))))  # type: ignore[attr-defined]
    told = facts(wire(new.compiled(), old.compiled(), "FULL"))
    again = facts(wire(mixed.compiled(), old.compiled(), "FULL"))
    assert {fact[:4] for fact in told} == {fact[:4] for fact in again}


@some
@given(histories(1))
def test_another_name_for_a_message_is_safe_on_the_wire(schemas: list[Schema]) -> None:
    (old,) = schemas
    fields = tuple(
        replace(field, type_name=".t.Other") if field.kind == "message" and not field.type_name
        else field
        for field in old.fields
    )  # fmt: skip
    found = check(replace(old, fields=fields).compiled(), old.compiled(), levels=("wire",))
    assert found
    assert {one.severity for one in found} == {"safe"}
