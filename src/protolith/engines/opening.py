"""The engines by name, each opened when first asked for."""

from importlib import import_module
from pathlib import Path
from threading import Lock

from protolith.engines.base import Engine
from protolith.engines.settings import EngineSettings, Mode
from protolith.errors import EngineUnavailableError, NotFoundError, quoted

EMBEDDED = ("duckdb", "clickhouse")
"""The engines that need nothing but the data directory."""

NAMES = (*EMBEDDED, "bigquery")


def check_name(name: str) -> None:
    """Raise `NotFoundError` unless there is an engine of that name."""
    if name not in NAMES:
        raise NotFoundError(f"no engine {quoted(name)}", hint=f"one of {', '.join(NAMES)}")


def open_engine(name: str, home: Path, settings: EngineSettings | None = None) -> Engine:
    """Open the engine of that name: where the settings say, else under `home`.

    Without settings they are those of the environment.
    """
    check_name(name)
    settings = settings or EngineSettings.from_environment()
    if not settings.installed(name):
        raise _not_installed(name, "")
    try:
        module = import_module(f"protolith.engines.{name}")
    except ModuleNotFoundError as error:  # something that the driver itself needs
        raise _not_installed(name, f" ({error.name})") from None
    opened: Engine = module.connect(home, settings)
    return opened


def _not_installed(name: str, what: str) -> EngineUnavailableError:
    return EngineUnavailableError(
        f"the driver of {name} is not installed{what}", hint=f"pip install 'protolith[{name}]'"
    )


class Engines:
    """The engines of one registry, each opened once."""

    def __init__(self, home: Path, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings.from_environment()
        self._home = home
        self._open: dict[str, Engine] = {}
        self._opening = Lock()

    def open(self, name: str) -> Engine:
        """The engine of that name."""
        with self._opening:
            if name not in self._open:
                self._open[name] = open_engine(name, self._home, self.settings)
            return self._open[name]

    def get(self, name: str) -> Engine | None:
        """The engine of that name if it is open."""
        return self._open.get(name)

    def states(self) -> dict[str, tuple[bool, Mode]]:
        """Of each engine, whether its driver is installed and where it is; none is opened."""
        return {n: (self.settings.installed(n), self.settings.mode(n)) for n in NAMES}

    def close(self) -> None:
        """Close every engine that is open."""
        for engine in self._open.values():
            engine.close()
        self._open.clear()
