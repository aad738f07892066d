"""What all training kernels share: matrices, working memory, learning rates and figures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner

RATE_STEPS = 16
"""Entries of the learning-rate table per doubling of a row's update count."""

MAX_UPDATES = 1 << 31
"""Where a row's update count stops: its rate is at the floor long before."""

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
    means: NDArray[np.float32]  # rows of means, where these are the inputs
    mean_rows: NDArray[np.int64]  # [1], address of the first
    mean_steps: NDArray[np.float32]  # what those are to be moved by
    path_rows: NDArray[np.int64]  # along two words' paths: addresses of rows of syn1
    path_rates: NDArray[np.float32]
    path_signs: NDArray[np.float32]  # by tile: labels, laid out like the tile's errors


class PairFigures(NamedTuple):
    """What was trained by negative sampling; losses are sums of -log p before each update."""

    positive_pairs: int
    negative_pairs: int
    positive_loss: float
    negative_loss: float


class PathFigures(NamedTuple):
    """What was trained by hierarchical softmax; the loss is the sum of -log p of pairs."""

    pairs: int
    nodes: int  # inner nodes that pairs met
    loss: float


@inner
def rate_index(updates):
    """Index into a learning-rate table: ``RATE_STEPS`` entries per doubling of updates + 1."""
    bits = np.float32(updates + np.uint32(1)).view(np.int32)
    return (np.int64(bits) - np.int64(127 << 23)) >> np.int64(19)


@inner
def next_rate(rates, updates, row):
    """Learning rate of a row for the update that is now counted."""
    before = updates[row]
    updates[row] = before + np.uint32(before < MAX_UPDATES)
    return rates[rate_index(before)]


@inner
def begin_loss(scratch):
    """Forget what earlier calls kept of the likelihood."""
    scratch.likelihood[:] = np.float32(1.0)
    scratch.exponent[:] = np.int32(0)


@inner
def lane_loss(scratch, lane):
    """-log of the product of the probabilities in a lane."""
    return -np.log(np.float64(scratch.likelihood[lane])) - scratch.exponent[lane] * LN2
