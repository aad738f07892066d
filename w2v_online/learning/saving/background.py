"""Snapshots that are written while the learner goes on learning.

Learning stands still only while the small state is copied in memory. The matrices are copied behind
its back (see rowcopy.py), and the snapshot is put together from the copies.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.learning.averages import Averages
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.saving.image import ROOM_FACTOR, Image, Room, SavedMatrices
from w2v_online.learning.saving.rowcopy import CancelledError, RowCopy, rowcopy_bytes
from w2v_online.learning.subwords import Subwords
from w2v_online.snapshots.writer import SnapshotWriter


class _Beside(NamedTuple):
    """A matrix beside those of the objective, whose owner says which rows are about to change."""

    owner: Averages | Subwords
    copy: RowCopy
    matrix: NDArray[np.float32]
    updates: NDArray[np.uint32]
    """By row: how often it was changed."""
    updates_name: str
    """The same in the learner's state."""


class BackgroundSnapshot:
    """One snapshot of a learner below ``folder``; it is under way as soon as this is made.

    Call :meth:`is_ready` now and then where no training is under way; once it says yes,
    :meth:`cut` decides that the snapshot is of that moment. Later :meth:`result` tells its path.
    ``image`` gives the learner's state as it is, ``wait`` waits until no thread trains,
    ``then`` is the last step, given the path; if it fails the snapshot has failed, though it stays.
    With ``vectors_only`` it is one for readers, that no learner can go on from.
    """

    def __init__(
        self,
        folder: Path,
        embeddings: Embeddings,
        averages: Averages | None,
        subwords: Subwords | None,
        image: Callable[[], Image],
        wait: Callable[[], None],
        then: Callable[[Path], None] | None = None,
        *,
        vectors_only: bool = False,
    ) -> None:
        self.pause_seconds = 0.0
        """Time that learning stood still."""
        self._embeddings = embeddings
        self._whole_image = image
        self._vectors_only = vectors_only
        self._wait = wait
        self._then = then
        self._room = Room()
        self._cancelled = threading.Event()
        self._error: SnapshotError | None = None
        self._path: Path | None = None
        self._is_cut = False
        self._copies: list[RowCopy] = []
        self._beside: dict[str, _Beside] = {}
        matrix_bytes = len(embeddings) * embeddings.row_floats * 4
        # Matrices as copies and in the snapshot, and what training goes on with.
        needed_bytes = (2 if vectors_only else 4) * matrix_bytes + self._image().nbytes
        if averages is not None:
            average_bytes = len(embeddings) * averages.words.itemsize * averages.words.shape[1]
            needed_bytes += average_bytes
            needed_bytes += 0 if vectors_only else matrix_bytes + average_bytes
        if subwords is not None:
            needed_bytes += 2 * len(subwords) * 4 * embeddings.row_floats + matrix_bytes
        self._writer = SnapshotWriter(folder, needed_bytes, vectors_only=vectors_only)
        matrices = embeddings.matrices
        try:
            size = embeddings.vector_size
            self._vectors = self._copy_of("vectors", matrices.syn0, size)
            self._output_vectors = (
                None if vectors_only else self._copy_of("output_vectors", matrices.syn1, size)
            )
            if averages is not None:
                words = averages.words
                copy = self._copy_of("averages", words, words.shape[1])
                self._beside["averages"] = _Beside(
                    averages, copy, words, averages.averaged, "averaged"
                )
            if subwords is not None:
                copy = self._copy_of("subwords", subwords.vectors, size)
                self._beside["subwords"] = _Beside(
                    subwords, copy, subwords.vectors, subwords.updates, "subword_updates"
                )
        except SnapshotError:
            self._clean_up()
            raise
        self._thread = self._start(self._prepare)

    def _image(self) -> Image:
        """What is to be saved besides the matrices, as it is now."""
        image = self._whole_image()
        return image.for_readers() if self._vectors_only else image

    def _copy_of(self, name: str, matrix: NDArray[np.float32], columns: int) -> RowCopy:
        """A copy to be of a matrix of this shape."""
        path = self._writer.path / f"{name}.rows"
        max_rows, row_floats = matrix.shape
        copy = RowCopy(path, max_rows, row_floats, columns, self._cancelled)
        self._copies.append(copy)
        return copy

    def _prepare(self) -> None:
        """Have memory ready, so that the cut only fills it: what is copied here is of no use."""
        self._image().copy(self._room)

    def is_ready(self) -> bool:
        """Whether it is time to :meth:`cut`."""
        return not (self._is_cut or self._thread.is_alive() or self._error is not None)

    def cut(self, **extra: Any) -> None:
        """Let the snapshot be of this moment; ``extra`` goes into its manifest."""
        self._wait()
        began = time.perf_counter()
        image = self._image().copy(self._room)
        rows = len(self._embeddings)
        state, matrices = image.state, self._embeddings.matrices
        self._vectors.begin(matrices.syn0, matrices.updates0, state["updates0"], rows)
        if self._output_vectors is not None:
            # A tree that was rebuilt has another matrix than when this was made.
            self._output_vectors.begin(matrices.syn1, matrices.updates1, state["updates1"], rows)
        self._embeddings.before_change = self._save_rows
        for owner, copy, matrix, updates, name in self._beside.values():
            own_rows = len(owner) if isinstance(owner, Subwords) else rows
            copy.begin(matrix, updates, state[name], own_rows)
            owner.before_change = partial(self._save, copy)
        self._is_cut = True
        self._thread = self._start(lambda: self._write(image, extra))
        self.pause_seconds += time.perf_counter() - began

    def _save_rows(self, rows: NDArray[np.int32], output_rows: NDArray[np.int32]) -> None:
        """Save rows that are about to change."""
        self._save(self._vectors, rows)
        if self._output_vectors is not None:
            self._save(self._output_vectors, output_rows)

    def _save(self, copy: RowCopy, rows: NDArray[np.int32]) -> None:
        """Save rows; a failure is the snapshot's, not the learner's."""
        try:
            copy.save(rows)
        except SnapshotError as error:
            self._end_saving()
            self._error = error
            self._cancelled.set()

    def _end_saving(self) -> None:
        self._embeddings.before_change = None
        for owner, *_ in self._beside.values():
            owner.before_change = None

    def _write(self, image: Image, extra: dict[str, Any]) -> None:
        beside = {name: beside.copy for name, beside in self._beside.items()}
        copies = SavedMatrices(
            self._vectors, self._output_vectors, beside.get("averages"), beside.get("subwords")
        )
        for copy in self._copies:
            copy.copy()
        self._end_saving()
        path = image.write(self._writer, copies, **extra)
        if self._then is not None:
            self._then(path)
        self._path = path

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except SnapshotError as error:
                self._error = self._error or error
            except CancelledError:
                pass
            except Exception as error:  # a snapshot must not end the learning
                self._error = SnapshotError(f"{self._writer.path} failed: {error!r}")

        thread = threading.Thread(target=run, name="snapshot", daemon=True)
        thread.start()
        return thread

    def result(self) -> Path | None:
        """The snapshot's path, None as long as it is not complete.

        Raises SnapshotError if it failed; nothing of it is left then.
        """
        if self._thread.is_alive():
            return None
        if self._error is not None:
            self._clean_up()
            raise self._error
        return self._path

    def cancel(self) -> Path | None:
        """End it soon; return its path if it is complete already, else leave nothing of it."""
        self._cancelled.set()
        self._thread.join()
        if self._path is None:
            self._clean_up()
        return self._path

    def _clean_up(self) -> None:
        self._end_saving()
        for copy in self._copies:
            copy.close()
        self._writer.abort()


_ROW_BYTES = 124
"""Memory per row while a snapshot is made: updates, order, counts, change scores, places, where
words begin, and their index."""


def max_bytes(state_bytes: int, words_bytes: int, rows: int, row_bytes: int, matrices: int) -> int:
    """Most memory that a snapshot takes besides the learner's own.

    ``state_bytes`` are those of the arrays that are copied, ``words_bytes`` those of all words,
    ``row_bytes`` those of a row in one of the ``matrices``.
    """
    copies = int(ROOM_FACTOR * state_bytes) + words_bytes + _ROW_BYTES * rows
    return copies + matrices * rowcopy_bytes(row_bytes)
