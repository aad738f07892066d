"""LanceDB: a table with the columns word, count and vector. ``lancedb://FOLDER?table=NAME``.

Every batch makes a version of the table, and what a version replaces stays on the disk: so files
are merged and old versions deleted whenever there are many.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qs

import lancedb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streamer.publishing.store import Access, StoreError
from w2v_online.analysis.export.columns import vector_array, vector_field

MAX_VERSIONS = 100
"""With more of them, old ones are deleted."""

KEPT = timedelta(hours=1)
"""Younger ones stay, for readers that have them open."""


class LancedbStore:
    """See the module."""

    def __init__(self, url: SplitResult, vector_size: int, _access: Access) -> None:
        name = parse_qs(url.query).get("table", ["w2v_stream_vectors"])[-1]
        self._schema = pa.schema(
            [
                pa.field("word", pa.string(), nullable=False),
                pa.field("count", pa.float64(), nullable=False),
                vector_field("vector", vector_size),
            ]
        )
        try:
            database = lancedb.connect(url.netloc + url.path)
            try:
                self._table = database.open_table(name)
            except (ValueError, FileNotFoundError):
                self._table = database.create_table(name, schema=self._schema)
        except Exception as error:
            raise StoreError(f"lancedb: {error}") from error

    def holds(self, word: str) -> bool:
        """See :class:`streamer.publishing.store.Store`."""
        return True

    def words(self) -> set[str]:
        """See :class:`streamer.publishing.store.Store`."""
        try:
            return set(self._table.to_arrow()["word"].to_pylist())
        except Exception as error:
            raise StoreError(f"lancedb: {error}") from error

    def is_empty(self) -> bool:
        """See :class:`streamer.publishing.store.Store`."""
        try:
            return int(self._table.count_rows()) == 0
        except Exception as error:
            raise StoreError(f"lancedb: {error}") from error

    def prepare(self, upserts: int, words: int) -> None:
        """Nothing to prepare."""

    def upsert(
        self, words: Sequence[str], vectors: NDArray[np.float32], counts: NDArray[Any]
    ) -> int:
        """See :class:`streamer.publishing.store.Store`."""
        columns = [
            pa.array(list(words), pa.string()),
            pa.array(np.asarray(counts, np.float64)),
            vector_array(vectors, self._schema.field("vector")),
        ]
        rows = pa.Table.from_arrays(columns, schema=self._schema)
        try:
            merge = self._table.merge_insert("word")
            merge.when_matched_update_all().when_not_matched_insert_all().execute(rows)
        except Exception as error:
            raise StoreError(f"lancedb: {error}") from error
        return int(rows.nbytes)

    def delete(self, words: Sequence[str]) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        quoted = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
        try:
            self._table.delete(f"word IN ({quoted})")
        except Exception as error:
            raise StoreError(f"lancedb: {error}") from error

    def finish(self) -> None:
        """Every call has returned when it is stored; what old versions take is freed."""
        try:
            if len(self._table.list_versions()) > MAX_VERSIONS:
                self._table.optimize(cleanup_older_than=KEPT)
        except Exception as error:
            raise StoreError(f"lancedb: {error}") from error

    def close(self) -> None:
        """Nothing to let go of."""
