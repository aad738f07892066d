"""Parquet and Arrow files: the columns id, word, count and vector, a fixed-size list of float32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from w2v_online.analysis.export.selection import Selection
from w2v_online.output import whole_file

if TYPE_CHECKING:
    import pyarrow
    from pyarrow import parquet


def write_parquet(path: Path, selection: Selection) -> list[Path]:
    """Write a parquet file, compressed by zstd."""
    with whole_file(path) as file, open_parquet(file, _schema(selection)) as writer:
        for batch in _batches(selection):
            writer.write_batch(batch)
    return [path]


def write_arrow(path: Path, selection: Selection) -> list[Path]:
    """Write an Arrow IPC file (Feather version 2), which can be mapped into memory."""
    from pyarrow import ipc

    with whole_file(path) as file, ipc.new_file(file, _schema(selection)) as writer:
        for batch in _batches(selection):
            writer.write_batch(batch)
    return [path]


def open_parquet(file: IO[bytes], schema: pyarrow.Schema) -> parquet.ParquetWriter:
    """A writer of parquet, compressed by zstd.

    Dictionaries are tried for text only: for vectors they take most of the time and save nothing.
    """
    import pyarrow as pa
    from pyarrow import parquet

    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    return parquet.ParquetWriter(file, schema, compression="zstd", use_dictionary=texts)


def _schema(selection: Selection) -> pyarrow.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("word", pa.string(), nullable=False),
            pa.field("count", pa.from_numpy_dtype(selection.counts.dtype), nullable=False),
            vector_field("vector", selection.table.vector_size),
        ]
    )


def vector_field(name: str, vector_size: int) -> pyarrow.Field:
    """A column of vectors."""
    import pyarrow as pa

    numbers = pa.field("item", pa.float32(), nullable=False)
    return pa.field(name, pa.list_(numbers, vector_size), nullable=False)


def vector_array(vectors: object, field: pyarrow.Field) -> pyarrow.Array:
    """float32[n, D] as the values of such a column."""
    import numpy as np
    import pyarrow as pa

    flat = pa.array(np.ascontiguousarray(vectors, np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, type=field.type)


def _batches(selection: Selection) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow as pa

    schema, first = _schema(selection), 0
    for words, vectors, counts in selection.blocks():
        ids = selection.ids[first : first + len(words)]
        first += len(words)
        columns = [
            pa.array(ids),
            pa.array(words, pa.string()),
            pa.array(counts),
            vector_array(vectors, schema.field("vector")),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
