"""Random tables that became others are mended by exactly what is reported."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import event, given, settings

from migrations.tables import pairs
from protolith.engines import EMBEDDED, Engine, open_engine
from protolith.tables import Table


@pytest.fixture(scope="module", params=EMBEDDED)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    opened = open_engine(request.param, tmp_path_factory.mktemp("engine"))
    yield opened
    opened.close()


@given(pair=pairs())
@settings(max_examples=int(os.environ.get("PROTOLITH_EXAMPLES", "25")))
def test_random_tables_are_mended(engine: Engine, pair: tuple[Table, Table]) -> None:
    live, wanted = pair
    engine.run([f"DROP TABLE IF EXISTS d.{name}" for name in ("t", "t__before")])
    engine.create(live)
    steps = engine.mend(wanted)
    event(", ".join(sorted({step.outcome for step in steps})))
    for step in steps:
        engine.run(step.statements)
    stay = tuple(f"{step.field_path}." for step in steps if step.outcome == "impossible")
    left = [d for d in engine.compare(wanted) if d.kind != "order"]
    assert all(f"{d.column}.".startswith(stay) for d in left)
