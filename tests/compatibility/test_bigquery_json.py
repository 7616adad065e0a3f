from typing import Any

from protolith import compare_schemas


def field(name: str, type_: str = "STRING", mode: str = "NULLABLE", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, "mode": mode, **more}


def issues(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = compare_schemas(old, new)
    assert answer["is_compatible"] == (not answer["issues"])
    assert all(issue["severity"] == "BREAKING" for issue in answer["issues"])
    return [{k: v for k, v in issue.items() if k != "severity"} for issue in answer["issues"]]


def test_what_breaks_nothing() -> None:
    old = [field("a"), field("b", "INTEGER", "REQUIRED")]
    new = [field("a", description="new"), field("b", "INT64"), field("c", mode="REPEATED")]
    assert issues(old, new) == []


def test_removals_name_every_field_once() -> None:
    old = [field("a"), field("r", "RECORD", fields=[field("x"), field("y")]), field("b")]
    new = [field("r", "RECORD", fields=[field("y")])]
    assert issues(old, new) == [{"type": "FIELD_REMOVAL", "fields": ["a", "r.x", "b"]}]
    assert issues(old, [field("a"), field("b")]) == [{"type": "FIELD_REMOVAL", "fields": ["r"]}]


def test_types_and_modes() -> None:
    old = [field("a", "INTEGER"), field("r", "RECORD", fields=[field("x")]), field("m")]
    new = [
        field("a", "FLOAT"),
        field("r", "RECORD", fields=[field("x", mode="REPEATED")]),
        field("m", mode="REQUIRED"),
    ]
    assert issues(old, new) == [
        {"type": "TYPE_CHANGE", "field": "a", "old_type": "INTEGER", "new_type": "FLOAT"},
        {"type": "MODE_CHANGE", "field": "r.x", "old_mode": "NULLABLE", "new_mode": "REPEATED"},
        {"type": "MODE_CHANGE", "field": "m", "old_mode": "NULLABLE", "new_mode": "REQUIRED"},
    ]


def test_a_new_required_field_breaks_unless_its_record_is_new_too() -> None:
    required = field("x", mode="REQUIRED")
    new = [field("a"), required, field("r", "RECORD", fields=[required])]
    assert issues([field("a")], new) == [{"type": "REQUIRED_FIELD_ADDED", "field": "x"}]
