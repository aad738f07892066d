"""What all objectives have in common: the one place that a learner asks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.rates import RateProfile
from w2v_online.learning.scoring import Scoring
from w2v_online.learning.trainer import Trainer
from w2v_online.stats import Figures


class Objective(ABC):
    """What output vectors stand for, and how they follow the vocabulary.

    Parameters
    ----------
    config
        Model options.
    embeddings
        The matrices; rows of syn1 are the objective's.

    """

    skip_gram: ClassVar[RateProfile]
    cbow: ClassVar[RateProfile]
    """How it learns with each architecture."""

    figures: ClassVar[Figures] = Figures()
    """What it counts besides pairs and their loss."""

    has_inner_nodes: ClassVar[bool] = False
    """Whether rows of syn1 are nodes of a tree, not words."""

    is_shareable: ClassVar[bool] = False
    """Whether several learners can merge their output vectors by word."""

    def __init__(self, config: LearnerConfig, embeddings: Embeddings) -> None:
        self.config = config
        self.embeddings = embeddings

    @property
    def profile(self) -> RateProfile:
        """How it learns with this architecture."""
        return self.cbow if self.config.cbow else self.skip_gram

    @property
    def max_bytes(self) -> int:
        """Upper bound of the memory for its own arrays, besides trainers and matrices."""
        return 0

    @property
    def max_state_bytes(self) -> int:
        """Upper bound of the size of :meth:`state`."""
        return 0

    @abstractmethod
    def make_trainer(self, seeds: NDArray[np.uint64]) -> Trainer:
        """A trainer of its own; ``seeds`` are uint64[2]."""

    @abstractmethod
    def scoring(
        self, config: LearnerConfig, syn0: NDArray[np.float32], counts: NDArray[np.float64]
    ) -> Scoring:
        """How it scores text by these input vectors (rows padded) and counts by row.

        Of ``config``, ``cbow`` may differ from the model's: what predicts is a mean then, or not.
        """

    def set_counts(  # noqa: B027 some have nothing to do
        self, counts: NDArray[np.float64], total_words: int, wait: Callable[[], None]
    ) -> None:
        """Take over the counts, float64[V], after so many words of the stream.

        Called at the end of a segment and after words were removed; ``wait`` waits until no thread
        trains.
        """

    def remove(self, row: int, last: int) -> int | None:
        """Remove a word; the word of row ``last`` moves to ``row``.

        Returns the row of syn1 that goes, -1 for none; None if that is ``row``, as where rows of
        syn1 are words.
        """
        return None

    def warm_up(self) -> None:  # noqa: B027 some have nothing to do
        """Call the kernels that a little training does not call."""

    def state(self) -> dict[str, NDArray[Any]]:
        """All that :meth:`restore` needs: views, true until the next change."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:  # noqa: B027 nor state
        """Take over a saved state."""
