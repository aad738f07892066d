"""Averages of the word vectors over the recent past, which snapshots publish with the vectors.

Stochastic gradient descent with a rate that must stay high, for the stream has no end, leaves
noise in every vector; batch training quenches it by letting the rate go to zero. An average over
the last part of each vector's path does the same without an end in sight (Polyak & Juditsky
1992). They cost one visit to a row now and then, and a byte for each value: what that rounds away
is a fiftieth of the noise that they are there to remove. Training does not read them, but for a
pull of rows towards their averages where the same text is learned several times (Zhang et al. 2019,
Lookahead).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.rows import average_rows, encode_rows
from w2v_online.learning.embeddings import Embeddings, reserve
from w2v_online.learning.publishing import between, change_scores, deviations, shares

SWEEP_VISITS = 16
"""Visits, one at each upkeep of the learner, in which every row has its turn once."""

SHARE = 0.2
"""How much of the way to the present vector an average goes when its row has its turn."""

_PULLED_AT_ONCE = 1 << 12
"""Rows that :meth:`Averages.pull` copies at a time: a few megabytes."""

REPLAY_PULL = 0.2
"""With replay, how much of the way to its average a row goes then: several looks at a text learn
enough for it. In a single pass it would cost as much as it gains."""

MIN_UPDATES = 20
"""Updates after which a row gets an average; before, its vector moves too fast to have one."""


def decode(words: NDArray[np.float32], vector_size: int) -> NDArray[np.float32]:
    """float32[n, vector_size]: the values of rows of :attr:`Averages.words`."""
    codes = words.view(np.int8)
    exponents = codes[:, vector_size, None].astype(np.int32)
    values: NDArray[np.float32] = np.ldexp(codes[:, :vector_size].astype(np.float32), exponents)
    return values


def averages_of(vectors: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[n, D]: averages, of which ``words`` are the rows, of ``vectors`` (float32[n, D]).

    A vector itself where its average is the nearest that there is to it.
    """
    size = vectors.shape[1]
    nearest = np.zeros_like(words)
    rows = np.arange(len(words), dtype=np.int32)
    encode_rows(np.ascontiguousarray(vectors), rows, nearest.view(np.int8))
    is_same = (nearest.view(np.int8) == words.view(np.int8)).all(axis=1)
    return np.where(is_same[:, None], vectors, decode(words, size))


class Averages:
    """Averages of the rows of syn0; a row without one is published as it is.

    Memory is reserved for all rows and taken, like the matrices', when a row first needs it. With
    ``pull`` above 0, rows of syn0 go so much of the way to their averages at each turn.
    """

    def __init__(self, embeddings: Embeddings, max_rows: int, *, pull: float = 0.0) -> None:
        self._embeddings = embeddings
        self._pull = np.float32(pull)
        self.words = reserve(max_rows, embeddings.vector_size // 4 + 1, huge_pages=False)
        """float32[max_rows, w]: codes, see :func:`decode`, four to a word that is no number."""
        self._codes = self.words.view(np.int8)
        self.averaged = np.zeros(max_rows, np.uint32)
        """uint32[max_rows]: updates that the row's vector had at its last turn, 0: no average."""
        self._values = np.zeros(embeddings.vector_size, np.float32)
        self.visits = 0
        self.before_change: Callable[[NDArray[np.int32]], None] | None = None
        """Called with rows whose averages are about to change."""

    @property
    def max_bytes(self) -> int:
        """Most memory that averages can ever take."""
        return self.words.nbytes + self.averaged.nbytes

    def visit(self) -> None:
        """Let the next part of the rows have its turn."""
        part = self.visits % SWEEP_VISITS
        rows = len(self._embeddings)
        first, last = rows * part // SWEEP_VISITS, rows * (part + 1) // SWEEP_VISITS
        turn = np.arange(first, last, dtype=np.int32)
        self._announce(turn)
        if self._pull:
            self._embeddings.announce(turn, turn[:0])
        self.visits += 1
        average_rows(
            self._embeddings.matrices.syn0,
            self._embeddings.matrices.updates0,
            self._codes,
            self.averaged,
            self._values,
            first,
            last,
            np.float32(SHARE),
            self._pull,
            MIN_UPDATES,
            np.uint32(self.visits & 0xFFFFFFFF),
        )

    @property
    def rows(self) -> NDArray[np.int32]:
        """int32[n]: rows that have an average."""
        return np.flatnonzero(self.averaged[: len(self._embeddings)]).astype(np.int32)

    def of(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[n, D]: the averages of rows that have one."""
        return averages_of(self._embeddings.vectors[rows], self.words[rows])

    def pull(self, share: float) -> None:
        """Let every row that has an average go so much of the way to it."""
        vectors, averaged_rows = self._embeddings.vectors, self.rows
        for first in range(0, len(averaged_rows), _PULLED_AT_ONCE):
            rows = averaged_rows[first : first + _PULLED_AT_ONCE]
            self._embeddings.announce(rows, rows[:0])
            vectors[rows] += np.float32(share) * (self.of(rows) - vectors[rows])

    def reset(self, rows: NDArray[np.int32]) -> None:
        """Let rows start without an average."""
        rows = rows[self.averaged[rows] > 0]
        self._announce(rows)
        self.averaged[rows] = 0
        self.words[rows] = 0.0

    def remove(self, row: int, last: int) -> None:
        """Let what belongs to row ``last`` belong to ``row``; nothing of what was there remains."""
        self._announce(np.array([row, last], np.int32))
        for array in (self.words, self.averaged):
            array[row] = array[last]
            array[last] = 0

    def _announce(self, rows: NDArray[np.int32]) -> None:
        before_change = self.before_change
        if before_change is not None:
            before_change(rows)

    def scores(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[n]: change scores; ``rows`` are all that have an average."""
        vectors = self._embeddings.vectors[rows]
        return change_scores(deviations(vectors, self.of(rows)), self.averaged[rows])

    def published(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows that have an average, and what is published of them, float32[n, D]."""
        rows = self.rows
        vectors = self._embeddings.vectors[rows]
        return rows, between(vectors, self.of(rows), shares(self.scores(rows), self.averaged[rows]))

    def restore(
        self, averaged: NDArray[np.uint32], rows: NDArray[np.int32], codes: NDArray[np.int8]
    ) -> None:
        """Take over saved averages: ``codes[i]``, int8[D + 1], are those of row ``rows[i]``."""
        self.averaged[: len(averaged)] = averaged
        self._codes[rows, : codes.shape[1]] = codes

    def restore_values(
        self, averaged: NDArray[np.uint32], rows: NDArray[np.int32], averages: NDArray[np.float32]
    ) -> None:
        """Take over averages as older snapshots hold them: ``averages[i]`` is row ``rows[i]``'s."""
        self.averaged[: len(averaged)] = averaged
        encode_rows(np.ascontiguousarray(averages), rows, self._codes)

    def warm_up(self) -> None:
        """Call the kernel that only :meth:`restore_values` needs."""
        nothing = np.empty(0, np.int32)
        self.restore_values(np.empty(0, np.uint32), nothing, np.empty((0, 1), np.float32))
