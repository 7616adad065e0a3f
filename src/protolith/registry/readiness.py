"""Whether a registry could do its work now: its store, its compiler, its engines."""

from collections.abc import Callable
from dataclasses import dataclass, field

from protolith.compiler import self_test
from protolith.engines import Engine
from protolith.errors import SchemaRegistryError
from protolith.registry.cache import SchemaCache
from protolith.store import Store, limited_to

OK = "ok"
_COMPILER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Each part is `ok` or the code of its error; `unfinished` tables wait for `doctor --mend`.

    Only engines with a table of the registry are looked at.
    """

    ready: bool
    store: str
    compiler: str
    engines: dict[str, str] = field(default_factory=dict)
    unfinished: int = 0


_COMPILER: SchemaCache[str] = SchemaCache(1, _COMPILER_SECONDS)


def readiness(store: Callable[[], Store], engine: Callable[[str], Engine]) -> Readiness:
    """Look at every part; the compiler is tried once a minute at most."""
    engines: dict[str, str] = {}
    unfinished = 0
    compiler = _COMPILER.get_schema("") or _attempt(self_test)
    if compiler == OK:
        _COMPILER.put_schema("", compiler)
    with limited_to(None):
        try:
            deployments = [one for there in store().all_deployments().values() for one in there]
        except SchemaRegistryError as error:
            return Readiness(ready=False, store=error.code, compiler=compiler)
    unfinished = sum(not one.created for one in deployments)
    for name in sorted({one.engine for one in deployments}):
        engines[name] = _attempt(lambda name=name: engine(name))  # type: ignore[misc]
    ready = compiler == OK and all(state == OK for state in engines.values())
    return Readiness(ready, OK, compiler, engines, unfinished)


def _attempt(call: Callable[[], object]) -> str:
    try:
        call()
    except SchemaRegistryError as error:
        return error.code
    return OK
