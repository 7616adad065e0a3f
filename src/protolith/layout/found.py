"""A column on the way into a table."""

from dataclasses import dataclass

from protolith.tables import Column


@dataclass(frozen=True, slots=True)
class Found:
    """A column and the path of the field that it was made from.

    `repeated` says whether that is a list or map, `always` whether it has a value wherever the
    message around it is set.
    """

    column: Column
    path: str
    repeated: bool = False
    always: bool = False
