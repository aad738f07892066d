"""Hierarchical softmax, for skip-gram and CBOW: one pass over encoded sentences.

A centre's probability is a product over the inner nodes n above its leaf (Mikolov et al. 2013,
eq. 3; Rong 2014, eq. 42): p(w | x) = prod_n sigmoid(s_n x . y_n), s_n = +1 where the path takes
branch 0, else -1. A centre's contexts share its path, which is taken a tile of nodes at a time.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.live import score_sentence_by_paths
from w2v_online.kernels.training import LN2, PathFigures, begin_loss, lane_loss, next_rate
from w2v_online.kernels.tree import HOT_NODES, MAX_PATH_NODES, PATH_SLOTS
from w2v_online.kernels.windows import (
    MAX_STEP_CONTEXTS,
    begin_mean,
    end_mean,
    gather_contexts,
    look_up_input,
    pad_contexts,
)
from w2v_online.simd.memory import address_of, lanes
from w2v_online.simd.paths import (
    path_dots,
    path_errors,
    path_inputs,
    path_tile_nodes,
    path_update,
    path_update_mean,
)
from w2v_online.simd.tiles import prefetch_row, tile_is_mean, tile_row_bytes


@inner
def _look_up_path(tile, word, begin, matrices, tree, rates, scratch):
    """Rows, rates and labels of a word's path from slot ``begin`` on; return its length.

    A row of zeros behind it makes the number even. Rows that may not be in the cache are asked for.
    """
    row_bytes = tile_row_bytes(tile)
    syn1_at = address_of(matrices.syn1)
    tile_nodes = path_tile_nodes(tile)
    nodes = 0
    if word >= tree.numbers[0]:
        return nodes
    link = np.int64(tree.leaf_links[word])
    while link >= 0 and nodes < MAX_PATH_NODES:
        node = link >> 1
        scratch.path_rows[begin + nodes] = syn1_at + node * row_bytes
        scratch.path_rates[begin + nodes] = next_rate(rates[1], matrices.updates1, node)
        place = nodes // tile_nodes * lanes() + nodes % tile_nodes
        scratch.path_signs[begin * 8 + place] = np.float32(1 - 2 * (link & 1))
        nodes += 1
        link = np.int64(tree.inner_links[node])
    scratch.path_rows[begin + nodes] = address_of(scratch.zero_row)
    scratch.path_rates[begin + nodes] = np.float32(0.0)
    for k in range(nodes - HOT_NODES):
        prefetch_row(tile, scratch.path_rows[begin + k])
    return nodes


@inner
def _train_path(tile, inputs_at, input_rates_at, n_inputs, begin, nodes, scratch):
    """One step of gradient descent on inputs and all nodes of a path.

        L = -sum_i sum_n log sigmoid(s_n x_i . y_n)
        dL/dx_i = -sum_n g_in y_n,   dL/dy_n = -sum_i g_in x_i,
        g_in = t_n - sigmoid(x_i . y_n),   t_n = 1 where s_n = 1, else 0

    All dot products come first: they do not wait for each other, and errors are those of one point.
    Nodes of a further tile are moved by inputs that the tile before has moved. With a mean the
    step of x, without its rate, is left in ``scratch.mean_steps``.
    """
    tile_nodes = path_tile_nodes(tile)
    vector_bytes = 4 * lanes()
    # Errors are kept tile after tile, in each a vector for every input and for one that fills up.
    tile_bytes = (n_inputs + path_inputs(tile) - 1) * vector_bytes
    rows_at = address_of(scratch.path_rows) + 8 * begin
    rates_at = address_of(scratch.path_rates) + 4 * begin
    signs_at = address_of(scratch.path_signs) + 4 * 8 * begin
    errors_at = address_of(scratch.errors)
    tiles = (nodes + tile_nodes - 1) // tile_nodes
    even = (nodes + 1) // 2 * 2
    for t in range(tiles):
        size = min(tile_nodes, even - t * tile_nodes)
        for i in range(0, n_inputs, path_inputs(tile)):
            dots_at = errors_at + t * tile_bytes + i * vector_bytes
            path_dots(tile, size, inputs_at + 8 * i, rows_at + 8 * tile_nodes * t, dots_at)
    for t in range(tiles):
        for i in range(n_inputs):
            path_errors(
                tile,
                errors_at + t * tile_bytes + i * vector_bytes,
                signs_at + t * vector_bytes,
                address_of(scratch.likelihood),
                address_of(scratch.exponent),
            )
    if tile_is_mean(tile):
        path_update_mean(
            tile,
            nodes,
            address_of(scratch.means),
            rows_at,
            rates_at,
            errors_at,
            address_of(scratch.mean_steps),
        )
    else:
        for t in range(tiles):
            path_update(
                tile,
                min(tile_nodes, even - t * tile_nodes),
                n_inputs,
                inputs_at,
                input_rates_at,
                rows_at + 8 * tile_nodes * t,
                rates_at + 4 * tile_nodes * t,
                errors_at + t * tile_bytes,
            )


@kernel
def train_hs(
    tile, ids, sentence_ends, window, matrices, tree, rates, state, scratch, score_tile, live
):  # fmt: skip
    """Train on every sentence; return PathFigures.

    Parameters
    ----------
    tile : Tile(vector_size, 1, mean=cbow)
    ids : int32[n], rows of the words left after subsampling
    sentence_ends : int64[s], where each sentence ends in ``ids``
    window : int, largest distance of a context; each centre draws its own in [1, window]
    matrices : Matrices, updated in place; rows of syn1 are inner nodes
    tree : TreeArrays; a word without a leaf is not predicted
    rates : float32[2, r], learning rate by ``rate_index`` for rows of syn0 and of syn1
    state : uint64[1], generator; advanced
    scratch : Scratch, made for this tile, this window and the longest sentence
    score_tile : Tile(row_floats, 1, mean=True)
    live : Live, whose sentences are scored, each before it is trained; or None

    With CBOW a pair is a centre and the mean of its contexts. A sentence of fewer than two words
    trains nothing.

    """
    tile_nodes = path_tile_nodes(tile)
    begin_loss(scratch)
    missing = 0
    pairs = 0
    met = 0
    start = 0
    for sentence in range(len(sentence_ends)):
        end = sentence_ends[sentence]
        n_words = end - start
        if live is not None:
            cbow = tile_is_mean(tile)
            score_sentence_by_paths(
                score_tile, cbow, live, sentence, window, matrices.syn0, matrices.syn1, tree
            )
        if n_words > 1:
            for pos in range(n_words):
                word = ids[start + pos]
                look_up_input(tile, pos, word, window, matrices, rates, state, scratch)
            begin = 0
            next_nodes = _look_up_path(tile, ids[start], begin, matrices, tree, rates, scratch)
            for pos in range(n_words):
                nodes = next_nodes
                next_begin = PATH_SLOTS - begin
                if pos + 1 < n_words:
                    next_nodes = _look_up_path(
                        tile, ids[start + pos + 1], next_begin, matrices, tree, rates, scratch
                    )
                    ahead = min(pos + 1 + window, n_words - 1)
                    prefetch_row(tile, scratch.input_rows[ahead])
                if nodes > 0:
                    if tile_is_mean(tile):
                        begin_mean(tile, n_words, pos, address_of(scratch.means), scratch)
                        mean_rows_at = address_of(scratch.mean_rows)
                        _train_path(tile, mean_rows_at, 0, 1, begin, nodes, scratch)
                        end_mean(tile, n_words, pos, address_of(scratch.mean_steps), scratch)
                        inputs = 1
                    else:
                        inputs = gather_contexts(n_words, pos, scratch)
                        for first in range(0, inputs, MAX_STEP_CONTEXTS):
                            step_contexts = min(MAX_STEP_CONTEXTS, inputs - first)
                            pad_contexts(path_inputs(tile), first, step_contexts, scratch)
                            _train_path(
                                tile,
                                address_of(scratch.contexts) + 8 * first,
                                address_of(scratch.context_rates) + 4 * first,
                                step_contexts,
                                begin,
                                nodes,
                                scratch,
                            )
                    pairs += inputs
                    met += inputs * nodes
                    tiles = (nodes + tile_nodes - 1) // tile_nodes
                    missing += inputs * (tiles * lanes() - nodes)
                begin = next_begin
        start = end
    # A zero row gave p = 1/2 exactly; take those factors out again.
    loss = -missing * LN2
    for lane in range(lanes()):
        loss += lane_loss(scratch, lane)
    return PathFigures(pairs, met, loss)
