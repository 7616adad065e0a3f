"""Where an engine is, if not embedded under the data directory."""

import os

VARIABLES = {"duckdb": "PROTOLITH_DUCKDB"}
"""The environment variable of each engine that can be elsewhere."""


def setting_of(name: str) -> str | None:
    """Where the environment says that an engine is; None is under the data directory."""
    variable = VARIABLES.get(name)
    return (os.environ.get(variable) or None) if variable else None
