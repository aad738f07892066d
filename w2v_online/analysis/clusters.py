"""Groups of words that lie together on a map, named by their own words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.table import VectorTable

_NAME_WORDS = 3
_LEAST_WORDS = 12
"""Of a cluster; fewer say little about a text."""

_SHARE = 0.006
"""Of the words on the map that a cluster has at least."""


@dataclass(frozen=True)
class Cluster:
    """A dense part of a map."""

    name: list[str]
    """Its most typical words: near its centre among the vectors, and frequent."""
    x: float
    y: float
    words: int


def clusters(table: VectorTable, words: list[str], positions: NDArray[np.float64]) -> list[Cluster]:
    """Dense parts of a map (HDBSCAN, Campello et al. 2013), the largest first.

    Empty if there is none, or scikit-learn is missing.
    """
    least = max(_LEAST_WORDS, int(_SHARE * len(words)))
    if len(words) < 2 * least:
        return []
    try:
        from sklearn.cluster import HDBSCAN
    except ImportError:
        return []
    found = HDBSCAN(
        min_cluster_size=least, min_samples=3, cluster_selection_method="leaf", copy=True
    ).fit_predict(positions)
    units = table.unit([table.row(word) for word in words])
    groups = [np.flatnonzero(found == number) for number in range(int(found.max()) + 1)]
    groups.sort(key=len, reverse=True)
    return [_cluster(words, positions, units, group) for group in groups]


def _cluster(
    words: list[str],
    positions: NDArray[np.float64],
    units: NDArray[np.float32],
    group: NDArray[np.intp],
) -> Cluster:
    center = units[group].mean(axis=0)
    frequency = 1.0 / np.log(group + 20.0)  # words come in the order of counts
    typical = np.argsort(-(units[group] @ center) * frequency, kind="stable")
    x, y = np.median(positions[group], axis=0).tolist()
    name = [words[group[i]] for i in typical[:_NAME_WORDS]]
    return Cluster(name, x, y, len(group))
