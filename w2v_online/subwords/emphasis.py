"""What readers get of words of a model with subwords: vectors that say more of what spelling says.

The mean of a word's n-grams, n, is what the word has in common with others that are spelled alike:
endings, stems, parts of compounds. Published of a word with the vector v is

    v + WEIGHT (n - c)

with c the mean of n over frequent words, which says nothing of one of them. Training goes on with
v, and text is scored by v. The weight is a compromise between analogies, which gain most, and
similarity after little text, which loses; docs/experiments.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from w2v_online.subwords.word_ngrams import WordNgrams

WEIGHT = np.float32(0.7)
"""How much what the n-grams say is added to a word's vector; measured."""

_FREQUENT_WORDS = 20_000
"""c is the mean of so many most frequent words."""

_BLOCK_WORDS = 4096


class Emphasis:
    """Adds what n-grams say to the vectors of words.

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
        """What is published; ``vectors`` are blocks of float32[n, D], all words in order."""
        first = 0
        for block in vectors:
            words = self._order[first : first + len(block)]
            means, _ = self._ngrams.means(self._vectors, words)
            first += len(block)
            yield block + WEIGHT * (means - self._center)
