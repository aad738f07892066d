"""Orthogonal Procrustes: turning one set of vectors so that it lies on another.

Two models of the same words differ by a rotation that means nothing, whole or in part; what is
left after the best rotation (Schönemann 1966) is what really moved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STABLE_SHARE = 0.5
"""Of the words, the share that moved least fixes the rotation."""

WORDS_PER_DIMENSION = 4

_ROUNDS = 3

Matrix = NDArray[np.floating]


def rotation(source: Matrix, target: Matrix) -> NDArray[np.float64]:
    """float64[D, K]: orthonormal columns R that make ``source @ R`` nearest to ``target``.

    ``source`` is [n, D], ``target`` [n, K] with K <= D; row i of both belongs together.
    """
    left, _, right = np.linalg.svd(source.T.astype(np.float64) @ target, full_matrices=False)
    turn: NDArray[np.float64] = left @ right
    return turn


def robust_rotation(source: Matrix, target: Matrix) -> NDArray[np.float64]:
    """The rotation that the stable rows agree on: fitted to all, then to those that moved least.

    Rows must have length one. So few rows that a rotation could make them agree whatever they did,
    fewer than WORDS_PER_DIMENSION times D, fix nothing: then it is the identity.
    """
    if len(source) < WORDS_PER_DIMENSION * source.shape[1]:
        return np.eye(source.shape[1])
    turn = rotation(source, target)
    for _ in range(_ROUNDS):
        nearness = np.einsum("ij,ij->i", source @ turn, target)
        kept = np.argsort(-nearness, kind="stable")[: max(1, int(STABLE_SHARE * len(source)))]
        turn = rotation(source[kept], target[kept])
    return turn
