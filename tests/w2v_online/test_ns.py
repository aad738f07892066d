"""The production kernel against finite differences and against a plain reference."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from tests import reference
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.kernels.ns import train_ns
from w2v_online.kernels.training import Matrices
from w2v_online.kernels.windows import train_window
from w2v_online.learning.objectives.ns import NegativeSampling
from w2v_online.learning.rates import rate_table
from w2v_online.learning.scratch import make_scratch, score_tile
from w2v_online.simd.memory import address_of
from w2v_online.simd.registers import padded
from w2v_online.simd.tiles import Tile

SHAPES = [(1, 1), (3, 2), (16, 5), (100, 5), (40, 9), (100, 15), (24, 20), (300, 10)]


@numba.njit
def _step(tile, n_contexts, outputs, output_rates, scratch):  # type: ignore[no-untyped-def]
    rows_at = address_of(outputs)
    return train_window(
        tile, 0, n_contexts, rows_at, address_of(output_rates), rows_at, outputs[0], scratch
    )


def _rows(rng: np.random.Generator, rows: int, vector_size: int, scale: float) -> np.ndarray:
    memory = np.zeros(rows * padded(vector_size) + 16, np.float32)
    offset = (-memory.ctypes.data % 64) // 4
    matrix = memory[offset : offset + rows * padded(vector_size)].reshape(rows, -1)
    matrix[:, :vector_size] = rng.normal(0, scale, (rows, vector_size))
    return matrix


@pytest.mark.parametrize(("vector_size", "negative"), SHAPES)
@pytest.mark.parametrize("n_contexts", [1, 2, 5])
def test_a_window_step_is_the_negative_gradient(
    vector_size: int, negative: int, n_contexts: int
) -> None:
    """With rate 1 both matrices move by minus the gradient of the loss, to float32 accuracy."""
    rng = np.random.default_rng(vector_size * negative + n_contexts)
    tile = Tile(vector_size, 1 + negative)
    scratch = make_scratch(tile, window=5)
    scale = vector_size**-0.25
    x, y = _rows(rng, n_contexts, vector_size, scale), _rows(rng, 1 + negative, vector_size, scale)
    for i in range(n_contexts):
        scratch.contexts[i] = x[i].ctypes.data
        scratch.context_rates[i] = 1.0
    for k in range(1 + negative):
        scratch.output_rows[k] = y[k].ctypes.data
        scratch.output_rates[k] = 1.0
    x64, y64 = x[:, :vector_size].astype(float), y[:, :vector_size].astype(float)

    _step(tile, n_contexts, scratch.output_rows, scratch.output_rates, scratch)

    x_gradient = reference.numeric_gradient(lambda v: reference.window_loss(v, y64), x64)
    y_gradient = reference.numeric_gradient(lambda v: reference.window_loss(x64, v), y64)
    np.testing.assert_allclose(x[:, :vector_size] - x64, -x_gradient, atol=2e-5, rtol=2e-5)
    np.testing.assert_allclose(y[:, :vector_size] - y64, -y_gradient, atol=2e-5, rtol=2e-5)
    assert not x[:, vector_size:].any()
    assert not y[:, vector_size:].any()


@pytest.mark.parametrize(
    ("vector_size", "negative", "window"),
    [*((*shape, 3) for shape in SHAPES), (20, 3, 12), (20, 9, 40)],
)
def test_training_equals_the_reference(vector_size: int, negative: int, window: int) -> None:
    """Repeated words, negatives equal to the target, repeated and missing negatives included."""
    rng = np.random.default_rng(negative)
    words = 30
    sentences = [
        [7, 21, 7, 7, 29],
        [11],
        [],
        [4, 4],
        [25, 3, 19, 25, 8, 3, 14],
        *(rng.integers(2, 30, rng.integers(0, 4 * window)).tolist() for _ in range(10)),
    ]
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    ends = np.cumsum([len(sentence) for sentence in sentences])
    draws = rng.integers(0, words, len(ids) * negative).astype(np.int32)
    draws[1::7] = draws[:-1:7][: len(draws[1::7])]
    draws[3::11] = -1
    draws[:negative] = 7
    tile = Tile(vector_size, 1 + negative)
    syn0 = _rows(rng, words, vector_size, 0.3)
    syn1 = _rows(rng, words, vector_size, 0.3)
    expected0 = syn0[:, :vector_size].astype(float)
    expected1 = syn1[:, :vector_size].astype(float)
    matrices = Matrices(syn0, syn1, np.zeros(words, np.uint32), np.zeros(words, np.uint32))
    rates = np.maximum(
        rate_table(NegativeSampling.skip_gram, 0.3 / window, window), np.float32(0.01)
    )
    state = np.array([99], np.uint64)

    done, figures = train_ns(
        tile, ids, ends, 0, window, matrices, draws, np.zeros(1, np.int64), rates, state,
        make_scratch(tile, window), score_tile(vector_size), None,
    )  # fmt: skip

    def exact_rate(matrix: int, updates: int) -> float:
        """The table holds 16 steps per doubling, linear within it."""
        doubling = int(updates + 1).bit_length() - 1
        step = int(((updates + 1) / 2**doubling - 1) * 16)
        return float(rates[matrix, 16 * doubling + step])

    expected = reference.train_sgns(
        sentences, window, negative, expected0, expected1, draws.tolist(), exact_rate, 99
    )
    assert done == len(sentences)
    np.testing.assert_allclose(syn0[:, :vector_size], expected0, atol=2e-5)
    np.testing.assert_allclose(syn1[:, :vector_size], expected1, atol=2e-5)
    assert figures[:2] == expected[:2]
    np.testing.assert_allclose(figures[2:], expected[2:], rtol=1e-5)


def test_training_stops_before_a_sentence_that_lacks_negatives_and_goes_on_there() -> None:
    """Two calls with the draws split between them equal one call with all draws."""
    rng = np.random.default_rng(5)
    tile = Tile(16, 3)
    ids = rng.integers(0, 20, 60).astype(np.int32)
    ends = np.arange(10, 61, 10)
    draws = rng.integers(0, 20, 120).astype(np.int32)
    rates = np.maximum(rate_table(NegativeSampling.skip_gram, 0.1, window=3), np.float32(0.01))
    results = []
    for pieces in ([draws], [draws[:50], draws[40:]]):
        local = np.random.default_rng(6)
        syn0, syn1 = _rows(local, 20, 16, 0.3), _rows(local, 20, 16, 0.3)
        matrices = Matrices(syn0, syn1, np.zeros(20, np.uint32), np.zeros(20, np.uint32))
        state, sentence, pairs = np.array([3], np.uint64), 0, np.zeros(2)
        for piece in pieces:
            position = np.zeros(1, np.int64)
            sentence, figures = train_ns(
                tile, ids, ends, sentence, 4, matrices, piece, position, rates, state,
                make_scratch(tile, 4), score_tile(16), None,
            )  # fmt: skip
            pairs += figures[:2]
        assert sentence == len(ends)
        results.append((syn0.copy(), syn1.copy(), pairs))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_extreme_scores_stay_finite_and_keep_their_loss() -> None:
    """Dot products of +-60 neither overflow nor lose the gradient, and the loss is theirs."""
    tile = Tile(16, 2)
    scratch = make_scratch(tile, 1)
    rng = np.random.default_rng(0)
    x, y = _rows(rng, 1, 16, 0.0), _rows(rng, 2, 16, 0.0)
    x[0, 0], y[0, 0], y[1, 0] = 60.0, -1.0, 1.0
    scratch.contexts[0], scratch.context_rates[0] = x[0].ctypes.data, 1.0
    for k in range(2):
        scratch.output_rows[k], scratch.output_rates[k] = y[k].ctypes.data, 0.0
    scratch.likelihood[:], scratch.exponent[:] = 1.0, 0
    _step(tile, 1, scratch.output_rows, scratch.output_rates, scratch)
    assert x[0, 0] == pytest.approx(58.0)
    loss = -np.log(scratch.likelihood[:2]) - scratch.exponent[:2] * np.log(2)
    np.testing.assert_allclose(loss, [60.0, 60.0], rtol=1e-5)


def test_wide_windows_do_not_diverge() -> None:
    """A window of hundreds of words would sum hundreds of gradients in one step."""
    model = OnlineWord2Vec(
        LearnerConfig(window=1000, vector_size=33, min_count=1, max_vocab_size=500, sample=0)
    )
    rng = np.random.default_rng(0)
    model.learn([[f"w{i}" for i in rng.zipf(1.3, 900).clip(1, 400)] for _ in range(30)])
    assert np.isfinite(model.embeddings.vectors).all()
    assert np.abs(model.embeddings.vectors).max() < 20
