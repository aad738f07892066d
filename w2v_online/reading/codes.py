"""Unit vectors in a byte a value: the first pass of an exact search reads a quarter of the memory.

A search is as fast as memory, and what trains beside it needs the same memory. So all rows are
compared by their codes first; how far rounding can have moved a cosine is known for every row, and
only rows that may still be among the best are compared in full. Knows arrays only.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable

import numpy as np
import simsimd
from numpy.typing import NDArray

_LARGEST = 127
"""Of a code; each row is scaled so that its largest value has it."""

GROUP_ROWS = 32
"""Rows of which the best stands for all where the k-th best is looked for."""

BLOCK_ROWS = 128 * GROUP_ROWS
"""Rows that are worked on at once: so few that what is made of them stays in the cache."""

ROUNDING = 1e-5
"""More than what float32 rounds away in a cosine."""


class CodedRows:
    """Codes of ``rows`` unit vectors; ``units(i, j)`` gives some, as float32[j - i, D]."""

    def __init__(
        self, rows: int, vector_size: int, units: Callable[[int, int], NDArray[np.float32]]
    ) -> None:
        # Memory of its own, which the system has back when the next snapshot takes this one's
        # place: from the heap it would tear holes that nothing else fits into.
        memory = mmap.mmap(-1, max(rows * vector_size, 1))
        codes = np.frombuffer(memory, np.int8, rows * vector_size)
        self._codes = codes.reshape(rows, vector_size)
        self._scales = np.empty(rows, np.float32)
        largest_error = 0.0
        for first in range(0, rows, BLOCK_ROWS):
            end = min(first + BLOCK_ROWS, rows)
            part = units(first, end)
            codes, scales, errors = _encode(part)
            self._codes[first:end], self._scales[first:end] = codes, scales
            largest_error = max(largest_error, float(errors.max(initial=0.0)))
        self._error = largest_error
        """Greatest distance between a unit vector and what its codes stand for."""

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def nbytes(self) -> int:
        """Memory of all codes."""
        return self._codes.nbytes + self._scales.nbytes

    def candidates(self, query: NDArray[np.float32], topn: int, searched: int) -> NDArray[np.int64]:
        """int64[n]: those of the first ``searched`` rows that can be among the ``topn`` nearest.

        ``query`` is float32[D] of length one (or zero); in ascending order, at least ``topn``.
        """
        code, scale, error = _encode(query[None])
        dots = np.asarray(simsimd.cdist(code, self._codes[:searched], metric="dot"))[0]
        cosines = np.empty(searched, np.float32)
        np.multiply(dots, self._scales[:searched], out=cosines, casting="same_kind")
        cosines *= scale[0]
        # |u.q - v.r| <= |u - v| |q| + |v| |q - r| where v and r are what the codes of u and q stand
        # for, and |v| <= 1 + |u - v|. Twice: one may be less near than it seems, another nearer.
        bound = 2 * (self._error + (1 + self._error) * float(error[0])) + ROUNDING
        return near_best(cosines, topn, bound)


def near_best(cosines: NDArray[np.float32], topn: int, slack: float) -> NDArray[np.int64]:
    """int64[m]: rows that can be among the ``topn`` nearest, in ascending order, at least so many.

    ``cosines`` is float32[n], each at most half of ``slack`` off; those that are no number are less
    than any other.
    """
    cosines = np.fmax(cosines, np.float32(-np.inf))
    n_groups = len(cosines) // GROUP_ROWS
    grouped = cosines[: n_groups * GROUP_ROWS]
    # Row i is in group i % n_groups; the last rows are alone. So memory is read in its order.
    best = np.append(grouped.reshape(GROUP_ROWS, -1).max(axis=0), cosines[len(grouped) :])
    if len(best) < topn:
        return np.arange(len(cosines))
    # As many rows as are asked for seem at least as near as this.
    kth = np.partition(best, len(best) - topn)[len(best) - topn]
    return np.flatnonzero(cosines >= kth - np.float32(slack))


def _encode(
    units: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Codes (int8[n, D]), what one of a row is worth, and how far each row is from its codes."""
    scales = np.abs(units).max(axis=1, initial=0.0) / np.float32(_LARGEST)
    inverse = np.float32(1.0) / np.where(scales > 0, scales, np.float32(1.0))
    rounded = np.rint(units * inverse[:, None])
    codes = rounded.astype(np.int8)
    rounded *= scales[:, None]
    rounded -= units
    errors = np.sqrt(np.einsum("ij,ij->i", rounded, rounded))
    return codes, scales, errors
