"""Scores of lines, one by one, as documents that JSON can hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import By, Of
from w2v_online.learning.score import Scorer, Scores
from w2v_online.learning.surprise import Measure


def chosen_measure(scorer: Scorer, by: By | None, of: Of | None) -> Measure:
    """What is asked for; where it is None, what the snapshot's p-values are of."""
    known = scorer.measure or Measure()
    return Measure(by or known.by, of or known.of)


@dataclass(frozen=True)
class ScoredLines:
    """Scores of some lines."""

    scores: Scores
    measure: Measure
    total_name: str
    p_values: NDArray[np.float64] | None
    """float64[n]; None if the snapshot has none by this measure."""

    @classmethod
    def by(
        cls, scorer: Scorer, measure: Measure, tokens: bytes | bytearray, *, separated: bool
    ) -> ScoredLines:
        """Score tokens, see :meth:`w2v_online.Scorer.score_text`."""
        scores = scorer.score_text(tokens, separated=separated)
        p_values = scorer.p_values(scores) if scorer.measure == measure else None
        return cls(scores, measure, scorer.total_name, p_values)

    @cached_property
    def surprise(self) -> NDArray[np.float64]:
        """float64[n]: the surprise of each line; 0 for one without words."""
        return self._of(self.measure.of)

    @cached_property
    def _parts(self) -> dict[str, NDArray[np.float64]]:
        """What of it is due to contexts, and what to rarity, each for itself."""
        return {"context": self._of("context"), "rarity": self._of("rarity")}

    @cached_property
    def _word_surprise(self) -> NDArray[np.float64]:
        """float64[m]: the surprise of each word, as an alert tells it."""
        return self.scores.by_word.of_words(self.measure.of)

    def _of(self, of: Of) -> NDArray[np.float64]:
        return np.nan_to_num(Measure(self.measure.by, of).of_records(self.scores.by_word))

    def figures(self, i: int) -> dict[str, Any]:
        """How surprising line i is."""
        return {
            "surprise": float(self.surprise[i]),
            "p": None if self.p_values is None else float(self.p_values[i]),
            **{name: float(values[i]) for name, values in self._parts.items()},
            self.total_name: float(self.scores.log_probability[i]),
        }

    def most_surprising_words(self, i: int, most: int) -> list[dict[str, Any]]:
        """Those of line i that made it surprising, the greatest first."""
        first, end = self._words_of(i)
        values = self._word_surprise[first:end]
        order = np.argsort(-values, kind="stable")[:most] + first
        return [
            {"word": self.scores.word(n), "surprise": float(self._word_surprise[n])}
            for n in order.tolist()
        ]

    def words(self, i: int) -> list[dict[str, Any]]:
        """All words of line i, in their order."""
        return [self._word(n) for n in range(*self._words_of(i))]

    def _words_of(self, i: int) -> tuple[int, int]:
        ends = self.scores.word_ends
        return int(ends[i - 1]) if i else 0, int(ends[i])

    def _word(self, n: int) -> dict[str, Any]:
        log_p = float(self.scores.word_log_probability[n])
        return {
            "word": self.scores.word(n),
            "surprise": float(self.scores.word_surprise[n]),
            "rarity": float(self.scores.word_rarity[n]),
            self.total_name: None if math.isnan(log_p) else log_p,
        }
