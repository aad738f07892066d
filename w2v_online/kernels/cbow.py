"""Negative sampling for CBOW: one pass over encoded sentences, two centres at a time.

A pair are two centres half a sentence apart, of which neither is in the other's window. They share
their negatives, whose rows are then read and written once for both: rows of memory, not arithmetic,
are what this takes its time for. In a sentence too short for that, every centre is on its own.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.live import score_sentence_by_pairs
from w2v_online.kernels.training import LN2, PairFigures, begin_loss, lane_loss, next_rate
from w2v_online.kernels.windows import begin_mean, end_mean, look_up_input
from w2v_online.simd.memory import address_of
from w2v_online.simd.pairs import (
    PAIR,
    pair_dots,
    pair_errors,
    pair_errors_count,
    pair_is_target,
    pair_update,
)
from w2v_online.simd.tiles import prefetch_row, tile_outputs, tile_row_bytes

PREFETCH_PAIRS = 3
"""How many pairs ahead rows are asked for: about one memory latency of work."""


@inner
def _pairs(n_words, window):
    """How many pairs a sentence has; the second centre of each is so many words behind the first.

    The last one's may be behind the end, as are all where every centre is on its own.
    """
    return (n_words + 1) // PAIR if n_words > 2 * window else n_words


@inner
def _look_up_pairs(tile, ids, start, end, window, matrices, negatives, draw, rates, state, scratch):
    """Find rows and rates of a sentence's words and of its pairs' outputs, and draw the windows."""
    outputs = tile_outputs(tile)
    row_bytes = tile_row_bytes(tile)
    syn1_at = address_of(matrices.syn1)
    zero_row_at = address_of(scratch.zero_row)
    n_words = end - start
    for pos in range(n_words):
        look_up_input(tile, pos, ids[start + pos], window, matrices, rates, state, scratch)
    pairs = _pairs(n_words, window)
    slot = 0
    for first in range(pairs):
        second = first + pairs
        a = ids[start + first]
        b = ids[start + second] if second < n_words else np.int32(-1)
        skipped = 0
        for k in range(outputs + 1):
            if k < PAIR:
                output = a if k == 0 else b
            else:
                output = negatives[draw]
                draw += 1
                if output in (a, b):
                    output = np.int32(-1)
                skipped += output < 0
            if output < 0:
                scratch.output_rows[slot] = zero_row_at
                scratch.output_rates[slot] = np.float32(0.0)
            else:
                scratch.output_rows[slot] = syn1_at + output * row_bytes
                scratch.output_rates[slot] = next_rate(rates[1], matrices.updates1, output)
            slot += 1
        scratch.skipped[first] = skipped


@kernel
def train_cbow(
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

    The loss of a centre with the mean h of its C contexts (Rong 2014, eq. 13 and 55):

        L = -log sigmoid(h . y_0) - sum_(k > 0) log sigmoid(-h . y_k)
        dL/dx_i = -(sum_k g_k y_k) / C,   dL/dy_k = -g_k h,   g_k = t_k - sigmoid(h . y_k)

    Parameters
    ----------
    tile : Tile(vector_size, 1 + negative, mean=True)
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

    A positive pair is a centre and the mean of its contexts. A sentence of fewer than two words
    trains nothing. A negative equal to one of the two targets is skipped for both.

    """
    outputs = tile_outputs(tile)
    row_bytes = tile_row_bytes(tile)
    output_rows_at = address_of(scratch.output_rows)
    output_rates_at = address_of(scratch.output_rates)
    means_at = address_of(scratch.means)
    steps_at = address_of(scratch.mean_steps)
    errors_at = address_of(scratch.errors)
    likelihood_at = address_of(scratch.likelihood)
    exponent_at = address_of(scratch.exponent)
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
            pairs = _pairs(n_words, window)
            draw = next_negative[0]
            if draw + pairs * (outputs - 1) > len(negatives):
                break
            next_negative[0] = draw + pairs * (outputs - 1)
            _look_up_pairs(
                tile, ids, start, end, window, matrices, negatives, draw, rates, state, scratch
            )
            for first in range(pairs):
                ahead = min(first + PREFETCH_PAIRS, pairs - 1)
                for slot in range(ahead * (outputs + 1), (ahead + 1) * (outputs + 1)):
                    prefetch_row(tile, scratch.output_rows[slot])
                for centre in range(PAIR):
                    pos = min(ahead + centre * pairs + window, n_words - 1)
                    prefetch_row(tile, scratch.input_rows[pos])
                rows_at = output_rows_at + 8 * (outputs + 1) * first
                rates_at = output_rates_at + 4 * (outputs + 1) * first
                for centre in range(PAIR):
                    pos = first + centre * pairs
                    begin_mean(tile, n_words, pos, means_at + centre * row_bytes, scratch)
                pair_dots(tile, means_at, rows_at, errors_at)
                pair_errors(tile, errors_at, likelihood_at, exponent_at)
                pair_update(tile, means_at, rows_at, rates_at, errors_at, steps_at)
                for centre in range(PAIR):
                    pos = first + centre * pairs
                    end_mean(tile, n_words, pos, steps_at + centre * row_bytes, scratch)
                centres = PAIR - (first + pairs >= n_words)
                skipped = scratch.skipped[first]
                positives += centres
                negative_pairs += centres * (outputs - 1 - skipped)
                missing_positives += PAIR - centres
                missing_negatives += centres * skipped + (PAIR - centres) * (outputs - 1)
                missing_negatives += pair_errors_count(tile) - PAIR * outputs
        start = end
        sentence += 1

    # A zero row gave p = 1/2 exactly; take those factors out again.
    loss_positive = -missing_positives * LN2
    loss_negative = -missing_negatives * LN2
    for lane in range(pair_errors_count(tile)):
        if pair_is_target(tile, lane):
            loss_positive += lane_loss(scratch, lane)
        else:
            loss_negative += lane_loss(scratch, lane)
    return sentence, PairFigures(positives, negative_pairs, loss_positive, loss_negative)
