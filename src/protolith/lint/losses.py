"""Rules about fields that have no column, and about what a column cannot say."""

from protolith.dialects.bigquery import wire
from protolith.lint.findings import Said, column_rule, dropped_rule, field_rule
from protolith.lint.tree import Field

_LEGACY_REQUIRED = 3
_MESSAGES = (10, 11)
_OVERRIDE = 'set (gen_bq_schema.bigquery).type_override to "JSON" and write JSON text'
_IGNORE = "or say with (gen_bq_schema.bigquery).ignore that it is meant"


@dropped_rule("error")
def null_column(part: Field) -> Said | None:
    """No entry of `extra_fields` becomes a JSON null, as a RECORD without columns does."""
    if not part.node.null:
        return None
    text = f"{part.kind} has no columns here, so the plugin writes null: BigQuery reads no such"
    return f"{text} schema", "take the entry out of the option extra_fields"


@dropped_rule("warning")
def recursion_cut(part: Field) -> Said | None:
    """A message that contains itself is cut: the field that leads back has no column."""
    if part.node.dropped != "recursive" or part.node.null or _is_map_value(part):
        return None
    text = f"{part.kind} contains itself: the plugin writes no column here, and says nothing"
    return text, f"{_OVERRIDE}, {_IGNORE}"


@dropped_rule("warning")
def empty_message_dropped(part: Field) -> Said | None:
    """A message without columns has no column: that it was set is lost."""
    if part.node.dropped != "empty" or part.node.null or _is_map_value(part):
        return None
    text = f"{part.kind} has no columns, so the plugin writes none: whether it is set is lost"
    return text, f"{_OVERRIDE}, {_IGNORE}"


@dropped_rule("warning")
def map_value_dropped(part: Field) -> Said | None:
    """A map whose values have no columns keeps its keys alone."""
    if not _is_map_value(part) or part.node.dropped not in ("recursive", "empty"):
        return None
    why = "contains itself" if part.node.dropped == "recursive" else "has no columns"
    text = f"{part.kind} {why}: only the map's keys have a column"
    return text, f"for the map, {_OVERRIDE}, {_IGNORE}"


@column_rule("warning")
def required_over_repeated(part: Field) -> Said | None:
    """The option `require` on a list or map makes a single REQUIRED value of it."""
    if not part.repeated or part.node.mode != "REQUIRED":
        return None
    text = "the option require replaces REPEATED: writers send many values to a single column"
    return text, "leave require out: a list is never NULL"


@column_rule("warning")
def legacy_required_nullable(part: Field) -> Said | None:
    """A field with `field_presence = LEGACY_REQUIRED` becomes NULLABLE."""
    if part.proto is None or part.node.mode != "NULLABLE":
        return None
    if part.proto.options.features.field_presence != _LEGACY_REQUIRED:
        return None
    text = "the plugin does not read LEGACY_REQUIRED: the column takes NULL"
    return text, "set (gen_bq_schema.bigquery).require"


@field_rule("warning")
def oneof_case_lost(part: Field) -> Said | None:
    """A oneof has no column that says which member is set."""
    if part.proto is None or not part.proto.HasField("oneof_index"):
        return None
    members = part.record.oneofs.get(part.proto.oneof_index, [part])
    if members[0] is not part or len(members) == 1:
        return None
    unsure = [member.node.field for member in members if not _tells(member)]
    if not unsure:
        return None
    declared = part.record.message.proto.oneof_decl[part.proto.oneof_index]
    name = wire.text(declared.name)
    shown = ", ".join(unsure[:3]) + (", …" if len(unsure) > len(unsure[:3]) else "")
    text = f"no column says which member of the oneof {name} is set: {shown} may be set and look"
    return f"{text} unset", "add an enum field that names the case"


def _tells(member: Field) -> bool:
    """Whether its column is NULL if and only if it is not set, whoever writes the rows."""
    return member.has_column and member.type in _MESSAGES


def _is_map_value(part: Field) -> bool:
    return part.record.is_map and part.node.field == "value"
