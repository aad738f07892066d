"""Vectors for words without one, from their spelling: n-grams, and known words spelled alike.

The mean of a word's n-grams is right about its parts: endings, stems, compounds. A misspelled word
shares too few n-grams with the right one for that, but nearly all letters. So known words count as
well, the more the more alike they are spelled: a word counts (s / 0.84)**32 with s the share of
letters that stay, and the n-grams together count 1. Both numbers are measured, see
docs/experiments.md.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.spelling import spelled_alike
from w2v_online.reading.subwords import SubwordTable
from w2v_online.reading.table import VectorTable

EVEN_SIMILARITY = 0.84
"""A word that is spelled so much alike counts as much as the n-grams."""

SHARPNESS = 32
"""Exponent of the similarity."""

LEAST_SIMILARITY = 0.75
"""Words less alike count nothing; they would count less than 3 percent of the n-grams."""

ALIKE_WORDS = 10
"""So many words count, at most."""

POOL_WORDS = 100_000
"""Most frequent words that are compared: a few milliseconds for a word."""

OWN_COUNT = 100
"""A known word's own vector counts its occurrences over this many."""

_REMEMBERED = 10_000
"""Inferred vectors that are kept."""


class Inference:
    """Infers vectors by a table of words and the n-grams that were fitted to it; threads may ask.

    Parameters
    ----------
    table
        Words with their vectors.
    subwords
        Vectors of n-grams, as long as those of the words.

    """

    def __init__(self, table: VectorTable, subwords: SubwordTable) -> None:
        self.subwords = subwords
        self._table = table
        self._lock = threading.Lock()
        self._remembered: dict[str, NDArray[np.float32]] = {}

    def vector(self, word: str) -> NDArray[np.float32]:
        """float32[D], read-only: zeros if nothing is known of the spelling either.

        Of a word that has a vector: that and the mean of its n-grams, the former more the more
        often the word occurred. A rare word's own vector has much noise.
        """
        known = self._remembered.get(word)
        if known is not None:
            return known
        row = self._table.find(word)
        inferred = self._of_unknown(word) if row < 0 else self._of_known(word, row)
        inferred.flags.writeable = False
        with self._lock:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[word] = inferred
        return inferred

    def _of_unknown(self, word: str) -> NDArray[np.float32]:
        table = self._table
        total, weight = self.subwords.vector(word), 1.0
        alike = spelled_alike(
            word,
            table.words,
            table.rows,
            topn=ALIKE_WORDS,
            most_frequent=POOL_WORDS,
            least=LEAST_SIMILARITY,
        )
        if alike:
            similarities = np.array([similarity for _, similarity in alike])
            weights = (similarities / EVEN_SIMILARITY) ** SHARPNESS
            vectors = table.take([row for row, _ in alike])
            total = total + weights.astype(np.float32) @ vectors
            weight += float(weights.sum())
        inferred: NDArray[np.float32] = total / np.float32(weight)
        return inferred

    def _of_known(self, word: str, row: int) -> NDArray[np.float32]:
        table = self._table
        own = float(table.counts[row]) / OWN_COUNT if table.has_counts else 1.0
        total = self.subwords.vector(word) + own * table.vector(row)
        inferred: NDArray[np.float32] = (total / (1 + own)).astype(np.float32)
        return inferred
