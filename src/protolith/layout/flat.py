"""Nested messages as columns of the outer one."""

from collections.abc import Sequence
from dataclasses import replace

from google.protobuf.descriptor import FieldDescriptor

from protolith.layout.found import Found
from protolith.tables import check_identifier

_LOST = "whether it is set is lost where none of its fields is set"


def flattened(
    part: FieldDescriptor, name: str, inner: Sequence[Found], *, required: bool
) -> tuple[list[Found], tuple[str, bool] | None]:
    """The columns of a nested message under the name of its field, and what they lose.

    Where the message may be missing, so may each of its values; lists and maps are empty then.
    """
    always = required or part.is_required
    found = []
    for one in inner:
        column = one.column
        flat_name = check_identifier(f"{name}_{column.name}", "column", at=one.path)
        # What no field feeds has no path; what says something of the message has its path.
        path = (part.number, *column.path) if column.path or column.role else ()
        nullable = column.nullable or not (always or one.repeated)
        made = replace(column, name=flat_name, path=path, nullable=nullable)
        found.append(Found(made, one.path, repeated=one.repeated, always=one.always and always))
    kept = always or any(one.always for one in inner)
    return found, None if kept else (_LOST, True)
