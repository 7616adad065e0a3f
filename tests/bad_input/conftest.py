"""One fixture for each way in; around every test it compares all there is, before and after."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bad_input.ways import Command, Python, Rest, Way
from bad_input.worlds import World, furnish, unchanged
from protolith.web.app import create_app

FIXTURES = {"way", "rest", "python", "command", "closed_world", "clickhouse_world"}


@pytest.fixture(autouse=True)
def _own_folders(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporary files go where nobody else's are; and no test here goes without the comparison."""
    assert FIXTURES & set(request.fixturenames)
    for name in ("temporary", "here", "input"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("furnished") / "home"
    furnish(home)
    return home


@pytest.fixture(scope="session")
def served(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server, whose registry is also the one that is asked in Python."""
    home = shutil.copytree(furnished, tmp_path_factory.mktemp("served") / "home")
    with TestClient(create_app(home)) as client:
        yield client


@pytest.fixture(scope="session")
def kept(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that nobody has open, for commands."""
    return shutil.copytree(furnished, tmp_path_factory.mktemp("kept") / "home")


@pytest.fixture
def closed_world(kept: Path, _own_folders: None) -> Iterator[World]:
    world = World(kept)
    with unchanged(world):
        yield world


@pytest.fixture
def open_world(served: TestClient, _own_folders: None) -> Iterator[World]:
    registry = served.app.state.registry  # type: ignore[attr-defined]
    world = World(registry.home, registry)
    with unchanged(world):
        yield world


@pytest.fixture
def rest(served: TestClient, open_world: World) -> Rest:
    assert served.app.state.registry is open_world.registry  # type: ignore[attr-defined]
    return Rest(served)


@pytest.fixture
def python(open_world: World, tmp_path: Path) -> Python:
    assert open_world.registry is not None
    return Python(open_world.registry, tmp_path / "input")


@pytest.fixture
def command(
    closed_world: World,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],  # ClickHouse writes past Python
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    return Command(closed_world.home, tmp_path / "input", capfd, monkeypatch)


@pytest.fixture(params=["python", "rest", "command"])
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def clickhouse_world(tmp_path: Path, _own_folders: None) -> Iterator[World]:
    """A world with ClickHouse, which a process can have open in one directory at a time."""
    with TestClient(create_app(tmp_path / "clickhouse_home")) as client:
        registry = client.app.state.registry  # type: ignore[attr-defined]
        yield World(registry.home, registry)
