"""Routes about what a subject may become: modes, differences, waivers."""

from typing import Annotated

from fastapi import APIRouter, Query

from protolith.compatibility import SchemaDiff
from protolith.registry import CompatibilityMode, VersionWaiver
from protolith.web.access import needs
from protolith.web.api import ERRORS, Registry, work_in_thread
from protolith.web.bodies import SetCompatibility
from protolith.web.requests import StrictRoute

router = APIRouter(responses=ERRORS, route_class=StrictRoute)


@router.get("/compatibility", openapi_extra=needs("read"))
async def get_default_compatibility(registry: Registry) -> CompatibilityMode:
    """What new versions must keep to where their subject says nothing itself."""
    return await work_in_thread(registry.get_compatibility)


@router.put("/compatibility", openapi_extra=needs("admin", "*"))
async def set_default_compatibility(
    registry: Registry, body: SetCompatibility
) -> CompatibilityMode:
    """Say what new versions must keep to where their subject says nothing itself."""
    about = body.levels, body.policy
    return await work_in_thread(registry.set_compatibility, None, body.mode, *about)


@router.get("/subjects/{subject}/compatibility", openapi_extra=needs("read", "subject"))
async def get_compatibility(registry: Registry, subject: str) -> CompatibilityMode:
    """What new versions of a subject, `database.table`, must keep to."""
    return await work_in_thread(registry.get_compatibility, subject)


@router.put("/subjects/{subject}/compatibility", openapi_extra=needs("admin", "subject"))
async def set_compatibility(
    registry: Registry, subject: str, body: SetCompatibility
) -> CompatibilityMode:
    """Say what new versions of a subject must keep to; others are refused with INCOMPATIBLE."""
    about = body.levels, body.policy
    return await work_in_thread(registry.set_compatibility, subject, body.mode, *about)


@router.delete("/subjects/{subject}/compatibility", openapi_extra=needs("admin", "subject"))
async def reset_compatibility(registry: Registry, subject: str) -> CompatibilityMode:
    """Let a subject inherit the default again."""
    return await work_in_thread(registry.set_compatibility, subject, None)


@router.get("/subjects/{subject}/diff", openapi_extra=needs("read", "subject"))
async def get_diff(
    registry: Registry,
    subject: str,
    from_version: Annotated[int | None, Query(alias="from", ge=1)] = None,
    to_version: Annotated[int | None, Query(alias="to", ge=1)] = None,
) -> SchemaDiff:
    """What differs between two versions: every finding, worst first, and the text's difference.

    `to` is the latest version if not given, `from` the one before `to`.
    """
    return await work_in_thread(registry.diff, subject, from_version, to_version)


@router.get("/subjects/{subject}/waivers", openapi_extra=needs("read", "subject"))
async def list_waivers(registry: Registry, subject: str) -> list[VersionWaiver]:
    """The findings that were agreed to when versions were registered, by version."""
    return await work_in_thread(registry.waivers, subject)
