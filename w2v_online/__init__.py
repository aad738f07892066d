"""Word vectors that learn from a stream: the library under w2v-stream.

Reading snapshots (``load_vectors``) imports no training code; the learner is imported when it is
first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from w2v_online.reading.vectors import WordVectors, load_vectors
from w2v_online.reading.words import read_words
from w2v_online.stats import BatchStats

if TYPE_CHECKING:
    from w2v_online.config import LearnerConfig
    from w2v_online.learning.learner import OnlineWord2Vec
    from w2v_online.learning.score import Scorer, Scores, load_scorer
    from w2v_online.learning.surprise import Surprise

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


def __getattr__(name: str) -> Any:
    if name == "LearnerConfig":
        from w2v_online.config import LearnerConfig

        return LearnerConfig
    if name == "OnlineWord2Vec":
        from w2v_online.learning.learner import OnlineWord2Vec

        return OnlineWord2Vec
    if name == "Surprise":
        from w2v_online.learning.surprise import Surprise

        return Surprise
    if name in ("Scorer", "Scores", "load_scorer"):
        from w2v_online.learning import score

        return getattr(score, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
