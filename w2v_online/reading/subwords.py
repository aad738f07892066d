"""Vectors for words that have none: the mean of their character n-grams' vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.snapshots.reader import SUBWORD_BUCKETS, SUBWORD_VECTORS, Snapshot

_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619


def ngram_buckets(word: str, min_n: int, max_n: int, bucket: int) -> list[int]:
    """The hash buckets of a word's n-grams, one for each n-gram, as in fastText.

    The n-grams are those of ``<word>``, of ``min_n`` to ``max_n`` characters; the marks alone are
    none.
    """
    characters = [character.encode(errors="replace") for character in f"<{word}>"]
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
    """The n-gram vectors of a snapshot; ValueError if it was learned without --subwords."""

    def __init__(self, opened: Snapshot) -> None:
        config: dict[str, Any] = opened.manifest.get("config", {})
        if SUBWORD_VECTORS not in opened.manifest["files"]:
            raise ValueError(
                f"{opened.path} has no vectors of n-grams: infer needs a model that was learned "
                "with --subwords"
            )
        self._vectors = opened.array(SUBWORD_VECTORS)
        buckets = opened.array(SUBWORD_BUCKETS)
        try:
            self._ngrams = int(config["min_n"]), int(config["max_n"]), int(config["bucket"])
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(f"{opened.path}: the manifest lacks {error}") from error
        if self._vectors.ndim != 2 or buckets.shape != self._vectors.shape[:1]:
            raise SnapshotError(f"{opened.path}: {SUBWORD_BUCKETS} does not fit {SUBWORD_VECTORS}")
        self._order = np.argsort(buckets, kind="stable")
        self._sorted = buckets[self._order]

    def vector(self, word: str) -> NDArray[np.float32]:
        """float32[D]: the mean of the word's n-grams; those that never occurred count as zeros."""
        buckets = np.array(ngram_buckets(word, *self._ngrams), np.int64)
        places = np.searchsorted(self._sorted, buckets)
        is_known = places < len(self._sorted)
        is_known[is_known] = self._sorted[places[is_known]] == buckets[is_known]
        rows = self._vectors[self._order[places[is_known]]]
        mean: NDArray[np.float32] = rows.sum(axis=0, dtype=np.float32) / np.float32(
            max(1, len(buckets))
        )
        return mean
