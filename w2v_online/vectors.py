"""The read side: word vectors of a snapshot, memory-mapped and immutable.

Imports no training code. Names follow gensim's KeyedVectors.
"""

from __future__ import annotations

import difflib
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v_online import snapshot
from w2v_online.errors import SnapshotError, UnknownWordError

_SPELLING_POOL = 20_000
"""Most frequent words that near spellings are looked for in."""


class WordVectors:
    """Words, counts and vectors of one snapshot; row i of ``vectors`` belongs to ``words[i]``."""

    def __init__(self, source: Path, opened: snapshot.Snapshot) -> None:
        self._source = source
        self._load(opened)

    def _load(self, opened: snapshot.Snapshot) -> None:
        vectors, counts, words = opened.vectors, opened.counts, opened.words()
        if vectors.ndim != 2 or vectors.dtype != np.float32:
            raise SnapshotError(f"{opened.path / 'vectors.npy'} is not a float32 matrix")
        if counts.ndim != 1 or not len(words) == len(vectors) == len(counts):
            raise SnapshotError(
                f"{opened.path}: {len(words)} words, {len(vectors)} vectors and "
                f"{len(counts)} counts do not belong together"
            )
        self.path = opened.path
        self.manifest = opened.manifest
        self.words: list[str] = words
        self.counts: NDArray[np.int64] = counts
        self.vectors: NDArray[np.float32] = vectors
        for name in ("_rows", "_norms"):
            self.__dict__.pop(name, None)

    def refresh(self) -> bool:
        """Load the newest snapshot if there is a newer one; return whether there was."""
        opened = snapshot.read(self._source)
        if opened.path == self.path:
            return False
        self._load(opened)
        return True

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def _norms(self) -> NDArray[np.float32]:
        norms: NDArray[np.float32] = np.linalg.norm(self.vectors, axis=1)
        norms[norms == 0] = 1.0
        return norms

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._rows

    @property
    def vector_size(self) -> int:
        """Dimensions of a vector."""
        return int(self.vectors.shape[1])

    def row(self, word: str) -> int:
        """The word's row; UnknownWordError (a KeyError) names near spellings if it has none."""
        try:
            return self._rows[word]
        except KeyError:
            near = difflib.get_close_matches(word, self.words[:_SPELLING_POOL], n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise UnknownWordError(f"{word!r} has no vector in {self.path}{hint}") from None

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """float32[vector_size], read-only."""
        vector: NDArray[np.float32] = self.vectors[self.row(word)]
        return vector

    def _unit(self, word: str) -> NDArray[np.float32]:
        row = self.row(word)
        unit: NDArray[np.float32] = self.vectors[row] / self._norms[row]
        return unit

    def _nearest(
        self, query: NDArray[np.float32], topn: int, without: list[str]
    ) -> list[tuple[str, float]]:
        norm = float(np.linalg.norm(query)) or 1.0
        cosines = (self.vectors @ query.astype(np.float32)) / (self._norms * norm)
        excluded = [self.row(word) for word in without]
        cosines[excluded] = -np.inf
        topn = max(0, min(topn, len(cosines) - len(set(excluded))))
        if topn == 0:
            return []
        best = np.argpartition(-cosines, topn - 1)[:topn]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return [(self.words[row], float(cosines[row])) for row in best]

    def similarity(self, a: str, b: str) -> float:
        """Cosine of the angle between two words' vectors."""
        return float(self._unit(a) @ self._unit(b))

    def most_similar(self, word: str, topn: int = 10) -> list[tuple[str, float]]:
        """The ``topn`` nearest other words by cosine, nearest first."""
        return self._nearest(self._unit(word), topn, [word])

    def analogy(self, a: str, b: str, c: str, topn: int = 10) -> list[tuple[str, float]]:
        """Answers to "a is to b as c is to ?" by 3CosAdd (Mikolov et al. 2013), best first."""
        return self._nearest(self._unit(b) - self._unit(a) + self._unit(c), topn, [a, b, c])


def load_vectors(path: str | Path) -> WordVectors:
    """Word vectors of the snapshot at ``path``, or of the newest complete one in that folder.

    Raises SnapshotError if there is none or it is damaged.
    """
    return WordVectors(Path(path), snapshot.read(Path(path)))
