"""The native decoder: from the wire to Arrow in one pass, with the reference decoder beside it.

It decodes what is usual. A record that is malformed, or that would need more than one pass, goes
to the reference decoder: so both say the same of every record, and for the same reason.
"""

import ctypes
import os
from collections import Counter
from ctypes import POINTER, byref, c_char_p, c_int64, c_void_p
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from protolith.decoding.assembly import UnsupportedError
from protolith.decoding.program import Leaf, Program, compile_program
from protolith.decoding.reference import ReferenceDecoder, Row

LIBRARY = Path(os.environ.get("PROTOLITH_NATIVE") or Path(__file__).with_name("_native.so"))
MAX_BATCH_BYTES = 1024 * 1024 * 1024

ALL_YEARS = (1, 9999)
DONE, UNUSUAL, BROKEN, TOO_LARGE, NO_MEMORY = range(5)
_NUMBER = (1 << 32) - 1


class _Outcome(ctypes.Structure):
    _fields_ = (("rows", c_int64), ("position", c_int64), ("status", c_int64))


class _ArrowArray(ctypes.Structure):
    _fields_ = (("memory", c_char_p * 10),)


@cache
def _library() -> Any:
    """The compiled library; None where it could not be built."""
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    library.protolith_compile.restype = c_void_p
    library.protolith_compile.argtypes = (c_void_p, c_char_p, c_int64)
    library.protolith_free.argtypes = (c_void_p,)
    library.protolith_decode.argtypes = (
        *(c_void_p, c_void_p, c_int64, c_int64, c_int64, c_void_p),
        POINTER(_Outcome),
    )
    library.protolith_export.argtypes = (c_void_p, c_int64, c_void_p)
    library.protolith_export.restype = c_int64
    library.protolith_counts.argtypes = (c_void_p, c_void_p, c_int64, c_void_p)
    library.protolith_counts.restype = c_int64
    return library


def is_available() -> bool:
    """Whether the native decoder was built."""
    return _library() is not None


class NativeDecoder:
    """Decodes length-delimited records into record batches of the reference decoder's table.

    Raises `UnsupportedError` where only the reference decoder can fill the table. Not for several
    threads at once; the interpreter is free while it decodes.
    """

    def __init__(self, reference: ReferenceDecoder, program: Program) -> None:
        self.schema = reference.schema
        self._program = program
        code = np.array(program.code, np.int64)
        self._library = _library()
        self._handle = self._library.protolith_compile(
            code.ctypes.data, program.texts, len(program.texts)
        )
        if not self._handle:
            raise MemoryError

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.protolith_free(self._handle)

    def decode(
        self, data: pa.Buffer, position: int, max_rows: int, max_bytes: int = MAX_BATCH_BYTES
    ) -> tuple[pa.RecordBatch, "np.ndarray[Any, Any]", int, int]:
        """Decode from a position: rows as they stand, their offsets, the end, and why it ended."""
        offsets = np.empty(max_rows, np.int64)
        outcome = _Outcome()
        self._library.protolith_decode(
            *(self._handle, data.address + position, data.size - position, max_rows, max_bytes),
            *(offsets.ctypes.data, byref(outcome)),
        )
        rows = int(outcome.rows)
        array = _ArrowArray()
        if self._library.protolith_export(self._handle, rows, ctypes.addressof(array)) != DONE:
            raise MemoryError
        batch = pa.RecordBatch._import_from_c(ctypes.addressof(array), self._program.schema)  # noqa: SLF001
        end = position + int(outcome.position)
        return batch, offsets[:rows] + position, end, int(outcome.status)

    def finish(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Row]:
        """Turn what was given as on the wire into values; raises what the reference raises."""
        row = Row()
        if not self._program.finish:
            return batch, row
        arrays = [
            _finished(batch.column(index), self._program.finish.get(index), row)
            for index in range(batch.num_columns)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema), row

    def take_counts(self) -> tuple[Counter[str], Counter[str]]:
        """The unknown fields and the cut values since the last call."""
        program = self._program
        cut = np.zeros(max(len(program.counters), 1), np.int64)
        capacity = 64
        while True:
            pairs = np.empty(2 * capacity, np.int64)
            found = self._library.protolith_counts(
                self._handle, pairs.ctypes.data, capacity, cut.ctypes.data
            )
            if found <= capacity:
                break
            capacity = found
        unknown: Counter[str] = Counter()
        for index in range(found):
            key, values = int(pairs[2 * index]), int(pairs[2 * index + 1])
            unknown[f"{program.messages[key >> 32]}.{key & _NUMBER}"] += values
        counted = zip(program.counters, cut.tolist(), strict=False)
        return unknown, Counter({path: values for path, values in counted if values})


def native_decoder(reference: ReferenceDecoder) -> NativeDecoder | None:
    """A native decoder for the table of a reference decoder; None where there is none."""
    if not is_available() or reference.years != ALL_YEARS:
        return None
    program = _program(reference)
    return NativeDecoder(reference, program) if program is not None else None


@lru_cache(maxsize=16)
def _program(reference: ReferenceDecoder) -> Program | None:
    """What a reference decoder does, as a program; the same one serves several threads."""
    try:
        return compile_program(reference.descriptors, reference.logical, reference.table)
    except UnsupportedError:
        return None


def _finished(array: Any, finish: Any, row: Row) -> Any:
    match finish:
        case None:
            return array
        case Leaf(type_, convert):
            values = [None if v is None else convert(v, row) for v in array.to_pylist()]
            return pa.array(values, type_)
    if isinstance(array, pa.StructArray):
        parts = [
            _finished(array.field(index), finish.get(index), row)
            for index in range(array.type.num_fields)
        ]
        fields = [field.with_type(part.type) for field, part in zip(array.type, parts, strict=True)]
        return pa.StructArray.from_arrays(parts, fields=fields, mask=array.is_null())
    if isinstance(array, pa.MapArray):
        keys = _finished(array.keys, finish.get(0), row)
        items = _finished(array.items, finish.get(1), row)
        return pa.MapArray.from_arrays(array.offsets, keys, items)
    return pa.ListArray.from_arrays(array.offsets, _finished(array.values, finish[0], row))
