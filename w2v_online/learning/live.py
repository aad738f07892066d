"""Scoring of live rows: what trainers hand to their kernels with sentences that are noted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.encode import MAX_SENTENCE_WORDS
from w2v_online.kernels.live import Live
from w2v_online.kernels.tree import PATH_SLOTS
from w2v_online.learning.noted import NotedTokens
from w2v_online.learning.scratch import aligned, make_score_scratch, score_tile
from w2v_online.simd.likelihood import FOUR
from w2v_online.simd.registers import padded

_NO_NOISE = np.empty(0, np.float32)


class LiveScoring:
    """Working memory of one trainer; what of it is never used takes no memory."""

    def __init__(self, vector_size: int, window: int) -> None:
        self._scratch = make_score_scratch(score_tile(vector_size), window, MAX_SENTENCE_WORDS)
        self._ids = np.zeros(MAX_SENTENCE_WORDS, np.int32)
        self._by_position = np.zeros((2, MAX_SENTENCE_WORDS), np.int64)
        self._positions = np.zeros(MAX_SENTENCE_WORDS * PATH_SLOTS // FOUR, np.int32)
        self._total = aligned(padded(vector_size), np.float32)
        self._means = aligned(MAX_SENTENCE_WORDS * padded(vector_size), np.float32)
        self._dots = aligned(MAX_SENTENCE_WORDS * PATH_SLOTS, np.float32)

    @property
    def max_bytes(self) -> int:
        """Upper bound of the memory."""
        own = (self._ids, self._by_position, self._positions, self._means, self._dots)
        return sum(array.nbytes for array in own) + sum(array.nbytes for array in self._scratch)

    def live(self, noted: NotedTokens, log_noise: NDArray[np.float32] = _NO_NOISE) -> Live:
        """What a kernel takes to score these sentences."""
        places, doubtful = self._by_position
        return Live(
            rows=noted.rows,
            ends=noted.ends,
            log_noise=log_noise,
            surprise=noted.surprise,
            by_each_context=noted.by_each_context,
            ids=self._ids,
            places=places,
            positions=self._positions,
            total=self._total,
            means=self._means,
            dots=self._dots,
            doubtful=doubtful,
            scratch=self._scratch,
        )
