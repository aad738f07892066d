"""One matrix that several learners train: which rows are due to be told of, and the others' news.

Rows that are updated often are due at every exchange, others when it is their turn (after Ji et
al. 2016): most rows are touched a few times between two exchanges, by a draw as a negative for
one, and would be most of what is sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels import sharing as kernels
from w2v_online.kernels.training import MAX_UPDATES
from w2v_online.learning.embeddings import Embeddings, reserve
from w2v_online.learning.vocabulary import Vocabulary
from w2v_online.sharing.shared_counts import find_rows, split_by_shard
from w2v_online.sharing.update import RowChanges


@dataclass(frozen=True)
class Schedule:
    """Which rows are due at an exchange."""

    updates: int = 6
    """Updates that have not been told of from which a row is due at once."""

    turns: int = 2
    """Exchanges in which every touched row has its turn once."""

    def due(self, pending: NDArray[np.integer], exchange: int) -> NDArray[np.int32]:
        """The rows that are due; ``pending`` are updates not told of, by row."""
        is_due = pending >= self.updates
        first = -exchange % self.turns
        is_due[first :: self.turns] |= pending[first :: self.turns] > 0
        return np.flatnonzero(is_due).astype(np.int32)


EVERYTHING = Schedule(updates=1)


class SharedRows:
    """The bases of one matrix; all rows that are there when this is made count as known."""

    def __init__(
        self,
        embeddings: Embeddings,
        matrix: NDArray[np.float32],
        updates: NDArray[np.uint32],
        schedule: Schedule,
    ) -> None:
        self.share = 1.0
        """Part of what the learner learned that is merged."""
        self._embeddings = embeddings
        self._matrix, self._updates = matrix, updates
        self._schedule = schedule
        self._base = reserve(*matrix.shape, huge_pages=False)
        self._sent = np.zeros(len(updates), np.uint32)
        self._is_shared = np.zeros(len(updates), np.uint8)
        embeddings.companions += [self._base, self._sent, self._is_shared]
        rows = len(embeddings)
        self._base[:rows] = matrix[:rows]
        self._sent[:rows] = updates[:rows]
        self._is_shared[:rows] = 1

    @property
    def max_bytes(self) -> int:
        """Most memory that bases can take."""
        return self._base.nbytes + self._sent.nbytes + self._is_shared.nbytes

    def _pending(self) -> NDArray[np.uint32]:
        """uint32[rows]: updates since each row's base, at least 1 for a row without one."""
        rows = len(self._embeddings)
        updates = self._updates[:rows]
        pending: NDArray[np.uint32] = updates - self._sent[:rows]
        pending[updates == MAX_UPDATES] = MAX_UPDATES  # the count stopped, training may go on
        np.maximum(pending, self._is_shared[:rows] == 0, out=pending)
        return pending

    def due(self, exchange: int, *, everything: bool = False) -> NDArray[np.int32]:
        """The rows to be told of: those that are due, or all that learned anything."""
        schedule = EVERYTHING if everything else self._schedule
        return schedule.due(self._pending(), exchange)

    def take(
        self, vocabulary: Vocabulary, shards: int, rows: NDArray[np.int32], *, exact: bool
    ) -> list[RowChanges]:
        """The learner's part of what rows learned, for each shard; now it is known."""
        return [
            self._take(vocabulary, part, exact=exact)
            for part in split_by_shard(vocabulary, rows, shards)
        ]

    def _take(self, vocabulary: Vocabulary, rows: NDArray[np.int32], *, exact: bool) -> RowChanges:
        words = bytes(vocabulary.word_lines(rows))
        changes = RowChanges.empty(words, len(rows), self._embeddings.vector_size, exact=exact)
        kernels.take_rows(
            self._matrix,
            self._base,
            self._updates,
            self._sent,
            self._is_shared,
            rows,
            np.float32(self.share),
            exact,
            changes.vectors,
            changes.units,
            changes.updates,
            changes.is_new,
        )
        return changes

    def whole(self, vocabulary: Vocabulary, shards: int) -> list[RowChanges]:
        """Every row as it is now, for each shard, for one that knows nothing."""
        every = np.arange(len(self._embeddings), dtype=np.int32)
        return [
            RowChanges(
                bytes(vocabulary.word_lines(rows)),
                self._matrix[rows, : self._embeddings.vector_size],
                np.ones(len(rows), np.float32),
                self._updates[rows],
                np.ones(len(rows), np.uint8),
            )
            for rows in split_by_shard(vocabulary, every, shards)
        ]

    def find(self, vocabulary: Vocabulary, changes: RowChanges) -> NDArray[np.int32]:
        """int32[n]: the rows that merged rows are of here, -1 for none."""
        return find_rows(vocabulary, changes.words, len(changes.updates))

    def apply(self, vocabulary: Vocabulary, rows: NDArray[np.int32], changes: RowChanges) -> None:
        """Take over merged rows, which :meth:`find` found, and add what was not told yet."""
        kernels.apply_rows(
            self._matrix,
            self._base,
            self._updates,
            self._sent,
            self._is_shared,
            rows,
            changes.vectors,
            changes.units,
            changes.updates,
        )
        if changes.unknown:
            lost = find_rows(vocabulary, changes.unknown, changes.unknown.count(b"\n"))
            lost = lost[lost >= 0]
            self._base[lost] = 0.0
            self._sent[lost] = 0
            self._is_shared[lost] = 0
