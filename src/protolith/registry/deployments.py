"""Where tables are, and whether they still are what the registry believes."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from protolith.engines import NAMES, Drift, Engine, Former
from protolith.errors import NotFoundError, SchemaRegistryError, quoted
from protolith.layout import Layout
from protolith.registry.judging import Known
from protolith.store import Deployment, Store
from protolith.tables import Table, walk


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


def former_columns(store: Store, subject: str, live: Engine, layout: Layout) -> Former:
    """Says, when asked, which columns the versions of a subject have, softly deleted ones too."""

    def names() -> set[str]:
        found: set[str] = set()
        for line in store.history(subject, deleted=True):
            # One may be gone since, or have no table in this layout.
            with suppress(SchemaRegistryError):
                version = store.find_exactly(subject, line.version, deleted=True)
                table = Known.of(version, version.version).laid_out(layout)
                found |= {name for name, _ in walk(live.dialect.stored(table).columns)}
        return found

    return names


def drift_of(table: Table, live: Engine, version: int, former: Former) -> Drift:
    """What differs between a deployment's table and the live one."""
    name = f"{table.database}.{table.name}:{live.name}"
    exists = bool(live.columns(table.database, table.name))
    found = live.drift(table, former) if exists else ()
    mend = () if exists and not found else tuple(live.mend(table, former))
    return Drift(name, version, exists, found, mend)
