"""Averages of the word vectors over the recent past: what snapshots publish.

Stochastic gradient descent with a rate that must stay high, for the stream has no end, leaves
noise in every vector; batch training quenches it by letting the rate go to zero. An average over
the last part of each vector's path does the same without an end in sight (Polyak & Juditsky
1992). Training never reads averages, so they cost one visit to a row now and then.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from w2v_online.embeddings import Embeddings, reserve
from w2v_online.kernels.rows import average_rows

SWEEP_VISITS = 16
"""Visits, one at each upkeep of the learner, in which every row has its turn once."""

SHARE = 0.2
"""How much of the way to the present vector an average goes when its row has its turn."""

MIN_UPDATES = 20
"""Updates after which a row gets an average; before, its vector moves too fast to have one."""


class Averages:
    """Averages of the rows of syn0; a row without one is published as it is.

    Memory is reserved for all rows and taken, like the matrices', when a row first needs it.
    """

    def __init__(self, embeddings: Embeddings, max_rows: int) -> None:
        self._embeddings = embeddings
        self.matrix = reserve(max_rows, embeddings.row_floats, huge_pages=False)
        """float32[max_rows, row_floats]: means something where ``averaged``."""
        self.averaged = np.zeros(max_rows, np.uint32)
        """uint32[max_rows]: updates that the row's vector had at its last turn, 0: no average."""
        self.visits = 0
        self.keeper: Callable[[NDArray[np.int32]], None] | None = None
        """Called with rows whose averages are about to change."""

    @property
    def max_bytes(self) -> int:
        """Most memory that averages can ever take."""
        return self.matrix.nbytes + self.averaged.nbytes

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[len(embeddings), vector_size], a view; means something where ``averaged``."""
        return self.matrix[: len(self._embeddings), : self._embeddings.vector_size]

    def visit(self) -> None:
        """Let the next part of the rows have its turn."""
        part = self.visits % SWEEP_VISITS
        rows = len(self._embeddings)
        first, last = rows * part // SWEEP_VISITS, rows * (part + 1) // SWEEP_VISITS
        self._keep(np.arange(first, last, dtype=np.int32))
        self.visits += 1
        average_rows(
            self._embeddings.matrices.syn0,
            self._embeddings.matrices.updates0,
            self.matrix,
            self.averaged,
            first,
            last,
            np.float32(SHARE),
            MIN_UPDATES,
        )

    def reset(self, rows: NDArray[np.int32]) -> None:
        """Let rows start without an average."""
        rows = rows[self.averaged[rows] > 0]
        self._keep(rows)
        self.averaged[rows] = 0
        self.matrix[rows] = 0.0

    def remove(self, row: int, last: int) -> None:
        """Let what belongs to row ``last`` belong to ``row``; nothing of what was there remains."""
        self._keep(np.array([row, last], np.int32))
        for array in (self.matrix, self.averaged):
            array[row] = array[last]
            array[last] = 0

    def _keep(self, rows: NDArray[np.int32]) -> None:
        keeper = self.keeper
        if keeper is not None:
            keeper(rows)

    def restore(
        self, averaged: NDArray[np.uint32], rows: NDArray[np.int32], averages: NDArray[np.float32]
    ) -> None:
        """Take over saved averages: ``averages[i]`` is row ``rows[i]``'s."""
        self.averaged[: len(averaged)] = averaged
        self.matrix[rows, : averages.shape[1]] = averages
