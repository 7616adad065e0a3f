"""How each engine writes a table; the folder is the list of them."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from protolith.dialects.base import Dialect
from protolith.errors import NotFoundError, quoted

__all__ = ["Dialect", "dialect", "names"]


_SHARED = (
    *("alteration", "base", "clauses", "copying", "defaults", "expressions"),
    *("flattening", "inserts", "notes", "parts", "reading", "versions"),
)


@cache
def names() -> tuple[str, ...]:
    """The names of all dialects."""
    found = {module.name for module in iter_modules(__path__)}
    return tuple(sorted(found.difference(_SHARED)))


@cache
def dialect(name: str, *, version: str | None = None) -> Dialect:
    """The dialect of that name; as a version of the engine speaks it, else as the newest one.

    The version may stand in the name, as in `clickhouse@25.8`.
    """
    plain, _, named = name.partition("@")
    if plain not in names():
        raise NotFoundError(f"no dialect {quoted(name)}", hint=f"one of {', '.join(names())}")
    found: Dialect = import_module(f"{__name__}.{plain}").DIALECT
    if named and not found.versions:
        raise NotFoundError(f"no versions of {plain} are told apart", hint=f"use {plain}")
    wanted = version or named
    return found.at(wanted) if wanted else found
