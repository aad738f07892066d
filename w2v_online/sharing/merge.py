"""A shard: the merged rows of its words, and the counts on their way from learner to learner.

Owns what several learners made of the same words together; knows nothing of text or of training.
Every push carries worker, epoch and sequence, so that nothing is merged twice: when anything
failed, the driver of the workers starts all again, from one moment, in a new epoch.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.errors import W2VError
from w2v_online.kernels import sharing as kernels
from w2v_online.learning.embeddings import reserve
from w2v_online.learning.vocabulary import Vocabulary
from w2v_online.sharing.shared_counts import add_counts, find_rows
from w2v_online.sharing.shared_rows import EVERYTHING, Schedule
from w2v_online.sharing.update import CountChanges, RowChanges, Update

SPARE_SHARE = 8
"""A shard has room for one part in so many more words than its share, for words are dealt out by
chance,"""

SPARE_ROWS = 1024
"""and for so many more, where the share is small."""

EVICTION_PUSHES = 16
"""Pushes after which rows go to words that are more frequent by now."""


class EpochError(W2VError):
    """A push or a pull of another epoch than the shard's: all began again meanwhile."""


class MergedRows:
    """What a shard holds.

    Parameters
    ----------
    config
        The learners' options.
    workers
        How many learners there are; they go by the numbers below.
    shards
        How many parts the words are in, of which this is one.
    epoch
        The only one that pushes and pulls are taken of.
    schedule
        Which rows are due when, as for learners.

    """

    def __init__(
        self,
        config: LearnerConfig,
        workers: int,
        shards: int = 1,
        *,
        epoch: int = 0,
        schedule: Schedule | None = None,
    ) -> None:
        share = -(-config.max_vocab_size // shards)
        rows = share + share // SPARE_SHARE + SPARE_ROWS
        self.epoch = epoch
        self._vocabulary = Vocabulary(config.model_copy(update={"max_vocab_size": rows}))
        schedule = schedule or Schedule()
        self._matrices = [
            MergedMatrix(rows, config.vector_size, workers, schedule) for _ in range(2)
        ]
        self._counts: deque[tuple[int, CountChanges]] = deque()
        self._first_counts = 0
        """How many were taken off the front of the queue."""
        self._read_counts = [0] * workers
        self._sequences = [-1] * workers
        self._pulls = [0] * workers
        self._pushes = 0

    @property
    def max_bytes(self) -> int:
        """Most memory that it takes besides counts that some worker has not pulled yet."""
        return self._vocabulary.max_bytes + sum(matrix.max_bytes for matrix in self._matrices)

    def load(self, update: Update) -> None:
        """Begin with what a learner holds; every worker begins with the same."""
        add_counts(self._vocabulary, update.counts)
        for matrix, changes in zip(
            self._matrices, (update.vectors, update.output_vectors), strict=True
        ):
            matrix.load(self._vocabulary, changes)

    def push(self, worker: int, epoch: int, sequence: int, update: Update) -> bool:
        """Merge what a worker learned; False if this sequence, or a later one, was there before.

        EpochError for another epoch.
        """
        self._check_epoch(epoch)
        if sequence <= self._sequences[worker]:
            return False
        self._sequences[worker] = sequence
        add_counts(self._vocabulary, update.counts)
        self._counts.append((worker, update.counts))
        self._pushes += 1
        if self._pushes % EVICTION_PUSHES == 0:
            evicted = self._vocabulary.evict()
            for matrix in self._matrices:
                matrix.reset(evicted)
        for matrix, changes in zip(
            self._matrices, (update.vectors, update.output_vectors), strict=True
        ):
            matrix.merge(self._vocabulary, worker, changes)
        return True

    def pull(self, worker: int, epoch: int, *, everything: bool = False) -> Update:
        """What is due of what the others changed since the last time; all, with ``everything``.

        What it returns counts as known to the worker. EpochError for another epoch.
        """
        self._check_epoch(epoch)
        number = self._pulls[worker] = self._pulls[worker] + 1
        inputs, outputs = (
            matrix.changes(self._vocabulary, worker, number, everything=everything)
            for matrix in self._matrices
        )
        return Update(self._take_counts(worker), inputs, outputs)

    def _check_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise EpochError(f"epoch {epoch} is over or to come: this is epoch {self.epoch}")

    def _take_counts(self, worker: int) -> CountChanges:
        first = self._read_counts[worker] - self._first_counts
        unread = [self._counts[i] for i in range(first, len(self._counts))]
        self._read_counts[worker] += len(unread)
        while self._counts and min(self._read_counts) > self._first_counts:
            self._counts.popleft()
            self._first_counts += 1
        return CountChanges.joined([changes for pusher, changes in unread if pusher != worker])


class MergedMatrix:
    """The merged rows of one of the matrices, and what each worker knows of them."""

    def __init__(self, rows: int, vector_size: int, workers: int, schedule: Schedule) -> None:
        self._schedule = schedule
        self._merged = reserve(rows, vector_size, huge_pages=False)
        self._updates = np.zeros(rows, np.uint32)
        self._changes = np.zeros(rows, np.uint64)
        self._known = [np.zeros(rows, np.uint64) for _ in range(workers)]
        self._is_held = np.zeros(rows, np.uint8)
        self._unknown = [b""] * workers

    @property
    def max_bytes(self) -> int:
        """Most memory that it takes."""
        by_row = self._updates.nbytes + self._changes.nbytes + self._is_held.nbytes
        return self._merged.nbytes + by_row + sum(known.nbytes for known in self._known)

    def load(self, vocabulary: Vocabulary, changes: RowChanges) -> None:
        """Begin with these rows, which every worker has."""
        rows = find_rows(vocabulary, changes.words, len(changes.updates), enter=True)
        held = rows >= 0
        self._merged[rows[held]] = changes.vectors[held] * changes.units[held, None]
        self._updates[rows[held]] = changes.updates[held]
        self._is_held[rows[held]] = 1

    def reset(self, rows: NDArray[np.int32]) -> None:
        """Let rows belong to words of which nothing is known yet."""
        self._is_held[rows] = 0
        self._updates[rows] = 0
        for changes in (self._changes, *self._known):
            changes[rows] = 0

    def merge(self, vocabulary: Vocabulary, worker: int, changes: RowChanges) -> None:
        """Add what a worker learned."""
        rows = find_rows(vocabulary, changes.words, len(changes.updates), enter=True)
        is_unknown = np.empty(len(rows), np.uint8)
        kernels.merge_rows(
            self._merged,
            self._updates,
            self._changes,
            self._known[worker],
            self._is_held,
            rows,
            changes.vectors,
            changes.units,
            changes.updates,
            changes.is_new,
            is_unknown,
        )
        if is_unknown.any():
            words = changes.words.split(b"\n")
            unknown = (words[i] + b"\n" for i in np.flatnonzero(is_unknown))
            self._unknown[worker] += b"".join(unknown)

    def changes(
        self, vocabulary: Vocabulary, worker: int, pull: int, *, everything: bool
    ) -> RowChanges:
        """The rows that are due to be told a worker; from now on it knows them."""
        n_rows = len(vocabulary)
        changes, known = self._changes[:n_rows], self._known[worker]
        schedule = EVERYTHING if everything else self._schedule
        rows = schedule.due(changes - known[:n_rows], pull)
        rows = rows[self._is_held[rows] == 1]
        known[rows] = changes[rows]
        unknown, self._unknown[worker] = self._unknown[worker], b""
        words = bytes(vocabulary.word_lines(rows))
        told = RowChanges.empty(words, len(rows), self._merged.shape[1], exact=everything)
        kernels.write_rows(self._merged, rows, everything, told.vectors, told.units)
        told.updates[:] = self._updates[rows]
        return replace(told, unknown=unknown)
