"""Protobuf data into an engine: decode everything first, then load all of it or nothing."""

import tempfile
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from protolith.arrow import arrow_schema
from protolith.counts import count
from protolith.decoding import Decoded, Frames, ReferenceDecoder, Source, decode_source
from protolith.engines import Engine
from protolith.errors import MalformedError, quoted
from protolith.layout import Layout
from protolith.registry.fitting import fitted
from protolith.registry.letters import DeadLetters, Replayed
from protolith.registry.registration import descriptors_of
from protolith.registry.values import LoadResult
from protolith.store import Deployment, Store, Version
from protolith.tables import Table

if TYPE_CHECKING:
    from functools import cached_property

NOTHING_LOADED = "is it the right schema, and the right framing?"
"""The hint where every record was skipped."""


@dataclass(frozen=True, slots=True)
class Target:
    """A table in an engine as that stores it, and what decodes messages of a version for it."""

    engine: Engine
    table: Table
    decoder: ReferenceDecoder
    version: Version
    left_out: list[str]

    def result(self, account: Decoded) -> LoadResult:
        """What a load did."""
        return LoadResult(
            engine=self.engine.name,
            database_name=self.table.database,
            table_name=self.table.name,
            version=self.version.version,
            rows=account.rows,
            rejected_count=account.rejected_count,
            rejected=account.rejected,
            unknown_fields=dict(account.unknown_fields),
            cut=dict(account.cut),
            left_out=self.left_out,
        )


class Loading:
    """The registry's methods that load data."""

    if TYPE_CHECKING:

        @cached_property
        def _store(self) -> Store: ...

    @abstractmethod
    def engine(self, name: str) -> Engine:
        """The engine of that name."""

    @abstractmethod
    def _deployment(self, version: Version, engine: str | None) -> Deployment: ...

    @abstractmethod
    def _layout_of(self, deployment: Deployment) -> Layout: ...

    @abstractmethod
    def _table(self, version: Version, layout: Layout = ...) -> Table: ...

    def ingest(
        self,
        schema_id: str,
        data: bytes | BinaryIO | Path | Source,
        engine: str | None = None,
        *,
        skip_bad: bool = False,
        dead_letters: Path | None = None,
    ) -> LoadResult:
        """Load protobuf messages of a version into its subject's table, of whatever version it is.

        Data is length-delimited messages, or a `Source`, which says more of it. The engine may be
        left out where the table exists in one alone. A bad record means that nothing is loaded,
        unless `skip_bad`, or `dead_letters` is a file that keeps its bytes for `replay`; either way
        it is reported with its index, byte offset and reason.
        """
        target = self._target(schema_id, engine)
        source = data if isinstance(data, Source) else Source(data)
        letters = None
        if dead_letters is not None:
            about = target.version.schema_id, target.version.version
            letters = DeadLetters(dead_letters, *about, source)
        return target.result(load(source, target, skip_bad=skip_bad, letters=letters))

    def replay(
        self, dead_letters: Path, schema_id: str | None = None, engine: str | None = None
    ) -> LoadResult:
        """Load refused records again, as messages of their own version or of another one.

        Those that are loaded leave the file; the others stay, with the new reason.
        """
        stay = Replayed(dead_letters)
        wanted = {schema_id or letter.schema_id for letter in stay.letters}
        if len(wanted) != 1:
            raise MalformedError(
                f"{quoted(str(dead_letters))} has records of {len(wanted)} versions",
                hint="say as which version they are to be read",
            )
        target = self._target(wanted.pop(), engine)
        frames = (letter.frame(k, target.decoder) for k, letter in enumerate(stay.letters))
        account = load(Source(Frames(frames)), target, letters=stay)
        stay.finish()
        return target.result(account)

    def _target(self, schema_id: str, engine: str | None) -> Target:
        version = self._store.find(schema_id)
        deployment = self._deployment(version, engine)
        live, layout = self.engine(deployment.engine), self._layout_of(deployment)
        at = self._store.find(f"{version.subject}@{deployment.version}")
        table = live.adopt(self._table(at, layout))
        fit, left_out = fitted(table, self._table(version, layout))
        decoder = ReferenceDecoder(
            descriptors_of(version),
            fit,
            live.dialect,
            schema_version=version.version,
            ingested_at=datetime.now(UTC),
        )
        return Target(live, live.dialect.stored(table), decoder, version, left_out)


def load(
    source: Source, target: Target, *, skip_bad: bool = False, letters: DeadLetters | None = None
) -> Decoded:
    """Load messages into the target, which must be there with the decoder's columns or wider ones.

    With a bad record nothing is loaded and `RowsRejectedError` says where, unless `skip_bad`, or
    there are `letters` to keep it.
    """
    account = Decoded(keep=letters.add if letters is not None else None)
    try:
        return _load(source, target, account, skip_bad=skip_bad, letters=letters)
    finally:
        count("rows_rejected", account.rejected_count, engine=target.engine.name)


def _load(
    source: Source,
    target: Target,
    account: Decoded,
    *,
    skip_bad: bool,
    letters: DeadLetters | None,
) -> Decoded:
    skip_bad = skip_bad or letters is not None
    decoder = target.decoder
    schema = arrow_schema(decoder.table)
    with tempfile.TemporaryDirectory(prefix="protolith-") as folder:
        spool = Path(folder) / "rows.arrow"
        with pa.OSFile(str(spool), "wb") as sink, pa.ipc.new_file(sink, schema) as out:
            for batch in decode_source(source, decoder, skip_bad=skip_bad, account=account):
                out.write_batch(batch)
        with _kept(letters) if letters is not None else nullcontext():
            if account.rows:
                with pa.memory_map(str(spool)) as rows:
                    found = pa.ipc.open_file(rows).read_all()
                    target.engine.load(target.table, found.cast(arrow_schema(target.table)))
    count("rows_loaded", account.rows, engine=target.engine.name)
    return account


@contextmanager
def _kept(letters: DeadLetters) -> Iterator[None]:
    letters.keep()
    try:
        yield
    except BaseException:
        letters.take_back()
        raise
