"""Negative sampling for skip-gram: one pass over encoded sentences.

Negatives are drawn once per centre and shared by its contexts (Ji et al. 2016), which makes the
window a small matrix product.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.live import score_sentence_by_pairs
from w2v_online.kernels.training import LN2, PairFigures, begin_loss, lane_loss, next_rate
from w2v_online.kernels.windows import (
    MAX_STEP_CONTEXTS,
    gather_contexts,
    look_up_input,
    train_window,
)
from w2v_online.simd.memory import address_of
from w2v_online.simd.tiles import tile_inputs, tile_outputs, tile_row_bytes

PREFETCH_CENTERS = 3
"""How many centres ahead rows are asked for: about one memory latency of work."""


@inner
def look_up_sentence(
    tile, ids, start, end, window, matrices, negatives, draw, rates, state, scratch
):
    """Find rows and rates of a sentence's words and of their negatives, and draw the windows."""
    outputs = tile_outputs(tile)
    row_bytes = tile_row_bytes(tile)
    syn1_at = address_of(matrices.syn1)
    zero_row_at = address_of(scratch.zero_row)
    slot = 0
    for pos in range(end - start):
        word = ids[start + pos]
        look_up_input(tile, pos, word, window, matrices, rates, state, scratch)
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
                scratch.output_rates[slot] = next_rate(rates[1], matrices.updates1, output)
            slot += 1
        scratch.skipped[pos] = skipped


@kernel
def train_ns(
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
    score_tile,
    live,
):
    """Train until the sentences or the negatives run out.

    Returns the first sentence that was not trained, and PairFigures.

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
    score_tile : Tile(row_floats, 1, mean=True)
    live : Live, whose sentences are scored, each before it is trained; or None

    A sentence of fewer than two words trains nothing. A negative equal to the target is skipped.

    """
    outputs = tile_outputs(tile)
    inputs = tile_inputs(tile)
    output_rows_at = address_of(scratch.output_rows)
    output_rates_at = address_of(scratch.output_rates)
    begin_loss(scratch)
    missing_positives = 0
    missing_negatives = 0
    positives = 0
    negative_pairs = 0

    sentence = first_sentence
    start = 0 if sentence == 0 else sentence_ends[sentence - 1]
    while sentence < len(sentence_ends):
        end = sentence_ends[sentence]
        n_words = end - start
        if live is not None:
            score_sentence_by_pairs(
                score_tile, live, sentence, window, matrices.syn0, matrices.syn1
            )
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
                rows_at = output_rows_at + 8 * outputs * pos
                rates_at = output_rates_at + 4 * outputs * pos
                ahead_at = output_rows_at + 8 * outputs * ahead
                ahead_row = scratch.input_rows[min(ahead + window, n_words - 1)]
                for first in range(0, n_contexts, MAX_STEP_CONTEXTS):
                    step_contexts = min(MAX_STEP_CONTEXTS, n_contexts - first)
                    padding = train_window(
                        tile,
                        first,
                        step_contexts,
                        rows_at,
                        rates_at,
                        ahead_at,
                        ahead_row,
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
        loss = lane_loss(scratch, lane)
        if lane % outputs == 0:
            loss_positive += loss
        else:
            loss_negative += loss
    return sentence, PairFigures(positives, negative_pairs, loss_positive, loss_negative)
