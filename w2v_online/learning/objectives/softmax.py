"""The exact softmax over all words: what the faster objectives approximate, and their oracle.

p(w | h) = exp(y_w . h) / sum_v exp(y_v . h) (Rong 2014, eq. 2), for every input h of a step at
once, so that the work is three matrix products. Costs V dot products a pair: for small
vocabularies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels.softmax import list_windows
from w2v_online.kernels.training import MAX_UPDATES, Matrices
from w2v_online.learning.encoded import Encoded
from w2v_online.learning.objectives.base import Objective
from w2v_online.learning.rates import RateProfile, rate_indices
from w2v_online.learning.scoring import Scoring
from w2v_online.learning.trainer import Trainer
from w2v_online.stats import BatchStats

STEP_CENTERS = 4
"""Centres whose gradients make one step; with 16, lines that repeat themselves make it diverge."""

_BLOCK_INPUTS = 256
"""Inputs whose softmax is normalised at once."""


class Softmax(Objective):
    """Predicts each word among all words that have a row."""

    skip_gram = RateProfile(0.5, 1.0)
    cbow = RateProfile(8.0, 2.0)

    def make_trainer(self, seeds: NDArray[np.uint64]) -> Trainer:
        """See :class:`Objective`."""
        return SoftmaxTrainer(self.config, self.embeddings, self.profile, int(seeds[1]))

    def scoring(
        self, config: LearnerConfig, syn0: NDArray[np.float32], counts: NDArray[np.float64]
    ) -> Scoring:
        """See :class:`Objective`."""
        embeddings = self.embeddings
        return SoftmaxScoring(config, syn0, embeddings.matrices.syn1[: embeddings.predicted_rows])


class SoftmaxTrainer(Trainer):
    """Skip-gram or CBOW against every word."""

    @property
    def max_bytes(self) -> int:
        """See :class:`Trainer`; arrays live as long as a batch."""
        return 0

    def train_fresh(self, encoded: Encoded) -> BatchStats:
        """See :class:`Trainer`."""
        if encoded.noted is None:
            return self._train(encoded)
        stats = BatchStats()
        for sentence in range(len(encoded.sentence_ends)):
            part = encoded.part(sentence, sentence + 1)
            self._score(part)
            stats += self._train(part)
        return stats

    def _score(self, encoded: Encoded) -> None:
        """Write the surprise of a sentence's words by the rows as they are now."""
        noted, matrices = encoded.noted, self.embeddings.matrices
        assert noted is not None  # noqa: S101 for mypy: the caller has looked
        words = self.embeddings.predicted_rows
        scoring = SoftmaxScoring(self.config, matrices.syn0, matrices.syn1[:words])
        known = np.flatnonzero(noted.rows >= 0)
        _, predictions, log_p = scoring.windows(noted.rows[known], np.array([len(known)]))
        noted.surprise[known[predictions > 0]] = -log_p[predictions > 0]

    def _train(self, encoded: Encoded) -> BatchStats:
        words = self.embeddings.predicted_rows
        self.embeddings.announce(encoded.ids, np.arange(words, dtype=np.int32))
        pairs, loss = train_softmax(
            encoded.ids,
            encoded.sentence_ends,
            words,
            self.embeddings.vector_size,
            self.window,
            self.config.cbow,
            self.embeddings.matrices,
            self.rates,
            self.generator,
        )
        return BatchStats(positive_pairs=pairs, positive_loss=loss)


class SoftmaxScoring(Scoring):
    """log p(word | context), with the softmax over all words as its normaliser."""

    def windows(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """See :class:`Scoring`. Words that are not predicted yet are only contexts."""
        is_predicted = ids < len(self.syn1)
        sums, predictions = self.pairs(ids, ends, np.zeros(len(ids)))
        predictions[~is_predicted] = 0
        if self.config.cbow:
            totals = sums[0] - self._normalizers_of_means(ids, ends, predictions > 0)
        else:
            totals = sums[0] - self._normalizers_of_windows(ids, ends)
        totals[~is_predicted] = 0.0
        return totals, predictions, totals / np.maximum(1, predictions)

    def _normalizers(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64[n]: log of the sum over all words of exp(y . x), for each input.

        Zeros as long as no word is predicted.
        """
        if not len(self.syn1):
            return np.zeros(len(inputs))
        found = [
            _log_normalizers(inputs[first : first + _BLOCK_INPUTS], self.syn1)
            for first in range(0, len(inputs), _BLOCK_INPUTS)
        ]
        return np.concatenate([np.zeros(0), *found])

    def _normalizers_of_windows(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """By word the sum of the log normalisers of its contexts."""
        rows, places = np.unique(ids, return_inverse=True)
        log_z = self._normalizers(self.syn0[rows])[places]
        starts = np.repeat(ends - np.diff(ends, prepend=0), np.diff(ends, prepend=0))
        stops = np.repeat(ends, np.diff(ends, prepend=0))
        at = np.arange(len(ids))
        begin = np.maximum(starts, at - self.config.window)
        end = np.minimum(stops, at + self.config.window + 1)
        sums = np.concatenate([np.zeros(1), np.cumsum(log_z)])
        of_windows: NDArray[np.float64] = sums[end] - sums[begin] - log_z
        return of_windows

    def _normalizers_of_means(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64], wanted: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """The same for the mean of each wanted word's contexts; 0 for the others."""
        record = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        log_z = np.zeros(len(ids))
        positions = np.flatnonzero(wanted)
        for first in range(0, len(positions), _BLOCK_INPUTS):
            block = positions[first : first + _BLOCK_INPUTS]
            total = np.zeros((len(block), self.syn0.shape[1]), np.float32)
            contexts = np.zeros((len(block), 1), np.float32)
            for step in range(1, self.config.window + 1):
                for other in (block - step, block + step):
                    inside = (other >= 0) & (other < len(ids))
                    inside[inside] = record[other[inside]] == record[block[inside]]
                    total[inside] += self.syn0[ids[other[inside]]]
                    contexts[inside] += 1
            log_z[block] = self._normalizers(total / contexts)
        return log_z


def _log_normalizers(
    inputs: NDArray[np.float32], outputs: NDArray[np.float32]
) -> NDArray[np.float64]:
    scores = (inputs @ outputs.T).astype(np.float64)
    greatest = scores.max(axis=1)
    log_z: NDArray[np.float64] = greatest + np.log(np.exp(scores - greatest[:, None]).sum(axis=1))
    return log_z


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


OBJECTIVE = Softmax
