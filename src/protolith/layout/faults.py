"""What the layout raises, with the field path."""

from protolith.errors import Detail, LayoutError, SchemaTooComplexError


def impossible(path: str, text: str, *, hint: str | None = None) -> LayoutError:
    """The error for a field that cannot be a column."""
    details = [Detail(text, field_path=path)]
    return LayoutError("the message cannot be a table", details=details, hint=hint)


def too_complex(path: str, text: str, *, hint: str) -> SchemaTooComplexError:
    """The error for a limit that is passed at a field."""
    details = [Detail(text, field_path=path or None)]
    return SchemaTooComplexError("the message is too large a table", details=details, hint=hint)
