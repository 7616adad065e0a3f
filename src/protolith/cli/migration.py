"""The command that moves tables."""

from typing import Annotated

from cyclopts import Parameter

from protolith.cli import DONE, FINDINGS, LAYOUT_OPTIONS
from protolith.cli.layouts import chosen_layout
from protolith.cli.output import OUTPUT, step_lines
from protolith.cli.registry import open_registry
from protolith.layout import Choices
from protolith.registry import PlannedMigration


def migrate(
    subject: str,
    *,
    engine: str | None = None,
    apply: Annotated[bool, Parameter(negative="")] = False,
    allow_lossy: Annotated[bool, Parameter(negative="")] = False,
    drop_columns: Annotated[bool, Parameter(negative="")] = False,
    rebuild: Annotated[bool, Parameter(negative="")] = False,
    drop_kept: Annotated[bool, Parameter(negative="")] = False,
    layout: str | None = None,
    options: Annotated[Choices | None, LAYOUT_OPTIONS] = None,
) -> int:
    """Move a live table to a version, or show how; the exit code is 100 if it was not moved yet.

    Where it is interrupted, the same command goes on.

    Parameters
    ----------
    subject: str
        database.table (the latest version), database.table@3, or a schema id.
    engine: str | None
        duckdb, clickhouse or bigquery, if the table is in several.
    apply: bool
        Run the statements; without it they are shown.
    allow_lossy: bool
        Run steps that can lose values too.
    drop_columns: bool
        Drop the columns of fields that are gone; without it they stay.
    rebuild: bool
        Build the table anew where it has to be: every row is copied, and the old table is kept.
    drop_kept: bool
        Only drop the table that a rebuild has kept.
    layout: str | None
        Another layout to move to: a mapping file (.toml), a style, or options.
    """
    if drop_kept:
        return _drop_kept(subject, engine)
    with open_registry() as registry:
        planned = registry.migrate(
            subject,
            engine,
            apply=apply,
            allow_lossy=allow_lossy,
            drop_columns=drop_columns,
            rebuild=rebuild,
            layout=chosen_layout(layout, options),
        )
    OUTPUT.value(planned, "\n".join(_lines(planned)))
    return FINDINGS if planned.statements and not planned.applied else DONE


def _drop_kept(subject: str, engine: str | None) -> int:
    with open_registry() as registry:
        kept = registry.drop_kept(subject, engine)
    name = f"{kept.engine}: {kept.database_name}.{kept.table_name}"
    OUTPUT.value(kept, f"{name}: {'dropped' if kept.dropped else 'there is none'}")
    return DONE


def _lines(planned: PlannedMigration) -> list[str]:
    name = f"{planned.engine}: {planned.database_name}.{planned.table_name}"
    versions = f"version {planned.from_version} to {planned.version}"
    if not any(step.statements or step.outcome == "impossible" for step in planned.steps):
        return [f"{name}: {versions}: nothing to do"]
    verb = "moved from" if planned.applied else "would move from"
    lines = [f"{name}: {verb} {versions}, risk {planned.risk}"]
    if planned.rows is not None:
        lines.append(f"  at most {planned.rows} rows ({planned.size} bytes) are written again")
    if not planned.loads:
        lines.append("  no rows may be loaded meanwhile")
    lines += step_lines(planned.steps)
    if not planned.applied:
        anew = any(step.outcome == "rebuild" for step in planned.steps)
        lines.append(f"--apply{' --rebuild' if anew else ''} runs it")
    return lines
