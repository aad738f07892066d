"""Working memory of a trainer, aligned to cache lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.encode import MAX_SENTENCE_WORDS
from w2v_online.kernels.score import ScoreScratch
from w2v_online.kernels.training import Scratch
from w2v_online.kernels.tree import MAX_PATH_NODES, PATH_SLOTS
from w2v_online.simd.likelihood import FOUR
from w2v_online.simd.pairs import PAIR, pair_error_floats
from w2v_online.simd.paths import INPUTS, nodes_per_tile
from w2v_online.simd.registers import CACHE_LINE_BYTES, LANES, padded
from w2v_online.simd.tiles import Tile


def aligned(size: int, dtype: type[np.generic]) -> NDArray[Any]:
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
    means = aligned(PAIR * tile.row_floats, np.float32)
    return Scratch(
        input_rows=aligned(words, np.int64),
        input_rates=aligned(words, np.float32),
        output_rows=aligned(words * (tile.outputs + 1), np.int64),
        output_rates=aligned(words * (tile.outputs + 1), np.float32),
        reaches=aligned(words, np.int64),
        skipped=aligned(words, np.int64),
        contexts=aligned(contexts, np.int64),
        context_rates=aligned(contexts, np.float32),
        errors=aligned(contexts * max(error_floats, path_tiles * LANES), np.float32),
        likelihood=aligned(error_floats, np.float32),
        exponent=aligned(error_floats, np.int32),
        zero_row=aligned(tile.row_floats, np.float32),
        means=means,
        mean_rows=np.array([means.ctypes.data], np.int64),
        mean_steps=aligned(PAIR * tile.row_floats, np.float32),
        path_rows=aligned(2 * PATH_SLOTS, np.int64),
        path_rates=aligned(2 * PATH_SLOTS, np.float32),
        path_signs=aligned(2 * 8 * PATH_SLOTS, np.float32),
    )


def score_tile(vector_size: int) -> Tile:
    """The tile that scoring kernels take."""
    return Tile(padded(vector_size), 1, mean=True)


def make_score_scratch(tile: Tile, window: int, paths: int = 2) -> ScoreScratch:
    """Working memory for scoring with so many paths in work."""
    mean, zero_row = (aligned(tile.row_floats, np.float32) for _ in range(2))
    ones = aligned(LANES, np.float32)
    ones[:] = 1.0
    return ScoreScratch(
        contexts=aligned(2 * window + FOUR, np.int64),
        paths=aligned(paths * PATH_SLOTS, np.int64),
        signs=aligned(paths * PATH_SLOTS, np.float32),
        ones=ones,
        dots=aligned((2 * window + 2) * LANES, np.float32),
        mean=mean,
        mean_rows=np.array([mean.ctypes.data, *3 * [zero_row.ctypes.data]], np.int64),
        zero_row=zero_row,
    )
