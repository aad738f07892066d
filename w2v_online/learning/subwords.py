"""Subwords: vectors of character n-grams, whose mean stands in for words without a vector.

Words are trained as without subwords. At the end of each segment, the n-grams of every word whose
vector has been updated by a tenth more often than when they were last fitted take one step of least
mean squares towards that vector; so each word is fitted about as often, whatever its count, and the
cost does not grow with the frequency of words. A new word starts from the mean of its n-grams
instead of from noise. n-grams are fastText's (Bojanowski et al. 2017); that their vectors are
fitted to the words' instead of trained in their place is ours, see docs/experiments.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels.subwords import add_ngram_means, find_ngrams, fit_ngrams
from w2v_online.learning.embeddings import Embeddings, reserve
from w2v_online.learning.vocabulary import Vocabulary

FIT_SHARE = 0.1
"""How much of the way to the word's vector the mean of its n-grams goes in one step; measured."""

REFIT_GROWTH = 10
"""A word is fitted again when its updates have grown by one part in so many; measured."""

_FOUND = 1 << 18
"""n-grams that are looked up at a time."""


class Subwords:
    """Vectors of n-grams, one row for each bucket of their hash that is in use.

    Rows are given out in the order in which n-grams appear, so memory grows with the n-grams that
    there are, up to ``config.bucket`` rows.
    """

    def __init__(self, config: LearnerConfig, vocabulary: Vocabulary, embeddings: Embeddings):
        self._config = config
        self._vocabulary = vocabulary
        self._embeddings = embeddings
        self.vectors = reserve(config.bucket, embeddings.row_floats, huge_pages=True)
        """float32[bucket, row_floats]: rows below ``len(self)`` are in use."""
        self.updates = np.zeros(config.bucket, np.uint32)
        """uint32[bucket]: how often each row was moved."""
        self._slots = np.zeros(config.bucket, np.int32)
        self._buckets = np.zeros(config.bucket, np.int32)
        self._used = np.zeros(1, np.int64)
        self._fitted = np.zeros(config.max_vocab_size, np.uint32)
        embeddings.companions.append(self._fitted)
        longest = (config.max_token_bytes + 2) * (config.max_n - config.min_n + 1)
        self._found = np.zeros(max(_FOUND, longest), np.int32)
        self._mean = np.zeros(embeddings.row_floats, np.float32)
        self.before_change: Callable[[NDArray[np.int32]], None] | None = None
        """Called with rows that are about to change, while a snapshot copies them."""

    def __len__(self) -> int:
        return int(self._used[0])

    @property
    def buckets(self) -> NDArray[np.int32]:
        """int32[len(self)]: the bucket of each row, a view."""
        return self._buckets[: len(self)]

    @property
    def max_bytes(self) -> int:
        """Most memory that all of it can ever take."""
        arrays = (
            self.vectors, self.updates, self._slots, self._buckets, self._fitted, self._found
        )  # fmt: skip
        return sum(array.nbytes for array in arrays)

    @property
    def max_state_bytes(self) -> int:
        """Upper bound of the memory that a snapshot's copy of :meth:`state` takes."""
        copied = self.updates.nbytes + self._buckets.nbytes + self._fitted.nbytes
        # Where each row is copied to, and whether; where words find it, and its bucket.
        return copied + 13 * self._config.bucket

    def start(self, rows: NDArray[np.int32]) -> None:
        """Let words that have just got a row start from their n-grams; they must be announced."""
        for first, last, ends in self._found_parts(rows):
            add_ngram_means(
                self._embeddings.matrices.syn0,
                rows,
                first,
                last,
                self.vectors,
                self._found,
                ends,
                self._mean,
            )

    def fit(self) -> None:
        """Fit the n-grams of all words that have changed enough; at the end of a segment."""
        updates = self._embeddings.matrices.updates0[: len(self._embeddings)]
        fitted = self._fitted[: len(updates)]
        is_due = updates > fitted + fitted // np.uint32(REFIT_GROWTH)
        rows = np.flatnonzero(is_due).astype(np.int32)
        for first, last, ends in self._found_parts(rows):
            if self.before_change is not None:
                self.before_change(self._found[: int(ends[last - 1])])
            fit_ngrams(
                self._embeddings.matrices.syn0,
                rows,
                first,
                last,
                self.vectors,
                self.updates,
                self._found,
                ends,
                np.float32(FIT_SHARE),
                self._mean,
            )
        fitted[rows] = updates[rows]

    def _found_parts(self, rows: NDArray[np.int32]) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
        """Where a part of ``rows`` begins and ends, while its n-grams are in ``self._found``."""
        arrays, config = self._vocabulary.arrays, self._config
        ends = np.zeros(len(rows), np.int64)
        first = 0
        while first < len(rows):
            last = find_ngrams(
                arrays.arena,
                arrays.starts,
                rows,
                first,
                config.min_n,
                config.max_n,
                self._slots,
                self._buckets,
                self._used,
                self._found,
                ends,
            )
            yield first, last, ends
            first = last

    def state(self) -> dict[str, NDArray[Any]]:
        """All that :meth:`restore` needs besides the rows: views, true until the next change."""
        return {
            "subword_buckets": self.buckets,
            "subword_updates": self.updates[: len(self)],
            "subword_fitted": self._fitted[: len(self._embeddings)],
        }

    def restore(self, state: Mapping[str, NDArray[Any]], vectors: NDArray[np.float32]) -> None:
        """Take over saved rows, float32[n, D]."""
        buckets = state["subword_buckets"]
        self._used[0] = len(buckets)
        self._buckets[: len(buckets)] = buckets
        self._slots[buckets] = np.arange(1, len(buckets) + 1, dtype=np.int32)
        self.updates[: len(buckets)] = state["subword_updates"]
        self.vectors[: len(buckets), : vectors.shape[1]] = vectors
        fitted = state["subword_fitted"]
        self._fitted[: len(fitted)] = fitted
