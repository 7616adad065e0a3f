"""How a message becomes a table."""

from protolith.layout.choices import Choices
from protolith.layout.columns import ColumnChoices
from protolith.layout.layouts import NATIVE, Layout
from protolith.layout.message import DEFAULT_DATABASE, lay_out
from protolith.layout.plain import with_json_columns, without_message

__all__ = [
    "DEFAULT_DATABASE",
    "NATIVE",
    "Choices",
    "ColumnChoices",
    "Layout",
    "lay_out",
    "with_json_columns",
    "without_message",
]
