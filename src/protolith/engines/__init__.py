"""Live databases. Each driver is imported when its engine is first opened."""

from importlib import import_module
from pathlib import Path

from protolith.engines.base import Engine, LiveColumn
from protolith.errors import EngineUnavailableError, NotFoundError

__all__ = ["NAMES", "Engine", "LiveColumn", "open_engine"]

NAMES = ("duckdb", "clickhouse")


def open_engine(name: str, home: Path) -> Engine:
    """Open the embedded engine of that name under the data directory `home`."""
    if name not in NAMES:
        raise NotFoundError(f"no engine {name!r}", hint=f"one of {', '.join(NAMES)}")
    try:
        module = import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        raise EngineUnavailableError(
            f"the driver of {name} is not installed ({error.name})",
            hint=f"pip install 'protolith[{name}]'",
        ) from None
    opened: Engine = module.connect(home)
    return opened
