"""Words in two dimensions: the map of a vocabulary, the same from one snapshot to the next.

Principal components of unit vectors, with signs that depend on the vectors alone. With an earlier
layout the new one is laid over it: of its main directions those two are shown that come nearest,
so axes that change places as variances change do not turn the map. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v_online.analysis.alignment import rotation
from w2v_online.analysis.drift import Comparison, Movement
from w2v_online.reading.table import VectorTable

DIRECTIONS = 10
"""Principal components that an aligned layout is composed of: more steady than the first two, and
nearly as spread out."""

METHODS = ("pca", "umap")

_MIN_SHARED = 3
"""Words that two layouts must share to be laid over each other."""

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


def lay_out(
    table: VectorTable,
    n_words: int,
    *,
    method: str = "pca",
    previous: Layout | None = None,
    besides: Sequence[str] = (),
) -> Layout:
    """The ``n_words`` most frequent words in two dimensions, laid over ``previous`` if given.

    Words of the table that are to be there ``besides`` come after them.

    ``method`` is "pca", or "umap" if umap-learn is installed (ImportError otherwise). ValueError
    for fewer than three words.
    """
    words = [*table.words[:n_words], *besides]
    if len(words) < _MIN_SHARED:
        raise ValueError(f"{table.name} has {len(words)} words: too few for a map")
    rows = [*range(len(words) - len(besides)), *(table.rows[word] for word in besides)]
    units = table.unit(rows).astype(np.float64)
    shared = _shared(words, previous)
    components = _components(units, DIRECTIONS)
    if method == "umap":
        layout = Layout(words, _umap(units, components[:, :2], shared, previous))
        components = layout.positions - layout.positions.mean(axis=0)
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


def _umap(
    units: NDArray[np.float64],
    start: NDArray[np.float64],
    shared: list[tuple[int, int]],
    previous: Layout | None,
) -> NDArray[np.float64]:
    """UMAP (McInnes et al. 2018) from the principal components, or from where words lay before."""
    from umap import UMAP

    init = 10.0 * start / max(float(np.abs(start).max()), 1e-9)
    if previous is not None and shared:
        init += previous.positions[[theirs for _, theirs in shared]].mean(axis=0)
        for mine, theirs in shared:
            init[mine] = previous.positions[theirs]
    neighbors = min(15, len(units) - 1)
    model = UMAP(metric="cosine", init=init, random_state=_SEED, n_neighbors=neighbors, n_jobs=1)
    positions: NDArray[np.float64] = model.fit_transform(units).astype(np.float64)
    return positions


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
