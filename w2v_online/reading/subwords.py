"""Vectors for words that have none: the mean of their character n-grams' vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.snapshots.reader import SUBWORD_BUCKETS, SUBWORD_VECTORS, Snapshot

END_OF_LINE = "</s>"
"""The only word that has no n-grams in fastText."""

_BLOCK_ROWS = 16_384
_MAX_BUCKETS = 1 << 30

_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619


def _encoded(character: str) -> bytes:
    """UTF-8, or the byte that a lone surrogate stands for."""
    is_byte = "\udc80" <= character <= "\udcff"
    return character.encode(errors="surrogateescape" if is_byte else "replace")


def ngram_buckets(word: str, min_n: int, max_n: int, bucket: int) -> list[int]:
    """The hash buckets of a word's n-grams, one for each n-gram, as in fastText.

    The n-grams are those of ``<word>``, of ``min_n`` to ``max_n`` characters; the marks alone are
    none.
    """
    characters = [_encoded(character) for character in f"<{word}>"]
    buckets = []
    for begin in range(len(characters)):
        value = _FNV_OFFSET
        for n, end in enumerate(range(begin, min(begin + max_n, len(characters))), 1):
            for byte in characters[end]:
                extended = byte | 0xFFFFFF00 if byte > 127 else byte
                value = ((value ^ extended) * _FNV_PRIME) & 0xFFFFFFFF
            is_mark = n == 1 and (begin == 0 or end == len(characters) - 1)
            if n >= min_n and not is_mark:
                buckets.append(value % bucket)
    return buckets


class SubwordTable:
    """Vectors of n-grams, each with the bucket of its hash.

    Parameters
    ----------
    vectors
        float32[S, D].
    buckets
        int32[S] or int64[S], no two alike; None if row i is of bucket i.
    ngrams
        Shortest and longest n-gram, and the number of buckets.

    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        buckets: NDArray[np.integer[Any]] | None,
        ngrams: tuple[int, int, int],
    ) -> None:
        self.vectors = vectors
        self.buckets = buckets
        self.min_n, self.max_n, self.bucket = ngrams
        if buckets is not None:
            self._order = np.argsort(buckets, kind="stable")
            self._sorted = buckets[self._order]

    @classmethod
    def of(cls, opened: Snapshot) -> SubwordTable:
        """Those of a snapshot that was learned with --subwords; SnapshotError if damaged."""
        config: dict[str, Any] = opened.manifest.get("config", {})
        vectors, buckets = opened.whole(SUBWORD_VECTORS), opened.whole(SUBWORD_BUCKETS)
        try:
            ngrams = int(config["min_n"]), int(config["max_n"]), int(config["bucket"])
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(f"{opened.path}: the manifest lacks {error}") from error
        if not (0 < ngrams[0] <= ngrams[1] and buckets.max(initial=-1) < ngrams[2] <= _MAX_BUCKETS):
            raise SnapshotError(f"{opened.path}: the manifest's n-grams do not fit its files")
        if vectors.ndim != 2 or buckets.shape != vectors.shape[:1]:
            raise SnapshotError(f"{opened.path}: {SUBWORD_BUCKETS} does not fit {SUBWORD_VECTORS}")
        return cls(vectors, buckets, ngrams)

    def vector(self, word: str) -> NDArray[np.float32]:
        """float32[D]: the mean of the word's n-grams; those that never occurred count as zeros."""
        found = np.array(ngram_buckets(word, self.min_n, self.max_n, self.bucket), np.int64)
        rows = self.vectors[found if self.buckets is None else self._rows(found)]
        mean: NDArray[np.float32] = rows.sum(axis=0, dtype=np.float32) / np.float32(
            max(1, len(found))
        )
        return mean

    def means_of_words(self, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """float32[V, D], int64[V]: the same for many words at once, and how many n-grams each has.

        fastText's end of a line has none.
        """
        # Imported here: reading vectors needs no kernels.
        from w2v_online.subwords.word_ngrams import WordNgrams

        buckets = np.arange(self.bucket) if self.buckets is None else self.buckets
        given = buckets.astype(np.int32)
        ngrams = WordNgrams.of(words, (self.min_n, self.max_n, self.bucket), given)
        means, sizes = ngrams.means(self.vectors)
        is_marker = np.array([word == END_OF_LINE for word in words], bool)
        means[is_marker], sizes[is_marker] = 0, 0
        return means, sizes

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """float32[n, D] in turn: a row for each bucket in order, zeros for those without one."""
        if self.buckets is None:
            yield from (
                self.vectors[first : first + _BLOCK_ROWS]
                for first in range(0, self.bucket, _BLOCK_ROWS)
            )
            return
        for first in range(0, self.bucket, _BLOCK_ROWS):
            rows = np.zeros(
                (min(_BLOCK_ROWS, self.bucket - first), self.vectors.shape[1]), np.float32
            )
            begin, end = np.searchsorted(self._sorted, [first, first + len(rows)])
            rows[self._sorted[begin:end] - first] = self.vectors[self._order[begin:end]]
            yield rows

    def _rows(self, buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of those buckets that have one."""
        places = np.searchsorted(self._sorted, buckets)
        is_known = places < len(self._sorted)
        is_known[is_known] = self._sorted[places[is_known]] == buckets[is_known]
        rows: NDArray[np.int64] = self._order[places[is_known]]
        return rows
