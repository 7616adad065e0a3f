"""What new versions must keep to: `protolith subject mode`."""

from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from protolith.cli.output import OUTPUT
from protolith.compatibility.findings import Mode
from protolith.errors import MalformedError
from protolith.registry import SchemaRegistry

Counting: TypeAlias = Literal["wire", "json", "table"]
_ALL = "all"


def mode(
    subject: str = _ALL,
    mode: Mode | None = None,
    *,
    levels: Annotated[list[Counting] | None, Parameter(negative="", consume_multiple=True)] = None,
    policy: str | None = None,
    inherit: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Show what new versions of a subject must keep to, or with a mode, say it.

    Parameters
    ----------
    subject: str
        database.table, or all: the default of every subject that says nothing itself.
    mode: Mode | None
        NONE, BACKWARD (new reads old), FORWARD or FULL; with _TRANSITIVE against every version.
    levels: list[Counting] | None
        Which levels count, of wire, json and table (the tables in engines); wire if not given.
    policy: str | None
        Let another tool's rules, such as confluent, count instead of the levels.
    inherit: bool
        Forget what was said: the default counts again.
    """
    if mode is None and (levels or policy):
        raise MalformedError("levels and a policy are said with a mode", hint="such as BACKWARD")
    if mode is not None and inherit:
        raise MalformedError("a mode is said, or inherited", hint="leave one out")
    name = None if subject == _ALL else subject
    with SchemaRegistry(OUTPUT.home) as registry:
        if mode is None and not inherit:
            found = registry.get_compatibility(name)
        else:
            about = tuple(levels or ("wire",))
            found = registry.set_compatibility(name, mode, levels=about, policy=policy)
    counts = f"policy {found.policy}" if found.policy else f"levels {', '.join(found.levels)}"
    inherited = ", inherited" if found.inherited else ""
    OUTPUT.value(found, f"{found.subject or _ALL}  {found.mode}  ({counts}{inherited})")
