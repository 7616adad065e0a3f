"""Decoded rows until they are loaded: in memory while they are few, then in a file."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pyarrow as pa

SMALL = 4 * 1024 * 1024
"""Bytes of Arrow memory that stay in memory, and that are loaded together with others."""


class Spool:
    """Record batches of one schema. Use it as a context manager."""

    def __init__(self, schema: pa.Schema, small: int = SMALL) -> None:
        self._schema, self._left = schema, small
        self._batches: list[pa.RecordBatch] = []
        self._file: Path | None = None
        self._writer: Any = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def is_small(self) -> bool:
        """Whether everything is in memory."""
        return self._writer is None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take a batch."""
        self._left -= batch.nbytes
        if self._left >= 0:
            self._batches.append(batch)
            return
        if self._writer is None:
            self._begin()
        self._writer.write_batch(batch)

    def _begin(self) -> None:
        folder = self._open.enter_context(TemporaryDirectory(prefix="protolith-"))
        self._file = Path(folder) / "rows.arrow"
        sink = self._open.enter_context(pa.OSFile(str(self._file), "wb"))
        self._writer = self._open.enter_context(pa.ipc.new_file(sink, self._schema))
        for batch in self._batches:
            self._writer.write_batch(batch)
        self._batches = []

    @contextmanager
    def rows(self) -> Iterator[pa.Table]:
        """All rows; nothing can be added afterwards."""
        if self._file is None:
            yield pa.Table.from_batches(self._batches, self._schema)
            return
        self._writer.close()
        with pa.memory_map(str(self._file)) as mapped:
            yield pa.ipc.open_file(mapped).read_all()
