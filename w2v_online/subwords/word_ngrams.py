"""The n-grams of a list of words: their rows, the means of these, and vectors fitted to words.

Knows words and arrays, nothing of snapshots. What learns n-grams while a stream is read is
:mod:`w2v_online.learning.subwords`; the n-grams and the step of fitting are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.subwords import add_ngram_means, find_ngrams, fit_ngrams

FIT_SHARES = tuple(np.geomspace(0.3, 0.03, 10).tolist())
"""How far each pass over the words goes towards their vectors; measured."""

_FOUND = 1 << 18
"""n-grams that are looked up at a time."""


class WordNgrams:
    """Rows of the n-grams of words; n-grams get rows in the order in which they appear.

    Parameters
    ----------
    arena
        uint64[a], records of words: the length, then the bytes, in whole words of 64 bits.
    starts
        int64[V]: where the record of each word begins.
    ngrams
        Shortest and longest n-gram, and the number of buckets.
    longest
        Bytes of the longest word.
    buckets
        int32[S]: the hash bucket of each row that there is already.

    """

    def __init__(
        self,
        arena: NDArray[np.uint64],
        starts: NDArray[np.int64],
        ngrams: tuple[int, int, int],
        longest: int,
        buckets: NDArray[np.int32] | None = None,
    ) -> None:
        self._arena, self._starts = arena, starts
        min_n, max_n, bucket = ngrams
        self._lengths = min_n, max_n
        self._slots = np.zeros(bucket, np.int32)
        self._buckets = np.zeros(bucket, np.int32)
        self._used = np.zeros(1, np.int64)
        if buckets is not None:
            self._used[0] = len(buckets)
            self._buckets[: len(buckets)] = buckets
            self._slots[buckets] = np.arange(1, len(buckets) + 1, dtype=np.int32)
        self._found = np.zeros(max(_FOUND, (longest + 2) * (max_n - min_n + 1)), np.int32)

    @classmethod
    def of(
        cls,
        words: Sequence[str],
        ngrams: tuple[int, int, int],
        buckets: NDArray[np.int32] | None = None,
    ) -> WordNgrams:
        """Those of a list of words; lone surrogates stand for bytes that are not UTF-8."""
        encoded = [word.encode(errors="surrogateescape") for word in words]
        sizes = np.fromiter((1 + (len(word) + 7) // 8 for word in encoded), np.int64, len(words))
        arena = np.frombuffer(
            b"".join(len(w).to_bytes(8, "little") + w + bytes(-len(w) % 8) for w in encoded)
            or bytes(8),
            np.uint64,
        ).copy()
        longest = max(map(len, encoded), default=0)
        return cls(arena, np.cumsum(sizes) - sizes, ngrams, longest, buckets)

    @property
    def buckets(self) -> NDArray[np.int32]:
        """int32[S]: the bucket of each row, a view."""
        return self._buckets[: int(self._used[0])]

    def means(
        self, vectors: NDArray[np.float32], words: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """float32[n, D], int64[n]: the mean of each word's n-grams, and how many it has.

        Of all words, or of ``words``, int32[n]. ``vectors`` is float32[S, D], a row for each of
        the first buckets; the others are zeros.
        """
        words = self._all() if words is None else words
        ends = np.zeros(len(words), np.int64)
        means = np.zeros((len(words), vectors.shape[1]), np.float32)
        sizes = np.zeros(len(words), np.int64)
        mean = np.zeros(vectors.shape[1], np.float32)
        rows = np.arange(len(words), dtype=np.int32)
        for first, last in self._parts(words, ends):
            if (missing := len(self.buckets) - len(vectors)) > 0:
                vectors = np.pad(vectors, ((0, missing), (0, 0)))
            add_ngram_means(means, rows, first, last, vectors, self._found, ends, mean)
            sizes[first:last] = np.diff(ends[first:last], prepend=0)
        return means, sizes

    def fit(
        self, vectors: NDArray[np.float32], progress: Callable[[float], None] | None = None
    ) -> NDArray[np.float32]:
        """float32[S, D]: vectors of the n-grams whose means come near to the words'.

        Passes of least mean squares in ever smaller steps, which come near to a ridge regression;
        ``progress`` is told the share that is done.
        """
        words = self._all()
        ends = np.zeros(len(words), np.int64)
        for _ in self._parts(words, ends):
            pass
        fitted = np.zeros((len(self.buckets), vectors.shape[1]), np.float32)
        updates = np.zeros(len(fitted), np.uint32)
        mean = np.zeros(vectors.shape[1], np.float32)
        for i, share in enumerate(FIT_SHARES):
            for first, last in self._parts(words, ends):
                fit_ngrams(
                    vectors,
                    words,
                    first,
                    last,
                    fitted,
                    updates,
                    self._found,
                    ends,
                    np.float32(share),
                    mean,
                )
                if progress is not None:
                    progress((i + last / len(words)) / len(FIT_SHARES))
        return fitted

    def _all(self) -> NDArray[np.int32]:
        return np.arange(len(self._starts), dtype=np.int32)

    def _parts(
        self, words: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> Iterator[tuple[int, int]]:
        """Where a part of the words begins and ends, while its n-grams are in ``self._found``.

        ``ends``, int64[n], is written: where the n-grams of each word end there.
        """
        first = 0
        while first < len(words):
            last = find_ngrams(
                self._arena,
                self._starts,
                words,
                first,
                *self._lengths,
                self._slots,
                self._buckets,
                self._used,
                self._found,
                ends,
            )
            yield first, last
            first = last
