"""Skip-gram with negative sampling: one pass over encoded sentences.

Each context word of a centre predicts the centre (as in word2vec.c), so a context's row of syn0
is the input and the centre's row of syn1 the target. Negatives are drawn once per centre and
shared by its contexts (Ji et al. 2016), which makes the window a small matrix product.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.random import below
from w2v_online.simd import (
    address_of,
    copy_cache_line,
    tile_dots,
    tile_error_floats,
    tile_errors,
    tile_inputs,
    tile_outputs,
    tile_row_bytes,
    tile_update,
)

PREFETCH_CENTERS = 3
"""How many centres ahead rows are asked for: about one memory latency of work."""

MAX_STEP_CONTEXTS = 16
"""Contexts whose gradients are summed in one step; larger windows take several, or they diverge."""

RATE_STEPS = 16
"""Entries of the learning-rate table per doubling of a row's update count."""

LN2 = float(np.log(2.0))


class Matrices(NamedTuple):
    """What training updates in place: rows padded to ``row_floats``, padding always zero."""

    syn0: NDArray[np.float32]  # [capacity, row_floats], word vectors
    syn1: NDArray[np.float32]  # [capacity, row_floats], output vectors
    updates0: NDArray[np.uint32]  # [capacity], updates of each row of syn0
    updates1: NDArray[np.uint32]  # [capacity], updates of each row of syn1


class Scratch(NamedTuple):
    """Working memory of one trainer, in whole cache lines; means nothing between calls.

    Arrays by position hold what the words of one sentence need, looked up before it is trained.
    """

    input_rows: NDArray[np.int64]  # by position: address of the word's row of syn0
    input_rates: NDArray[np.float32]  # by position: learning rate of that row
    output_rows: NDArray[np.int64]  # by position and output: address of the row of syn1
    output_rates: NDArray[np.float32]  # by position and output: learning rate of that row
    reaches: NDArray[np.int64]  # by position: size of the window round this centre
    skipped: NDArray[np.int64]  # by position: negatives that are left out
    contexts: NDArray[np.int64]  # the window's row addresses
    context_rates: NDArray[np.float32]
    errors: NDArray[np.float32]
    likelihood: NDArray[np.float32]
    exponent: NDArray[np.int32]
    zero_row: NDArray[np.float32]  # stands in for a skipped negative or a missing context


@inner
def rate_index(updates):
    """Index into a learning-rate table: ``RATE_STEPS`` entries per doubling of updates + 1."""
    bits = np.float32(updates + np.uint32(1)).view(np.int32)
    return (np.int64(bits) - np.int64(127 << 23)) >> np.int64(19)


@inner
def look_up_sentence(
    tile, ids, start, end, window, matrices, negatives, draw, rates, state, scratch
):
    """Find rows and rates of a sentence's words and of their negatives, and draw the windows."""
    outputs = tile_outputs(tile)
    row_bytes = tile_row_bytes(tile)
    syn0_at = address_of(matrices.syn0)
    syn1_at = address_of(matrices.syn1)
    zero_row_at = address_of(scratch.zero_row)
    slot = 0
    for pos in range(end - start):
        word = ids[start + pos]
        scratch.reaches[pos] = window - below(state, window)
        scratch.input_rows[pos] = syn0_at + word * row_bytes
        updates = matrices.updates0[word]
        matrices.updates0[word] = updates + np.uint32(1)
        scratch.input_rates[pos] = rates[0, rate_index(updates)]
        skipped = 0
        for k in range(outputs):
            output = word if k == 0 else negatives[draw]
            draw += k > 0
            if k > 0 and (output < 0 or output == word):
                scratch.output_rows[slot] = zero_row_at
                scratch.output_rates[slot] = np.float32(0.0)
                skipped += 1
            else:
                scratch.output_rows[slot] = syn1_at + output * row_bytes
                updates = matrices.updates1[output]
                matrices.updates1[output] = updates + np.uint32(1)
                scratch.output_rates[slot] = rates[1, rate_index(updates)]
            slot += 1
        scratch.skipped[pos] = skipped


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
    padding = tiles * inputs - n_contexts
    for i in range(n_contexts, n_contexts + padding):
        scratch.contexts[first + i] = address_of(scratch.zero_row)
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


@kernel
def train_sgns(
    tile,
    ids,
    sentence_ends,
    first_sentence,
    window,
    matrices,
    negatives,
    next_negative,
    rates,
    state,
    scratch,
    stats,
):
    """Train until the sentences or the negatives run out; return the first sentence not trained.

    Parameters
    ----------
    tile : Tile(vector_size, 1 + negative)
    ids : int32[n], rows of the words left after subsampling
    sentence_ends : int64[s], where each sentence ends in ``ids``
    first_sentence : int, where to begin
    window : int, largest distance of a context; each centre draws its own in [1, window]
    matrices : Matrices, updated in place
    negatives : int32[m], rows drawn from the noise distribution; -1 is skipped
    next_negative : int64[1], the first one not used yet; advanced
    rates : float32[2, r], learning rate by ``rate_index`` for rows of syn0 and of syn1
    state : uint64[1], generator; advanced
    scratch : Scratch, made for this tile, this window and the longest sentence
    stats : float64[4], added to: positive pairs, negative pairs, and the sum of -log p of each

    A sentence of fewer than two words trains nothing. A negative equal to the target is skipped.

    """
    outputs = tile_outputs(tile)
    inputs = tile_inputs(tile)
    output_rows_at = address_of(scratch.output_rows)
    output_rates_at = address_of(scratch.output_rates)
    scratch.likelihood[:] = np.float32(1.0)
    scratch.exponent[:] = np.int32(0)
    missing_positives = 0
    missing_negatives = 0
    positives = 0
    negative_pairs = 0

    sentence = first_sentence
    start = 0 if sentence == 0 else sentence_ends[sentence - 1]
    while sentence < len(sentence_ends):
        end = sentence_ends[sentence]
        n_words = end - start
        if n_words > 1:
            draw = next_negative[0]
            if draw + n_words * (outputs - 1) > len(negatives):
                break
            next_negative[0] = draw + n_words * (outputs - 1)
            look_up_sentence(
                tile, ids, start, end, window, matrices, negatives, draw, rates, state, scratch
            )
            for pos in range(n_words):
                n_contexts = gather_contexts(n_words, pos, scratch)
                ahead = min(pos + PREFETCH_CENTERS, n_words - 1)
                skipped = scratch.skipped[pos]
                for first in range(0, n_contexts, MAX_STEP_CONTEXTS):
                    step_contexts = min(MAX_STEP_CONTEXTS, n_contexts - first)
                    padding = train_window(
                        tile,
                        first,
                        step_contexts,
                        output_rows_at + 8 * outputs * pos,
                        output_rates_at + 4 * outputs * pos,
                        output_rows_at + 8 * outputs * ahead,
                        scratch.input_rows[min(ahead + window, n_words - 1)],
                        scratch,
                    )
                    missing_positives += padding
                    missing_negatives += padding * (outputs - 1)
                positives += n_contexts
                negative_pairs += n_contexts * (outputs - 1 - skipped)
                missing_negatives += n_contexts * skipped
        start = end
        sentence += 1

    # A zero row gave p = 1/2 exactly; take those factors out again.
    loss_positive = -missing_positives * LN2
    loss_negative = -missing_negatives * LN2
    for lane in range(inputs * outputs):
        loss = -np.log(np.float64(scratch.likelihood[lane])) - scratch.exponent[lane] * LN2
        if lane % outputs == 0:
            loss_positive += loss
        else:
            loss_negative += loss
    stats[0] += positives
    stats[1] += negative_pairs
    stats[2] += loss_positive
    stats[3] += loss_negative
    return sentence
