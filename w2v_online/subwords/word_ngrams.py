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
    """Rows of the n-grams of ``words``; n-grams get rows in the order in which they appear.

    Parameters
    ----------
    words
        The words; lone surrogates stand for bytes that are not UTF-8.
    min_n, max_n, bucket
        As of fastText.
    buckets
        int32[S]: the hash bucket of each row that there is already.

    """

    def __init__(
        self,
        words: Sequence[str],
        min_n: int,
        max_n: int,
        bucket: int,
        buckets: NDArray[np.int32] | None = None,
    ) -> None:
        encoded = [word.encode(errors="surrogateescape") for word in words]
        # As records of the vocabulary: the length, then the bytes, in whole words of 64 bits.
        sizes = np.fromiter((1 + (len(word) + 7) // 8 for word in encoded), np.int64, len(words))
        self._starts = np.cumsum(sizes) - sizes
        self._arena = np.frombuffer(
            b"".join(len(w).to_bytes(8, "little") + w + bytes(-len(w) % 8) for w in encoded)
            or bytes(8),
            np.uint64,
        ).copy()
        self._lengths = min_n, max_n
        self._slots = np.zeros(bucket, np.int32)
        self._buckets = np.zeros(bucket, np.int32)
        self._used = np.zeros(1, np.int64)
        if buckets is not None:
            self._used[0] = len(buckets)
            self._buckets[: len(buckets)] = buckets
            self._slots[buckets] = np.arange(1, len(buckets) + 1, dtype=np.int32)
        longest = max((len(word) for word in encoded), default=0) + 2
        self._found = np.zeros(max(_FOUND, longest * (max_n - min_n + 1)), np.int32)
        self._rows = np.arange(len(words), dtype=np.int32)
        self.ends = np.zeros(len(words), np.int64)
        """int64[V]: where the n-grams of each word end, in the part that it is in."""

    @property
    def buckets(self) -> NDArray[np.int32]:
        """int32[S]: the bucket of each row, a view."""
        return self._buckets[: int(self._used[0])]

    def means(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """float32[V, D], int64[V]: the mean of each word's n-grams, and how many it has.

        ``vectors`` is float32[S, D], a row for each of the first buckets; the others are zeros.
        """
        for _ in self._parts():
            pass
        if (missing := len(self.buckets) - len(vectors)) > 0:
            vectors = np.pad(vectors, ((0, missing), (0, 0)))
        means = np.zeros((len(self._rows), vectors.shape[1]), np.float32)
        sizes = np.zeros(len(self._rows), np.int64)
        mean = np.zeros(vectors.shape[1], np.float32)
        for first, last in self._parts():
            add_ngram_means(means, self._rows, first, last, vectors, self._found, self.ends, mean)
            sizes[first:last] = np.diff(self.ends[first:last], prepend=0)
        return means, sizes

    def fit(
        self, vectors: NDArray[np.float32], progress: Callable[[float], None] | None = None
    ) -> NDArray[np.float32]:
        """float32[S, D]: vectors of the n-grams whose means come near to the words'.

        Passes of least mean squares in ever smaller steps, which come near to a ridge regression;
        ``progress`` is told the share that is done.
        """
        for _ in self._parts():
            pass
        fitted = np.zeros((len(self.buckets), vectors.shape[1]), np.float32)
        updates = np.zeros(len(fitted), np.uint32)
        mean = np.zeros(vectors.shape[1], np.float32)
        for i, share in enumerate(FIT_SHARES):
            for first, last in self._parts():
                fit_ngrams(
                    vectors,
                    self._rows,
                    first,
                    last,
                    fitted,
                    updates,
                    self._found,
                    self.ends,
                    np.float32(share),
                    mean,
                )
                if progress is not None:
                    progress((i + last / len(self._rows)) / len(FIT_SHARES))
        return fitted

    def _parts(self) -> Iterator[tuple[int, int]]:
        """Where a part of the words begins and ends, while its n-grams are in ``self._found``."""
        first = 0
        while first < len(self._rows):
            last = find_ngrams(
                self._arena,
                self._starts,
                self._rows,
                first,
                *self._lengths,
                self._slots,
                self._buckets,
                self._used,
                self._found,
                self.ends,
            )
            yield first, last
            first = last
