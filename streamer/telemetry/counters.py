"""What this process has learned since it started: sums that only grow, and the recent loss.

Counts of the whole model are the learner's. These begin at zero with every process, as counters
of metrics should: one that went on from a snapshot would fall back after a crash.
"""

from __future__ import annotations

import math

from w2v_online.stats import BatchStats, Figures

_LOSS_WORDS = 200_000.0
"""Words over which losses are averaged (exponentially)."""


DEFAULT_FIGURES = Figures(has_negatives=True)
"""Those of negative sampling."""


class Counters:
    """Sums over all batches of a learner; ``figures`` says which its objective has."""

    def __init__(self, figures: Figures = DEFAULT_FIGURES) -> None:
        self.bytes = 0
        self.sums = BatchStats()
        self.figures = figures
        self._recent = [0.0] * 4

    def add(self, stats: BatchStats, text_bytes: int = 0) -> None:
        """Add a batch of ``text_bytes`` bytes that was learned."""
        self.bytes += text_bytes
        # A new object each time: a scrape meanwhile sees the figures of one moment.
        self.sums += stats
        kept = math.exp(-stats.words / _LOSS_WORDS)
        figures = (
            stats.positive_pairs, stats.negative_pairs, stats.positive_loss, stats.negative_loss
        )  # fmt: skip
        self._recent = [kept * o + n for o, n in zip(self._recent, figures, strict=True)]

    @property
    def words(self) -> int:
        """Words read."""
        return self.sums.words

    @property
    def records(self) -> int:
        """Records learned."""
        return self.sums.records

    @property
    def has_negatives(self) -> bool:
        """Whether there are pairs with words drawn from the noise."""
        return self.figures.has_negatives

    @property
    def loss(self) -> float:
        """Recent loss per positive pair, nan before the first."""
        pairs, _, positive, negative = self._recent
        return _ratio(positive + negative, pairs)

    @property
    def loss_per_positive(self) -> float:
        """Recent loss of a positive pair, nan before the first."""
        return _ratio(self._recent[2], self._recent[0])

    @property
    def loss_per_negative(self) -> float:
        """Recent loss of a negative pair, nan while there is none."""
        return _ratio(self._recent[3], self._recent[1]) if self.has_negatives else math.nan


def _ratio(total: float, pairs: float) -> float:
    return total / pairs if pairs else math.nan
