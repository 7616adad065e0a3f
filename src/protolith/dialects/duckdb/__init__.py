"""DuckDB."""

from protolith.dialects.duckdb.sql import DIALECT, DuckDB

__all__ = ["DIALECT", "DuckDB"]
