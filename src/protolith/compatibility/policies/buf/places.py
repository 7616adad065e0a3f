"""Where in its file a part is declared."""

from collections.abc import Iterable

from protolith.compatibility.policies.buf.index import Path
from protolith.descriptors import DescriptorSet

_FEATURES = ((8, 21), (7, 12), (3, 7))  # of fields, messages and enums
_LANGUAGES = ((21, 1000), (21, 1001))
_Span = tuple[int, int]


class Places:
    """The positions of a schema; they are read file by file when one is asked for."""

    def __init__(self, schema: DescriptorSet) -> None:
        self._schema = schema
        self._files: dict[str, dict[Path, _Span]] = {}

    def find(self, file: str, paths: Iterable[Path]) -> _Span | None:
        """Line and column, from 1, of the first path that has a position."""
        known = self._files.get(file)
        if known is None:
            known = self._files[file] = self._read(file)
        for path in paths:
            if (found := known.get(path)) or (found := _feature(path, known)):
                return found
        return None

    def _read(self, file: str) -> dict[Path, _Span]:
        found: dict[Path, _Span] = {}
        for one in self._schema.files:
            if one.name == file:
                for location in one.source_code_info.location:
                    span = location.span
                    found.setdefault(tuple(location.path), (span[0] + 1, span[1] + 1))
        return found


def _feature(path: Path, known: dict[Path, _Span]) -> _Span | None:
    """The position of a feature, which may be written as part of an aggregate."""
    base = path[:-2] if path[-3:-1] in _LANGUAGES else path[:-1]
    if base[-2:] not in _FEATURES:
        return None
    for length in range(len(path) - 1, len(base) - 1, -1):
        if found := known.get(path[:length]):
            return found
    return next((span for at, span in known.items() if at[: len(path)] == path), None)
