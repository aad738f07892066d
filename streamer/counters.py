"""What this process has learned since it started: sums that only grow, and the loss of late.

Counts of the whole model are the learner's. These begin at zero with every process, as counters
of metrics should: one that went on from a snapshot would fall back after a crash.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from w2v_online.learner import BatchStats

_LOSS_WORDS = 200_000.0
"""Words over which losses are averaged (exponentially)."""


@dataclass
class Counters:
    """Sums over all batches; losses are sums of -log p, see :class:`BatchStats`."""

    bytes: int = 0
    records: int = 0
    words: int = 0
    trained_words: int = 0
    positive_pairs: int = 0
    negative_pairs: int = 0
    positive_loss: float = 0.0
    negative_loss: float = 0.0

    def __post_init__(self) -> None:
        self._recent_pairs = [0.0, 0.0]
        self._recent_loss = [0.0, 0.0]

    def add(self, stats: BatchStats, text_bytes: int = 0) -> None:
        """Take in a batch that was learned of so many bytes."""
        self.bytes += text_bytes
        for name in (
            "records", "words", "trained_words", "positive_pairs", "negative_pairs",
            "positive_loss", "negative_loss",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(stats, name))
        kept = math.exp(-stats.words / _LOSS_WORDS)
        pairs = (stats.positive_pairs, stats.negative_pairs)
        losses = (stats.positive_loss, stats.negative_loss)
        self._recent_pairs = [kept * o + n for o, n in zip(self._recent_pairs, pairs, strict=True)]
        self._recent_loss = [kept * o + n for o, n in zip(self._recent_loss, losses, strict=True)]

    @property
    def loss(self) -> float:
        """The objective per positive pair of late, nan before the first."""
        return _ratio(sum(self._recent_loss), self._recent_pairs[0])

    @property
    def loss_per_positive(self) -> float:
        """Loss per pair of words that stood together, of late; nan before the first."""
        return _ratio(self._recent_loss[0], self._recent_pairs[0])

    @property
    def loss_per_negative(self) -> float:
        """Loss per pair with a word drawn from the noise, of late; nan before the first."""
        return _ratio(self._recent_loss[1], self._recent_pairs[1])


def _ratio(total: float, pairs: float) -> float:
    return total / pairs if pairs else math.nan
