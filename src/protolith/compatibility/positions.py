"""Where a declaration stands in its file, looked up only for what is found."""

from collections import OrderedDict
from threading import Lock

from protolith.compatibility.facts import Path
from protolith.descriptors import DescriptorSet

_KEPT = 64
_NOWHERE = (None, None)
_LOCK = Lock()
_FILES: OrderedDict[tuple[int, str], tuple[DescriptorSet, dict[Path, tuple[int, int]]]] = (
    OrderedDict()
)


class Places:
    """Where the declarations of one version stand, for many questions."""

    __slots__ = ("_files", "_schema")

    def __init__(self, schema: DescriptorSet) -> None:
        self._schema = schema
        self._files: dict[str, dict[Path, tuple[int, int]]] = {}

    def find(self, file: str, path: Path) -> tuple[int | None, int | None]:
        """Line and column, from 1, of a path in a file; None without source info."""
        if file not in self._files:
            self._files[file] = _places(self._schema, file)
        return self._files[file].get(path, _NOWHERE) if path else _NOWHERE


def find(schema: DescriptorSet, file: str, path: Path) -> tuple[int | None, int | None]:
    """Line and column of one path, as `Places` finds them."""
    return Places(schema).find(file, path)


def _places(schema: DescriptorSet, name: str) -> dict[Path, tuple[int, int]]:
    key = (id(schema), name)
    with _LOCK:
        if key in _FILES:  # the schema is kept beside its places, so the id is still its own
            return _FILES[key][1]
    places = {
        tuple(location.path): (location.span[0] + 1, location.span[1] + 1)
        for file in schema.files
        if file.name == name
        for location in file.source_code_info.location
    }
    with _LOCK:
        _FILES[key] = schema, places
        while len(_FILES) > _KEPT:
            _FILES.popitem(last=False)
    return places
