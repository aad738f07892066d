"""A copy of a matrix as it was at one moment, made while its rows go on changing.

From that moment on every row is pending. A thread copies rows one after the other into a file;
a trainer about to change a row saves it first, if it is pending still. So each row is copied once,
nobody waits for anybody, and memory does not grow.

Why the thread needs no lock: it copies rows, and only afterwards looks whether they are pending.
Whoever changes a row ends its being pending before. So a row that is pending after it was copied
was copied unchanged, and for any other there is a saved one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.kernels.rowfile import claim_rows, copy_rows, read_rows, save_rows

_STEP_ROWS = 2048
_SAVED_BYTES = 2 << 20
"""Saved rows that are held in memory at most."""


def rowcopy_bytes(row_bytes: int) -> int:
    """Memory that the buffers of a copy take, whatever the number of rows."""
    return max(_SAVED_BYTES, row_bytes) + _STEP_ROWS * row_bytes


class CancelledError(Exception):
    """The copy is not wanted any more."""


class RowCopy:
    """A copy of rows of a matrix of ``row_floats`` columns, in a file at ``path``.

    ``vector_size`` of the columns count. Row i lies at place i of the file, or behind all of those
    if it was saved before a change.
    """

    def __init__(
        self,
        path: Path,
        max_rows: int,
        row_floats: int,
        vector_size: int,
        cancelled: threading.Event,
    ) -> None:
        self._path = path
        self._matrix = np.empty((0, row_floats), np.float32)
        self._updates = np.empty(0, np.uint32)
        self.vector_size = vector_size
        self._cancelled = cancelled
        self._row_bytes = 4 * row_floats
        saved = max(1, min(max_rows, _SAVED_BYTES // self._row_bytes))
        self._saved = np.zeros(saved, np.int32)
        self._saved_values = np.zeros((saved, row_floats), np.float32)
        self._used = 0
        self._lock = threading.Lock()
        self._is_pending = np.empty(0, np.uint8)
        self._places = np.empty(0, np.int32)
        self._next_place = 0
        self._updates_before = np.empty(0, np.uint32)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise self._error(error) from error

    def begin(
        self,
        matrix: NDArray[np.float32],
        updates: NDArray[np.uint32],
        updates_before: NDArray[np.uint32],
        rows: int,
    ) -> None:
        """Let the copy be of the first ``rows`` rows of a matrix (float32[V, F]) at this moment.

        ``updates`` (uint32[V]) changes with each row, ``updates_before`` is how it is now.
        """
        self._matrix, self._updates = matrix, updates
        self._updates_before = updates_before
        self._places = np.arange(rows, dtype=np.int32)
        self._next_place = rows
        self._is_pending = np.ones(rows, np.uint8)

    def save(self, rows: NDArray[np.int32]) -> None:
        """Save rows that are about to change, as far as that is needed; -1 is no row."""
        with self._lock:
            first = 0
            while first < len(rows):
                self._used, first = save_rows(
                    self._matrix,
                    rows,
                    first,
                    self._is_pending,
                    self._saved,
                    self._saved_values,
                    self._used,
                )
                if first < len(rows):
                    self._write_saved()

    def copy(self) -> None:
        """Copy all rows that are pending still; others may save and change rows meanwhile."""
        values = np.empty((_STEP_ROWS, self._matrix.shape[1]), np.float32)
        rows = len(self._is_pending)
        for begin in range(0, rows, len(values)):
            end = min(begin + len(values), rows)
            self._check_cancelled()
            copy_rows(self._matrix, begin, end, values)
            has_changed = self._updates[begin:end] != self._updates_before[begin:end]
            if claim_rows(begin, self._is_pending, has_changed):
                raise SnapshotError(f"{self._path}: rows have changed without being saved before")
            self._write(values[: end - begin], begin)

    def blocks(self, order: NDArray[np.int32]) -> Iterator[NDArray[np.float32]]:
        """Rows in this order, see :class:`w2v_online.learning.saving.image.Matrix`."""
        with self._lock:
            self._write_saved()
        values = np.empty((_STEP_ROWS, self.vector_size), np.float32)
        for first in range(0, len(order), len(values)):
            self._check_cancelled()
            places = self._places[order[first : first + len(values)]]
            if read_rows(self._descriptor, self._row_bytes, places, values) < len(places):
                raise SnapshotError(f"{self._path} cannot be read back")
            yield values[: len(places)]

    def _write_saved(self) -> None:
        """Write the rows that were saved behind all others."""
        places = np.arange(self._next_place, self._next_place + self._used, dtype=np.int32)
        self._places[self._saved[: self._used]] = places
        self._write(self._saved_values[: self._used], self._next_place)
        self._next_place += self._used
        self._used = 0

    def _write(self, values: NDArray[np.float32], place: int) -> None:
        offset = place * self._row_bytes
        data = values.data.cast("B") if values.size else memoryview(b"")
        try:
            while data:
                written = os.pwrite(self._descriptor, data, offset)
                data, offset = data[written:], offset + written
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> SnapshotError:
        return SnapshotError(f"{self._path} cannot be written: {error.strerror}")

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise CancelledError

    def close(self) -> None:
        """Give back the file; nothing is pending any more."""
        with self._lock:
            self._is_pending = np.empty(0, np.uint8)
            self._matrix = self._matrix[:0].copy()
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._path.unlink(missing_ok=True)
                self._descriptor = -1
