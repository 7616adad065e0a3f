"""ClickHouse."""

from protolith.dialects.clickhouse.sql import DIALECT, ClickHouse

__all__ = ["DIALECT", "ClickHouse"]
