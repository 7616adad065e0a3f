"""Where tables are, and whether they still are what the registry believes."""

from dataclasses import dataclass
from datetime import datetime

from protolith.engines import NAMES, Drift, Engine
from protolith.errors import NotFoundError, quoted
from protolith.store import Deployment
from protolith.tables import Table


@dataclass(frozen=True, slots=True)
class DeployedTable:
    """A version's table in an engine; `deployment_id` is `database.table:engine` for good."""

    deployment_id: str
    subject: str
    engine: str
    version: int
    created: bool
    layout: str
    created_at: datetime


def deployed(subject: str, deployment: Deployment) -> DeployedTable:
    """A kept deployment as an answer."""
    return DeployedTable(
        deployment_id=f"{subject}:{deployment.engine}",
        subject=subject,
        engine=deployment.engine,
        version=deployment.version,
        created=deployment.created,
        layout=deployment.layout,
        created_at=deployment.created_at,
    )


def split_id(deployment_id: str) -> tuple[str, str]:
    """The subject and the engine of a deployment id, or `NotFoundError`."""
    subject, colon, engine = deployment_id.rpartition(":")
    if not colon or engine not in NAMES:
        raise NotFoundError(
            f"no deployment {quoted(deployment_id)}",
            hint="database.table:engine, such as a.b:duckdb",
        )
    return subject, engine


def drift_of(table: Table, live: Engine, version: int) -> Drift:
    """What differs between a deployment's table and the live one."""
    name = f"{table.database}.{table.name}:{live.name}"
    exists = bool(live.columns(table.database, table.name))
    found = live.drift(table) if exists else ()
    mend = () if exists and not found else tuple(live.mend(table))
    return Drift(name, version, exists, found, mend)
