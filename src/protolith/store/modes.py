"""What is said about the compatibility of versions: modes, and waivers beside a version."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from protolith.errors import NotFoundError, quoted
from protolith.store import audit, scopes
from protolith.store.tables import MODES, SCHEMAS, VERSIONS, WAIVERS
from protolith.store.values import KeptMode, KeptWaiver

EVERYWHERE = ""
"""The subject under which the mode of all other subjects is kept."""

NOTHING_KEPT = KeptMode("NONE", ("wire",))

_MODE = (
    select(MODES)
    .where((MODES.c.subject == bindparam("subject")) | (MODES.c.subject == EVERYWHERE))
    .order_by(MODES.c.subject == EVERYWHERE)
    .limit(1)
)
_LIVE = select(SCHEMAS.c.latest_version).where(SCHEMAS.c.schema_id == bindparam("subject"))
_WAIVERS = (
    select(VERSIONS.c.version, WAIVERS)
    .join(VERSIONS, VERSIONS.c.version_id == WAIVERS.c.version_id)
    .where(VERSIONS.c.schema_id == bindparam("subject"))
    .order_by(VERSIONS.c.version, WAIVERS.c.position)
)


def read_mode(connection: Connection, subject: str) -> tuple[bool, KeptMode]:
    """What is kept for a subject and true, or what it inherits and false."""
    row = connection.execute(_MODE, {"subject": subject}).first()
    if row is not None and row.subject == subject:
        return True, _kept(row)
    settings = scopes.read_nearest(connection, "config", subject or scopes.EVERYTHING)
    found = next(((scope, one) for scope, one in settings if one.get("compatibility")), None)
    if found is not None:
        return found[0] == (subject or scopes.EVERYTHING), _configured(found[1])
    return False, NOTHING_KEPT if row is None else _kept(row)


def _kept(row: Any) -> KeptMode:
    return KeptMode(row.mode, tuple(row.levels.split(",")), row.policy)


def _configured(setting: Mapping[str, Any]) -> KeptMode:
    """What a client of Kafka's set: a level as Confluent means it, unless it says otherwise."""
    ours = setting.get("protolith") or {}
    levels = tuple(ours.get("levels") or NOTHING_KEPT.levels)
    return KeptMode(setting["compatibility"], levels, ours.get("policy", "confluent"))


def has_mode(connection: Connection, subject: str) -> bool:
    """Whether a subject has a mode of its own in this table."""
    row = connection.execute(_MODE, {"subject": subject}).first()
    return row is not None and row.subject == subject


def keep_mode(connection: Connection, subject: str, kept: KeptMode | None) -> None:
    """Keep a subject's mode instead of any other; None forgets it, whoever set it."""
    live = connection.execute(_LIVE, {"subject": subject}).scalar()
    if subject != EVERYWHERE and not live and kept is not None:
        raise NotFoundError(f"no schema {quoted(subject)}", hint="protolith subject list --deleted")
    connection.execute(delete(MODES).where(MODES.c.subject == subject))
    if kept is None:
        scopes.forget_level(connection, subject or scopes.EVERYTHING)
    else:
        row = asdict(kept) | {"subject": subject, "levels": ",".join(kept.levels)}
        connection.execute(insert(MODES), row)
    audit.record(connection, "mode", subject or "*", **(asdict(kept) if kept else {"mode": None}))


def read_waivers(connection: Connection, subject: str) -> dict[int, list[KeptWaiver]]:
    """The waivers beside the versions of a subject, by the version's number."""
    found: dict[int, list[KeptWaiver]] = {}
    for row in connection.execute(_WAIVERS, {"subject": subject}):
        kept = KeptWaiver(row.rule, row.subject, row.reason, row.who)
        found.setdefault(row.version, []).append(kept)
    return found


def keep_waivers(connection: Connection, version_id: str, waivers: Sequence[KeptWaiver]) -> None:
    """Keep waivers beside a version."""
    rows = [
        asdict(waiver) | {"version_id": version_id, "position": position}
        for position, waiver in enumerate(waivers)
    ]
    if rows:
        connection.execute(insert(WAIVERS), rows)
