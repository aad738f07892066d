"""Counts that several learners keep together: each tells what it saw and adds what others saw.

A vocabulary that others' counts are added to is a summary of its own stream and of what it was
told, with the same promises. What a learner forgets before it could tell, the others cannot know:
by so much more can their counts be too low, and their bounds say so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels import counts as kernels
from w2v_online.kernels.table import (
    DROPPED_BYTES,
    DROPPED_TOKENS,
    MISSED,
    N_CANDIDATES,
    TOTAL,
    TOTAL_RECORDS,
    TOTAL_WORDS,
    UNSENT,
)
from w2v_online.learning.vocabulary import Vocabulary, padded_text
from w2v_online.sharing.update import CountChanges

_MAX_INCREMENT = float(2**32 - 1)
"""Where what is told of one word at once stops."""

_TOTALS = [TOTAL_RECORDS, TOTAL_WORDS, DROPPED_TOKENS, DROPPED_BYTES]


def split_by_shard(
    vocabulary: Vocabulary, entries: NDArray[np.int32], shards: int
) -> list[NDArray[np.int32]]:
    """The entries whose words belong to each of the shards."""
    if shards == 1:
        return [entries]
    numbers = np.empty(len(entries), np.uint16)
    kernels.shards_of(vocabulary.arrays, entries, shards, numbers)
    ends = np.cumsum(np.bincount(numbers, minlength=shards))
    return np.split(entries[np.argsort(numbers, kind="stable")], ends[:-1])


def _block() -> kernels.Block:
    n = kernels.BLOCK_WORDS
    starts, lengths, entries = (np.empty(n, np.int64) for _ in range(3))
    return kernels.Block(starts, lengths, np.empty(n, np.uint64), entries)


def find_rows(
    vocabulary: Vocabulary, words: bytes, n_words: int, *, enter: bool = False
) -> NDArray[np.int32]:
    """The row of each word, -1 for none; with ``enter`` they get one as long as there is room."""
    rows = np.empty(n_words, np.int32)
    lines = padded_text(words)
    kernels.rows_of(vocabulary.arrays, lines, vocabulary.max_rows, enter, rows, _block())
    return rows


def _totals_of(changes: CountChanges) -> NDArray[np.int64]:
    """In the order of ``_TOTALS``."""
    return np.array(
        [changes.records, changes.total_words, changes.dropped_tokens, changes.dropped_bytes]
    )


def add_counts(vocabulary: Vocabulary, changes: CountChanges) -> None:
    """Add what others saw; words that are not held are entered, and get rows as they are due."""
    arrays = vocabulary.arrays
    kernels.add_counts(
        arrays,
        padded_text(changes.words),
        changes.increments,
        vocabulary.max_rows,
        vocabulary.min_count,
        _block(),
    )
    arrays.numbers[_TOTALS] += _totals_of(changes)
    arrays.sums[TOTAL] += changes.total_words
    if changes.unsent:
        arrays.sums[MISSED] += changes.unsent
        arrays.errors[_entries(vocabulary)] += changes.unsent


def _entries(vocabulary: Vocabulary) -> NDArray[np.int32]:
    """Every row and every candidate."""
    rows = np.arange(len(vocabulary), dtype=np.int32)
    candidates = np.arange(vocabulary.arrays.numbers[N_CANDIDATES], dtype=np.int32)
    entries = np.concatenate([rows, vocabulary.max_rows + candidates])
    live: NDArray[np.int32] = entries[vocabulary.arrays.starts[entries] >= 0]
    return live


class SharedCounts:
    """What the others know of a vocabulary's counts; everything so far, when this is made."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        arrays = vocabulary.arrays
        vocabulary.arrays = arrays._replace(sent=np.zeros(len(arrays.counts)))
        self._know(_entries(vocabulary))

    def _know(self, entries: NDArray[np.int32]) -> None:
        """From now on the others know all there is; ``entries`` are all that hold a word."""
        arrays = self._vocabulary.arrays
        arrays.sent[entries] = arrays.counts[entries]
        self._totals = arrays.numbers[_TOTALS]
        self._unsent = float(arrays.sums[UNSENT])

    def take(self, shards: int) -> list[CountChanges]:
        """What others do not know yet, for each shard, totals for the first; now they do."""
        arrays, entries = self._vocabulary.arrays, _entries(self._vocabulary)
        changes = self._changes(shards, entries, arrays.sent, self._totals, self._unsent)
        self._know(entries)
        return changes

    def whole(self, shards: int) -> list[CountChanges]:
        """All counts as of now, for each shard, for one that knows nothing."""
        entries, nothing = _entries(self._vocabulary), np.zeros_like(self._vocabulary.arrays.sent)
        return self._changes(shards, entries, nothing, np.zeros(len(_TOTALS), np.int64), 0.0)

    def _changes(
        self,
        shards: int,
        entries: NDArray[np.int32],
        known: NDArray[np.float64],
        known_totals: NDArray[np.int64],
        known_unsent: float,
    ) -> list[CountChanges]:
        vocabulary, arrays = self._vocabulary, self._vocabulary.arrays
        entries = entries[arrays.counts[entries] > known[entries]]
        changes = [
            CountChanges(
                bytes(vocabulary.word_lines(part)),
                np.minimum(arrays.counts[part] - known[part], _MAX_INCREMENT).astype(np.uint32),
            )
            for part in split_by_shard(vocabulary, entries, shards)
        ]
        records, total_words, dropped_tokens, dropped_bytes = (
            int(number) for number in arrays.numbers[_TOTALS] - known_totals
        )
        changes[0] = replace(
            changes[0],
            records=records,
            total_words=total_words,
            dropped_tokens=dropped_tokens,
            dropped_bytes=dropped_bytes,
            unsent=float(arrays.sums[UNSENT]) - known_unsent,
        )
        return changes

    def add(self, changes: CountChanges) -> None:
        """Add what others saw."""
        add_counts(self._vocabulary, changes)
        self._totals += _totals_of(changes)
