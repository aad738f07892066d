"""Negative sampling (Mikolov et al. 2013, section 2.2): true pairs against pairs with noise words.

Rows of syn1 are words. The noise distribution follows the counts; each trainer draws its own
negatives, which all contexts of a centre share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels.cbow import train_cbow
from w2v_online.kernels.encode import MAX_SENTENCE_WORDS
from w2v_online.kernels.ns import train_ns
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.encoded import Encoded
from w2v_online.learning.objectives.base import Objective
from w2v_online.learning.rates import RateProfile
from w2v_online.learning.sampler import Negatives, NoiseDistribution
from w2v_online.learning.scoring import Scoring
from w2v_online.learning.scratch import make_scratch
from w2v_online.learning.trainer import Trainer
from w2v_online.simd.tiles import Tile
from w2v_online.stats import BatchStats, Figures


class NegativeSampling(Objective):
    """Tells the words that stand together from words drawn at random."""

    skip_gram = RateProfile(
        0.5, 1.0, old_min_alpha=0.01, is_fast_when_young=True, anneals_narrow=True
    )
    cbow = RateProfile(8.0, 3.0)
    figures = Figures(has_negatives=True)
    is_shareable = True

    def __init__(self, config: LearnerConfig, embeddings: Embeddings) -> None:
        super().__init__(config, embeddings)
        self.noise = NoiseDistribution(config.ns_exponent, config.max_vocab_size)
        self._remapped = np.zeros(config.max_vocab_size, np.int32)  # zeros between two uses

    @property
    def max_bytes(self) -> int:
        """See :class:`Objective`."""
        return self.noise.max_bytes + self._remapped.nbytes

    @property
    def max_state_bytes(self) -> int:
        """See :class:`Objective`."""
        return self.noise.max_bytes

    def make_trainer(self, seeds: NDArray[np.uint64]) -> Trainer:
        """See :class:`Objective`."""
        return NegativeSamplingTrainer(self, self._remapped, seeds)

    def set_counts(
        self, counts: NDArray[np.float64], total_words: int, wait: Callable[[], None]
    ) -> None:
        """Draw by these counts from now on."""
        self.noise.update(counts, total_words)

    def scoring(
        self, config: LearnerConfig, syn0: NDArray[np.float32], counts: NDArray[np.float64]
    ) -> Scoring:
        """See :class:`Objective`."""
        return NegativeSamplingScoring(self, config, syn0, counts)

    def state(self) -> dict[str, NDArray[Any]]:
        """See :class:`Objective`."""
        return self.noise.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`Objective`."""
        self.noise.restore(state)


class NegativeSamplingTrainer(Trainer):
    """Skip-gram or CBOW with negatives of its own."""

    def __init__(
        self,
        objective: NegativeSampling,
        remapped: NDArray[np.int32],
        seeds: NDArray[np.uint64],
    ) -> None:
        config = objective.config
        super().__init__(config, objective.embeddings, objective.profile, int(seeds[1]))
        self.negatives = Negatives(
            objective.noise, MAX_SENTENCE_WORDS * config.negative, int(seeds[0])
        )
        self._noise = objective.noise
        self._remapped = remapped
        self._tile = Tile(config.vector_size, 1 + config.negative, mean=config.cbow)
        self._scratch = make_scratch(self._tile, config.window)
        self._kernel = train_cbow if config.cbow else train_ns

    @property
    def max_bytes(self) -> int:
        """See :class:`Trainer`."""
        scratch_bytes = sum(array.nbytes for array in self._scratch)
        return scratch_bytes + self.negatives.max_bytes + super().max_bytes

    def train_fresh(self, encoded: Encoded) -> BatchStats:
        """See :class:`Trainer`."""
        stats = BatchStats()
        sentence = 0
        live = self.live(encoded)
        self.negatives.renew()
        while True:
            self._announce(encoded, sentence)
            sentence, figures = self._kernel(
                self._tile,
                encoded.ids,
                encoded.sentence_ends,
                sentence,
                self.window,
                self.embeddings.matrices,
                self.negatives.block,
                self.negatives.next,
                self.rates,
                self.generator,
                self._scratch,
                self.score_tile,
                live,
            )
            stats += BatchStats(**figures._asdict())
            if sentence == len(encoded.sentence_ends):
                return stats
            self.negatives.refill()

    def log_noise(self, counts: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :class:`Trainer`."""
        return self._noise.log_draws(counts, self.config.negative).astype(np.float32)

    def _announce(self, encoded: Encoded, first_sentence: int) -> None:
        """Say which rows are about to change: of the words, and of the next draws."""
        if self.embeddings.before_change is None:
            return
        begin = int(encoded.sentence_ends[first_sentence - 1]) if first_sentence else 0
        words = encoded.ids[begin:]
        first_draw = int(self.negatives.next[0])
        draws = self.negatives.block[first_draw : first_draw + len(words) * self.config.negative]
        self.embeddings.announce(words, np.concatenate([words, draws]))

    def remap(self, rows: NDArray[np.int32], new_rows: NDArray[np.int32]) -> None:
        """See :class:`Trainer`; for draws that were made already."""
        self.negatives.remap(rows, new_rows, self._remapped)

    def reseed(self, seeds: NDArray[np.uint64]) -> None:
        """See :class:`Trainer`."""
        super().reseed(seeds)
        self.negatives.reseed(int(seeds[0]))

    def state(self) -> dict[str, NDArray[Any]]:
        """See :class:`Trainer`."""
        return {**super().state(), **self.negatives.state()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`Trainer`."""
        super().restore(state)
        self.negatives.restore(state)


class NegativeSamplingScoring(Scoring):
    """log sigmoid(x . y), and log p by the noise distribution (docs/concepts/equations.md)."""

    total_name = "log_sigmoid"
    is_mean = True

    def __init__(
        self,
        objective: NegativeSampling,
        config: LearnerConfig,
        syn0: NDArray[np.float32],
        counts: NDArray[np.float64],
    ) -> None:
        super().__init__(config, syn0, objective.embeddings.matrices.syn1)
        # A word adopted with its vector may have no count yet.
        weights = np.where(counts > 0, counts, 1.0) ** config.ns_exponent
        self._log_noise = np.log(config.negative * weights / weights.sum())

    def windows(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """See :class:`Scoring`."""
        sums, predictions = self.pairs(ids, ends, self._log_noise[ids])
        return sums[1], predictions, sums[2] / np.maximum(1, predictions)


OBJECTIVE = NegativeSampling
