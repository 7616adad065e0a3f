"""What was looked up lately."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class SchemaCache(Generic[V]):
    """At most `max_size` values, each for `ttl_seconds`; the least recently used goes first.

    It may be used by several threads. It knows nothing about changes: what can change is put under
    a key that changes with it.
    """

    def __init__(
        self,
        max_size: int = 100,
        ttl_seconds: float = 3600,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_size = max_size
        self.ttl_seconds = ttl_seconds
        self._clock = clock
        self._lock = Lock()
        self._values: OrderedDict[Hashable, tuple[float, V]] = OrderedDict()

    def get_schema(self, schema_id: Hashable) -> V | None:
        """The value under this key, unless it has expired or was evicted."""
        with self._lock:
            found = self._values.get(schema_id)
            if found is None:
                return None
            if self._clock() >= found[0]:
                del self._values[schema_id]
                return None
            self._values.move_to_end(schema_id)
            return found[1]

    def put_schema(self, schema_id: Hashable, schema: V) -> None:
        """Keep a value under this key."""
        with self._lock:
            self._values[schema_id] = (self._clock() + self.ttl_seconds, schema)
            self._values.move_to_end(schema_id)
            while len(self._values) > self.max_size:
                self._values.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()

    def __len__(self) -> int:
        return len(self._values)
