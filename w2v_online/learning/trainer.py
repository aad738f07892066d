"""A trainer applies encoded sentences to the matrices, with rates and a generator of its own.

What is common to all objectives: how rates and windows follow the age of the model, and what is
saved. How a sentence is trained is the objective's (:mod:`w2v_online.learning.objectives`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels.live import Live
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.encoded import Encoded
from w2v_online.learning.live import LiveScoring
from w2v_online.learning.rates import (
    RateProfile,
    annealing_window,
    least_rate,
    rate_indices,
    rate_scale,
    rate_table,
)
from w2v_online.learning.scratch import score_tile
from w2v_online.stats import BatchStats


class Trainer(ABC):
    """Learning from batches of encoded sentences.

    Parameters
    ----------
    config
        Model options.
    embeddings
        The matrices, which several trainers may share.
    profile
        How the objective learns.
    seed
        State of the generator that windows are drawn with.

    """

    def __init__(
        self, config: LearnerConfig, embeddings: Embeddings, profile: RateProfile, seed: int
    ) -> None:
        self.config = config
        self.embeddings = embeddings
        self._profile = profile
        self._usual_rates, self._annealing_rates = (
            rate_table(profile, config.alpha, config.window, config.replay, annealing=annealing)
            for annealing in (False, True)
        )
        self.generator = np.array([seed], np.uint64)
        self.score_tile = score_tile(config.vector_size)
        self._live: LiveScoring | None = None
        self.set_age(0)

    @property
    def max_bytes(self) -> int:
        """Upper bound of the memory for working arrays."""
        return 0 if self._live is None else self._live.max_bytes

    def live(self, encoded: Encoded) -> Live | None:
        """What a kernel takes to score sentences before it trains them; None if it need not."""
        if encoded.noted is None:
            return None
        if self._live is None:
            self._live = LiveScoring(self.config.vector_size, self.config.window)
        return self._live.live(encoded.noted, self.log_noise(encoded.noted.counts))

    def log_noise(self, counts: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32[m]: log of the expected number of draws as a negative of words with ``counts``.

        Empty where nothing is drawn.
        """
        return counts[:0]

    @abstractmethod
    def train_fresh(self, encoded: Encoded) -> BatchStats:
        """Train on every sentence as if it were fresh text; return pairs and losses."""

    def train(self, encoded: Encoded) -> BatchStats:
        """Train on every sentence; of replayed ones only ``replayed_pairs`` is counted."""
        stats = self.train_fresh(encoded)
        if encoded.is_replayed:
            return BatchStats(replayed_pairs=stats.positive_pairs)
        return stats

    def remap(  # noqa: B027 most hold no rows
        self, rows: NDArray[np.int32], new_rows: NDArray[np.int32]
    ) -> None:
        """Use ``new_rows`` in the place of ``rows`` from now on, none where it is -1."""

    def reseed(self, seeds: NDArray[np.uint64]) -> None:
        """Draw other numbers from now on: uint64[2], the objective's seed and the trainer's."""
        self.generator[0] = seeds[1]

    def set_age(self, total_words: int, scale: float = 1.0) -> None:
        """Learn at the rates of a model that has read so many words, ``scale`` times as high."""
        has_replay = self.config.replay > 0
        scale = rate_scale(self._profile, total_words, scale, has_replay=has_replay)
        self.rates = self._rates(self._usual_rates, total_words, scale)
        """float32[2, r]: by ``rate_index``, for rows of syn0 and of syn1."""
        self.window = self.config.window

    def anneal(self, total_words: int, scale: float, turn: int) -> None:
        """Learn at the rates and windows of annealing until the next call of :meth:`set_age`.

        Rates are ``scale`` times the usual ones. ``turn`` counts the calls: windows are whole
        numbers of words, wider by one in so many calls that their mean is right.
        """
        window = annealing_window(self._profile, self.config.window, total_words)
        self.rates = self._rates(self._annealing_rates, total_words, scale)
        self.window = int((turn + 1) * window) - int(turn * window)

    def _rates(
        self, table: NDArray[np.float32], total_words: int, scale: float
    ) -> NDArray[np.float32]:
        config = self.config
        least = least_rate(self._profile, config.alpha, config.min_alpha, total_words)
        return (np.maximum(table, np.float32(least)) * scale).astype(np.float32)

    def learning_rates(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The rate at which every ``step``-th row of syn0 and of syn1 would learn now."""
        rows = len(self.embeddings)
        matrices = self.embeddings.matrices
        inputs, outputs = (
            table[rate_indices(counts[:rows:step])]
            for table, counts in zip(
                self.rates, (matrices.updates0, matrices.updates1), strict=True
            )
        )
        return inputs, outputs

    def state(self) -> dict[str, NDArray[Any]]:
        """All that :meth:`restore` needs: views, true until the next change."""
        return {"training_generator": self.generator}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a saved state."""
        self.generator[:] = state["training_generator"]
