"""Every architecture and loss: production kernels against finite differences in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests import reference
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.kernels.training import Matrices
from w2v_online.learning.objectives.softmax import log_probabilities

WORDS = 9
SENTENCE = [7, 2, 5, 7, 3]
"""Ids are no positions, and one word comes twice."""
RATE = 1e-4


def _model(**options: Any) -> OnlineWord2Vec:
    """A model of WORDS words, with vectors far from zero and the same rate for every row."""
    config = LearnerConfig(
        vector_size=19,
        min_count=1,
        max_vocab_size=20,
        sample=0,
        window=1,
        averaging=False,
        **options,
    )
    model = OnlineWord2Vec(config)
    words = [f"w{i}" for i in range(WORDS) for _ in range(i + 1)]
    model.learn([[word] for word in words])
    model.segments.upkeep()
    rng = np.random.default_rng(3)
    matrices = model.embeddings.matrices
    for matrix in (matrices.syn0, matrices.syn1):
        matrix[:WORDS, :19] = rng.normal(0, 0.5, (WORDS, 19))
    if model.config.loss == "hs":
        matrices.syn1[WORDS - 1] = 0.0
    trainer = model.trainers.first
    trainer.rates[:] = RATE
    trainer.set_age = lambda total_words, scale: None  # at any age
    return model


def _pairs(cbow: bool) -> list[tuple[list[int], int]]:
    """Inputs and target of every prediction of SENTENCE with window 1."""
    pairs = []
    for pos, center in enumerate(SENTENCE):
        contexts = [SENTENCE[p] for p in (pos - 1, pos + 1) if 0 <= p < len(SENTENCE)]
        pairs += [(contexts, center)] if cbow else [([context], center) for context in contexts]
    return pairs


def _log_p(
    model: OnlineWord2Vec, h: np.ndarray, word: int, syn1: np.ndarray, draws: list[int]
) -> float:
    """Log-likelihood of one prediction, written down from the papers."""
    if model.config.loss == "hs":
        nodes, code = model.objective.tree.path(word)
        signs = [1 - 2 * bit for bit in code]
        return sum(
            math.log(reference.sigmoid(sign * float(h @ syn1[node])))
            for node, sign in zip(nodes, signs, strict=True)
        )
    if model.config.loss == "softmax":
        scores = syn1 @ h
        return float(scores[word] - math.log(np.exp(scores).sum()))
    negatives = [draw for draw in draws if draw != word]
    return math.log(reference.sigmoid(float(h @ syn1[word]))) + sum(
        math.log(reference.sigmoid(-float(h @ syn1[draw]))) for draw in negatives
    )


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
@pytest.mark.parametrize("cbow", [False, True])
def test_a_step_is_the_negative_gradient(loss: str, cbow: bool) -> None:
    """One prediction at a time: both matrices move by rate times minus the gradient."""
    for sentence in ([7, 2], [2, 7], [5, 5]):
        model = _model(loss=loss, cbow=cbow)
        matrices = model.embeddings.matrices
        before = [
            matrices.syn0[:WORDS, :19].astype(float),
            matrices.syn1[:WORDS, :19].astype(float),
        ]
        words = model.vocabulary.words()
        trainer = model.trainers.first
        if loss == "ns":
            trainer.negatives.refill()
        draws = trainer.negatives.block[:10].tolist() if loss == "ns" else []

        def total(
            x: np.ndarray, y: np.ndarray, model: OnlineWord2Vec = model, draws: list[int] = draws,
            sentence: list[int] = sentence,
        ) -> float:  # fmt: skip
            (a, b), n = sentence, 5
            first = _log_p(model, x[b], a, y, draws[:n])
            return -first - _log_p(model, x[a], b, y, draws[n : 2 * n])

        loss_before = total(*before)
        x_gradient = reference.numeric_gradient(lambda v, t=total, b=before: t(v, b[1]), before[0])
        y_gradient = reference.numeric_gradient(lambda v, t=total, b=before: t(b[0], v), before[1])
        stats = model.learn([[words[i] for i in sentence]])
        assert stats.positive_loss + stats.negative_loss == pytest.approx(loss_before, rel=0.01)
        for matrix, old, gradient in (
            (matrices.syn0, before[0], x_gradient),
            (matrices.syn1, before[1], y_gradient),
        ):
            # The second prediction starts where the first one ended: equal to first order.
            moved = (matrix[:WORDS, :19] - old) / RATE
            np.testing.assert_allclose(moved, -gradient, atol=5e-3)
        assert np.abs(x_gradient).max() > 0.1


def test_the_mean_of_contexts_shares_the_step_among_them() -> None:
    """CBOW: each of C contexts gets 1 / C of the gradient of the mean (Irsoy et al. 2021)."""
    for loss in ("hs", "softmax"):
        model = _model(loss=loss, cbow=True)
        matrices = model.embeddings.matrices
        x, y = matrices.syn0[:WORDS, :19].astype(float), matrices.syn1[:WORDS, :19].astype(float)
        words = model.vocabulary.words()

        def total(v: np.ndarray, model: OnlineWord2Vec = model, y: np.ndarray = y) -> float:
            predictions = _pairs(cbow=True)
            return -sum(_log_p(model, v[c].mean(axis=0), w, y, []) for c, w in predictions)

        gradient = reference.numeric_gradient(total, x)
        model.learn([[words[i] for i in SENTENCE]])
        moved = (matrices.syn0[:WORDS, :19] - x) / RATE
        np.testing.assert_allclose(moved, -gradient, atol=1e-2)


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_cbow_with_one_context_is_skip_gram(loss: str) -> None:
    """In two-word sentences each centre has one context: both predict it from the same input."""
    moved = []
    for cbow in (False, True):
        model = _model(loss=loss, cbow=cbow)
        words = model.vocabulary.words()
        if loss == "ns":
            model.trainers.first.negatives.refill()
        model.learn([[words[i] for i in pair] for pair in ([7, 2], [5, 3], [2, 2])])
        moved.append(model.embeddings.matrices)
    one, other = moved
    np.testing.assert_allclose(one.syn0, other.syn0, atol=1e-6)
    np.testing.assert_allclose(one.syn1, other.syn1, atol=1e-6)


def test_exhaustive_negatives_make_the_expected_gradient() -> None:
    """With every word drawn as often as the noise says, the step is that of the expectation."""
    model = _model(negative=45)
    matrices = model.embeddings.matrices
    x, y = matrices.syn0[:WORDS, :19].astype(float), matrices.syn1[:WORDS, :19].astype(float)
    words = model.vocabulary.words()
    counts = np.arange(1, WORDS + 1)  # 45 draws in all: exactly proportional to the counts
    negatives = model.trainers.first.negatives
    negatives.refill()
    draws = np.repeat(np.arange(WORDS), counts).astype(np.int32)
    negatives.block[:90] = np.tile(draws, 2)
    negatives.next[0] = 0
    model.learn([[words[7], words[2]]])
    noise = counts / counts.sum()

    def expected(h: np.ndarray, word: int) -> np.ndarray:
        step = (1 - reference.sigmoid(float(h @ y[word]))) * y[word]
        for other in range(WORDS):
            if other != word:
                step -= 45 * noise[other] * reference.sigmoid(float(h @ y[other])) * y[other]
        return step

    moved = (matrices.syn0[:WORDS, :19] - x) / RATE
    np.testing.assert_allclose(moved[2], expected(x[2], 7), atol=2e-2)
    np.testing.assert_allclose(moved[7], expected(x[7], 2), atol=2e-2)


@pytest.mark.parametrize("loss", ["hs", "softmax"])
def test_probabilities_sum_to_one(loss: str) -> None:
    model = _model(loss=loss)
    matrices: Matrices = model.embeddings.matrices
    y = matrices.syn1[:WORDS, :19].astype(float)
    for row in range(WORDS):
        h = matrices.syn0[row, :19]
        if loss == "softmax":
            log_p = log_probabilities(h[None], matrices.syn1[:WORDS, :19])[0]
        else:
            log_p = np.array([_log_p(model, h.astype(float), w, y, []) for w in range(WORDS)])
        assert np.exp(log_p).sum() == pytest.approx(1.0, abs=1e-5)


def test_lines_that_repeat_themselves_do_not_make_the_softmax_diverge() -> None:
    """Gradients of one row at one point are each right, but too many of them go too far."""
    model = OnlineWord2Vec(LearnerConfig(loss="softmax", min_count=1, sample=0, alpha=0.15))
    lines = [["<N>", "a", "<N>", "b"] * 6 + [f"w{i % 40}"] for i in range(400)]
    assert model.learn(lines).loss < 1.5
    assert np.linalg.norm(model.embeddings.vectors, axis=1).max() < 3.0
