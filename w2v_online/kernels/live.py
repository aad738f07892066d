"""Scoring of a record just before it is trained, by the rows as they are then.

Training kernels call this for each sentence. Words without a row are left out of windows, as in
training, and have no surprise by context.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner
from w2v_online.kernels.score import (
    ScoreScratch,
    gather_window,
    log_p_of_path,
    look_up_path,
)
from w2v_online.simd.likelihood import (
    FOUR,
    four_dots,
    minus_log_likelihoods,
    minus_log_sigmoid,
    one_dot,
    slide_window,
    sum_of_four,
)
from w2v_online.simd.memory import address_of, lanes
from w2v_online.simd.tiles import prefetch_row, tile_row_bytes

NO_SURPRISE = np.float32(-1.0)
"""Of a token that no context predicts."""

WORDS_PER_DOUBTFUL = 16
"""One in so many words of a sentence, the most surprising, is scored by each of its contexts."""


class Live(NamedTuple):
    """Tokens to score before they are trained, and working memory for one sentence."""

    rows: NDArray[np.int32]  # [tokens], -1 for a word without a row
    ends: NDArray[np.int64]  # [sentences], where each sentence ends in ``rows``
    log_noise: NDArray[np.float32]  # [tokens] with negative sampling, else empty
    surprise: NDArray[np.float32]  # [tokens], written: -log p, or NO_SURPRISE
    by_each_context: bool  # whether the most surprising words are scored by each of their contexts
    ids: NDArray[np.int32]  # by position: rows of the sentence's known words
    places: NDArray[np.int64]  # by position: the token
    positions: NDArray[np.int32]  # by four slots: whose path they belong to
    total: NDArray[np.float32]  # [row_floats], sum of a window's rows
    means: NDArray[np.float32]  # by position: mean of the contexts, [row_floats] each
    dots: NDArray[np.float32]  # dot products with that mean, by slot or by position
    doubtful: NDArray[np.int64]  # positions of the most surprising words, that first
    scratch: ScoreScratch  # with slots for the paths of a sentence


@inner
def doubtful_words(n_words):
    """How many words of a sentence are scored by each of their contexts."""
    return max(1, (n_words + WORDS_PER_DOUBTFUL // 2) // WORDS_PER_DOUBTFUL)


@inner
def _known_words(tile, live, sentence, syn0):
    """Write ``ids`` and ``places``, ask for the rows of syn0; return how many there are."""
    start = 0 if sentence == 0 else live.ends[sentence - 1]
    n_words = 0
    for token in range(start, live.ends[sentence]):
        row = live.rows[token]
        live.surprise[token] = NO_SURPRISE
        if row >= 0:
            live.ids[n_words] = row
            live.places[n_words] = token
            prefetch_row(tile, address_of(syn0) + row * tile_row_bytes(tile))
            n_words += 1
    return n_words


@inner
def _rank(live, n_words, size):
    """Write the positions of the ``size`` most surprising words; return how many there are."""
    n_ranked = 0
    least = np.float32(-1.0)  # words without a path have no surprise
    for pos in range(n_words):
        value = live.surprise[live.places[pos]]
        if value <= least:
            continue
        i = min(n_ranked, size - 1)
        while i > 0 and live.surprise[live.places[live.doubtful[i - 1]]] < value:
            live.doubtful[i] = live.doubtful[i - 1]
            i -= 1
        live.doubtful[i] = pos
        n_ranked = min(n_ranked + 1, size)
        if n_ranked == size:
            least = live.surprise[live.places[live.doubtful[size - 1]]]
    return n_ranked


@inner
def _look_up_paths(tile, live, n_words, syn1, tree):
    """Look up the paths of a sentence's words, one behind the other; return how many groups.

    A path takes whole groups of four slots, filled up with rows of zeros.
    """
    n_groups = 0
    for pos in range(n_words):
        nodes = look_up_path(tile, live.ids[pos], FOUR * n_groups, syn1, tree, live.scratch)
        if nodes > 0:
            live.surprise[live.places[pos]] = np.float32(0.0)
        end = n_groups + (nodes + FOUR - 1) // FOUR
        while n_groups < end:
            live.positions[n_groups] = pos
            n_groups += 1
    return n_groups


@inner
def _row_at(tile, live, n_words, pos, syn0):
    """Address of the row of the word at ``pos``, of a row of zeros where there is none."""
    if pos < 0 or pos >= n_words:
        return np.int64(address_of(live.scratch.zero_row))
    return np.int64(address_of(syn0) + live.ids[pos] * tile_row_bytes(tile))


@inner
def _begin_window(tile, live, n_words, window, syn0):
    """Let ``live.total`` be the sum of the rows before the first window's last one."""
    live.total[:] = np.float32(0.0)
    total_at = address_of(live.total)
    zero_at = address_of(live.scratch.zero_row)
    mean_at = address_of(live.means)
    for pos in range(min(window, n_words)):
        added = _row_at(tile, live, n_words, pos, syn0)
        slide_window(tile, total_at, added, zero_at, zero_at, mean_at, np.float32(0.0))


@inner
def _mean_of_others(tile, live, n_words, pos, window, syn0, mean_at):
    """Write the mean of the contexts at ``pos`` to an address; positions come in order."""
    n_contexts = min(n_words, pos + window + 1) - max(0, pos - window) - 1
    slide_window(
        tile,
        address_of(live.total),
        _row_at(tile, live, n_words, pos + window, syn0),
        _row_at(tile, live, n_words, pos - window - 1, syn0),
        _row_at(tile, live, n_words, pos, syn0),
        mean_at,
        np.float32(1.0 / n_contexts),
    )


@inner
def score_sentence_by_paths(tile, cbow, live, sentence, window, syn0, syn1, tree):
    """Write the surprise of a sentence's words by hierarchical softmax.

    A word's is -log p given the mean of its contexts. With skip-gram that is the least it can be by
    each of them (-log sigmoid is convex); for the few words where it is highest it is replaced, if
    that is asked for, by the mean of -log p over their contexts, as
    :func:`w2v_online.kernels.score.score_paths` has it.
    """
    scratch = live.scratch
    n_words = _known_words(tile, live, sentence, syn0)
    if n_words < 2:
        return
    n_groups = _look_up_paths(tile, live, n_words, syn1, tree)
    means_at = address_of(live.means)
    row_bytes = tile_row_bytes(tile)
    _begin_window(tile, live, n_words, window, syn0)
    for pos in range(n_words):
        _mean_of_others(tile, live, n_words, pos, window, syn0, means_at + pos * row_bytes)
    # One loop after the other: how often an inner one ran could not be predicted, and the
    # logarithm's long chain of operations would stall the dot products.
    dots_at = address_of(live.dots)
    rows_at = address_of(scratch.paths)
    for group in range(n_groups):
        mean_at = means_at + live.positions[group] * row_bytes
        four_dots(tile, mean_at, rows_at + 8 * FOUR * group, dots_at + 4 * FOUR * group)
    signs_at = address_of(scratch.signs)
    for first in range(0, FOUR * n_groups, lanes()):
        minus_log_likelihoods(dots_at + 4 * first, signs_at + 4 * first)
    for group in range(n_groups):
        place = live.places[live.positions[group]]
        live.surprise[place] += sum_of_four(dots_at + 4 * FOUR * group)
    if cbow or not live.by_each_context:
        return
    for i in range(_rank(live, n_words, doubtful_words(n_words))):
        pos = live.doubtful[i]
        n_inputs = gather_window(tile, live.ids, 0, n_words, pos, window, syn0, scratch)
        nodes = look_up_path(tile, live.ids[pos], 0, syn1, tree, scratch)
        log_p = log_p_of_path(tile, n_inputs, address_of(scratch.contexts), 0, nodes, scratch)
        live.surprise[live.places[pos]] = np.float32(-log_p / n_inputs)


@inner
def score_sentence_by_pairs(tile, live, sentence, window, syn0, syn1):
    """Write the surprise of a sentence's words by negative sampling.

    It is -log sigmoid(h . y + log_noise) for the mean h of a word's contexts.
    """
    n_words = _known_words(tile, live, sentence, syn0)
    if n_words < 2:
        return
    mean_at = address_of(live.means)
    syn1_at = address_of(syn1)
    row_bytes = tile_row_bytes(tile)
    for pos in range(n_words):
        prefetch_row(tile, syn1_at + live.ids[pos] * row_bytes)
    _begin_window(tile, live, n_words, window, syn0)
    for pos in range(n_words):
        _mean_of_others(tile, live, n_words, pos, window, syn0, mean_at)
        output_at = syn1_at + live.ids[pos] * row_bytes
        live.dots[pos] = one_dot(tile, mean_at, output_at) + live.log_noise[live.places[pos]]
    dots_at = address_of(live.dots)
    for first in range(0, n_words, lanes()):
        minus_log_sigmoid(dots_at + 4 * first, dots_at + 4 * first)
    for pos in range(n_words):
        live.surprise[live.places[pos]] = live.dots[pos]
