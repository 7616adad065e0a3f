"""Protobuf data into an engine: decode everything first, then load all of it or nothing."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from protolith.arrow import arrow_schema
from protolith.decoding import Decoded, ReferenceDecoder, Source, decode_source
from protolith.engines import Engine
from protolith.tables import Table

NOTHING_LOADED = "is it the right schema, and the right framing?"
"""The hint where every record was skipped."""


@dataclass(frozen=True, slots=True)
class Target:
    """A table in an engine, as that stores it."""

    engine: Engine
    table: Table


def load(
    source: Source, decoder: ReferenceDecoder, target: Target, *, skip_bad: bool = False
) -> Decoded:
    """Load messages into the target, which must be there with the decoder's columns or wider ones.

    With a bad record nothing is loaded and `RowsRejectedError` says where, unless `skip_bad`.
    """
    account = Decoded()
    schema = arrow_schema(decoder.table)
    with tempfile.TemporaryDirectory(prefix="protolith-") as folder:
        spool = Path(folder) / "rows.arrow"
        with pa.OSFile(str(spool), "wb") as sink, pa.ipc.new_file(sink, schema) as out:
            for batch in decode_source(source, decoder, skip_bad=skip_bad, account=account):
                out.write_batch(batch)
        if account.rows:
            with pa.memory_map(str(spool)) as rows:
                found = pa.ipc.open_file(rows).read_all()
                target.engine.load(target.table, found.cast(arrow_schema(target.table)))
    return account
