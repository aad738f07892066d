"""Word vectors that learn from a stream: the library under w2v-stream.

Reading snapshots (``load_vectors``) imports no training code: each name is imported when it is
first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v_online.config import LearnerConfig
    from w2v_online.learning.learner import OnlineWord2Vec
    from w2v_online.learning.score import Scorer, Scores, load_scorer
    from w2v_online.learning.surprise import Surprise
    from w2v_online.reading.vectors import WordVectors, load_vectors
    from w2v_online.reading.words import read_words
    from w2v_online.stats import BatchStats

__version__ = "0.1.0"
__all__ = [
    "BatchStats",
    "LearnerConfig",
    "OnlineWord2Vec",
    "Scorer",
    "Scores",
    "Surprise",
    "WordVectors",
    "load_scorer",
    "load_vectors",
    "read_words",
]


_MODULES = {
    "BatchStats": "stats",
    "LearnerConfig": "config",
    "OnlineWord2Vec": "learning.learner",
    "Scorer": "learning.score",
    "Scores": "learning.score",
    "Surprise": "learning.surprise",
    "WordVectors": "reading.vectors",
    "load_scorer": "learning.score",
    "load_vectors": "reading.vectors",
    "read_words": "reading.words",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"w2v_online.{_MODULES[name]}"), name)
