"""Rules about default values and policy tags."""

import re

from protolith.dialects.bigquery.defaults import SCALARS, find_default
from protolith.errors import quoted
from protolith.lint.findings import Said, column_rule
from protolith.lint.tree import Field

_TAG = r"projects/[^/,\s]+/locations/[^/,\s]+/taxonomies/[^/,\s]+/policyTags/[^/,\s]+"
_STANDARD = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
_DEFAULT = "(gen_bq_schema.bigquery).default_value_expression"


@column_rule("error")
def default_on_nested_field(part: Field) -> Said | None:
    """Only a column of the table itself has a default: BigQuery takes none inside a record."""
    if not part.node.default or part.record.owner is None:
        return None
    text = "BigQuery takes a default for a whole STRUCT, and none for a field inside it"
    return text, f"give the outermost field {_DEFAULT}"


@column_rule("error")
def default_expression(part: Field) -> Said | None:
    """A default is a literal or one of eight functions, and of the column's type."""
    expression = part.node.default
    if not expression or part.record.owner is not None:
        return None
    found = find_default(expression)
    if found is None:
        text = f"{quoted(expression)} is neither a literal nor a function that may be a default"
        return text, (
            "a literal, CURRENT_DATE, CURRENT_DATETIME, CURRENT_TIME, CURRENT_TIMESTAMP, "
            "GENERATE_UUID(), RAND(), SESSION_USER() or ST_GEOGPOINT(…)"
        )
    wanted = _wanted(part)
    if wanted in found.types or wanted not in (*SCALARS, "ARRAY"):
        return None
    shape = "a list without NULL" if wanted == "ARRAY" else f"a {wanted}"
    return f"the default {quoted(expression)} is not {shape}, and BigQuery refuses it", (
        f"change {_DEFAULT} or the column's type"
    )


@column_rule("error")
def policy_tag_on_record(part: Field) -> Said | None:
    """A RECORD has no policy tag: only a column inside it can have one."""
    if not part.node.policy_tags or not part.node.fields:
        return None
    text = "BigQuery refuses a policy tag on a RECORD"
    return text, "put the option policy_tags on the fields inside it"


@column_rule("error")
def policy_tag_name(part: Field) -> Said | None:
    """A policy tag is one resource name, projects/…/locations/…/taxonomies/…/policyTags/…."""
    tag = next(iter(part.node.policy_tags), None)
    if tag is None or re.fullmatch(_TAG, tag):
        return None
    many = ": a column has at most one" if "," in tag else ""
    text = f"{quoted(tag)} is written as one name, and BigQuery refuses it{many}"
    return text, "projects/PROJECT/locations/LOCATION/taxonomies/NUMBER/policyTags/NUMBER"


def _wanted(part: Field) -> str:
    """The type that a default must have, by the word of BigQuery's schemas."""
    if part.node.mode == "REPEATED":
        return "ARRAY"
    word = part.node.type.strip().upper()
    return "STRUCT" if word in ("RECORD", "STRUCT") else _STANDARD.get(word, word)
