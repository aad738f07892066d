"""The changing noise distribution count**ns_exponent, and draws from it.

Weights are taken from the counts at each upkeep of the learner, so between two upkeeps the draws
depend on nothing that encoding does. Draws are made a block at a time by systematic sampling: one
sequential pass over the weights, and a keyed bijection for the order. A few nanoseconds a draw at
any vocabulary size, with exact expectations and no structure to maintain when counts change.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.noise import MANTISSA_BITS, draw_block, noise_weights, remap_draws

MAX_BLOCK = 1 << 20
"""Most draws in a block unless a sentence needs more."""

REDRAW_GROWTH = 1.005
"""A block is thrown away once the stream has grown by so much since it was drawn."""


class NoiseDistribution:
    """Weights of all rows as of the last :meth:`update`; several threads may draw from it."""

    def __init__(self, ns_exponent: float, max_rows: int) -> None:
        steps = np.arange((1 << MANTISSA_BITS) + 1) / (1 << MANTISSA_BITS)
        self._mantissa_powers = (1.0 + steps) ** ns_exponent
        self._exponent_powers = 2.0 ** (
            np.clip(np.arange(2048.0) - 1023, -1000, 1000) * ns_exponent
        )
        self._ns_exponent = ns_exponent
        self.max_rows = max_rows
        self._weights = np.zeros(max_rows, np.float64)
        self._working = np.empty(0, np.int32)
        self._rows = 0
        self._total = 0.0
        self._lock = threading.Lock()
        self.total_words = 0
        """Words of the stream when the weights were taken."""

    def __len__(self) -> int:
        """Rows that can be drawn."""
        return self._rows

    @property
    def max_bytes(self) -> int:
        """Memory that the weights and the work on a block of usual size can take."""
        return self._weights.nbytes + 4 * (MAX_BLOCK + 1)

    def update(self, counts: NDArray[np.float64], total_words: int) -> None:
        """Take the weights from ``counts`` (one per row); ``total_words`` dates them."""
        with self._lock:
            self._rows = len(counts)
            self._total = noise_weights(
                counts, self._rows, self._mantissa_powers, self._exponent_powers, self._weights
            )
            self.total_words = total_words

    def log_draws(self, counts: NDArray[np.floating], draws: int) -> NDArray[np.float64]:
        """Log of the expected number of ``draws`` that are a word with each of these counts.

        A word without a count counts as one.
        """
        log_weights = self._ns_exponent * np.log(np.maximum(counts, 1.0))
        scale = math.log(draws) - math.log(self._total) if self._total > 0.0 else 0.0
        shifted: NDArray[np.float64] = log_weights + scale
        return shifted

    def draw(self, state: NDArray[np.uint64], block: NDArray[np.int32]) -> int:
        """Fill ``block`` with rows (-1 if there are none); return the weights' date."""
        with self._lock:
            if len(self._working) <= len(block):
                self._working = np.empty(len(block) + 1, np.int32)
            working = self._working[: len(block) + 1]
            draw_block(self._weights, self._rows, self._total, state, working, block)
            return self.total_words

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that :meth:`restore` needs: views, true until the next change."""
        return {
            "noise_weights": self._weights[: self._rows],
            "noise_total": np.array([self._total], np.float64),
            "noise_words": np.array([self.total_words], np.int64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a saved state."""
        weights = state["noise_weights"]
        self._rows = len(weights)
        self._weights[: self._rows] = weights
        self._total = float(state["noise_total"][0])
        self.total_words = int(state["noise_words"][0])


class Negatives:
    """One trainer's supply of draws from a noise distribution.

    ``sentence_draws`` is the most that one sentence takes: a fresh block always holds as many.
    """

    def __init__(
        self, distribution: NoiseDistribution, sentence_draws: int, seed_state: int
    ) -> None:
        self._distribution = distribution
        self._min_block = sentence_draws
        self._drawn_at_words = -1
        self._state = np.array([seed_state], np.uint64)
        self.block = np.zeros(0, np.int32)
        self.next = np.zeros(1, np.int64)
        """int64[1]: the first draw of ``block`` not used yet."""

    @property
    def max_bytes(self) -> int:
        """Most memory that a block can take."""
        return 4 * self._block_size(self._distribution.max_rows)

    def _block_size(self, rows: int) -> int:
        """A power of two: as many draws as rows, and enough for any sentence."""
        draws = max(self._min_block, min(MAX_BLOCK, rows))
        return 1 << (draws - 1).bit_length()

    def reseed(self, seed_state: int) -> None:
        """Draw other numbers, from the next block on."""
        self._state[0] = seed_state

    def refill(self) -> None:
        """Draw the next block."""
        size = self._block_size(len(self._distribution))
        if len(self.block) != size:
            self.block = np.zeros(size, np.int32)
        self._drawn_at_words = self._distribution.draw(self._state, self.block)
        self.next[0] = 0

    def renew(self) -> None:
        """Throw the block away if it is too old for the distribution."""
        if self._distribution.total_words >= REDRAW_GROWTH * self._drawn_at_words:
            self.refill()

    def remap(
        self,
        rows: NDArray[np.int32],
        new_rows: NDArray[np.int32],
        working: NDArray[np.int32],
    ) -> None:
        """Let draws of ``rows`` that are not used yet be of ``new_rows``; see the kernel."""
        remap_draws(self.block[int(self.next[0]) :], rows, new_rows, working)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that :meth:`restore` needs: views, true until the next change."""
        return {
            "negatives": self.block[int(self.next[0]) :],
            "negatives_words": np.array([self._drawn_at_words], np.int64),
            "negatives_generator": self._state,
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a saved state."""
        self.block = np.array(state["negatives"], np.int32)
        self.next[0] = 0
        self._drawn_at_words = int(state["negatives_words"][0])
        self._state[:] = state["negatives_generator"]
