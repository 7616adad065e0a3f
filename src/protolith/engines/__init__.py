"""Live databases. Each driver is imported when its engine is first opened."""

from protolith.engines.base import Engine
from protolith.engines.difference import Difference
from protolith.engines.drift import Drift, Former
from protolith.engines.live import LiveColumn
from protolith.engines.loads import check_load_id
from protolith.engines.opening import EMBEDDED, NAMES, Engines, check_name, open_engine
from protolith.engines.settings import EngineSettings

__all__ = [
    "EMBEDDED",
    "NAMES",
    "Difference",
    "Drift",
    "Engine",
    "EngineSettings",
    "Engines",
    "Former",
    "LiveColumn",
    "check_load_id",
    "check_name",
    "open_engine",
]
