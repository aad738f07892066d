"""Words, counts and vectors that belong together, and exact search for the nearest; immutable.

The ground that everything on the read side stands on, whether the vectors came from a snapshot, a
word2vec file or a running learner. Knows arrays, nothing of files; may be shared between threads.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import UnknownWordError

_SPELLING_POOL = 20_000
"""Most frequent words that near spellings are looked for in."""

_GROUP_ROWS = 32
"""Neighbouring rows that are represented by the best of them in the first pass of a search."""

_BLOCK_ROWS = 128 * _GROUP_ROWS
_BLOCK_QUERIES = 256
"""Rows and queries multiplied at once: their products, four megabytes, stay in the last cache, and
the threads of the linear algebra seldom wait for each other."""


class VectorTable:
    """V words in descending order of their counts, each with a count and a vector.

    Parameters
    ----------
    words
        The words, no two alike.
    vectors
        float32[V, D]; row i belongs to ``words[i]``.
    counts
        int64[V] or float64[V]; zeros where nothing is known.
    name
        Where they are from, for messages.

    """

    def __init__(
        self, words: list[str], vectors: NDArray[np.float32], counts: NDArray[Any], name: str
    ) -> None:
        if not len(words) == len(vectors) == len(counts):
            raise ValueError(
                f"{name}: {len(words)} words, {len(vectors)} vectors and {len(counts)} counts "
                "do not belong together"
            )
        self.words = words
        self.vectors = _read_only(vectors)
        self.counts = _read_only(counts)
        self.name = name

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def inverse_norms(self) -> NDArray[np.float32]:
        """float32[V]: one over each vector's length, one for a vector of zeros."""
        norms = np.sqrt(np.einsum("ij,ij->i", self.vectors, self.vectors))
        norms[norms == 0] = 1.0
        inverse: NDArray[np.float32] = np.float32(1.0) / norms
        return inverse

    @cached_property
    def total_count(self) -> float:
        """Sum of all counts."""
        return float(self.counts.sum())

    def prepare(self) -> None:
        """Compute now what the first queries would wait for."""
        _ = self.rows, self.inverse_norms, self.total_count

    def frequencies(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """float64[len(rows)]: shares of all counts; zeros where counts are unknown."""
        shares: NDArray[np.float64] = self.counts[rows] / max(self.total_count, 1.0)
        return shares

    def row(self, word: str) -> int:
        """The word's row; UnknownWordError (a KeyError) names near spellings if it has none."""
        try:
            return self.rows[word]
        except KeyError:
            near = difflib.get_close_matches(word, self.words[:_SPELLING_POOL], n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise UnknownWordError(f"{word!r} has no vector in {self.name}{hint}") from None

    def unit(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """float32[len(rows), D]: vectors of length one (or zero), a copy."""
        chosen = np.asarray(rows, np.int64)
        units: NDArray[np.float32] = self.vectors[chosen] * self.inverse_norms[chosen, None]
        return units

    def cosines(self, queries: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
        """float32[rows, queries]: cosines with queries of length one."""
        products: NDArray[np.float32] = self.vectors[rows] @ queries.T
        products *= self.inverse_norms[rows, None]
        return products

    def nearest(
        self, queries: NDArray[np.float32], topn: int, restrict_vocab: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows nearest to each query by cosine, and the cosines, best first.

        ``queries`` is float32[Q, D], each of length one; only the first ``restrict_vocab`` rows
        are searched. Both results are [Q, min(topn, rows searched)]. Exact: a first pass keeps
        the best cosine of every group of rows, and the k best rows lie in the k best groups.
        """
        searched = len(self) if restrict_vocab is None else min(restrict_vocab, len(self))
        topn = max(0, min(topn, searched))
        rows = np.zeros((len(queries), topn), np.int64)
        cosines = np.zeros((len(queries), topn), np.float32)
        if topn == 0:
            return rows, cosines
        for first in range(0, len(queries), _BLOCK_QUERIES):
            block = np.ascontiguousarray(queries[first : first + _BLOCK_QUERIES], np.float32)
            groups = self._best_groups(block, topn, searched)
            for i, query in enumerate(block):
                candidates = (groups[i, :, None] * _GROUP_ROWS + np.arange(_GROUP_ROWS)).ravel()
                candidates = candidates[candidates < searched]
                found = (self.vectors[candidates] @ query) * self.inverse_norms[candidates]
                best = np.argsort(-found, kind="stable")[:topn]
                rows[first + i] = candidates[best]
                cosines[first + i] = found[best]
        return rows, cosines

    def _best_groups(
        self, queries: NDArray[np.float32], topn: int, searched: int
    ) -> NDArray[np.int64]:
        """int64[Q, k]: numbers of the groups with the highest cosines, in ascending order."""
        n_groups = -(-searched // _GROUP_ROWS)
        best = np.full((n_groups, len(queries)), -np.inf, np.float32)
        for first in range(0, searched, _BLOCK_ROWS):
            products = self.cosines(queries, slice(first, min(first + _BLOCK_ROWS, searched)))
            if missing := -len(products) % _GROUP_ROWS:
                products = np.pad(products, ((0, missing), (0, 0)), constant_values=-np.inf)
            grouped = products.reshape(-1, _GROUP_ROWS, len(queries))
            group = first // _GROUP_ROWS
            np.max(grouped, axis=1, out=best[group : group + len(grouped)])
        kept = min(topn, n_groups)
        by_query = np.ascontiguousarray(best.T)
        groups: NDArray[np.int64] = np.argpartition(-by_query, kept - 1, axis=1)[:, :kept]
        return np.sort(groups, axis=1)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
