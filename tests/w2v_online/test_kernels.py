"""Kernels of CBOW and of hierarchical softmax against references in float64."""

from __future__ import annotations

import numpy as np
import pytest

from tests import reference
from w2v_online.kernels.cbow import train_cbow
from w2v_online.kernels.hs import train_hs
from w2v_online.kernels.training import Matrices
from w2v_online.kernels.tree import TreeArrays
from w2v_online.learning.objectives.ns import NegativeSampling
from w2v_online.learning.rates import rate_table
from w2v_online.learning.scratch import make_scratch, score_tile
from w2v_online.simd.paths import nodes_per_tile
from w2v_online.simd.registers import padded
from w2v_online.simd.tiles import Tile

WORDS = 30
SIZES = [1, 3, 16, 40, 100, 300]


def _rows(rng: np.random.Generator, vector_size: int) -> np.ndarray:
    memory = np.zeros(WORDS * padded(vector_size) + 16, np.float32)
    offset = (-memory.ctypes.data % 64) // 4
    matrix = memory[offset : offset + WORDS * padded(vector_size)].reshape(WORDS, -1)
    matrix[:, :vector_size] = rng.normal(0, 0.3, (WORDS, vector_size))
    return matrix


def _sentences(rng: np.random.Generator, window: int) -> list[list[int]]:
    """Repeated words, sentences shorter than a window, odd and even ones."""
    fixed = [[7, 21, 7, 7, 29], [11], [], [4, 4], [25, 3, 19, 25, 8, 3, 14]]
    lengths = rng.integers(0, 6 * window, 10)
    return fixed + [rng.integers(2, WORDS, n).tolist() for n in lengths]


def _encoded(sentences: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    return ids, np.cumsum([len(sentence) for sentence in sentences])


def _matrices(rng: np.random.Generator, vector_size: int) -> Matrices:
    counts = (np.zeros(WORDS, np.uint32) for _ in range(2))
    return Matrices(_rows(rng, vector_size), _rows(rng, vector_size), *counts)


def _assert_moved(matrices: Matrices, expected: list[np.ndarray], vector_size: int) -> None:
    for matrix, values in zip(matrices[:2], expected, strict=True):
        np.testing.assert_allclose(matrix[:, :vector_size], values, atol=3e-5)
        assert not matrix[:, vector_size:].any()


# A kernel is compiled for each: every size with two of them, and each of them with three sizes.
@pytest.mark.parametrize(
    ("vector_size", "negative", "window"),
    [
        (1, 1, 1), (1, 20, 9), (3, 5, 3), (3, 8, 2), (16, 1, 1), (16, 5, 3),
        (40, 8, 2), (40, 20, 9), (100, 5, 3), (100, 20, 9), (300, 1, 1), (300, 8, 2),
    ],
)  # fmt: skip
def test_cbow_equals_the_reference(vector_size: int, negative: int, window: int) -> None:
    """Pairs and single centres; negatives equal to a target, repeated and missing ones."""
    rng = np.random.default_rng(negative)
    sentences = _sentences(rng, window)
    ids, ends = _encoded(sentences)
    draws = rng.integers(0, WORDS, len(ids) * negative).astype(np.int32)
    draws[1::7] = draws[:-1:7][: len(draws[1::7])]
    draws[3::11] = -1
    draws[:negative] = 7
    matrices = _matrices(rng, vector_size)
    expected = [matrix[:, :vector_size].astype(float) for matrix in matrices[:2]]
    rates = np.maximum(rate_table(NegativeSampling.cbow, 0.02, window), np.float32(0.001))
    tile = Tile(vector_size, 1 + negative, mean=True)
    position = np.zeros(1, np.int64)

    done, figures = train_cbow(
        tile, ids, ends, 0, window, matrices, draws, position, rates, np.array([99], np.uint64),
        make_scratch(tile, window), score_tile(vector_size), None,
    )  # fmt: skip

    def exact_rate(matrix: int, updates: int) -> float:
        """The table holds 16 steps per doubling, linear within it."""
        doubling = int(updates + 1).bit_length() - 1
        return float(rates[matrix, 16 * doubling + int(((updates + 1) / 2**doubling - 1) * 16)])

    numbers = reference.train_cbow(
        sentences, window, negative, *expected, draws.tolist(), exact_rate, 99
    )
    assert done == len(sentences)
    _assert_moved(matrices, expected, vector_size)
    assert figures[:2] == numbers[:2]
    np.testing.assert_allclose(figures[2:], numbers[2:], rtol=1e-5)


def _deep_tree(rng: np.random.Generator) -> tuple[TreeArrays, list[list[tuple[int, int]]]]:
    """A chain: one leaf at each depth, two at the last; paths from a leaf up, with their signs."""
    branches = rng.integers(0, 2, WORDS - 1)
    leaf_links = np.zeros(WORDS, np.int32)
    inner_links = np.full(WORDS, -1, np.int32)
    for node in range(WORDS - 1):
        leaf_links[node] = 2 * node + branches[node]
        below = 2 * node + 1 - branches[node]
        if node + 1 < WORDS - 1:
            inner_links[node + 1] = below
        else:
            leaf_links[WORDS - 1] = below
    tree = TreeArrays(
        leaf_links, inner_links, np.zeros(2 * WORDS, np.int32), np.array([WORDS, 0], np.int64)
    )
    paths = []
    for leaf in range(WORDS):
        path, link = [], int(leaf_links[leaf])
        while link >= 0:
            path.append((link >> 1, 1 - 2 * (link & 1)))
            link = int(inner_links[link >> 1])
        paths.append(path)
    return tree, paths


@pytest.mark.parametrize("cbow", [False, True])
@pytest.mark.parametrize("vector_size", SIZES)
@pytest.mark.parametrize("window", [1, 3, 6])
def test_hierarchical_softmax_equals_the_reference(
    cbow: bool, vector_size: int, window: int
) -> None:
    """Paths of 1 to 29 nodes: less than a tile of them, whole ones, and any rest."""
    rng = np.random.default_rng(vector_size + window)
    sentences = _sentences(rng, window)
    ids, ends = _encoded(sentences)
    tree, paths = _deep_tree(rng)
    assert sorted(map(len, paths)) == [*range(1, WORDS), WORDS - 1]
    matrices = _matrices(rng, vector_size)
    expected = [matrix[:, :vector_size].astype(float) for matrix in matrices[:2]]
    rates = np.full((2, 32 * 16), 0.03, np.float32)
    tile = Tile(vector_size, 1, mean=cbow)

    figures = train_hs(
        tile, ids, ends, window, matrices, tree, rates, np.array([5], np.uint64),
        make_scratch(tile, window), score_tile(vector_size), None,
    )  # fmt: skip

    numbers = reference.train_hs(
        sentences, window, *expected, paths, 0.03, 5, cbow=cbow, tile_nodes=nodes_per_tile(tile)
    )
    _assert_moved(matrices, expected, vector_size)
    assert figures[:2] == numbers[:2]
    np.testing.assert_allclose(figures[2], numbers[2], rtol=1e-5)
