"""What has to be done in an engine so that a table becomes another one."""

from protolith.dialects.alteration import Check, Outcome, Risk, Step
from protolith.migrations.planning import keeping, plan
from protolith.migrations.values import Migration, PlannedStep, planned_step

__all__ = [
    "Check",
    "Migration",
    "Outcome",
    "PlannedStep",
    "Risk",
    "Step",
    "keeping",
    "plan",
    "planned_step",
]
