"""Every rule, in the order in which the documentation lists them."""

from types import ModuleType

from protolith.lint import attributes, column_types, descriptions, losses, names, tables
from protolith.lint.findings import FieldRule, Rule, TableRule


def _rules_in(module: ModuleType) -> list[Rule]:
    return [value for value in vars(module).values() if isinstance(value, Rule)]


RULES: tuple[Rule, ...] = tuple(
    rule
    for module in (tables, names, column_types, losses, descriptions, attributes)
    for rule in _rules_in(module)
)
TABLE_RULES = tuple(rule for rule in RULES if isinstance(rule, TableRule))
COLUMN_RULES = tuple(r for r in RULES if isinstance(r, FieldRule) and r.of != "dropped")
DROPPED_RULES = tuple(r for r in RULES if isinstance(r, FieldRule) and r.of != "column")
IGNORED_RULES = tuple(r for r in RULES if isinstance(r, FieldRule) and r.of == "both")
