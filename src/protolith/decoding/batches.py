"""Frames into record batches, with an account of what was refused, unknown, or cut."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from protolith.decoding.framing import Frame
from protolith.decoding.reference import RecordError, ReferenceDecoder
from protolith.errors import Detail, RowsRejectedError
from protolith.limits import DATA

BATCH_ROWS = 8192
BATCH_BYTES = 1024 * 1024
"""Bytes of records that become one batch by reference: as Python objects they are far larger."""

MAX_REPORTED = DATA.reported_records


@dataclass
class Decoded:
    """What became of the records: rows made, records refused, and what the rows do not hold.

    `file` is where the records come from, if they come from several; `keep` gets each refused
    record.
    `rejected` holds the first thousand refused records, `rejected_count` counts them all.
    `unknown_fields` counts values by `message.number` that the schema does not know, `cut` counts
    values by field path that lost digits below a microsecond. `read_bytes` is how far it is.
    """

    rows: int = 0
    rejected_count: int = 0
    rejected: list[Detail] = field(default_factory=list)
    read_bytes: int = field(default=0, compare=False)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    file: str | None = None
    keep: Callable[[Detail, Frame], None] | None = None

    def take(self, other: "Decoded") -> None:
        """Add what became of other records."""
        self.rows += other.rows
        self.read_bytes += other.read_bytes
        self.rejected_count += other.rejected_count
        self.rejected += other.rejected[: MAX_REPORTED - len(self.rejected)]
        self.unknown_fields.update(other.unknown_fields)
        self.cut.update(other.cut)

    def decode(self, frame: Frame, decoder: ReferenceDecoder) -> list[Any]:
        """The values of a frame's row, or `RecordError`; counts what the row does not hold."""
        if frame.broken is not None:
            raise RecordError(frame.broken)
        row = decoder.decode(frame.data, frame.offset)
        self.unknown_fields.update(row.unknown_fields)
        self.cut.update(row.cut)
        return row.values


def decode(
    frames: Iterable[Frame],
    decoder: ReferenceDecoder,
    *,
    skip_bad: bool = False,
    account: Decoded | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[pa.RecordBatch]:
    """Decode frames into record batches of `decoder.table`.

    A record that cannot be decoded raises `RowsRejectedError` with its index, offset and reason,
    or is reported in `account` and left out when `skip_bad` is set.
    """
    account = account if account is not None else Decoded()
    schema = decoder.schema
    rows: list[list[Any]] = []
    size = 0
    for frame in frames:
        account.read_bytes += len(frame.data)
        size += len(frame.data)
        try:
            rows.append(account.decode(frame, decoder))
        except RecordError as error:
            reject(frame, str(error), account, skip_bad=skip_bad)
        if rows and (len(rows) == batch_rows or size >= BATCH_BYTES):
            yield make_batch(rows, schema, account)
            rows, size = [], 0
    if rows:
        yield make_batch(rows, schema, account)


def reject(frame: Frame, reason: str, account: Decoded, *, skip_bad: bool) -> None:
    """Report a record that cannot be a row, or raise that nothing is loaded because of it."""
    detail = Detail(reason, file=account.file, record=frame.index, offset=frame.offset)
    account.rejected_count += 1
    if account.keep is not None:
        account.keep(detail, frame)
    if len(account.rejected) < MAX_REPORTED:
        account.rejected.append(detail)
    if not skip_bad:
        raise RowsRejectedError(
            "a record cannot be loaded, so nothing was loaded",
            details=[detail],
            hint="mend the record, or skip and report bad records (--skip-bad)",
        )


def make_batch(rows: list[list[Any]], schema: pa.Schema, account: Decoded) -> pa.RecordBatch:
    """A record batch of rows that were decoded by reference."""
    account.rows += len(rows)
    columns = zip(*rows, strict=True)
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
