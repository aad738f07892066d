"""Words, counts and vectors that belong together, and exact search for the nearest; immutable.

The ground that everything on the read side stands on, whether the vectors came from a snapshot, a
word2vec file or a running learner. Knows arrays, nothing of files; may be shared between threads.
What lies in files is read, and checked, when it is used: any method may raise SnapshotError then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import UnknownWordError
from w2v_online.reading.codes import BLOCK_ROWS
from w2v_online.reading.search import ExactSearch
from w2v_online.reading.spelling import near_spellings
from w2v_online.reading.words import WordIndex, as_dict, word_ids
from w2v_online.snapshots.block_sums import CheckedArray

Key = str | int | np.integer[Any]
"""A word, or the number of its row, as in gensim."""

_SPELLING_POOL = 20_000
"""Most frequent words that near spellings are looked for in."""


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
        self.infer: Callable[[str], NDArray[np.float32]] | None = None
        """Gives words without a vector one, if set, before the table is used."""
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
        vectors: NDArray[np.float32] = self._vectors.show()
        return vectors

    @property
    def counts(self) -> NDArray[Any]:
        """int64[V] or float64[V], all of them checked, read-only."""
        return self._counts.show()

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each word."""
        return as_dict(self.words) if self._rows is None else self._rows

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """int64[V]: a number for each word that stays with it, whatever its row; see word_ids."""
        ids = word_ids(self.words)
        ids.flags.writeable = False
        return ids

    @property
    def index(self) -> WordIndex | None:
        """The index of the words that a snapshot has; None where there is none."""
        return self._rows if isinstance(self._rows, WordIndex) else None

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
        return float(self._counts.whole().sum())

    @cached_property
    def has_counts(self) -> bool:
        """Whether anything is known of how often words occurred; most files do not tell."""
        return self.total_count > 0

    def prepare(self) -> None:
        """Do now what the first queries would wait for: read and check everything.

        Searches for one vector are faster afterwards, for a byte of memory a value.
        """
        _ = self.rows, self.inverse_norms, self.total_count, self._vectors.whole()
        self._search.encode()

    @cached_property
    def _search(self) -> ExactSearch:
        return ExactSearch(self._vectors, self.inverse_norms)

    def frequencies(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """float64[len(rows)]: shares of all counts; zeros where counts are unknown."""
        counts = self._counts.take(np.asarray(rows, np.int64))
        shares: NDArray[np.float64] = counts / max(self.total_count, 1.0)
        return shares

    def row(self, key: Key) -> int:
        """The row of a word, or a row's number as it is; UnknownWordError if there is none."""
        row = self.rows.get(key, -1) if isinstance(key, str) else self.find(key)
        if row >= 0:
            return row
        if not isinstance(key, str):
            raise UnknownWordError(f"there is no row {key!r} in {self.name}: it has {len(self)}")
        raise UnknownWordError(
            f"{key!r} has no vector in {self.name}",
            partial(self.spellings, key, 3, most_frequent=_SPELLING_POOL),
        )

    def rows_or_vectors(
        self, keys: Sequence[Key]
    ) -> tuple[NDArray[np.int64], dict[int, NDArray[np.float32]]]:
        """int64[n]: the row of each key, and the vectors of words without one, by their place.

        Their rows are -1. UnknownWordError unless vectors are inferred, or for a word of which
        nothing is known.
        """
        rows = np.fromiter((self.find(key) for key in keys), np.int64, len(keys))
        inferred = {}
        for place in np.flatnonzero(rows < 0).tolist():
            key = keys[place]
            vector = self.infer(key) if self.infer is not None and isinstance(key, str) else None
            if vector is None or not vector.any():
                self.row(key)  # raises
            else:
                inferred[place] = vector
        return rows, inferred

    def vectors_of(self, keys: Sequence[Key]) -> NDArray[np.float32]:
        """float32[n, D]: vectors of keys, a copy; see :meth:`rows_or_vectors`."""
        rows, inferred = self.rows_or_vectors(keys)
        vectors = self.take(np.maximum(rows, 0))
        for place, vector in inferred.items():
            vectors[place] = vector
        return vectors

    def units_of(self, keys: Sequence[Key]) -> NDArray[np.float32]:
        """float32[n, D]: the same of length one (or zero)."""
        rows, inferred = self.rows_or_vectors(keys)
        units = self.unit(np.maximum(rows, 0))
        for place, vector in inferred.items():
            units[place] = vector / np.linalg.norm(vector)
        return units

    def has_vector(self, key: object) -> bool:
        """Whether a key has a row, or a vector can be inferred for it."""
        if self.find(key) >= 0:
            return True
        return self.infer is not None and isinstance(key, str) and bool(self.infer(key).any())

    def find(self, key: object) -> int:
        """The row of a key, -1 if it has none."""
        if isinstance(key, str):
            row: int = self.rows.get(key, -1)
            return row
        if isinstance(key, int | np.integer) and 0 <= key < len(self):
            return int(key)
        return -1

    def spellings(self, word: str, topn: int = 8, *, most_frequent: int | None = None) -> list[str]:
        """Words that are spelled almost like one; see :func:`near_spellings`."""
        return near_spellings(word, self.words, self.rows, topn=topn, most_frequent=most_frequent)

    def weights(self, weight: float) -> NDArray[np.float32]:
        """float32[V]: ``weight`` over itself plus the share of each word in all counts.

        Smooth inverse frequency (Arora, Liang & Ma 2017): rare words weigh up to 1, frequent ones
        little. Ones where counts are unknown.
        """
        shares = self._counts.whole() / max(self.total_count, 1.0)
        weights: NDArray[np.float32] = (weight / (weight + shares)).astype(np.float32)
        return weights

    def vector(self, row: int) -> NDArray[np.float32]:
        """float32[D]: one vector, read-only."""
        vector: NDArray[np.float32] = self._vectors.show_row(row)
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
        """float32[rows, Q]: cosines with ``queries``, float32[Q, D], of length one."""
        first, end, _ = rows.indices(len(self))
        return self._search.cosines(queries, first, max(first, end))

    def cosines_of(self, query: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
        """float32[rows]: cosines with one query, float32[D], of length one."""
        first, end, _ = rows.indices(len(self))
        return self._search.cosines_of(query, first, max(first, end))

    def nearest(
        self, queries: NDArray[np.float32], topn: int, restrict_vocab: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and cosines of the nearest words, best first; see :meth:`ExactSearch.nearest`."""
        return self._search.nearest(queries, topn, restrict_vocab)


def _checked(array: NDArray[Any] | CheckedArray) -> CheckedArray:
    return array if isinstance(array, CheckedArray) else CheckedArray(array)
