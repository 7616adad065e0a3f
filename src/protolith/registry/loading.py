"""Protobuf data into an engine: decode everything first, then load all of it or nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from protolith.arrow import arrow_schema
from protolith.counts import count
from protolith.decoding import (
    Decoded,
    Frames,
    ReferenceDecoder,
    Source,
    content_digest,
)
from protolith.engines import check_load_id
from protolith.errors import ConflictError, MalformedError, quoted
from protolith.registry.cache import SchemaCache
from protolith.registry.fitting import fitted
from protolith.registry.groups import ChangedTableError, Groups, LiveTable
from protolith.registry.letters import DeadLetters, Replayed
from protolith.registry.part import Part
from protolith.registry.registration import descriptors_of
from protolith.registry.spool import Progress, Spool
from protolith.registry.values import LoadResult
from protolith.registry.writers import SubjectWriters
from protolith.store import Version
from protolith.store.access import current as current_grants

NOTHING_LOADED = "is it the right schema, and the right framing?"
"""The hint where every record was skipped."""

CONTENT = "content"
"""The load id that stands for one made of the content and the version."""


_SECONDS = 1
"""How long a live table is taken for what it was, before it is looked at again."""


@dataclass(frozen=True, slots=True)
class Target:
    """A live table, and what decodes messages of a version for it."""

    live: LiveTable
    version: Version
    decoder: ReferenceDecoder
    left_out: list[str]
    writers: SubjectWriters

    def result(
        self, account: Decoded, load_id: str | None, *, added: bool, written: bool
    ) -> LoadResult:
        """What a load did."""
        return LoadResult(
            engine=self.live.engine.name,
            database_name=self.live.table.database,
            table_name=self.live.table.name,
            version=self.version.version,
            rows=account.rows if added else 0,
            rejected_count=account.rejected_count,
            rejected=account.rejected,
            unknown_fields=dict(account.unknown_fields),
            cut=dict(account.cut),
            left_out=self.writers.left_out if written else self.left_out,
            load_id=load_id,
            already_loaded=not added,
        )


class Loading(Part):
    """The registry's methods that load data."""

    @cached_property
    def _groups(self) -> Groups:
        return Groups()

    @cached_property
    def _targets(self) -> SchemaCache[Target]:
        return SchemaCache(ttl_seconds=_SECONDS)

    @cached_property
    def _looking(self) -> list[Lock]:
        return [Lock() for _ in range(16)]

    def ingest(  # noqa: PLR0913 - all but three by name alone
        self,
        schema_id: str,
        data: bytes | BinaryIO | Path | Source,
        engine: str | None = None,
        *,
        skip_bad: bool = False,
        dead_letters: Path | None = None,
        load_id: str | None = None,
        progress: Progress | None = None,
    ) -> LoadResult:
        """Load protobuf messages of a version into its subject's table, of whatever version it is.

        Data is length-delimited messages, or a `Source`, which says more of it. The engine may be
        left out where the table exists in one alone. A bad record means that nothing is loaded,
        unless `skip_bad`, or `dead_letters` is a file that keeps its bytes for `replay`; either way
        it is reported with its index, byte offset and reason. A load with a `load_id` is there
        once, however often it is run; "content" makes one of the data's bytes and the version.
        Another thread may read the `progress`. Several files are decoded on several cores.
        """
        source = data if isinstance(data, Source) else Source(data)
        if load_id is not None:
            check_load_id(load_id)
        target = self._target(schema_id, engine)
        if load_id == CONTENT:
            load_id = f"{target.version.version_hash[:16]}-{content_digest(source)}"

        def load(target: Target) -> LoadResult:
            about = target.version.schema_id, target.version.version
            letters = DeadLetters(dead_letters, *about, source) if dead_letters else None
            return self._load(
                source,
                target,
                skip_bad=skip_bad,
                letters=letters,
                load_id=load_id,
                progress=progress,
            )

        try:
            return load(target)
        except ChangedTableError:
            if not isinstance(source.data, bytes | Path):
                raise  # it was read to its end
            return load(self._target(schema_id, engine))

    def replay(
        self,
        dead_letters: Path,
        schema_id: str | None = None,
        engine: str | None = None,
        *,
        load_id: str | None = None,
    ) -> LoadResult:
        """Load refused records again, as messages of their own version or of another one.

        Those that are loaded leave the file; the others stay, with the new reason. With a `load_id`
        a replay that died in between can be run again.
        """
        if load_id is not None:
            check_load_id(load_id)
        stay = Replayed(dead_letters)
        wanted = {schema_id or letter.schema_id for letter in stay.letters}
        if len(wanted) != 1:
            raise MalformedError(
                f"{quoted(str(dead_letters))} has records of {len(wanted)} versions",
                hint="say as which version they are to be read",
            )
        target = self._target(wanted.pop(), engine)
        frames = (letter.frame(k, target.decoder) for k, letter in enumerate(stay.letters))
        source = Source(Frames(frames), stay.framing())
        result = self._load(source, target, letters=stay, load_id=load_id)
        stay.finish()
        return result

    def _load(  # noqa: PLR0913 - all but two by name alone
        self,
        source: Source,
        target: Target,
        *,
        skip_bad: bool = False,
        letters: DeadLetters | None = None,
        load_id: str | None = None,
        progress: Progress | None = None,
        topic_part: str | None = None,
    ) -> LoadResult:
        """Load messages into the target's table.

        With a bad record nothing is loaded and `RowsRejectedError` says where, unless `skip_bad`,
        or there are `letters` to keep it. What comes from a part of a topic is noted without rows.
        """
        account = Decoded(file=topic_part, keep=letters.add if letters is not None else None)
        skip_bad = skip_bad or letters is not None
        name = target.live.engine.name
        written = source.framing == "confluent"
        with Spool(target.writers if written else target.decoder) as spool:
            try:
                spool.decode(source, account, progress or Progress(), skip_bad=skip_bad)
            finally:
                count("rows_rejected", account.rejected_count, engine=name)
            if letters is not None:
                letters.keep()
            added = False
            try:
                nothing = not account.rows and topic_part is None
                added = nothing or self._load_rows(spool, target, load_id)
            finally:
                if letters is not None and not added:
                    letters.take_back()
        count("rows_loaded", account.rows if added else 0, engine=name)
        return target.result(account, load_id, added=added, written=written)

    def _load_rows(self, spool: Spool, target: Target, load_id: str | None) -> bool:
        live = target.live
        with spool.rows() as found:
            rows = found if found.schema.equals(live.schema) else found.cast(live.schema)
            try:
                if spool.is_small and load_id is None:
                    self._groups.load(live, rows)
                    return True
                live.check_unchanged()
                return live.engine.load(live.table, rows, load_id)
            except ConflictError:
                self._targets.clear()  # it may be of a table that has changed
                raise

    def _target(self, schema_id: str, engine: str | None) -> Target:
        """Where messages of a version go; as long as nobody commits, from the cache."""
        stamp = self._store.stamp()  # read before the answer: it is never newer than that
        if stamp is None:
            return self._found_target(schema_id, engine)
        key = stamp, schema_id, engine, current_grants()
        with self._looking[hash(key) % len(self._looking)]:  # one looks, the others have its answer
            found = self._targets.get_schema(key)
            if found is None:
                found = self._found_target(schema_id, engine)
                if not any(column.role == "ingested_at" for column in found.decoder.table.columns):
                    self._targets.put_schema(key, found)
        return found

    def _found_target(self, schema_id: str, engine: str | None) -> Target:
        version = self._store.find(schema_id)
        deployment = self._deployment(version, engine)
        live, layout = self.engine(deployment.engine), self._layout_of(deployment)
        at = self._store.find(f"{version.subject}@{deployment.version}")
        laid_out = self._table(at, layout)
        columns = live.columns(laid_out.database, laid_out.name)  # if they change now, it is seen
        table = live.adopt(laid_out)
        now = datetime.now(UTC)

        def fit(version: Version) -> tuple[ReferenceDecoder, list[str]]:
            own, left_out = fitted(table, self._table(version, layout))
            about: Any = {"schema_version": version.version, "ingested_at": now}
            found = ReferenceDecoder(descriptors_of(version), own, live.dialect, **about)
            return found, left_out

        stored = live.dialect.stored(table)
        place = LiveTable(live, stored, columns, arrow_schema(stored))
        writers = SubjectWriters(self._store, version.subject, place.schema, fit)
        return Target(place, version, *fit(version), writers)
