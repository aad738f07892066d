"""What changed between two snapshots: words that are new, words that are gone, vectors that moved.

Rows are no identity: most words have another one in the next snapshot. Vectors are compared as they
are, without a rotation, because a model that goes on keeps its space. Takes about a second for a
million words.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.codes import BLOCK_ROWS
from w2v_online.reading.table import VectorTable
from w2v_online.reading.words import as_dict

THRESHOLD = 0.99
"""Cosine below which a vector has moved."""


@dataclass(frozen=True)
class Changes:
    """What is different in ``table``; all arrays hold its rows, in ascending order."""

    table: VectorTable
    """The newer one."""
    new_rows: NDArray[np.int64]
    """int64[n]: words that were not there before."""
    moved_rows: NDArray[np.int64]
    """int64[m]: words whose vector has a cosine below the threshold with its old one."""
    cosines: NDArray[np.float32]
    """float32[m]: these cosines."""
    gone: list[str]
    """Words that were there before, in their old order."""

    @property
    def new(self) -> list[str]:
        """The new words."""
        return [self.table.words[row] for row in self.new_rows.tolist()]

    @property
    def moved(self) -> list[str]:
        """The words that moved."""
        return [self.table.words[row] for row in self.moved_rows.tolist()]

    @property
    def new_vectors(self) -> NDArray[np.float32]:
        """float32[n, D]: the vectors of the new words, a copy."""
        return self.table.take(self.new_rows)

    @property
    def moved_vectors(self) -> NDArray[np.float32]:
        """float32[m, D]: the new vectors of the words that moved, a copy."""
        return self.table.take(self.moved_rows)

    def __len__(self) -> int:
        return len(self.new_rows) + len(self.moved_rows) + len(self.gone)


def changes(old: VectorTable, new: VectorTable, threshold: float = THRESHOLD) -> Changes:
    """What changed from ``old`` to ``new``; ValueError if vectors are of different sizes.

    A vector moved if its cosine with the old one is below ``threshold``; with a threshold above 1
    if one bit of it is different.
    """
    if old.vector_size != new.vector_size:
        raise ValueError(
            f"{old.name} has vectors of {old.vector_size} numbers and {new.name} of "
            f"{new.vector_size}: they cannot be compared"
        )
    old_words, new_words = list(old.words), list(new.words)
    old_row_of = as_dict(old_words)
    old_rows = np.fromiter(map(old_row_of.get, new_words, repeat(-1)), np.int64, len(new_words))
    shared = np.flatnonzero(old_rows >= 0)
    moved, cosines = _moved(old, new, old_rows[shared], shared, threshold)
    stays = np.zeros(len(old_words), np.bool_)
    stays[old_rows[shared]] = True
    gone = [old_words[row] for row in np.flatnonzero(~stays).tolist()]
    return Changes(new, np.flatnonzero(old_rows < 0), moved, cosines, gone)


def _moved(
    old: VectorTable,
    new: VectorTable,
    old_rows: NDArray[np.int64],
    new_rows: NDArray[np.int64],
    threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    rows, found = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for first in range(0, len(new_rows), BLOCK_ROWS):
        part = slice(first, first + BLOCK_ROWS)
        before, after = old.take(old_rows[part]), new.take(new_rows[part])
        cosines = np.einsum("ij,ij->i", before, after)
        cosines *= old.inverse_norms[old_rows[part]] * new.inverse_norms[new_rows[part]]
        below = np.flatnonzero(cosines < threshold)
        # Rounding, and vectors of zeros: what is the same has not moved.
        below = below[(before[below] != after[below]).any(axis=1)]
        rows.append(new_rows[part][below])
        found.append(cosines[below])
    return np.concatenate(rows), np.concatenate(found)
