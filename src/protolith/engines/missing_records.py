"""Missing records as records of NULLs, for engines that read the values under a NULL record."""

import pyarrow as pa


def without_missing_records(rows: pa.Table) -> pa.Table:
    """The same rows; where a record is NULL, it is there and everything in it is NULL or empty."""
    columns = [
        pa.chunked_array([_array(chunk) for chunk in column.chunks], column.type)
        for column in rows.columns
    ]
    return pa.Table.from_arrays(columns, schema=rows.schema)


def _array(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_struct(kind):
        parts = [_array(part) for part in array.flatten()]  # NULL wherever the record is
        return pa.StructArray.from_arrays(parts, fields=list(kind))
    if pa.types.is_map(kind):
        return pa.MapArray.from_arrays(array.offsets, array.keys, _array(array.items), type=kind)
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(array.offsets, _array(array.values), type=kind)
    return array
