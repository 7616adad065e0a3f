"""What only the whole history shows: numbers that had another meaning once."""

from collections.abc import Iterator, Sequence

from protolith.compatibility.facts import FieldFacts
from protolith.compatibility.index import Index
from protolith.compatibility.rules.base import Pair, Said


def field_number_not_reused(
    new: Index, versions: Sequence[Index], wanted: Sequence[Pair | None]
) -> Iterator[tuple[int, Said]]:
    """A number that was given up must not come back for another field.

    Old values would silently become the new field's. Yields the position of the version, newest
    first, that used the number. `wanted` has the old and the new name of one message, by version.
    """
    if len(versions) < 2:  # noqa: PLR2004
        return
    last = versions[-1]
    renamed = wanted[-1] is not None and wanted[-1][0] != wanted[-1][1]
    files = new.submitted(frozenset() if renamed else new.unchanged(last))
    only = wanted[-1] and wanted[-1][1]
    for message in new.messages_in(files):
        name = message.full_name
        if message.map_entry or only not in (None, name):
            continue
        names = [pair[0] if pair else name for pair in wanted]
        if (known := last.messages.get(names[-1])) is None:
            continue
        for number, field in message.fields.items():
            if number not in known.fields and (at := _used(field, versions, names)) is not None:
                yield at[0], _reused(field, at[1])


def _used(
    field: FieldFacts, versions: Sequence[Index], names: Sequence[str]
) -> tuple[int, FieldFacts] | None:
    for position in reversed(range(len(versions))):
        life = versions[position].messages.get(names[position])
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
