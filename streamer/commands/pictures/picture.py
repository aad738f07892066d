"""A picture of words in two dimensions, and how it becomes JSON.

Knows positions and labels, nothing of vectors. Words are shown as text, whatever they contain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.controls import shown
from w2v_online.analysis.clusters import Cluster
from w2v_online.analysis.layout import Layout

LAYOUT_ID = "w2v-stream-layout"


@dataclass(frozen=True)
class Picture:
    """Points with labels, the most important first; the first of them may have come from elsewhere.

    ``details`` says something of each word. ``starts``, float64[m, 2], are where the first m words
    were before: arrows lead from there. ``clusters`` are named parts.
    """

    title: str
    layout: Layout
    details: Sequence[str]
    starts: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    clusters: Sequence[Cluster] = ()


def layout_json(layout: Layout) -> str:
    """The layout for a script element or a PNG's text, from where the next picture reads it."""
    return script_json({"words": layout.words, "positions": np.round(layout.positions, 6).tolist()})


def script_json(document: Any) -> str:
    """JSON for a script element: no "<" may stand in one, and JSON can say it otherwise."""
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c")


def labels(picture: Picture) -> list[str]:
    """The words as they can be shown."""
    return [shown(word) for word in picture.layout.words]
