"""How likely a model finds words given their contexts: windows without learning.

Windows are as wide as they can be and nothing is subsampled, so the same words always have the same
score. Dot products are taken in registers as in training, and one logarithm a word. A tile is
``Tile(row_floats, 1, mean=True)``: the padding of rows is zero, and whole vectors are faster.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.tree import MAX_PATH_NODES, PATH_SLOTS
from w2v_online.simd.likelihood import FOUR, four_dots, four_dots_of_two, log_likelihood
from w2v_online.simd.memory import address_of, lanes
from w2v_online.simd.tiles import prefetch_row, tile_mean, tile_row_bytes

WARM_NODES = 10
"""So many nodes below the root are in the cache when whole sentences are scored (measured)."""


class ScoreScratch(NamedTuple):
    """Working memory of scoring, in whole cache lines; means nothing between calls."""

    contexts: NDArray[np.int64]  # [2 * window + 3], addresses of rows of syn0
    paths: NDArray[np.int64]  # [slots], addresses of rows of syn1, of the nodes on paths
    signs: NDArray[np.float32]  # [slots], +1 for branch 0, -1 for branch 1, 0 for none
    ones: NDArray[np.float32]  # [LANES], as many +1
    dots: NDArray[np.float32]  # [(2 * window + 2) * LANES]
    mean: NDArray[np.float32]  # [row_floats]
    mean_rows: NDArray[np.int64]  # [4], address of ``mean``, then of ``zero_row`` three times
    zero_row: NDArray[np.float32]  # [row_floats]


@inner
def gather_window(tile, ids, start, end, pos, window, syn0, scratch):
    """Addresses of the rows of a word's contexts, then of rows of zeros; return how many."""
    syn0_at = address_of(syn0)
    row_bytes = tile_row_bytes(tile)
    n_contexts = 0
    for other in range(max(start, pos - window), pos):
        scratch.contexts[n_contexts] = syn0_at + ids[other] * row_bytes
        n_contexts += 1
    for other in range(pos + 1, min(end, pos + window + 1)):
        scratch.contexts[n_contexts] = syn0_at + ids[other] * row_bytes
        n_contexts += 1
    for rest in range(FOUR - 1):
        scratch.contexts[n_contexts + rest] = address_of(scratch.zero_row)
    return n_contexts


@inner
def mean_of_window(tile, n_contexts, scratch):
    """Let ``scratch.mean`` be the mean of the contexts gathered."""
    scale = np.float32(1.0 / n_contexts)
    contexts_at = address_of(scratch.contexts)
    tile_mean(tile, n_contexts, n_contexts, contexts_at, address_of(scratch.mean), scale)


@inner
def look_up_path(tile, word, first, syn1, tree, scratch):
    """Rows and signs of a word's path from slot ``first`` on, a multiple of four.

    Returns its length, 0 for a word without a leaf. Behind it, rows of zeros with sign 0 fill up
    the last four. Rows that may not be in the cache are asked for.
    """
    syn1_at = address_of(syn1)
    row_bytes = tile_row_bytes(tile)
    if word >= tree.numbers[0]:
        return 0
    nodes = 0
    link = np.int64(tree.leaf_links[word])
    while link >= 0 and nodes < MAX_PATH_NODES:
        scratch.paths[first + nodes] = syn1_at + (link >> 1) * row_bytes
        scratch.signs[first + nodes] = np.float32(1 - 2 * (link & 1))
        nodes += 1
        link = np.int64(tree.inner_links[link >> 1])
    for rest in range(FOUR - 1):
        scratch.paths[first + nodes + rest] = address_of(scratch.zero_row)
        scratch.signs[first + nodes + rest] = np.float32(0.0)
    for k in range(nodes - WARM_NODES):
        prefetch_row(tile, scratch.paths[first + k])
    return nodes


@inner
def dots_with_rows(tile, row_at, n_rows, rows_at, dots_at):
    """Dot products of the row at an address with the rows at the addresses at ``rows_at``.

    So many rows, filled up to a multiple of four.
    """
    for first in range(0, n_rows, FOUR):
        four_dots(tile, row_at, rows_at + 8 * first, dots_at + 4 * first)


@inner
def log_p_of_path(tile, n_inputs, inputs_at, first, nodes, scratch):
    """Sum over inputs x and a path's nodes of log sigmoid(s x . y).

    ``inputs_at`` is the address of the addresses of the x; rows of zeros follow.
    """
    vector_bytes = 4 * lanes()
    dots_at = address_of(scratch.dots)
    log_p = 0.0
    for above in range(0, nodes, lanes()):
        size = min(lanes(), nodes - above)
        rows_at = address_of(scratch.paths) + 8 * (first + above)
        for i in range(0, n_inputs, 2):
            for four in range(0, size, FOUR):
                to = dots_at + i * vector_bytes + 4 * four
                four_dots_of_two(tile, inputs_at + 8 * i, rows_at + 8 * four, to)
        signs_at = address_of(scratch.signs) + 4 * (first + above)
        log_p += log_likelihood(n_inputs, size, dots_at, signs_at)
    return log_p


@inner
def dots_of_window(tile, cbow, ids, start, end, pos, window, syn0, syn1, scratch):
    """Dot products of a word's output vector with its contexts, or with their mean.

    ``scratch.dots`` holds them; returns how many.
    """
    n_inputs = gather_window(tile, ids, start, end, pos, window, syn0, scratch)
    inputs_at = address_of(scratch.contexts)
    if cbow and n_inputs > 0:
        mean_of_window(tile, n_inputs, scratch)
        n_inputs = 1
        inputs_at = address_of(scratch.mean_rows)
    output_at = address_of(syn1) + ids[pos] * tile_row_bytes(tile)
    dots_with_rows(tile, output_at, n_inputs, inputs_at, address_of(scratch.dots))
    return n_inputs


@inner
def log_sigmoid_of_dots(n_inputs, scratch):
    """Sum of log sigmoid over the dot products in ``scratch.dots``."""
    log_p = 0.0
    for first in range(0, n_inputs, lanes()):
        used = min(lanes(), n_inputs - first)
        dots_at = address_of(scratch.dots) + 4 * first
        log_p += log_likelihood(1, used, dots_at, address_of(scratch.ones))
    return log_p


@kernel
def score_paths(
    tile, cbow, ids, record_ends, window, syn0, syn1, tree, scratch, log_p, predictions
):  # fmt: skip
    """Add up what the contexts of every word say about it, by hierarchical softmax.

    Parameters
    ----------
    tile : Tile(row_floats, 1, mean=True)
    cbow : bool, whether the contexts' mean predicts, or each of them
    ids : int32[n], rows of the words
    record_ends : int64[r], where each record ends in ``ids``
    window : int, distance up to which a word is a context
    syn0, syn1 : float32[rows, row_floats], padding zero
    tree : TreeArrays; a word without a leaf has no prediction
    scratch : ScoreScratch of two paths
    log_p : float64[n], written: by word the sum over its predictions of log p
    predictions : int64[n], written: by word how many contexts it has; with CBOW one, their mean

    """
    start = 0
    for record in range(len(record_ends)):
        end = record_ends[record]
        first = 0
        next_nodes = 0
        if end > start:
            next_nodes = look_up_path(tile, ids[start], first, syn1, tree, scratch)
        for pos in range(start, end):
            nodes = next_nodes
            next_first = PATH_SLOTS - first
            if pos + 1 < end:
                next_nodes = look_up_path(tile, ids[pos + 1], next_first, syn1, tree, scratch)
            log_p[pos] = 0.0
            predictions[pos] = 0
            n_inputs = gather_window(tile, ids, start, end, pos, window, syn0, scratch)
            if ids[pos] < tree.numbers[0] and n_inputs > 0:  # a lone word's path has no nodes
                inputs_at = address_of(scratch.contexts)
                if cbow:
                    mean_of_window(tile, n_inputs, scratch)
                    n_inputs = 1
                    inputs_at = address_of(scratch.mean_rows)
                log_p[pos] = log_p_of_path(tile, n_inputs, inputs_at, first, nodes, scratch)
                predictions[pos] = n_inputs
            first = next_first
        start = end


@kernel
def score_pairs(
    tile, cbow, ids, record_ends, window, syn0, syn1, log_noise, scratch, sums, predictions
):  # fmt: skip
    """Add up what the contexts of every word say about it, where outputs are the words' own.

    Parameters
    ----------
    tile : Tile(row_floats, 1, mean=True)
    cbow : bool, whether the contexts' mean predicts, or each of them
    ids : int32[n], rows of the words
    record_ends : int64[r], where each record ends in ``ids``
    window : int, distance up to which a word is a context
    syn0, syn1 : float32[rows, row_floats], padding zero
    log_noise : float64[n], by word
    scratch : ScoreScratch
    sums : float64[3, n], written: by word the sums over its predictions of x . y, of
        log sigmoid(x . y) and of log sigmoid(x . y + log_noise)
    predictions : int64[n], written: by word how many contexts it has; with CBOW one, their mean

    """
    start = 0
    for record in range(len(record_ends)):
        end = record_ends[record]
        for pos in range(start, end):
            n_inputs = dots_of_window(
                tile, cbow, ids, start, end, pos, window, syn0, syn1, scratch
            )  # fmt: skip
            predictions[pos] = n_inputs
            sums[:, pos] = 0.0
            if n_inputs > 0:
                for i in range(n_inputs):
                    sums[0, pos] += np.float64(scratch.dots[i])
                sums[1, pos] = log_sigmoid_of_dots(n_inputs, scratch)
                for i in range(n_inputs):
                    scratch.dots[i] += np.float32(log_noise[pos])
                sums[2, pos] = log_sigmoid_of_dots(n_inputs, scratch)
        start = end
