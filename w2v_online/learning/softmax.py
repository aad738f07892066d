"""The exact softmax over all words: what the faster losses stand for, and their oracle.

p(w | h) = exp(y_w . h) / sum_v exp(y_v . h) (Rong 2014, eq. 2), for every input h of a step at
once, so that the work is three matrix products. Costs V dot products a pair: for small
vocabularies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.softmax import list_windows
from w2v_online.kernels.windows import MAX_UPDATES, Matrices
from w2v_online.learning.rates import rate_indices

STEP_CENTERS = 4
"""Centres whose gradients make one step; with 16, lines that repeat themselves make it diverge."""


def log_probabilities(
    inputs: NDArray[np.float32], output_vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """float32[n, V]: log p of every word for each of n inputs (float32[n, D])."""
    scores: NDArray[np.float32] = inputs @ output_vectors.T
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return scores


def train_softmax(
    ids: NDArray[np.int32],
    sentence_ends: NDArray[np.int64],
    words: int,
    vector_size: int,
    window: int,
    mean: bool,
    matrices: Matrices,
    rates: NDArray[np.float32],
    state: NDArray[np.uint64],
) -> tuple[int, float]:
    """Train on every sentence; return pairs and the sum of their -log p.

    ``words`` are the rows that are predicted, the others only contexts. With ``mean`` the input is
    the mean of a centre's contexts, else each of them. Other arguments are those of the kernels. A
    step takes the gradients of at most STEP_CENTERS centres of a sentence at one point.
    """
    contexts = np.empty(2 * window * len(ids), np.int32)
    ends = np.empty(len(ids), np.int64)
    centers = np.empty(len(ids), np.int32)
    steps_end = np.empty(len(ids), np.int64)
    n_steps = list_windows(
        ids, sentence_ends, window, words, STEP_CENTERS, state, contexts, ends, centers, steps_end
    )
    syn0 = matrices.syn0[:, :vector_size]
    syn1 = matrices.syn1[:words, :vector_size]
    pairs, loss = 0, 0.0
    last = 0
    for step in range(n_steps):
        first, last = last, int(steps_end[step])
        begin = int(ends[first - 1]) if first else 0
        rows = contexts[begin : ends[last - 1]]
        sizes = np.diff(ends[first:last], prepend=begin)
        starts = np.cumsum(sizes) - sizes
        inputs = syn0[rows]
        targets = np.repeat(centers[first:last], sizes)
        shares = (1.0 / sizes[:, None]).astype(np.float32)
        if mean:
            inputs = np.add.reduceat(inputs, starts, axis=0) * shares
            targets = centers[first:last]
        log_p = log_probabilities(inputs, syn1)
        loss -= float(log_p[np.arange(len(targets)), targets].sum(dtype=np.float64))
        errors = -np.exp(log_p)
        errors[np.arange(len(targets)), targets] += 1.0
        steps = errors @ syn1
        if mean:
            steps = np.repeat(steps * shares, sizes, axis=0)
        output_rates = rates[1][rate_indices(matrices.updates1[:words])]
        syn1 += output_rates[:, None] * (errors.T @ inputs)
        input_rates = rates[0][rate_indices(matrices.updates0[rows])]
        np.add.at(syn0, rows, input_rates[:, None] * steps)
        for updates in (matrices.updates0, matrices.updates1):
            np.add.at(updates, centers[first:last], np.uint32(1))
            updates[centers[first:last]] = np.minimum(updates[centers[first:last]], MAX_UPDATES)
        pairs += len(targets)
    return pairs, loss
