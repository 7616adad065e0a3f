"""How a message becomes a table."""

from protolith.layout.choices import NATIVE, Layout
from protolith.layout.message import DEFAULT_DATABASE, lay_out

__all__ = ["DEFAULT_DATABASE", "NATIVE", "Layout", "lay_out"]
