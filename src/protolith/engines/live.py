"""What an engine says of a table that is there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column as the engine reports it, its type in the engine's own canonical text.

    `nullable` is None where the engine says it within the type; `inner_comments` are those of
    fields inside records, by their dotted paths, where the engine has such.
    """

    name: str
    type: str
    nullable: bool | None = None
    comment: str = ""
    inner_comments: tuple[tuple[str, str], ...] = ()
