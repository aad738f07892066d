"""Words that are changing now, by the change scores that a snapshot holds: no second one needed.

A score compares how far the word's vector has left the average of its path with what is usual among
words that were trained as often; about 1 is usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v_online.analysis.content_words import are_function_words
from w2v_online.config import CHANGING_MIN_COUNT, FREQUENT
from w2v_online.errors import SnapshotError
from w2v_online.reading.vectors import WordVectors
from w2v_online.snapshots.reader import CHANGE_SCORES, Snapshot

THRESHOLD = 2.5
"""Score from which a word counts as changing; of 469 words of a shuffled text none reached it."""


@dataclass(frozen=True)
class Change:
    """A word that is changing."""

    word: str
    score: float
    count: float
    neighbors: list[str]


def has_change_scores(vectors: WordVectors) -> bool:
    """Whether the vectors are of a snapshot that holds change scores."""
    return CHANGE_SCORES in vectors.manifest.get("files", {})


def change_scores(vectors: WordVectors) -> NDArray[np.float32]:
    """float32[V]: the score of each word of a snapshot, NaN if it is not known.

    Raises SnapshotError if the vectors are of no snapshot, or of one without scores.
    """
    if not has_change_scores(vectors):
        raise SnapshotError(
            f"{vectors.path} has no change scores: only snapshots written with averaging have some"
        )
    opened = Snapshot(vectors.path, vectors.manifest)
    scores = opened.whole(CHANGE_SCORES)
    if scores.shape != (len(vectors.table),) or scores.dtype != np.float32:
        raise SnapshotError(f"{vectors.path / CHANGE_SCORES} does not fit the words")
    return scores


def changing_rows(
    vectors: WordVectors,
    scores: NDArray[np.float32],
    *,
    min_count: float = CHANGING_MIN_COUNT,
    threshold: float = THRESHOLD,
) -> NDArray[np.int64]:
    """int64[n]: rows of the words that are changing, those with the highest scores first.

    ``scores`` are :func:`change_scores` of the vectors. Left out are words with fewer than
    ``min_count`` occurrences or a score below ``threshold``, and the most frequent and other
    function words: they follow every topic.
    """
    counts = np.asarray(vectors.table.counts)
    known = np.where(counts >= min_count, np.nan_to_num(scores), 0.0)
    rows = np.argsort(-known, kind="stable")
    rows = rows[(known[rows] >= threshold) & (rows >= len(vectors) // FREQUENT)]
    return rows[~are_function_words(vectors.table, rows)]


def changing(
    vectors: WordVectors,
    *,
    topn: int = 50,
    min_count: float = CHANGING_MIN_COUNT,
    threshold: float = THRESHOLD,
    neighbors: int = 5,
) -> list[Change]:
    """The words that are changing most, at most ``topn``, with their present neighbors.

    Left out are words with fewer than ``min_count`` occurrences or a score below ``threshold``.
    """
    scores = change_scores(vectors)
    rows = changing_rows(vectors, scores, min_count=min_count, threshold=threshold)[:topn]
    return changes_of(vectors, scores, rows, neighbors)


def changes_of(
    vectors: WordVectors,
    scores: NDArray[np.float32],
    rows: NDArray[np.int64],
    neighbors: int = 5,
    restrict_vocab: int | None = None,
) -> list[Change]:
    """The words of ``rows`` with their scores, and so many of their present neighbors.

    With ``restrict_vocab`` neighbors are sought among so many of the most frequent words.
    """
    table = vectors.table
    words = [table.words[row] for row in rows.tolist()]
    near = vectors.most_similar_batch(words, neighbors, restrict_vocab) if words else []
    return [
        Change(word, float(scores[row]), table.counts[row].item(), [other for other, _ in found])
        for word, row, found in zip(words, rows.tolist(), near, strict=True)
    ]
