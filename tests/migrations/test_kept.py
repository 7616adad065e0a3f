"""Columns that a migration kept: shown, and no difference."""

import json
import sys

import pytest
from fastapi.testclient import TestClient

from protolith import ConflictError, SchemaRegistry
from protolith.cli import main
from protolith.engines import EMBEDDED
from protolith.web.app import create_app

ONE = """
syntax = "proto3";
message Order {
  int32 id = 1; string gone = 6; repeated string tags = 7; Inner in = 3; map<string, Inner> by = 4;
  message Inner { int32 a = 1; string old = 3; }
}
"""
TWO = """
syntax = "proto3";
message Order {
  int32 id = 1; Inner in = 3; map<string, Inner> by = 4; string more = 8;
  message Inner { int32 a = 1; string b = 2; }
}
"""
NAME = "bigquery_lite.orders"
KEPT = {("gone", "kept"), ("tags", "kept"), ("in.old", "kept"), ("by.old", "kept")}


@pytest.fixture(params=EMBEDDED)
def engine(request: pytest.FixtureRequest, registry: SchemaRegistry) -> str:
    registry.create_table(registry.register_schema(ONE, "orders"), request.param)
    registry.migrate(registry.register_schema(TWO, "orders"), request.param)
    return str(request.param)


def _doctor(registry: SchemaRegistry) -> str:
    (found,) = registry.diagnose()
    return found.state


def test_they_are_no_difference_and_nothing_drops_them(
    registry: SchemaRegistry, engine: str
) -> None:
    found = registry.drift(NAME, engine)
    assert {(d.column, d.kind) for d in found.differences} == KEPT
    assert all(d.harmless and "was kept" in str(d) for d in found.differences)
    assert (found.differs, found.mend, _doctor(registry)) == (False, (), "fine")
    assert not registry.create_table(NAME, engine).created


def test_an_extra_column_of_no_version_is_dropped_beside_them(
    registry: SchemaRegistry, engine: str
) -> None:
    live = registry.engine(engine)
    text = "Nullable(String)" if engine == "clickhouse" else "VARCHAR"
    live.run([f"ALTER TABLE {NAME} ADD COLUMN mine {text}", f"ALTER TABLE {NAME} DROP COLUMN more"])
    if engine == "duckdb":
        live.run([f'ALTER TABLE {NAME} ADD COLUMN "in".mine VARCHAR'])
    found = registry.drift(NAME, engine)
    others = {(d.column, d.kind) for d in found.differences} - KEPT
    assert others >= {("mine", "extra"), ("more", "missing")}
    assert (("in.mine", "extra") in others) == (engine == "duckdb")
    assert (found.differs, _doctor(registry)) == (True, "differs")
    with pytest.raises(ConflictError, match="is another one") as caught:
        registry.create_table(NAME, engine)
    assert {d.field_path for d in caught.value.details}.isdisjoint(name for name, _ in KEPT)
    for step in found.mend:
        live.run(step.statements)
    left = registry.drift(NAME, engine)
    assert {(d.column, d.kind) for d in left.differences if d.kind != "order"} == KEPT
    assert _doctor(registry) == "fine"


def test_one_that_refuses_null_keeps_rows_from_being_loaded(registry: SchemaRegistry) -> None:
    registry.create_table(registry.register_schema(ONE, "orders"), "duckdb")
    registry.migrate(registry.register_schema(TWO, "orders"), "duckdb")
    registry.engine("duckdb").run([f"ALTER TABLE {NAME} ALTER COLUMN gone SET NOT NULL"])
    (found,) = (d for d in registry.drift(NAME, "duckdb").differences if d.column == "gone")
    assert (found.kind, found.harmless, _doctor(registry)) == ("extra", False, "differs")


def test_those_of_a_deleted_version_stay_what_they_are(
    registry: SchemaRegistry, engine: str
) -> None:
    registry.delete_schema(f"{NAME}@1")
    assert not registry.drift(NAME, engine).differs
    registry.delete_schema(f"{NAME}@1", for_good=True)
    assert {(d.column, d.kind) for d in registry.drift(NAME, engine).differences} == {
        (name, "extra") for name, _ in KEPT
    }


def test_they_are_dropped_when_that_is_asked_for(registry: SchemaRegistry, engine: str) -> None:
    registry.migrate(NAME, engine, drop_columns=True, allow_lossy=True)
    assert [d for d in registry.drift(NAME, engine).differences if d.kind != "order"] == []


def test_the_command_and_rest_say_so(
    registry: SchemaRegistry,
    engine: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = registry.home
    registry.close()
    for words in (["drift", NAME], ["doctor"]):
        monkeypatch.setattr(sys, "argv", ["protolith", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "no drift" in said
    assert "gone: was kept: this version does not have it" in said
    with TestClient(create_app(home)) as client:
        answer = client.get(f"/deployments/{NAME}:{engine}/drift")
    found = json.loads(answer.text)
    assert {(d["column"], d["kind"]) for d in found["differences"]} == KEPT
    assert found["mend"] == []
