"""What a model gives to text: tokens looked up without counting, and windows without learning.

The same windows as in training, only each as wide as it can be, and nothing is subsampled: a
number for every word, and the same one whenever it is asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.encode import RECORD_END, TOKEN_BYTE, TOKEN_END
from w2v_online.kernels.hashing import hash_token
from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.table import find
from w2v_online.kernels.tree import MAX_PATH_NODES
from w2v_online.simd.memory import address_of
from w2v_online.simd.tiles import (
    tile_dots,
    tile_inputs,
    tile_is_mean,
    tile_mean,
    tile_outputs,
    tile_row_bytes,
)

_MAX_EXPONENT = 30.0
_MAX_ODDS = 1e250
"""A product of odds is turned into a logarithm before the next factor could overflow it."""


class Tokens(NamedTuple):
    """Tokens of a text, in order, and where its records end."""

    starts: NDArray[np.int64]  # [n], position in the text
    lengths: NDArray[np.int64]  # [n], bytes
    entries: NDArray[np.int64]  # [n], the vocabulary's entry: a row, a candidate or -1
    record_ends: NDArray[np.int64]  # [records], tokens up to the end of each record


class ScoreScratch(NamedTuple):
    """Working memory of :func:`score_windows`, in whole cache lines."""

    contexts: NDArray[np.int64]  # [2 * window + 2], addresses of rows of syn0
    outputs: NDArray[np.int64]  # addresses of rows of syn1: of a path, or one
    signs: NDArray[np.float64]  # by output
    dots: NDArray[np.float32]
    mean_row: NDArray[np.float32]
    mean_rows: NDArray[np.int64]  # [1], its address
    zero_row: NDArray[np.float32]


@kernel
def look_up(text, end, classes, vocabulary, max_token_bytes, tokens, used):
    """Find the tokens of ``text[:end]``; counts and vocabulary stay as they are.

    Parameters
    ----------
    text : uint8[n + WORD_PADDING]
    end : int, what of it to read
    classes : uint8[256], TOKEN_BYTE, TOKEN_END or RECORD_END for each byte
    vocabulary : VocabularyArrays
    max_token_bytes : int, longer tokens are not known
    tokens : Tokens, written; must have room
    used : int64[2], written: tokens and records

    """
    text_at = address_of(text)
    n_tokens = 0
    n_records = 0
    position = 0
    while position < end:
        kind = classes[text[position]]
        if kind == TOKEN_END:
            position += 1
        elif kind == RECORD_END:
            tokens.record_ends[n_records] = n_tokens
            n_records += 1
            position += 1
        else:
            start = position
            while position < end and classes[text[position]] == TOKEN_BYTE:
                position += 1
            length = position - start
            entry = np.int64(-1)
            if length <= max_token_bytes:
                hashed = hash_token(text_at + start, length, vocabulary.secret)
                entry = find(vocabulary, hashed, text_at + start, length)
            tokens.starts[n_tokens] = start
            tokens.lengths[n_tokens] = length
            tokens.entries[n_tokens] = entry
            n_tokens += 1
    if end > 0 and classes[text[end - 1]] != RECORD_END:
        tokens.record_ends[n_records] = n_tokens
        n_records += 1
    used[0] = n_tokens
    used[1] = n_records


@inner
def _look_up_outputs(tile, word, has_tree, syn1, tree, scratch):
    """Rows and signs of what a word is predicted by; return how many.

    The inner nodes of its path, +1 for branch 0 and -1 for branch 1, or its own output vector.
    """
    row_bytes = tile_row_bytes(tile)
    outputs = tile_outputs(tile)
    syn1_at = address_of(syn1)
    if not has_tree:
        scratch.outputs[0] = syn1_at + word * row_bytes
        scratch.signs[0] = 1.0
        return 1
    nodes = 0
    link = np.int64(tree.leaf_links[word])
    while link >= 0 and nodes < MAX_PATH_NODES:
        scratch.outputs[nodes] = syn1_at + (link >> 1) * row_bytes
        scratch.signs[nodes] = 1.0 - 2.0 * (link & 1)
        nodes += 1
        link = np.int64(tree.inner_links[link >> 1])
    for missing in range(nodes, (nodes + outputs - 1) // outputs * outputs):
        scratch.outputs[missing] = address_of(scratch.zero_row)
    return nodes


@inner
def _log_sigmoid(x):
    return -np.log1p(np.exp(-x)) if x > -_MAX_EXPONENT else x


@inner
def _score_path(tile, n_inputs, inputs_at, nodes, scratch):
    """Sum over inputs x and a path's nodes of log sigmoid(s x . y)."""
    inputs = tile_inputs(tile)
    outputs = tile_outputs(tile)
    log_p = 0.0
    for first in range(0, n_inputs, inputs):
        odds = 1.0
        for above in range(0, nodes, outputs):
            tile_dots(
                tile,
                inputs_at + 8 * first,
                address_of(scratch.outputs) + 8 * above,
                address_of(scratch.dots),
            )
            for i in range(min(inputs, n_inputs - first)):
                for k in range(min(outputs, nodes - above)):
                    x = np.float64(scratch.dots[i * outputs + k]) * scratch.signs[above + k]
                    # p = 1 / (1 + e^-x): one logarithm for many factors.
                    if x > -_MAX_EXPONENT:
                        odds *= 1.0 + np.exp(-x)
                        if odds > _MAX_ODDS:
                            log_p -= np.log(odds)
                            odds = 1.0
                    else:
                        log_p += x
        log_p -= np.log(odds)
    return log_p


@inner
def _score_word(tile, n_inputs, inputs_at, log_noise, scratch):
    """Sums over inputs x of log sigmoid(x . y), log sigmoid(x . y + log_noise), and x . y."""
    inputs = tile_inputs(tile)
    plain = 0.0
    shifted = 0.0
    dots = 0.0
    for first in range(0, n_inputs, inputs):
        tile_dots(
            tile,
            inputs_at + 8 * first,
            address_of(scratch.outputs),
            address_of(scratch.dots),
        )
        for i in range(min(inputs, n_inputs - first)):
            dot = np.float64(scratch.dots[i])
            plain += _log_sigmoid(dot)
            shifted += _log_sigmoid(dot + log_noise)
            dots += dot
    return plain, shifted, dots


@kernel
def score_windows(
    tile, ids, record_ends, window, predicted, has_tree, syn0, syn1, tree, log_z, log_noise,
    scratch, sums, predictions,
):  # fmt: skip
    """Add up what the contexts of every word say about it.

    Parameters
    ----------
    tile : Tile(vector_size, outputs, mean=cbow); one output without a tree
    ids : int32[n], rows of the words
    record_ends : int64[r], where each record ends in ``ids``
    window : int, distance up to which a word is a context
    predicted : int, words from this row on are contexts only
    has_tree : bool, whether rows of syn1 are inner nodes of ``tree``
    syn0, syn1 : float32[rows, row_floats], padding zero
    tree : TreeArrays
    log_z : float64[rows], by context (skip-gram)
    log_noise : float64[rows], by word
    scratch : ScoreScratch
    sums : float64[n, 3], written: by word the sums over its predictions of log p by the tree, or
        without one of log sigmoid(x . y), log sigmoid(x . y + log_noise) and x . y - log_z
    predictions : int64[n], written: by word how many contexts it has; with CBOW one, their mean

    """
    row_bytes = tile_row_bytes(tile)
    syn0_at = address_of(syn0)
    contexts_at = address_of(scratch.contexts)
    start = 0
    for record in range(len(record_ends)):
        end = record_ends[record]
        for pos in range(start, end):
            sums[pos] = 0.0
            predictions[pos] = 0
            if ids[pos] >= predicted:
                continue
            n_contexts = 0
            sum_log_z = 0.0
            for other in range(max(start, pos - window), min(end, pos + window + 1)):
                if other != pos:
                    scratch.contexts[n_contexts] = syn0_at + ids[other] * row_bytes
                    sum_log_z += log_z[ids[other]]
                    n_contexts += 1
            if n_contexts == 0:
                continue
            n_outputs = _look_up_outputs(tile, ids[pos], has_tree, syn1, tree, scratch)
            inputs_at = contexts_at
            if tile_is_mean(tile):
                mean_at = address_of(scratch.mean_row)
                scale = np.float32(1.0 / n_contexts)
                tile_mean(tile, n_contexts, n_contexts, contexts_at, mean_at, scale)
                n_contexts = 1
                inputs_at = address_of(scratch.mean_rows)
            else:
                scratch.contexts[n_contexts] = address_of(scratch.zero_row)
            if has_tree:
                sums[pos, 0] = _score_path(tile, n_contexts, inputs_at, n_outputs, scratch)
            else:
                plain, shifted, dots = _score_word(
                    tile, n_contexts, inputs_at, log_noise[ids[pos]], scratch
                )
                sums[pos, 0] = plain
                sums[pos, 1] = shifted
                sums[pos, 2] = dots - sum_log_z
            predictions[pos] = n_contexts
        start = end
