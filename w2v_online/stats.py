"""What was learned, as numbers: no training code, so who only adds them up need not load it."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class BatchStats:
    """What one call of ``learn`` did; losses are sums of -log p taken before each update."""

    records: int = 0
    words: int = 0
    trained_words: int = 0
    positive_pairs: int = 0
    negative_pairs: int = 0
    positive_loss: float = 0.0
    negative_loss: float = 0.0
    replayed_pairs: int = 0
    """Pairs of past text trained again; all other figures are of fresh text."""

    def __add__(self, other: BatchStats) -> BatchStats:
        return BatchStats(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: BatchStats) -> BatchStats:
        return BatchStats(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def pairs(self) -> int:
        """(centre, context) pairs trained."""
        return self.positive_pairs

    @property
    def loss(self) -> float:
        """Negative-sampling loss per pair (Mikolov et al. 2013, eq. 4); nan without pairs."""
        if not self.positive_pairs:
            return float("nan")
        return (self.positive_loss + self.negative_loss) / self.positive_pairs
