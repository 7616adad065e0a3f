"""Decoded rows until they are loaded: in memory while they are few, then in a file."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, Self

import pyarrow as pa

from protolith.decoding import (
    Decoded,
    Frame,
    ReferenceDecoder,
    Source,
    Writers,
    decode_source,
    files_of,
)
from protolith.errors import Detail

SMALL = 4 * 1024 * 1024
"""Bytes of Arrow memory that are loaded together with those of others."""

IN_MEMORY = 64 * 1024 * 1024
"""Bytes of Arrow memory that one load keeps; the rest waits in a file."""


@dataclass
class Progress:
    """How far a load is: read while it runs, from another thread."""

    accounts: list[Decoded] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows made."""
        return sum(account.rows for account in self.accounts)

    @property
    def rejected_count(self) -> int:
        """Records refused."""
        return sum(account.rejected_count for account in self.accounts)

    @property
    def read_bytes(self) -> int:
        """Bytes of messages read."""
        return sum(account.read_bytes for account in self.accounts)


class Spool:
    """The rows of a load. Use it as a context manager."""

    def __init__(self, decoder: ReferenceDecoder | Writers, in_memory: int = IN_MEMORY) -> None:
        self._decoder, self._in_memory = decoder, in_memory
        self._parts: list[_Part] = []
        self._stop = Event()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def is_small(self) -> bool:
        """Whether the rows are few enough to be loaded together with others."""
        return sum(part.size for part in self._parts) <= SMALL

    def decode(
        self, source: Source, account: Decoded, progress: Progress, *, skip_bad: bool
    ) -> None:
        """Decode a source; several files on several cores, with their rows in the files' order."""
        sources = files_of(source)
        if len(sources) > 1:
            self._decode_files(sources, account, progress, skip_bad=skip_bad)
            return
        if sources[0].data is not source.data:
            account.file = str(sources[0].data)
        progress.accounts.append(account)
        self._parts.append(self._part(sources[0], account, self._in_memory, skip_bad=skip_bad))

    def _decode_files(
        self, sources: list[Source], account: Decoded, progress: Progress, *, skip_bad: bool
    ) -> None:
        accounts = [Decoded(file=str(one.data)) for one in sources]
        letters: list[list[tuple[Detail, Frame]]] = [[] for _ in sources]
        if account.keep is not None:
            for one, own in zip(accounts, letters, strict=True):
                one.keep = lambda detail, frame, own=own: own.append((detail, frame))
        progress.accounts += accounts
        share = self._in_memory // len(sources)
        with ThreadPoolExecutor(min(len(sources), _cores())) as pool:
            try:
                work = partial(self._part, in_memory=share, skip_bad=skip_bad)
                self._parts += pool.map(work, sources, accounts)
            except BaseException:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                raise
        for one in accounts:
            account.take(one)
        for detail, frame in chain.from_iterable(letters):
            account.keep(detail, frame)  # type: ignore[misc] # there are letters only if it keeps

    def _part(self, source: Source, account: Decoded, in_memory: int, *, skip_bad: bool) -> "_Part":
        part = _Part(self._decoder.schema, in_memory)
        batches = decode_source(source, self._decoder, skip_bad=skip_bad, account=account)
        with part.writing(self._open):
            for batch in batches:
                if self._stop.is_set():
                    break
                part.add(batch)
        return part

    @contextmanager
    def rows(self) -> Iterator[pa.Table]:
        """All rows."""
        with ExitStack() as opened:
            tables = [part.rows(opened) for part in self._parts]
            yield pa.concat_tables(tables)


class _Part:
    """The rows of one source."""

    def __init__(self, schema: pa.Schema, in_memory: int) -> None:
        self._schema, self._in_memory = schema, in_memory
        self.size = 0
        self._batches: list[pa.RecordBatch] = []
        self._writer: Any = None
        self.file: Path | None = None

    @contextmanager
    def writing(self, folders: ExitStack) -> Iterator[None]:
        """Let batches be added; the file is in a folder of its own among `folders`."""
        with ExitStack() as opened:
            self._folders, self._opened = folders, opened
            yield

    def add(self, batch: pa.RecordBatch) -> None:
        """Take a batch."""
        self.size += batch.nbytes
        if self.size <= self._in_memory:
            self._batches.append(batch)
            return
        if self.file is None:
            folder = self._folders.enter_context(TemporaryDirectory(prefix="protolith-"))
            self.file = Path(folder) / "rows.arrow"
            sink = self._opened.enter_context(pa.OSFile(str(self.file), "wb"))
            self._writer = self._opened.enter_context(pa.ipc.new_file(sink, self._schema))
            for earlier in self._batches:
                self._writer.write_batch(earlier)
            self._batches = []
        self._writer.write_batch(batch)

    def rows(self, opened: ExitStack) -> pa.Table:
        """All rows, as long as the stack is open."""
        if self.file is None:
            return pa.Table.from_batches(self._batches, self._schema)
        mapped = opened.enter_context(pa.memory_map(str(self.file)))
        return pa.ipc.open_file(mapped).read_all()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
