"""Published vectors of a model with subwords: the n-grams of a word are added to its vector.

A word with the vector v is published as

    v + WEIGHT (n - c)

where n is the mean of the word's n-grams and c is the mean of n over frequent words. n holds what
the word shares with others of similar spelling: endings, stems, parts of compounds. Training,
scoring and predictions use v. A greater weight improves analogies and, after little text, harms
similarity; docs/experiments.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from w2v_online.subwords.word_ngrams import WordNgrams

WEIGHT = np.float32(0.7)
"""The factor of what is added; measured."""

_FREQUENT_WORDS = 20_000
"""Number of most frequent words that c is the mean of."""

_BLOCK_WORDS = 4096


class Emphasis:
    """Adds the n-grams of words to their vectors.

    Parameters
    ----------
    ngrams
        The n-grams of the words.
    vectors
        float32[S, D]: a row for each n-gram.
    order
        int32[V]: the words, most frequent first.

    """

    def __init__(
        self, ngrams: WordNgrams, vectors: NDArray[np.float32], order: NDArray[np.int32]
    ) -> None:
        self._ngrams, self._vectors, self._order = ngrams, vectors, order
        frequent = order[:_FREQUENT_WORDS]
        total = np.zeros(vectors.shape[1], np.float32)
        for first in range(0, len(frequent), _BLOCK_WORDS):
            means, _ = ngrams.means(vectors, frequent[first : first + _BLOCK_WORDS])
            total += means.sum(axis=0)
        self._center: NDArray[np.float32] = total / np.float32(max(1, len(frequent)))

    def blocks(self, vectors: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The vectors to publish; ``vectors`` are blocks of float32[n, D], all words in order."""
        first = 0
        for block in vectors:
            words = self._order[first : first + len(block)]
            means, _ = self._ngrams.means(self._vectors, words)
            first += len(block)
            yield block + WEIGHT * (means - self._center)
