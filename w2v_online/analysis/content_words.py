"""Which frequent words say what a text is about: those left over without function words.

Function words are told by their neighbours, in any language: those of "the" and "which" are among
the most frequent words themselves, those of "war" or "nginx" are not. Measured on Wikipedia.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.table import VectorTable

CONSIDERED = 20_000
"""Most frequent words among which neighbours are looked for."""

_NEIGHBORS = 10

_HEAD_SHARE = 0.01
"""Share of the wanted words, the most frequent ones, that are always left out."""

_RANK_SHARE = 0.02
"""A word whose neighbours' typical rank is within this share of the considered words is a function
word."""

_FREQUENT_RANK_SHARE = 0.05
"""The same for words within the first 0.75% of the ranks, where there are hardly any others."""

_FREQUENT_SHARE = 0.0075

_BLOCK_ROWS = 256

_FEW_WORDS = 1000
"""Vocabularies up to this size are shown whole."""


def content_words(table: VectorTable, n_words: int) -> list[str]:
    """The ``n_words`` most frequent words that are no function words, in the order of counts.

    All words of a small vocabulary: there, ranks of neighbours tell nothing.
    """
    if len(table) <= _FEW_WORDS:
        return list(table.words[:n_words])
    n_considered = min(CONSIDERED, len(table))
    n_candidates = min(n_considered, n_words + n_words // 10)
    place = np.arange(n_candidates)
    head = int(_HEAD_SHARE * min(n_words, n_considered))
    kept = ~are_function_words(table, place) & (place >= head)
    words = [table.words[i] for i in np.flatnonzero(kept).tolist()]
    rest = list(table.words[n_candidates : n_candidates + n_words])
    return [*words, *rest][:n_words]


def are_function_words(table: VectorTable, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[n]: whether the words of ``rows``, int64[n], are function words by their neighbours.

    None is in a small vocabulary, and none beyond the 20,000 most frequent words.
    """
    found = np.zeros(len(rows), np.bool_)
    n_considered = min(CONSIDERED, len(table))
    asked = np.flatnonzero(rows < n_considered)
    if len(table) <= _FEW_WORDS or not len(asked):
        return found
    place = rows[asked]
    share = np.where(place < _FREQUENT_SHARE * n_considered, _FREQUENT_RANK_SHARE, _RANK_SHARE)
    found[asked] = _neighbor_ranks(table, place, n_considered) < share * n_considered
    return found


def _neighbor_ranks(
    table: VectorTable, rows: NDArray[np.int64], n_considered: int
) -> NDArray[np.float64]:
    """float64[n]: the geometric mean of the ranks of each word's nearest neighbours."""
    means = np.empty(len(rows))
    for first in range(0, len(rows), _BLOCK_ROWS):
        block = rows[first : first + _BLOCK_ROWS]
        near, _ = table.nearest(table.unit(block), _NEIGHBORS + 1, n_considered)
        logarithms = np.where(near == block[:, None], 0.0, np.log(near + 1.0))
        # A word that is not among its own neighbours has one too many, the last of them.
        logarithms[~(near == block[:, None]).any(axis=1), -1] = 0.0
        means[first : first + len(block)] = np.exp(logarithms.sum(axis=1) / _NEIGHBORS)
    return means
