"""Tokens as they were known before their record was learned, and how surprising they were then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.encode import Noted
from w2v_online.kernels.live import NO_SURPRISE


@dataclass(frozen=True)
class NotedTokens:
    """Sentences whose tokens are scored just before they are trained.

    Parts share the arrays of the whole, so what a trainer writes is there, too.
    """

    rows: NDArray[np.int32]
    """int32[m]: -1 for a word without a row."""
    counts: NDArray[np.float32]
    """float32[m]: occurrences of the word before its record, decayed."""
    ends: NDArray[np.int64]
    """int64[s]: where each sentence ends in ``rows``."""
    totals: NDArray[np.float64]
    """float64[s]: words of the stream before the sentence, decayed."""
    is_whole: NDArray[np.bool_]
    """bool[s]: whether a record ends with the sentence."""
    surprise: NDArray[np.float32]
    """float32[m], written by trainers: -log p by context, NO_SURPRISE where there is none."""
    by_each_context: bool
    """Whether the most surprising words are scored by each of their contexts."""

    @classmethod
    def copy_of(cls, noted: Noted, sentences: int, by_each_context: bool) -> NotedTokens:
        """A copy of the first so many sentences of a kernel's working memory."""
        ends = noted.ends[:sentences].copy()
        tokens = int(ends[-1]) if sentences else 0
        return cls(
            noted.rows[:tokens].copy(),
            noted.counts[:tokens].copy(),
            ends,
            noted.totals[:sentences].copy(),
            noted.is_whole[:sentences].astype(bool),
            np.full(tokens, NO_SURPRISE, np.float32),
            by_each_context,
        )

    def part(self, first: int, end: int) -> NotedTokens:
        """Sentences ``first`` up to ``end``."""
        begin = int(self.ends[first - 1]) if first else 0
        ends = self.ends[first:end]
        tokens = slice(begin, int(ends[-1]) if len(ends) else begin)
        return NotedTokens(
            self.rows[tokens],
            self.counts[tokens],
            ends - begin,
            self.totals[first:end],
            self.is_whole[first:end],
            self.surprise[tokens],
            self.by_each_context,
        )


def working_memory(tokens: int, sentences: int) -> Noted:
    """Room for the kernel to note so many tokens and sentences."""
    return Noted(
        rows=np.empty(tokens, np.int32),
        counts=np.empty(tokens, np.float32),
        ends=np.empty(sentences, np.int64),
        totals=np.empty(sentences, np.float64),
        is_whole=np.empty(sentences, np.uint8),
    )
