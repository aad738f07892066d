"""The word in the middle, predicted from its context by the output vectors that snapshots hold.

The context is the mean of its words' vectors, as in gensim's ``predict_output_word``; what predicts
from it is the model's own output layer: the softmax over all output vectors, or the tree of
hierarchical softmax. Reads the learner's state, which snapshots of vectors alone do not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.reading.codes import BLOCK_ROWS
from w2v_online.snapshots.reader import OUTPUT_VECTORS, Snapshot


def probabilities(opened: Snapshot, context: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64[V]: p(word | context) of every word, in row order; ``context`` is float32[D].

    Of a model with negative sampling, whose output is no probability, the softmax of its output,
    as in gensim. SnapshotError if the snapshot holds vectors only.
    """
    if not opened.has_output:
        raise SnapshotError(
            f"{opened.path} holds vectors only: predictions need a full snapshot, which also has "
            "output vectors"
        )
    output = opened.whole(OUTPUT_VECTORS)
    scores = np.empty(len(output))
    for first in range(0, len(output), BLOCK_ROWS):
        scores[first : first + BLOCK_ROWS] = output[first : first + BLOCK_ROWS] @ context
    if opened.manifest.get("config", {}).get("loss") == "hs":
        return _by_tree(opened, scores)
    found: NDArray[np.float64] = np.exp(scores - scores.max(initial=0.0))
    return found / max(float(found.sum()), 1e-300)


def _by_tree(opened: Snapshot, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities down the tree: each inner node shares its own between two branches."""
    rows: NDArray[Any] = opened.whole("state/rows.npy")
    leaves: NDArray[Any] = opened.whole("state/leaf_links.npy")
    inner: NDArray[Any] = opened.whole("state/inner_links.npy")
    if not len(inner):
        return np.ones(len(scores))  # a single word has no branches before it
    by_row = np.empty(len(scores))
    by_row[rows] = scores  # inner node n has the output vector of row n
    log_left = -np.logaddexp(0.0, -by_row[: len(inner)])
    log_right = -np.logaddexp(0.0, by_row[: len(inner)])

    def step(links: NDArray[Any]) -> NDArray[np.float64]:
        parents = np.maximum(links, 0) >> 1
        taken = np.where(links & 1, log_right[parents], log_left[parents])
        return np.where(links < 0, 0.0, taken)

    # Jumping over ever more nodes at once: sums along paths of any length in log2(depth) rounds.
    above = np.where(inner < 0, -1, inner >> 1)
    log_p = step(inner)
    while (above >= 0).any():
        log_p = log_p + np.where(above >= 0, log_p[above], 0.0)
        above = np.where(above >= 0, above[above], -1)
    found = np.zeros(len(scores))
    known = leaves[: len(scores)]
    base = np.where(known < 0, 0.0, log_p[np.maximum(known, 0) >> 1])
    found[: len(known)] = np.exp(step(known) + base)
    in_word_order: NDArray[np.float64] = found[rows]
    return in_word_order
