"""Words, counts and vectors that belong together, and exact search for the nearest; immutable.

The ground that everything on the read side stands on, whether the vectors came from a snapshot, a
word2vec file or a running learner. Knows arrays, nothing of files; may be shared between threads.
What lies in files is read, and checked, when it is used: any method may raise SnapshotError then.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import UnknownWordError
from w2v_online.reading.codes import BLOCK_ROWS, GROUP_ROWS, ROUNDING, CodedRows, near_best
from w2v_online.reading.words import as_dict
from w2v_online.snapshots.block_sums import CheckedArray

_SPELLING_POOL = 20_000
"""Most frequent words that near spellings are looked for in."""

_BLOCK_QUERIES = 256
"""Queries multiplied at once with BLOCK_ROWS rows: their products, four megabytes, stay in the last
cache, and the threads of the linear algebra seldom wait for each other."""


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
    rows
        The row of each word; made when it is needed if left out.
    norms
        float32[V]: the length of each vector; the same.

    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: NDArray[np.float32] | CheckedArray,
        counts: NDArray[Any] | CheckedArray,
        name: str,
        rows: Mapping[str, int] | None = None,
        norms: CheckedArray | None = None,
    ) -> None:
        self.words = words
        self._vectors = _checked(vectors)
        self._counts = _checked(counts)
        self.name = name
        self._rows = rows
        self._norms = norms
        self._codes: CodedRows | None = None
        if not len(words) == len(vectors) == len(counts):
            raise ValueError(
                f"{name}: {len(words)} words, {len(vectors)} vectors and {len(counts)} counts "
                "do not belong together"
            )
        if norms is not None and norms.shape != (len(words),):
            raise ValueError(f"{name}: {len(words)} words and {len(norms)} norms")

    def __len__(self) -> int:
        return len(self.words)

    @property
    def vector_size(self) -> int:
        """Dimensions of a vector."""
        return self._vectors.shape[1]

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[V, D], all of them checked, read-only."""
        vectors: NDArray[np.float32] = self._vectors.whole()
        return vectors

    @property
    def counts(self) -> NDArray[Any]:
        """int64[V] or float64[V], all of them checked, read-only."""
        return self._counts.whole()

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each word."""
        return as_dict(self.words) if self._rows is None else self._rows

    @cached_property
    def inverse_norms(self) -> NDArray[np.float32]:
        """float32[V]: one over each vector's length, one for a vector of zeros."""
        norms = self._measured_norms() if self._norms is None else self._norms.whole().copy()
        norms[norms == 0] = 1.0
        inverse: NDArray[np.float32] = (1.0 / norms).astype(np.float32, copy=False)
        return inverse

    def _measured_norms(self) -> NDArray[np.float32]:
        norms = np.empty(len(self), np.float32)
        for first in range(0, len(self), BLOCK_ROWS):
            part = self._vectors.part(first, min(first + BLOCK_ROWS, len(self)))
            np.sqrt(np.einsum("ij,ij->i", part, part), out=norms[first : first + len(part)])
        return norms

    @cached_property
    def total_count(self) -> float:
        """Sum of all counts."""
        return float(self.counts.sum())

    def prepare(self) -> None:
        """Do now what the first queries would wait for: read and check everything.

        Searches for one vector are faster afterwards, for a byte of memory a value.
        """
        _ = self.rows, self.inverse_norms, self.total_count, self.vectors
        self._codes = self._codes or CodedRows(len(self), self.vector_size, self._units)

    def _units(self, first: int, end: int) -> NDArray[np.float32]:
        units: NDArray[np.float32] = (
            self._vectors.part(first, end) * self.inverse_norms[first:end, None]
        )
        return units

    def frequencies(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """float64[len(rows)]: shares of all counts; zeros where counts are unknown."""
        shares: NDArray[np.float64] = self.counts[rows] / max(self.total_count, 1.0)
        return shares

    def row(self, word: str) -> int:
        """The word's row; UnknownWordError (a KeyError) names near spellings if it has none."""
        row = self.rows.get(word)
        if row is not None:
            return row
        near = difflib.get_close_matches(word, self.words[:_SPELLING_POOL], n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise UnknownWordError(f"{word!r} has no vector in {self.name}{hint}")

    def vector(self, row: int) -> NDArray[np.float32]:
        """float32[D]: one vector, read-only."""
        vector: NDArray[np.float32] = self._vectors.row(row)
        return vector

    def take(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """float32[len(rows), D]: vectors, a copy."""
        vectors: NDArray[np.float32] = self._vectors.take(np.asarray(rows, np.int64))
        return vectors

    def unit(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """float32[len(rows), D]: vectors of length one (or zero), a copy."""
        units = self.take(rows)
        units *= self.inverse_norms[np.asarray(rows, np.int64), None]
        return units

    def cosines(self, queries: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
        """float32[rows, queries]: cosines with queries of length one."""
        first, end, _ = rows.indices(len(self))
        products: NDArray[np.float32] = self._vectors.part(first, end) @ queries.T
        products *= self.inverse_norms[first:end, None]
        return products

    def nearest(
        self, queries: NDArray[np.float32], topn: int, restrict_vocab: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows nearest to each query by cosine, and the cosines, best first.

        ``queries`` is float32[Q, D], each of length one; only the first ``restrict_vocab`` rows
        are searched. Both results are [Q, min(topn, rows searched)]. Exact: a first pass leaves
        rows that can be among the best.
        """
        searched = len(self) if restrict_vocab is None else min(restrict_vocab, len(self))
        topn = max(0, min(topn, searched))
        rows = np.zeros((len(queries), topn), np.int64)
        cosines = np.zeros((len(queries), topn), np.float32)
        if topn == 0:
            return rows, cosines
        for first in range(0, len(queries), _BLOCK_QUERIES):
            block = np.ascontiguousarray(queries[first : first + _BLOCK_QUERIES], np.float32)
            for i, (query, candidates) in enumerate(
                zip(block, self._candidates(block, topn, searched), strict=True)
            ):
                found = (self.take(candidates) @ query) * self.inverse_norms[candidates]
                best = np.argsort(-found, kind="stable")[:topn]
                rows[first + i] = candidates[best]
                cosines[first + i] = found[best]
        return rows, cosines

    def _candidates(
        self, queries: NDArray[np.float32], topn: int, searched: int
    ) -> Iterator[NDArray[np.int64]]:
        """For each query rows that can be among the ``topn`` nearest of the first ``searched``.

        For one query by codes, if there are any, or by all cosines. For several by groups: the k
        best rows lie in the k groups that have the highest cosines.
        """
        if len(queries) == 1:
            query = queries[0]
            if not query.any():
                yield np.arange(topn)  # all rows are as near to zeros
            elif self._codes is not None:
                yield self._codes.candidates(query, topn, searched)
            else:
                yield near_best(self._cosines_of(query, searched), topn, ROUNDING)
            return
        for groups in self._best_groups(queries, topn, searched):
            rows = (groups[:, None] * GROUP_ROWS + np.arange(GROUP_ROWS)).ravel()
            yield rows[rows < searched]

    def _best_groups(
        self, queries: NDArray[np.float32], topn: int, searched: int
    ) -> NDArray[np.int64]:
        """int64[Q, k]: numbers of the groups with the highest cosines, in ascending order."""
        n_groups = -(-searched // GROUP_ROWS)
        best = np.full((n_groups, len(queries)), -np.inf, np.float32)
        for first in range(0, searched, BLOCK_ROWS):
            products = self.cosines(queries, slice(first, min(first + BLOCK_ROWS, searched)))
            if missing := -len(products) % GROUP_ROWS:
                products = np.pad(products, ((0, missing), (0, 0)), constant_values=-np.inf)
            grouped = products.reshape(-1, GROUP_ROWS, len(queries))
            group = first // GROUP_ROWS
            np.max(grouped, axis=1, out=best[group : group + len(grouped)])
        kept = min(topn, n_groups)
        by_query = np.ascontiguousarray(best.T)
        groups: NDArray[np.int64] = np.argpartition(-by_query, kept - 1, axis=1)[:, :kept]
        return np.sort(groups, axis=1)

    def _cosines_of(self, query: NDArray[np.float32], searched: int) -> NDArray[np.float32]:
        """float32[searched]: cosines with one query, which reads at memory's speed."""
        cosines = np.empty(searched, np.float32)
        for first in range(0, searched, BLOCK_ROWS):
            end = min(first + BLOCK_ROWS, searched)
            np.dot(self._vectors.part(first, end), query, out=cosines[first:end])
        cosines *= self.inverse_norms[:searched]
        return cosines


def _checked(array: NDArray[Any] | CheckedArray) -> CheckedArray:
    return array if isinstance(array, CheckedArray) else CheckedArray(array)
