"""Rules about the names and modes of columns."""

import re

from protolith.dialects.bigquery.googlesql import RESERVED_PREFIXES
from protolith.errors import quoted
from protolith.lint.findings import Said, column_rule
from protolith.lint.tree import Field
from protolith.tables import MAX_NAME

_MODES = ("NULLABLE", "REQUIRED", "REPEATED")


@column_rule("error")
def column_name_characters(part: Field) -> Said | None:
    """A column's name has only letters, digits and `_`, and starts with a letter or `_`."""
    name = part.node.name
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return None
    if not name:
        return "the column has an empty name, which BigQuery refuses", part.rename
    text = (
        f"BigQuery refuses {quoted(name)} as a column's name, or takes it only in some interfaces"
    )
    return text, part.rename


@column_rule("error")
def column_name_length(part: Field) -> Said | None:
    """A column's name has at most 300 characters."""
    length = len(part.node.name)
    if length <= MAX_NAME:
        return None
    return f"the column's name has {length} characters; BigQuery takes {MAX_NAME}", part.rename


@column_rule("error")
def column_name_reserved_prefix(part: Field) -> Said | None:
    """A column's name does not start with a prefix that BigQuery keeps for itself, in any case."""
    name = part.node.name.lower()
    prefix = next((prefix for prefix in RESERVED_PREFIXES if name.startswith(prefix)), None)
    if prefix is None:
        return None
    return f"BigQuery refuses names that start with {prefix.upper()}, in any case", part.rename


@column_rule("error")
def column_name_duplicate(part: Field) -> Said | None:
    """No two columns of one record have names that differ at most in case."""
    other = part.record.names[part.node.name.lower()]
    if other is part:
        return None
    text = f"{other.path} has this name as well: BigQuery ignores case and refuses the second"
    return text, part.rename


@column_rule("error")
def unknown_mode(part: Field) -> Said | None:
    """A column's mode is NULLABLE, REQUIRED or REPEATED."""
    if part.node.mode in _MODES:
        return None
    text = f"the mode {quoted(part.node.mode)} is written as it is, and BigQuery refuses it"
    return text, f"in the option extra_fields a mode is one of {', '.join(_MODES)}"
