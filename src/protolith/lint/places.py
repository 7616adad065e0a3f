"""Where a message or a field is declared, from the compiler's source info."""

from protolith.dialects.bigquery import wire
from protolith.dialects.bigquery.packages import File, Message, Path
from protolith.lint.tree import Field, plain

Place = tuple[str, int | None, int | None]

_FIELD, _OPTIONS, _EXTENSION, _EXTRA_FIELDS = 2, 7, 1021, 3


class Places:
    """Finds places; a file's locations are read when the first of them is asked for."""

    def __init__(self) -> None:
        self._spots: dict[str, dict[Path, tuple[int, int]]] = {}

    def of_message(self, message: Message) -> Place:
        """The file, and the line and column from 1 where the message begins."""
        return self._first(message.file, message.path)

    def of_field(self, part: Field) -> Place:
        """The same for a field; for the parts of a map it is the map, which someone wrote."""
        while part.record.is_map and part.record.owner is not None:
            part = part.record.owner
        message = part.record.message
        if part.proto is not None:
            return self._first(message.file, (*message.path, _FIELD, part.index), message.path)
        option = (*message.path, _OPTIONS, _EXTENSION)
        paths = ((*option, _EXTRA_FIELDS, part.index), option, message.path)
        return self._first(message.file, *paths)

    def _first(self, file: File, *paths: Path) -> Place:
        name = plain(wire.text(file.name))
        if name not in self._spots:
            self._spots[name] = _spots(file)
        found = (self._spots[name].get(path) for path in paths)
        line, column = next(filter(None, found), (None, None))
        return name, line, column


def _spots(file: File) -> dict[Path, tuple[int, int]]:
    spots: dict[Path, tuple[int, int]] = {}
    for location in file.proto.source_code_info.location:
        if len(location.span) > 1:
            spots.setdefault(tuple(location.path), (location.span[0] + 1, location.span[1] + 1))
    return spots
