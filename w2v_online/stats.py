"""What was learned, as numbers: no training code, so who only adds them up need not load it."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Figures:
    """Which figures an objective has besides pairs and their loss."""

    has_negatives: bool = False
    """Whether pairs with noise words are counted apart, with a loss of their own."""

    counters: tuple[str, ...] = ()
    """Further counts, each a field of :class:`BatchStats` and a counter among the metrics."""


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
    nodes: int = 0
    """Inner nodes of the tree that pairs met, with hierarchical softmax."""

    def __add__(self, other: BatchStats) -> BatchStats:
        return BatchStats(*(getattr(self, name) + getattr(other, name) for name in _NAMES))

    def __sub__(self, other: BatchStats) -> BatchStats:
        return BatchStats(*(getattr(self, name) - getattr(other, name) for name in _NAMES))

    @property
    def pairs(self) -> int:
        """(centre, context) pairs trained."""
        return self.positive_pairs

    @property
    def loss(self) -> float:
        """Mean loss of a pair, with that of its negatives if there are any; nan without pairs."""
        if not self.positive_pairs:
            return float("nan")
        return (self.positive_loss + self.negative_loss) / self.positive_pairs


_NAMES = [figure.name for figure in fields(BatchStats)]
