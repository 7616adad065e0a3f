"""Live databases. Each driver is imported when its engine is first opened."""

from importlib import import_module
from pathlib import Path

from protolith.engines.base import Engine
from protolith.engines.drift import Difference, Drift, LiveColumn
from protolith.engines.settings import setting_of
from protolith.errors import EngineUnavailableError, NotFoundError, quoted

__all__ = ["NAMES", "Difference", "Drift", "Engine", "LiveColumn", "check_name", "open_engine"]

NAMES = ("duckdb", "clickhouse")


def check_name(name: str) -> None:
    """Raise `NotFoundError` unless there is an engine of that name."""
    if name not in NAMES:
        raise NotFoundError(f"no engine {quoted(name)}", hint=f"one of {', '.join(NAMES)}")


def open_engine(name: str, home: Path) -> Engine:
    """Open the engine of that name: where the environment says, else under `home`."""
    check_name(name)
    try:
        module = import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        raise EngineUnavailableError(
            f"the driver of {name} is not installed ({error.name})",
            hint=f"pip install 'protolith[{name}]'",
        ) from None
    opened: Engine = module.connect(home, setting_of(name))
    return opened
