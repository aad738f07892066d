"""Words that are changing now, by the change scores that a snapshot holds: no second one needed.

A score compares how far the word's vector has left the average of its path with what is usual among
words that were trained as often; about 1 is usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.reading.vectors import WordVectors
from w2v_online.snapshots.reader import Snapshot

FILE = "change_scores.npy"

THRESHOLD = 2.0
"""Score from which a word counts as changing."""


@dataclass(frozen=True)
class Change:
    """A word that is changing."""

    word: str
    score: float
    count: float
    neighbors: list[str]


def change_scores(vectors: WordVectors) -> NDArray[np.float32]:
    """float32[V]: the score of each word of a snapshot, NaN if it is not known.

    Raises SnapshotError if the vectors are of no snapshot, or of one without scores.
    """
    if FILE not in vectors.manifest.get("files", {}):
        raise SnapshotError(
            f"{vectors.path} has no change scores: only snapshots written with averaging have some"
        )
    opened = Snapshot(vectors.path, vectors.manifest)
    opened.verify([FILE])
    scores = opened.array(FILE)
    if scores.shape != (len(vectors.table),) or scores.dtype != np.float32:
        raise SnapshotError(f"{vectors.path / FILE} does not fit the words")
    return scores


def changing(
    vectors: WordVectors,
    *,
    topn: int = 50,
    min_count: float = 100,
    threshold: float = THRESHOLD,
    neighbors: int = 5,
) -> list[Change]:
    """The words that are changing most, at most ``topn``, with their present neighbors.

    Left out are words with fewer than ``min_count`` occurrences or a score below ``threshold``.
    """
    scores, table = change_scores(vectors), vectors.table
    counts = np.asarray(table.counts)
    known = np.where(counts >= min_count, np.nan_to_num(scores), 0.0)
    rows = np.argsort(-known, kind="stable")[:topn]
    rows = rows[known[rows] >= threshold]
    words = [table.words[row] for row in rows.tolist()]
    near = vectors.most_similar_batch(words, neighbors) if words else []
    return [
        Change(word, float(scores[row]), counts[row].item(), [other for other, _ in found])
        for word, row, found in zip(words, rows.tolist(), near, strict=True)
    ]
