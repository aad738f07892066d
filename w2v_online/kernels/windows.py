"""Windows: a centre's contexts meet a tile of output rows, whichever these are.

Each context word of a centre predicts the centre (as in word2vec.c), so contexts' rows of syn0 are
the inputs: one after the other (skip-gram), or their mean (CBOW). The outputs are rows of syn1.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner
from w2v_online.kernels.random import below
from w2v_online.kernels.training import next_rate
from w2v_online.simd.memory import address_of, copy_cache_line
from w2v_online.simd.tiles import (
    tile_dots,
    tile_error_floats,
    tile_errors,
    tile_inputs,
    tile_mean,
    tile_row_bytes,
    tile_spread,
    tile_update,
)

MAX_STEP_CONTEXTS = 16
"""Contexts whose gradients are summed in one step; larger windows take several, or they diverge."""


@inner
def look_up_input(tile, pos, word, window, matrices, rates, state, scratch):
    """Find row and rate of the word at a sentence's ``pos`` as an input, and draw its window."""
    scratch.reaches[pos] = window - below(state, window)
    scratch.input_rows[pos] = address_of(matrices.syn0) + word * tile_row_bytes(tile)
    scratch.input_rates[pos] = next_rate(rates[0], matrices.updates0, word)


@inner
def gather_contexts(n_words, pos, scratch):
    """Copy rows and rates of a centre's contexts side by side; return how many they are."""
    reach = scratch.reaches[pos]
    left = min(reach, pos)
    right = min(reach, n_words - 1 - pos)
    rows_at = address_of(scratch.input_rows)
    rates_at = address_of(scratch.input_rates)
    contexts_at = address_of(scratch.contexts)
    context_rates_at = address_of(scratch.context_rates)
    # A cache line at a time: what is copied too much is overwritten or never read.
    for i in range(0, left, 8):
        copy_cache_line(contexts_at + 8 * i, rows_at + 8 * (pos - left + i))
    for i in range(0, right, 8):
        copy_cache_line(contexts_at + 8 * (left + i), rows_at + 8 * (pos + 1 + i))
    for i in range(0, left, 16):
        copy_cache_line(context_rates_at + 4 * i, rates_at + 4 * (pos - left + i))
    for i in range(0, right, 16):
        copy_cache_line(context_rates_at + 4 * (left + i), rates_at + 4 * (pos + 1 + i))
    return left + right


@inner
def pad_contexts(inputs, first, n_contexts, scratch):
    """Fill contexts from ``first`` on up to a multiple of ``inputs`` with rows of zeros.

    Returns how many these are.
    """
    padding = (n_contexts + inputs - 1) // inputs * inputs - n_contexts
    for i in range(n_contexts, n_contexts + padding):
        scratch.contexts[first + i] = address_of(scratch.zero_row)
    return padding


@inner
def train_window(
    tile, first, n_contexts, outputs_at, output_rates_at, ahead_at, ahead_row, scratch
):
    """One step of gradient descent on contexts of ``scratch.contexts`` from ``first`` on.

    The loss of input rows x_i and output rows y_k, y_0 the target's (Mikolov et al. 2013, eq. 4):

        L = sum_i ( -log sigmoid(x_i . y_0) - sum_(k > 0) log sigmoid(-x_i . y_k) )
        dL/dx_i = -sum_k g_ik y_k,   dL/dy_k = -sum_i g_ik x_i,   g_ik = t_k - sigmoid(x_i . y_k)

    Returns how many rows of zeros were added to the contexts to fill the last tile.
    """
    inputs = tile_inputs(tile)
    contexts_at = address_of(scratch.contexts) + 8 * first
    errors_at = address_of(scratch.errors)
    tiles = (n_contexts + inputs - 1) // inputs
    padding = pad_contexts(inputs, first, n_contexts, scratch)
    error_bytes = 4 * tile_error_floats(tile)
    # Two loops: the sigmoid's long chain of operations would stall the dot products.
    for i in range(tiles):
        tile_dots(tile, contexts_at + 8 * i * inputs, outputs_at, errors_at + i * error_bytes)
    for i in range(tiles):
        tile_errors(
            tile,
            errors_at + i * error_bytes,
            address_of(scratch.likelihood),
            address_of(scratch.exponent),
        )
    tile_update(
        tile,
        n_contexts,
        contexts_at,
        address_of(scratch.context_rates) + 4 * first,
        outputs_at,
        output_rates_at,
        errors_at,
        ahead_at,
        ahead_row,
    )
    return padding


@inner
def context_range(n_words, pos, scratch):
    """Where a centre's window begins, where the centre stands in it, and its contexts.

    None for a centre behind the sentence's end.
    """
    if pos >= n_words:
        return 0, 0, 0
    left = min(scratch.reaches[pos], pos)
    return pos - left, left, left + min(scratch.reaches[pos], n_words - 1 - pos)


@inner
def begin_mean(tile, n_words, pos, mean_at, scratch):
    """Let the mean of a centre's contexts be the input, h = sum_i x_i / C; return C."""
    begin, gap, n_contexts = context_range(n_words, pos, scratch)
    rows_at = address_of(scratch.input_rows) + 8 * begin
    scale = np.float32(1.0 / max(1, n_contexts))
    tile_mean(tile, n_contexts, gap, rows_at, mean_at, scale)
    return n_contexts


@inner
def end_mean(tile, n_words, pos, step_at, scratch):
    """Move every context's row by its part of the mean's step.

    The division by C is left out in word2vec.c and gensim (Irsoy et al. 2021).
    """
    begin, gap, n_contexts = context_range(n_words, pos, scratch)
    rows_at = address_of(scratch.input_rows) + 8 * begin
    rates_at = address_of(scratch.input_rates) + 4 * begin
    scale = np.float32(1.0 / max(1, n_contexts))
    tile_spread(tile, n_contexts, gap, rows_at, rates_at, step_at, scale)
