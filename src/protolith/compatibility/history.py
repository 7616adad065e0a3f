"""What only the whole history shows: numbers that had another meaning once."""

from collections.abc import Iterator, Sequence

from protolith.compatibility.index import FieldFacts, Index, MessageFacts
from protolith.compatibility.rules.base import Said


def field_number_not_reused(
    new: Index, versions: Sequence[Index], wanted: str | None = None
) -> Iterator[tuple[int, Said]]:
    """A number that was given up must not come back for another field.

    Old values would silently become the new field's. Yields the position of the version, newest
    first, that used the number.
    """
    if len(versions) < 2:  # noqa: PLR2004
        return
    for message in new.messages.values():
        if (
            message.file not in new.roots
            or message.map_entry
            or wanted not in (None, message.full_name)
        ):
            continue
        lives = [version.messages.get(message.full_name) for version in versions]
        if lives[-1] is None or lives[-1] is message:
            continue
        for number, field in message.fields.items():
            if number not in lives[-1].fields and (at := _used(field, lives)) is not None:
                yield at[0], _reused(field, at[1])


def _used(field: FieldFacts, lives: Sequence[MessageFacts | None]) -> tuple[int, FieldFacts] | None:
    for position in reversed(range(len(lives))):
        life = lives[position]
        before = life.fields.get(field.number) if life else None
        if before is not None:
            same = (before.name, before.kind, before.shape) == (field.name, field.kind, field.shape)
            return None if same else (position, before)
    return None


def _reused(field: FieldFacts, before: FieldFacts) -> Said:
    return Said(
        "FIELD_NUMBER_NOT_REUSED",
        "broken",
        field.full_name,
        f"{before.words} {before.name}",
        f"{field.words} {field.name}",
        f"number {field.number} was {before.name} once, and its old values are read as this field",
        "take a number that no version has used",
        (before.file, before.path),
        (field.file, field.path),
    )
