"""Which frequent words say what a text is about: those left over without function words.

Function words are told by their neighbours, in any language: those of "the" and "which" are among
the most frequent words themselves, those of "war" or "nginx" are not. Measured on Wikipedia.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.table import VectorTable

_CONSIDERED = 20_000
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
    n_considered = min(_CONSIDERED, len(table))
    n_candidates = min(n_considered, n_words + n_words // 10)
    ranks = _neighbor_ranks(table, n_candidates, n_considered)
    place = np.arange(n_candidates)
    limits = (
        np.where(place < _FREQUENT_SHARE * n_considered, _FREQUENT_RANK_SHARE, _RANK_SHARE)
        * n_considered
    )
    kept = (ranks >= limits) & (place >= int(_HEAD_SHARE * min(n_words, n_considered)))
    words = [table.words[i] for i in np.flatnonzero(kept).tolist()]
    rest = list(table.words[n_candidates : n_candidates + n_words])
    return [*words, *rest][:n_words]


def _neighbor_ranks(
    table: VectorTable, n_candidates: int, n_considered: int
) -> NDArray[np.float64]:
    """float64[n_candidates]: the geometric mean of the ranks of each word's nearest neighbours."""
    units = table.unit(list(range(n_considered)))
    count = min(_NEIGHBORS, n_considered - 1)
    means = np.full(n_candidates, float(n_considered))
    if count < 1:
        return means
    for first in range(0, n_candidates, _BLOCK_ROWS):
        rows = np.arange(first, min(first + _BLOCK_ROWS, n_candidates))
        cosines = units[rows] @ units.T
        cosines[np.arange(len(rows)), rows] = -np.inf
        near = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        means[rows] = np.exp(np.log(near + 1.0).mean(axis=1))
    return means
