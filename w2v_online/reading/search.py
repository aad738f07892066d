"""Exact search for the nearest rows by cosine: a first pass leaves rows that can be among the best.

Knows arrays only; may be shared between threads. What lies in files is checked when it is used:
any method may raise SnapshotError then.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.codes import BLOCK_ROWS, GROUP_ROWS, ROUNDING, CodedRows, near_best
from w2v_online.snapshots.block_sums import CheckedArray

_BLOCK_QUERIES = 256
"""Queries multiplied at once with BLOCK_ROWS rows: their products, four megabytes, stay in the last
cache, and the threads of the linear algebra seldom wait for each other."""


class ExactSearch:
    """Finds rows of ``vectors``, float32[V, D], whose ``inverse_norms``, float32[V], are known."""

    def __init__(self, vectors: CheckedArray, inverse_norms: NDArray[np.float32]) -> None:
        self._vectors = vectors
        self._inverse_norms = inverse_norms
        self._codes: CodedRows | None = None

    def encode(self) -> None:
        """Make searches for one vector faster, for a byte of memory a value."""
        if self._codes is None:
            self._codes = CodedRows(len(self._vectors), self._vectors.shape[1], self._units)

    def _units(self, first: int, end: int) -> NDArray[np.float32]:
        units: NDArray[np.float32] = (
            self._vectors.part(first, end) * self._inverse_norms[first:end, None]
        )
        return units

    def cosines(self, queries: NDArray[np.float32], first: int, end: int) -> NDArray[np.float32]:
        """float32[end - first, Q]: cosines of these rows with queries of length one."""
        products: NDArray[np.float32] = self._vectors.part(first, end) @ queries.T
        products *= self._inverse_norms[first:end, None]
        return products

    def nearest(
        self, queries: NDArray[np.float32], topn: int, restrict_vocab: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows nearest to each query by cosine, and the cosines, best first.

        ``queries`` is float32[Q, D], each of length one; only the first ``restrict_vocab`` rows
        are searched. Both results are [Q, min(topn, rows searched)].
        """
        rows_in_all = len(self._vectors)
        searched = rows_in_all if restrict_vocab is None else min(restrict_vocab, rows_in_all)
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
                found = (self._vectors.take(candidates) @ query) * self._inverse_norms[candidates]
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
                yield near_best(self.cosines_of(query, 0, searched), topn, ROUNDING)
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
            products = self.cosines(queries, first, min(first + BLOCK_ROWS, searched))
            if missing := -len(products) % GROUP_ROWS:
                products = np.pad(products, ((0, missing), (0, 0)), constant_values=-np.inf)
            grouped = products.reshape(-1, GROUP_ROWS, len(queries))
            group = first // GROUP_ROWS
            np.max(grouped, axis=1, out=best[group : group + len(grouped)])
        kept = min(topn, n_groups)
        by_query = np.ascontiguousarray(best.T)
        groups: NDArray[np.int64] = np.argpartition(-by_query, kept - 1, axis=1)[:, :kept]
        return np.sort(groups, axis=1)

    def cosines_of(self, query: NDArray[np.float32], first: int, end: int) -> NDArray[np.float32]:
        """float32[end - first]: cosines of these rows with one query, read at memory's speed."""
        cosines = np.empty(end - first, np.float32)
        for begin in range(first, end, BLOCK_ROWS):
            stop = min(begin + BLOCK_ROWS, end)
            np.dot(
                self._vectors.part(begin, stop), query, out=cosines[begin - first : stop - first]
            )
        cosines *= self._inverse_norms[first:end]
        return cosines
