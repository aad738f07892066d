"""Working memory of a trainer, aligned to cache lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.encode import MAX_SENTENCE_WORDS
from w2v_online.kernels.hs import PATH_SLOTS
from w2v_online.kernels.training import Scratch
from w2v_online.kernels.tree import MAX_PATH_NODES
from w2v_online.simd.pairs import PAIR, pair_error_floats
from w2v_online.simd.paths import INPUTS, nodes_per_tile
from w2v_online.simd.registers import CACHE_LINE_BYTES, LANES
from w2v_online.simd.tiles import Tile


def _aligned(size: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Zeros whose first element starts a cache line."""
    item_bytes = np.dtype(dtype).itemsize
    memory = np.zeros(size * item_bytes + CACHE_LINE_BYTES, np.uint8)
    offset = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[offset : offset + size * item_bytes].view(dtype)


def make_scratch(tile: Tile, window: int) -> Scratch:
    """Working memory for one trainer of sentences up to MAX_SENTENCE_WORDS."""
    words = MAX_SENTENCE_WORDS + CACHE_LINE_BYTES  # copies go a cache line at a time
    contexts = 2 * window + INPUTS + CACHE_LINE_BYTES
    error_floats = max(tile.error_floats, pair_error_floats(tile.outputs))
    path_tiles = -(-MAX_PATH_NODES // nodes_per_tile(tile))
    means = _aligned(PAIR * tile.row_floats, np.float32)
    return Scratch(
        input_rows=_aligned(words, np.int64),
        input_rates=_aligned(words, np.float32),
        output_rows=_aligned(words * (tile.outputs + 1), np.int64),
        output_rates=_aligned(words * (tile.outputs + 1), np.float32),
        reaches=_aligned(words, np.int64),
        skipped=_aligned(words, np.int64),
        contexts=_aligned(contexts, np.int64),
        context_rates=_aligned(contexts, np.float32),
        errors=_aligned(contexts * max(error_floats, path_tiles * LANES), np.float32),
        likelihood=_aligned(error_floats, np.float32),
        exponent=_aligned(error_floats, np.int32),
        zero_row=_aligned(tile.row_floats, np.float32),
        means=means,
        mean_rows=np.array([means.ctypes.data], np.int64),
        mean_steps=_aligned(PAIR * tile.row_floats, np.float32),
        path_rows=_aligned(2 * PATH_SLOTS, np.int64),
        path_rates=_aligned(2 * PATH_SLOTS, np.float32),
        path_signs=_aligned(2 * 8 * PATH_SLOTS, np.float32),
    )
