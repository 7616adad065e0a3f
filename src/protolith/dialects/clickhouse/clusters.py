"""Where a statement of ClickHouse is run."""

from protolith.dialects.base import Dialect
from protolith.tables import Table


def on_cluster(dialect: Dialect, table: Table) -> str:
    """What goes after the name of whatever is created or changed."""
    cluster = table.stored_in(dialect.name).cluster
    return f" ON CLUSTER {dialect.literal(cluster)}" if cluster else ""
