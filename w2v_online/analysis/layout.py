"""Words in two dimensions: the map of a vocabulary, the same from one snapshot to the next.

t-SNE (van der Maaten & Hinton 2008) of cosine distances, by scikit-learn, which keeps
neighbourhoods; it begins with the principal components, or with an earlier layout, so that words
stay where they were. Without scikit-learn, or with ``method`` "pca", the principal components,
of which those two are shown that come nearest to the earlier layout. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.analysis.alignment import rotation
from w2v_online.analysis.drift import Comparison, Movement
from w2v_online.reading.table import VectorTable

DIRECTIONS = 10
"""Principal components that an aligned PCA layout is composed of: more steady than the first two,
and nearly as spread out."""

METHODS = ("tsne", "pca")

_MIN_SHARED = 3
"""Words that two layouts must share to be laid over each other."""

_PERPLEXITY = 30.0
_FEWEST_WORDS = 100
"""With fewer, there are no neighbourhoods to speak of."""

_EXAGGERATION = 3.0
"""At first. Of 2, 3, 4, 12 and 20, trustworthiness on Wikipedia .966, .962, .959, .959 and .955,
continuity .906, .907, .906, .899 and .896; on logs of 2, 3, 4 and 12 .979, .979, .975 and .969,
.937, .938, .938 and .930. A higher perplexity or twice the iterations gain nothing."""

_ITERATIONS = 500
_FURTHER_ITERATIONS = 250
"""Of a layout that begins with an earlier one: the fewest that scikit-learn allows."""

_FURTHER_RATE = 50.0
"""Learning rate of these: words of a quiet stream move 1.2% of the width, at the usual rate 5%."""

_BEGIN_SPREAD = 1e-4
"""Standard deviation of the first axis that t-SNE should begin with."""

_NEAR = 5
"""Known words that a new word begins in the middle of."""

_SEED = 1


@dataclass(frozen=True)
class Layout:
    """Words and where they lie, float64[n, 2]."""

    words: list[str]
    positions: NDArray[np.float64]


@dataclass(frozen=True)
class Paths:
    """Where words came from, among words that show the way; ``starts`` of the first words."""

    layout: Layout
    starts: NDArray[np.float64]


def default_method() -> str:
    """``tsne`` where scikit-learn is installed."""
    return "tsne" if find_spec("sklearn") else "pca"


def lay_out(
    table: VectorTable,
    words: Sequence[str],
    *,
    method: str = "pca",
    previous: Layout | None = None,
) -> Layout:
    """Words of the table in two dimensions, laid over ``previous`` if given.

    ``method`` is "pca", or "tsne" if scikit-learn is installed (ImportError otherwise). ValueError
    for fewer than three words.
    """
    words = list(words)
    if len(words) < _MIN_SHARED:
        raise ValueError(f"{table.name} has {len(words)} words: too few for a map")
    units = table.unit([table.row(word) for word in words]).astype(np.float64)
    shared = _shared(words, previous)
    components = _components(units, DIRECTIONS)
    if method == "tsne" and len(words) >= _FEWEST_WORDS:
        components = _tsne(units, components[:, :2], shared, previous)
    if previous is None or len(shared) < _MIN_SHARED:
        return Layout(words, components[:, :2])
    mine, theirs = zip(*shared, strict=True)
    anchors = previous.positions[list(theirs)]
    offset, center = components[list(mine)].mean(axis=0), anchors.mean(axis=0)
    turn = rotation(components[list(mine)] - offset, anchors - center)
    return Layout(words, (components - offset) @ turn + center)


def _shared(words: list[str], previous: Layout | None) -> list[tuple[int, int]]:
    """Places in both layouts of the words they share."""
    if previous is None:
        return []
    places = {word: i for i, word in enumerate(previous.words)}
    return [(i, places[word]) for i, word in enumerate(words) if word in places]


def _components(vectors: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """float64[n, count]: coordinates along the principal axes, each skewed to the positive side."""
    centered = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    coordinates = centered @ axes[:count].T
    coordinates *= np.where((coordinates**3).sum(axis=0) < 0, -1.0, 1.0)
    missing = max(0, 2 - coordinates.shape[1])
    return np.pad(coordinates, ((0, 0), (0, missing)))


def _tsne(
    units: NDArray[np.float64],
    start: NDArray[np.float64],
    shared: list[tuple[int, int]],
    previous: Layout | None,
) -> NDArray[np.float64]:
    """float64[n, 2]: from where words lay before, or from the principal components."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    begin = start * (_BEGIN_SPREAD / max(float(start[:, 0].std()), 1e-12))
    settings: dict[str, Any] = {
        "max_iter": _ITERATIONS,
        "learning_rate": "auto",
        "early_exaggeration": _EXAGGERATION,
    }
    if previous is not None and len(shared) >= max(_MIN_SHARED, len(units) // 2):
        begin = _begun(units, shared, previous)
        settings = {
            "max_iter": _FURTHER_ITERATIONS,
            "learning_rate": _FURTHER_RATE,
            "early_exaggeration": 1.0,
        }
    model = TSNE(
        init=begin,
        metric="cosine",
        perplexity=min(_PERPLEXITY, (len(units) - 1) / 3),
        angle=0.6,
        random_state=_SEED,
        n_jobs=1,
        **settings,
    )
    # One thread: where others want the cores too, threads that wait for each other take many times
    # as long.
    with threadpool_limits(1):
        positions: NDArray[np.float64] = model.fit_transform(units).astype(np.float64)
    return positions


def _begun(
    units: NDArray[np.float64], shared: list[tuple[int, int]], previous: Layout
) -> NDArray[np.float64]:
    """float64[n, 2]: where words lay, and new ones among the known words nearest to them."""
    begin = np.empty((len(units), 2))
    known = np.array([mine for mine, _ in shared])
    begin[known] = previous.positions[[theirs for _, theirs in shared]]
    new = np.setdiff1d(np.arange(len(units)), known)
    for row in new.tolist():
        near = np.argsort(-(units[known] @ units[row]))[:_NEAR]
        begin[row] = begin[known[near]].mean(axis=0)
    return begin


def paths(old: VectorTable, new: VectorTable, movements: list[Movement]) -> Paths:
    """Where the words of ``movements`` lie now and lay before, with their neighbours of both times.

    Directions are the principal ones of the new vectors and of the old ones laid over them.
    """
    moved = [movement.word for movement in movements]
    near = [word for m in movements for word in (*m.old_neighbors, *m.new_neighbors)]
    words = list(dict.fromkeys([*moved, *(word for word in near if word in new.rows)]))
    before = Comparison(old, new).turned([old.rows[word] for word in moved])
    after = new.unit([new.rows[word] for word in words])
    positions = _components(np.concatenate([after, before]), 2)
    return Paths(Layout(words, positions[: len(words)]), positions[len(words) :])
