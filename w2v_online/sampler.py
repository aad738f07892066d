"""The changing noise distribution count**ns_exponent, and draws from it.

Weights are taken from the counts at each upkeep of the learner, so between two upkeeps the draws
depend on nothing that encoding does. Draws are made a block at a time by systematic sampling: one
sequential pass over the weights and a shuffle, a few nanoseconds a draw at any vocabulary size,
with exact expectations and no structure to maintain when counts change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.noise import MANTISSA_BITS, draw_block, noise_weights

MIN_BLOCK = 16_384
MAX_BLOCK = 1 << 20
"""Draws in a block: as many as rows within these bounds, and enough for any sentence."""

REDRAW_GROWTH = 1.01
"""A block is thrown away once the stream has grown by so much since it was drawn."""


class NoiseSampler:
    """Negatives for training, drawn from the counts as of the last :meth:`update`.

    ``sentence_draws`` is the most that one sentence takes: a fresh block always holds as many.
    """

    def __init__(self, ns_exponent: float, sentence_draws: int, seed_state: int) -> None:
        self._min_block = max(MIN_BLOCK, sentence_draws)
        steps = np.arange((1 << MANTISSA_BITS) + 1) / (1 << MANTISSA_BITS)
        self._mantissa_powers = (1.0 + steps) ** ns_exponent
        self._exponent_powers = 2.0 ** (np.arange(64) * ns_exponent)
        self._weights = np.zeros(1024, np.float64)
        self._rows = 0
        self._total = 0.0
        self._drawn_at_words = 0
        self.state = np.array([seed_state], np.uint64)
        self.block = np.zeros(0, np.int32)
        self.next = np.zeros(1, np.int64)

    def update(self, counts: NDArray[np.int64], total_words: int) -> None:
        """Take the weights from ``counts`` (one per row); ``total_words`` dates them."""
        self._weigh(counts)
        if total_words >= REDRAW_GROWTH * self._drawn_at_words:
            self._draw(total_words)

    def _weigh(self, counts: NDArray[np.int64]) -> None:
        self._rows = len(counts)
        if self._rows > len(self._weights):
            self._weights = np.zeros(max(self._rows, 2 * len(self._weights)), np.float64)
        self._total = noise_weights(
            counts, self._rows, self._mantissa_powers, self._exponent_powers, self._weights
        )

    def _draw(self, total_words: int) -> None:
        size = max(self._min_block, min(MAX_BLOCK, self._rows))
        if len(self.block) != size:
            self.block = np.zeros(size, np.int32)
        draw_block(self._weights, self._rows, self._total, self.state, self.block)
        self.next[0] = 0
        self._drawn_at_words = total_words

    def refill(self) -> None:
        """Draw the next block from the weights of the last update."""
        self._draw(self._drawn_at_words)

    def save(self) -> dict[str, NDArray[np.generic]]:
        """Copies of all that :meth:`restore` needs."""
        return {
            "noise_weights": self._weights[: self._rows].copy(),
            "noise_block": self.block[int(self.next[0]) :].copy(),
            "noise_total": np.array([self._total], np.float64),
            "noise_numbers": np.array([self._drawn_at_words, self.state[0]], np.uint64),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Take over a saved state."""
        weights = state["noise_weights"]
        self._rows = len(weights)
        self._weights = np.zeros(max(1024, self._rows), np.float64)
        self._weights[: self._rows] = weights
        self._total = float(state["noise_total"][0])
        self.block = np.array(state["noise_block"], np.int32)
        self.next[0] = 0
        self._drawn_at_words = int(state["noise_numbers"][0])
        self.state[0] = state["noise_numbers"][1]
