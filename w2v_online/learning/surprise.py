"""How surprising words and records are: by their contexts, by their rarity, and by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import By, Of
from w2v_online.learning.noted import NotedTokens

_POWERS = {"mean": 1.0, "pm4": 4.0, "max": np.inf}


@dataclass(frozen=True)
class Surprise:
    """Surprise of m words in n records, in nats.

    Words of record i are ``ends[i - 1]`` up to ``ends[i]``.
    """

    context: NDArray[np.float64]
    """float64[m]: -log p(word | context), averaged over its contexts; nan for a word that no
    context predicts, because it has no vector or stands alone."""
    rarity: NDArray[np.float64]
    """float64[m]: -log of the word's share of the stream, -log((count + 1) / (words + 1))."""
    ends: NDArray[np.int64]
    """int64[n]: where each record ends among the words."""

    def record(self, i: int) -> Surprise:
        """That of one record alone."""
        begin, end = int(self.ends[i - 1]) if i else 0, int(self.ends[i])
        return Surprise(self.context[begin:end], self.rarity[begin:end], np.array([end - begin]))

    def of_words(self, of: Of = "context", *, power: float = 1.0) -> NDArray[np.float64]:
        """float64[m]: the surprise of each word.

        A word that no context predicts is as surprising by context as it is rare. ``both`` is the
        power mean of the two.
        """
        context, rarity = self._by_context, self.rarity
        if of != "both":
            return rarity if of == "rarity" else context
        if power == np.inf:
            return np.maximum(context, rarity)
        means: NDArray[np.float64] = self._powers(of, power) ** (1.0 / power)
        return means

    @property
    def _by_context(self) -> NDArray[np.float64]:
        return np.where(np.isnan(self.context), self.rarity, self.context)

    def _powers(self, of: Of, power: float) -> NDArray[np.float64]:
        """float64[m]: the surprise of each word to a power that is finite."""
        if of != "both":
            return _to_the(self.of_words(of), power)
        powers = _to_the(self._by_context, power)
        powers += _to_the(self.rarity, power)
        powers /= 2.0
        return powers

    def of_records(self, by: By = "mean", of: Of = "context") -> NDArray[np.float64]:
        """float64[n]: the surprise of each record; nan for one without words.

        Raises ValueError for an unknown ``by`` or ``of``.
        """
        if by not in get_args(By) or of not in get_args(Of):
            raise ValueError(f"by is one of {get_args(By)}, of one of {get_args(Of)}")
        power = _POWERS[by]
        sizes = np.diff(self.ends, prepend=0)
        filled = sizes > 0
        starts = (self.ends - sizes)[filled]
        values = np.full(len(sizes), np.nan)
        if not len(starts):
            return values
        if by == "max":
            values[filled] = np.maximum.reduceat(self.of_words(of, power=power), starts)
        else:
            sums = np.add.reduceat(self._powers(of, power), starts)
            values[filled] = (sums / sizes[filled]) ** (1.0 / power)
        return values

    @classmethod
    def of_noted(cls, parts: Sequence[NotedTokens]) -> Surprise:
        """What trainers wrote, of records in the order of the stream."""
        if not parts:
            return cls(np.empty(0), np.empty(0), np.empty(0, np.int64))
        context = np.concatenate([part.surprise for part in parts])
        counts = np.concatenate([part.counts for part in parts])
        sizes = np.concatenate([np.diff(part.ends, prepend=0) for part in parts])
        totals = np.concatenate([part.totals for part in parts])
        is_whole = np.concatenate([part.is_whole for part in parts])
        # In float32: a hundred thousand words a batch, and no digit of it is lost on a person.
        rarity = np.repeat(np.log1p(totals).astype(np.float32), sizes) - np.log(counts + 1.0)
        context[context < 0.0] = np.nan
        return cls(
            context.astype(np.float64), rarity.astype(np.float64), np.cumsum(sizes)[is_whole]
        )


def _to_the(values: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """``values ** power``; squares of squares take a fifth of the time of fourth powers."""
    if power == 4.0:
        squares = values * values
        squares *= squares  # in place: memory that is new costs more than the product
        return squares
    powers: NDArray[np.float64] = values**power
    return powers


@dataclass(frozen=True)
class Measure:
    """Which words make a record surprising, and for which reason."""

    by: By = "mean"
    of: Of = "context"

    def of_records(self, surprise: Surprise) -> NDArray[np.float64]:
        """float64[n]: the surprise of each record; nan for one without words."""
        return surprise.of_records(self.by, self.of)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)
