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
    prefetch_row,
    tile_error_floats,
    tile_errors,
    tile_inputs,
    tile_outputs,
    tile_row_bytes,
    tile_update,
)

PREFETCH_CENTERS = 4
"""How many centres ahead rows are asked for: about one memory latency of work."""

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
    """Working memory of one trainer, in whole cache lines; means nothing between calls."""

    inputs: NDArray[np.int64]  # row addresses of the contexts
    outputs: NDArray[np.int64]  # row addresses of target and negatives
    input_rates: NDArray[np.float32]
    output_rates: NDArray[np.float32]
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
def train_window(tile, n_contexts, scratch):
    """One step of gradient descent on a window, whose rows and rates ``scratch`` names.

    The loss of input rows x_i and output rows y_k, y_0 the target's (Mikolov et al. 2013, eq. 4):

        L = sum_i ( -log sigmoid(x_i . y_0) - sum_(k > 0) log sigmoid(-x_i . y_k) )
        dL/dx_i = -sum_k g_ik y_k,   dL/dy_k = -sum_i g_ik x_i,   g_ik = t_k - sigmoid(x_i . y_k)

    Returns how many rows of zeros were added to the contexts to fill the last tile.
    """
    inputs = tile_inputs(tile)
    inputs_at = address_of(scratch.inputs)
    outputs_at = address_of(scratch.outputs)
    errors_at = address_of(scratch.errors)
    tiles = (n_contexts + inputs - 1) // inputs
    padding = tiles * inputs - n_contexts
    for i in range(n_contexts, n_contexts + padding):
        scratch.inputs[i] = address_of(scratch.zero_row)
    for i in range(tiles):
        tile_errors(
            tile,
            inputs_at + 8 * i * inputs,
            outputs_at,
            errors_at + 4 * i * tile_error_floats(tile),
            address_of(scratch.likelihood),
            address_of(scratch.exponent),
        )
    tile_update(
        tile,
        n_contexts,
        inputs_at,
        address_of(scratch.input_rates),
        outputs_at,
        address_of(scratch.output_rates),
        errors_at,
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
    tile : Tile(row_floats, 1 + negative)
    ids : int32[n], rows of the words left after subsampling
    sentence_ends : int64[s], where each sentence ends in ``ids``
    first_sentence : int, where to begin
    window : int, largest distance of a context; each centre draws its own in [1, window]
    matrices : Matrices, updated in place
    negatives : int32[m], rows drawn from the noise distribution; -1 is skipped
    next_negative : int64[1], the first one not used yet; advanced
    rates : float32[2, r], learning rate by ``rate_index`` for rows of syn0 and of syn1
    state : uint64[1], generator; advanced
    scratch : Scratch
    stats : float64[4], added to: positive pairs, negative pairs, and the sum of -log p of each

    A sentence of fewer than two words trains nothing. A negative equal to the target is skipped.

    """
    outputs = tile_outputs(tile)
    inputs = tile_inputs(tile)
    row_bytes = tile_row_bytes(tile)
    syn0_at = address_of(matrices.syn0)
    syn1_at = address_of(matrices.syn1)
    zero_row_at = address_of(scratch.zero_row)
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
        draw = next_negative[0]
        if draw + (end - start) * (outputs - 1) > len(negatives):
            break
        for center_pos in range(start, end):
            center = ids[center_pos]
            ahead = center_pos + PREFETCH_CENTERS
            if ahead < end:
                prefetch_row(tile, syn1_at + ids[ahead] * row_bytes)
                first = draw + PREFETCH_CENTERS * (outputs - 1)
                for k in range(outputs - 1):
                    prefetch_row(tile, syn1_at + max(0, negatives[first + k]) * row_bytes)
            if ahead + window < end:
                prefetch_row(tile, syn0_at + ids[ahead + window] * row_bytes)

            reach = window - below(state, window)
            n_contexts = 0
            for context_pos in range(
                max(start, center_pos - reach), min(end, center_pos + reach + 1)
            ):
                if context_pos != center_pos:
                    context = ids[context_pos]
                    scratch.inputs[n_contexts] = syn0_at + context * row_bytes
                    updates = matrices.updates0[context]
                    scratch.input_rates[n_contexts] = rates[0, rate_index(updates)]
                    matrices.updates0[context] = updates + np.uint32(1)
                    n_contexts += 1
            if n_contexts == 0:
                continue

            scratch.outputs[0] = syn1_at + center * row_bytes
            updates = matrices.updates1[center]
            scratch.output_rates[0] = rates[1, rate_index(updates)]
            matrices.updates1[center] = updates + np.uint32(1)
            skipped = 0
            for k in range(1, outputs):
                word = negatives[draw]
                draw += 1
                if word < 0 or word == center:
                    scratch.outputs[k] = zero_row_at
                    scratch.output_rates[k] = np.float32(0.0)
                    skipped += 1
                else:
                    scratch.outputs[k] = syn1_at + word * row_bytes
                    updates = matrices.updates1[word]
                    scratch.output_rates[k] = rates[1, rate_index(updates)]
                    matrices.updates1[word] = updates + np.uint32(1)

            padding = train_window(tile, n_contexts, scratch)
            positives += n_contexts
            negative_pairs += n_contexts * (outputs - 1 - skipped)
            missing_positives += padding
            missing_negatives += n_contexts * skipped + padding * (outputs - 1)
        next_negative[0] = draw
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
