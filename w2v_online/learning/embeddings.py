"""The two matrices: aligned rows that appear as words arrive, and what each row remembers.

Owns memory and the initial values of rows; knows nothing of words or of how rows are trained.
Capacity for every possible row is reserved as address space, which costs nothing until a row is
touched, so growing copies nothing and rows never move.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.rows import initialise_rows
from w2v_online.kernels.training import Matrices
from w2v_online.simd.registers import padded

# Python's default is memory shared with child processes, which no kernel gives huge pages.
_PRIVATE = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
)

BeforeChange = Callable[[NDArray[np.int32], NDArray[np.int32]], None]


def reserve(rows: int, row_floats: int, *, huge_pages: bool) -> NDArray[np.float32]:
    """float32[rows, row_floats] of zeros, page-aligned, in huge pages if asked and to be had.

    Huge pages are faster where rows are visited at random, small ones take less memory where
    only some are visited at all. MemoryError if the system does not let the process have so much.
    """
    try:
        memory = mmap.mmap(-1, max(rows * row_floats * 4, mmap.PAGESIZE), **_PRIVATE)
    except OSError as error:
        raise MemoryError(f"cannot reserve {rows:,} rows: {error.strerror}") from error
    if huge_pages and hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            pass  # a kernel without huge pages; only speed differs
    array = np.frombuffer(memory, np.float32, count=rows * row_floats)
    return array.reshape(rows, row_floats)


class Embeddings:
    """syn0 and syn1 with their update counts; rows below ``len(self)`` are in use."""

    def __init__(
        self, max_rows: int, vector_size: int, seed_state: int, *, has_inner_nodes: bool = False
    ) -> None:
        self.vector_size = vector_size
        self._has_inner_nodes = has_inner_nodes
        """Whether rows of syn1 are nodes of a tree, not words."""
        self.row_floats = padded(vector_size)
        self.matrices = Matrices(
            syn0=reserve(max_rows, self.row_floats, huge_pages=True),
            syn1=reserve(max_rows, self.row_floats, huge_pages=True),
            updates0=np.zeros(max_rows, np.uint32),
            updates1=np.zeros(max_rows, np.uint32),
        )
        self.predicted_rows = 0
        """Rows that have an output vector by now, for those who must know how many."""
        self.state = np.array([seed_state], np.uint64)
        self._rows = 0
        self.companions: list[NDArray[Any]] = []
        """Others' arrays by row: zeroed where a row starts afresh, moved where it moves."""
        self.before_change: BeforeChange | None = None
        """Called with rows that are about to change, while a snapshot copies them."""

    def __len__(self) -> int:
        return self._rows

    @property
    def max_bytes(self) -> int:
        """Most memory that the matrices and their update counts can ever take."""
        return sum(array.nbytes for array in self.matrices)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[len(self), vector_size], a view of syn0 without its padding."""
        return self.matrices.syn0[: self._rows, : self.vector_size]

    @property
    def output_vectors(self) -> NDArray[np.float32]:
        """float32[len(self), vector_size], a view of syn1 without its padding."""
        return self.matrices.syn1[: self._rows, : self.vector_size]

    def grow(self, rows: int) -> None:
        """Have ``rows`` rows in use: new ones get a random vector of syn0, zeros in syn1.

        Initial values are uniform in [-0.15, 0.15) / sqrt(vector_size): norms are 0.09 or so for
        any vector_size, three times word2vec.c's at 100. From closer to zero, where all gradients
        vanish, a word takes longer to get away; from further away a rare word takes longer to
        forget where it began.
        """
        if rows <= self._rows:
            return
        new_rows = np.arange(self._rows, rows, dtype=np.int32)
        self.announce(new_rows, new_rows)
        initialise_rows(self.matrices.syn0, new_rows, self.vector_size, self.state)
        self._rows = rows

    def adopt(
        self, rows: NDArray[np.int32], vectors: NDArray[np.float32], updates: NDArray[np.uint32]
    ) -> None:
        """Give rows these vectors, as if each had been updated so often (uint32[len(rows)])."""
        self.announce(rows, rows[:0])
        self.matrices.syn0[rows, : self.vector_size] = vectors
        self.matrices.updates0[rows] = updates

    def reset(self, rows: NDArray[np.int32]) -> None:
        """Let rows start afresh, as if they had just come into use."""
        self.announce(rows, rows)
        initialise_rows(self.matrices.syn0, rows, self.vector_size, self.state)
        self.matrices.updates0[rows] = 0
        for array in self.companions:
            array[rows] = 0
        if self._has_inner_nodes:
            return  # the word at that place of the tree from now on
        self.matrices.syn1[rows] = 0.0
        self.matrices.updates1[rows] = 0

    def remove(self, row: int, output_row: int | None = None) -> None:
        """Let the last row take the place of ``row``; nothing of what stood there remains.

        Inner nodes have numbers of their own: ``output_row`` is the one that goes, -1 for none, and
        the last one takes its place.
        """
        last = self._rows - 1
        output_row, last_output = (row, last) if output_row is None else (output_row, last - 1)
        self.announce(
            np.array([row, last], np.int32), np.array([output_row, last_output], np.int32)
        )
        for array in (self.matrices.syn0, self.matrices.updates0, *self.companions):
            array[row] = array[last]
            array[last] = 0
        if output_row >= 0:
            for array in (self.matrices.syn1, self.matrices.updates1):
                array[output_row] = array[last_output]
                array[last_output] = 0
        self._rows = last

    def announce(self, rows: NDArray[np.int32], output_rows: NDArray[np.int32]) -> None:
        """Announce that rows of syn0 and of syn1 are about to change; every change needs that.

        Rows may come more than once, more of them than change, and -1 for none.
        """
        before_change = self.before_change
        if before_change is not None:
            before_change(rows, output_rows)

    def restore(
        self,
        rows: NDArray[np.int32],
        vectors: NDArray[np.float32],
        output_vectors: NDArray[np.float32],
        updates: tuple[NDArray[np.uint32], NDArray[np.uint32]],
        state: int,
    ) -> None:
        """Take over saved rows: ``vectors[i]`` is row ``rows[i]``'s; update counts are by row."""
        self._rows = len(rows)
        self.matrices.syn0[rows, : self.vector_size] = vectors
        self.matrices.syn1[rows, : self.vector_size] = output_vectors
        self.matrices.updates0[: self._rows] = updates[0]
        self.matrices.updates1[: self._rows] = updates[1]
        self.state[0] = state
