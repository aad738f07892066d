"""Hierarchical softmax, for skip-gram and CBOW: one pass over encoded sentences.

A centre's probability is a product over the inner nodes n above its leaf (Mikolov et al. 2013,
eq. 3; Rong 2014, eq. 42): p(w | x) = prod_n sigmoid(s_n x . y_n), s_n = +1 where the path takes
branch 0, else -1. A centre's contexts share its path, which is taken a tile of nodes at a time.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.tree import MAX_PATH_NODES
from w2v_online.kernels.windows import (
    LN2,
    MAX_STEP_CONTEXTS,
    begin_loss,
    begin_mean,
    end_mean,
    gather_contexts,
    lane_loss,
    look_up_input,
    next_rate,
    pad_contexts,
)
from w2v_online.simd import (
    address_of,
    tile_dots,
    tile_error_floats,
    tile_errors,
    tile_inputs,
    tile_is_mean,
    tile_outputs,
    tile_row_bytes,
    tile_update,
)


@inner
def _look_up_path(tile, word, matrices, tree, rates, scratch):
    """Rows, rates and labels of a word's path, filled up with rows of zeros; return its length."""
    outputs = tile_outputs(tile)
    row_bytes = tile_row_bytes(tile)
    error_floats = tile_error_floats(tile)
    syn1_at = address_of(matrices.syn1)
    nodes = 0
    link = np.int64(tree.leaf_links[word])
    while link >= 0 and nodes < MAX_PATH_NODES:
        node = link >> 1
        scratch.path_rows[nodes] = syn1_at + node * row_bytes
        scratch.path_rates[nodes] = next_rate(rates[1], matrices.updates1, node)
        sign = np.float32(1 - 2 * (link & 1))
        place = nodes // outputs * error_floats + nodes % outputs
        for i in range(tile_inputs(tile)):
            scratch.path_signs[place + i * outputs] = sign
        nodes += 1
        link = np.int64(tree.inner_links[node])
    for missing in range(nodes, (nodes + outputs - 1) // outputs * outputs):
        scratch.path_rows[missing] = address_of(scratch.zero_row)
        scratch.path_rates[missing] = np.float32(0.0)
    return nodes


@inner
def _train_path(tile, inputs_at, input_rates_at, n_inputs, tiles, ahead_row, scratch):
    """One step of gradient descent on inputs and all nodes of a path.

        L = -sum_i sum_n log sigmoid(s_n x_i . y_n)
        dL/dx_i = -sum_n g_in y_n,   dL/dy_n = -sum_i g_in x_i,
        g_in = t_n - sigmoid(x_i . y_n),   t_n = 1 where s_n = 1, else 0

    All dot products come first: they do not wait for each other, and the gradient is that of one
    point.
    """
    outputs = tile_outputs(tile)
    groups = (n_inputs + tile_inputs(tile) - 1) // tile_inputs(tile)
    error_bytes = 4 * tile_error_floats(tile)
    rows_at = address_of(scratch.path_rows)
    errors_at = address_of(scratch.errors)
    for t in range(tiles):
        for i in range(groups):
            tile_dots(
                tile,
                inputs_at + 8 * i * tile_inputs(tile),
                rows_at + 8 * outputs * t,
                errors_at + (t * groups + i) * error_bytes,
            )
    for t in range(tiles):
        for i in range(groups):
            tile_errors(
                tile,
                errors_at + (t * groups + i) * error_bytes,
                address_of(scratch.path_signs) + t * error_bytes,
                address_of(scratch.likelihood),
                address_of(scratch.exponent),
            )
    for t in range(tiles):
        tile_update(
            tile,
            n_inputs,
            inputs_at,
            input_rates_at,
            rows_at + 8 * outputs * t,
            address_of(scratch.path_rates) + 4 * outputs * t,
            errors_at + t * groups * error_bytes,
            rows_at + 8 * outputs * t,
            ahead_row,
        )


@kernel
def train_hs(
    tile, ids, sentence_ends, window, matrices, tree, rates, state, scratch, stats
):  # fmt: skip
    """Train on every sentence.

    Parameters
    ----------
    tile : Tile(vector_size, outputs, mean=cbow, signs=True), any number of outputs
    ids : int32[n], rows of the words left after subsampling
    sentence_ends : int64[s], where each sentence ends in ``ids``
    window : int, largest distance of a context; each centre draws its own in [1, window]
    matrices : Matrices, updated in place; rows of syn1 are inner nodes
    tree : TreeArrays; a word without a leaf is not predicted
    rates : float32[2, r], learning rate by ``rate_index`` for rows of syn0 and of syn1
    state : uint64[1], generator; advanced
    scratch : Scratch, made for this tile, this window and the longest sentence
    stats : float64[4], added to: pairs, nodes met, the sum of -log p of pairs, nothing

    With CBOW a pair is a centre and the mean of its contexts. A sentence of fewer than two words
    trains nothing.

    """
    outputs = tile_outputs(tile)
    begin_loss(scratch)
    missing = 0
    pairs = 0
    met = 0
    start = 0
    for sentence in range(len(sentence_ends)):
        end = sentence_ends[sentence]
        n_words = end - start
        if n_words > 1:
            for pos in range(n_words):
                word = ids[start + pos]
                look_up_input(tile, pos, word, window, matrices, rates, state, scratch)
            for pos in range(n_words):
                n_contexts = gather_contexts(n_words, pos, scratch)
                if n_contexts == 0 or ids[start + pos] >= tree.numbers[0]:
                    continue
                nodes = _look_up_path(tile, ids[start + pos], matrices, tree, rates, scratch)
                tiles = (nodes + outputs - 1) // outputs
                ahead_row = scratch.input_rows[min(pos + window, n_words - 1)]
                inputs = n_contexts
                if tile_is_mean(tile):
                    begin_mean(tile, n_contexts, scratch)
                    _train_path(
                        tile, address_of(scratch.mean_rows), 0, 1, tiles, ahead_row, scratch
                    )
                    end_mean(tile, n_contexts, scratch)
                    inputs = 1
                else:
                    for first in range(0, n_contexts, MAX_STEP_CONTEXTS):
                        step_contexts = min(MAX_STEP_CONTEXTS, n_contexts - first)
                        padding = pad_contexts(tile, first, step_contexts, scratch)
                        _train_path(
                            tile,
                            address_of(scratch.contexts) + 8 * first,
                            address_of(scratch.context_rates) + 4 * first,
                            step_contexts,
                            tiles,
                            ahead_row,
                            scratch,
                        )
                        missing += padding * tiles * outputs
                pairs += inputs
                met += inputs * nodes
                missing += inputs * (tiles * outputs - nodes)
        start = end
    # A zero row gave p = 1/2 exactly; take those factors out again.
    loss = -missing * LN2
    for lane in range(tile_inputs(tile) * outputs):
        loss += lane_loss(scratch, lane)
    stats[0] += pairs
    stats[1] += met
    stats[2] += loss
