"""Rules about the descriptions of columns."""

from protolith.dialects.bigquery import wire
from protolith.dialects.bigquery.googlesql import MAX_DESCRIPTION
from protolith.lint.findings import Said, column_rule
from protolith.lint.tree import Field

_KEPT = MAX_DESCRIPTION - 3
_INSIDE_CHARACTER = range(0x80, 0xC0)  # UTF-8's continuation bytes
_SHORTER = "shorten it, or give a short one with (gen_bq_schema.bigquery).description"


@column_rule("warning")
def description_cut(part: Field) -> Said | None:
    """A description has at most 1,024 bytes: the plugin cuts it there, not at 1,024 characters."""
    written = _written(part)
    if len(written) <= MAX_DESCRIPTION:
        return None
    text = f"the description has {len(written):,} bytes, of which the plugin keeps {_KEPT:,}"
    characters = len(written.decode(errors="replace"))
    if characters <= MAX_DESCRIPTION:
        text += f"; BigQuery would take its {characters:,} characters"
    return text, _SHORTER


@column_rule("warning")
def description_cut_inside_character(part: Field) -> Said | None:
    """A description is not cut inside a character, which leaves U+FFFD at its end."""
    written = _written(part)
    if len(written) <= MAX_DESCRIPTION or written[_KEPT] not in _INSIDE_CHARACTER:
        return None
    return "the description is cut inside a character, and ends in U+FFFD instead of it", _SHORTER


@column_rule("warning")
def description_invalid_utf8(part: Field) -> Said | None:
    """A description is UTF-8: for each other byte the plugin writes U+FFFD."""
    written = _written(part)
    if written.isascii() or _is_utf8(written):
        return None
    text = "the comment is not UTF-8: the description has U+FFFD for each byte that is wrong"
    return text, "save the file as UTF-8"


@column_rule("warning")
def description_misplaced(part: Field) -> Said | None:
    """With `output_field_order` the plugin takes comments from the wrong fields."""
    record = part.record
    if part.proto is None or part.options.description or not record.message.options.order_by_number:
        return None
    if record.comment(part.position) == record.comment(part.index):
        return None
    other = wire.text(record.message.proto.field[part.position].name)
    text = f"with FIELD_ORDER_BY_NUMBER the column has the comment of {other}"
    if not record.comment(part.position):
        text += ", which has none"
    hint = "declare the fields in the order of their numbers, or use"
    return text, f"{hint} (gen_bq_schema.bigquery).description"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _written(part: Field) -> bytes:
    """The description before it was cut."""
    if part.proto is None:
        return b""
    return part.options.description.encode() or part.record.comment(part.position)
