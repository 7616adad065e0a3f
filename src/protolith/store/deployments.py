"""Which version's table is in an engine, and what is about to become of it."""

import json
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from protolith.errors import BusyError, NotFoundError, quoted
from protolith.store import audit
from protolith.store.tables import DEPLOYMENTS
from protolith.store.values import Deployment

_KEY = (DEPLOYMENTS.c.schema_id == bindparam("subject")) & (
    DEPLOYMENTS.c.engine == bindparam("in_engine")
)
_INTENT = select(DEPLOYMENTS.c.intent).where(_KEY)


def keep(connection: Connection, *, subject: str, deployment: Deployment) -> None:
    """Keep a deployment instead of the one before, without any intent."""
    key = {"subject": subject, "in_engine": deployment.engine}
    values: dict[str, Any] = {
        "version": deployment.version,
        "table_created": deployment.created,
        "layout": deployment.layout,
        "intent": None,
    }
    if connection.execute(update(DEPLOYMENTS).where(_KEY).values(values), key).rowcount == 0:
        row = {"schema_id": subject, "engine": deployment.engine, **values}
        connection.execute(insert(DEPLOYMENTS), row | {"created_at": deployment.created_at})
    if deployment.created:  # an intention is not yet a change
        about = {"engine": deployment.engine, "layout": deployment.layout}
        audit.record(connection, "deploy", f"{subject}@{deployment.version}", **about)


def keep_intent(connection: Connection, *, subject: str, engine: str, intent: str | None) -> None:
    """Keep what a migration is about to do, and note it; None where it was given up."""
    key = {"subject": subject, "in_engine": engine}
    there = connection.execute(_INTENT, key).first()
    if there is None:
        raise NotFoundError(f"{quoted(subject)} has no table in {engine}")
    connection.execute(update(DEPLOYMENTS).where(_KEY).values(intent=intent), key)
    if intent is not None:
        audit.record(connection, "begin-migration", subject, engine=engine, **json.loads(intent))
    elif there.intent is not None:
        audit.record(connection, "give-up-migration", subject, engine=engine)


def drop(connection: Connection, *, subject: str, engine: str) -> None:
    """Forget a deployment that did not come about."""
    connection.execute(delete(DEPLOYMENTS).where(_KEY), {"subject": subject, "in_engine": engine})


def wanted_by(row: RowMapping) -> set[int]:
    """The numbers of the versions that a deployment is of, and is about to be of."""
    intent = row["intent"]
    return {row["version"], *([] if intent is None else [json.loads(intent)["version"]])}


def migrated_elsewhere(subject: str, engine: str) -> BusyError:
    """What is raised where another process moves tables of an engine."""
    return BusyError(f"{quoted(subject)} waits for another migration in {engine}", hint="try again")
