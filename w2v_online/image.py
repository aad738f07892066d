"""What a snapshot holds of a learner besides its matrices, as it is at one moment.

Arrays are views of the live learner, for writing at once, or copies, for writing while it goes on.
What can be computed from them (order, words, counts) is computed when it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v_online import snapshot_writer
from w2v_online.kernels import vocabulary as kernels
from w2v_online.kernels.vocabulary import VocabularyArrays
from w2v_online.snapshot import STATE_FOLDER
from w2v_online.snapshot_writer import SnapshotWriter

_SLACK = 1.0625
"""Spare room in copies: what has to be copied grows between two of them."""


class Matrix(Protocol):
    """Rows of a matrix, wherever they are."""

    def chunks(self, order: NDArray[np.int32]) -> Iterator[bytes | memoryview]:
        """A ``.npy`` file of the rows in this order, a piece at a time."""


@dataclass(frozen=True)
class LiveMatrix:
    """A matrix that does not change meanwhile: float32[V, D]."""

    values: NDArray[np.float32]

    def chunks(self, order: NDArray[np.int32]) -> Iterator[bytes | memoryview]:
        """See :class:`Matrix`."""
        return snapshot_writer.array_chunks(snapshot_writer.Rows(self.values, order))


@dataclass
class Room:
    """Memory for copies, which a first copy makes ready: the system clears it at its first use."""

    arrays: dict[str, NDArray[np.uint8]] = field(default_factory=dict)

    def copy(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """A copy of the array."""
        memory = self.arrays.get(name)
        if memory is None or len(memory) < array.nbytes:
            memory = self.arrays[name] = np.zeros(int(array.nbytes * _SLACK) + 4096, np.uint8)
        copied = memory[: array.nbytes].view(array.dtype).reshape(array.shape)
        copied[...] = array
        return copied


@dataclass(frozen=True)
class Image:
    """State of a learner at one moment; ``state`` are the arrays of the folder of that name."""

    state: Mapping[str, NDArray[Any]]
    vocabulary: VocabularyArrays
    has_whole_counts: bool
    manifest: dict[str, Any]

    def copy(self, room: Room) -> Image:
        """The same in memory of its own."""
        rows = len(self.state["row_counts"])
        state = {name: room.copy(name, array) for name, array in self.state.items()}
        starts = room.copy(".starts", self.vocabulary.starts[:rows])
        words = self.vocabulary._replace(arena=state["arena"], starts=starts)
        return replace(self, state=state, vocabulary=words)

    @property
    def nbytes(self) -> int:
        """Bytes of the files that :meth:`write` makes besides the matrices, about."""
        rows = len(self.state["row_counts"])
        return sum(array.nbytes + 4096 for array in self.state.values()) + 64 * rows

    def write(
        self, writer: SnapshotWriter, vectors: Matrix, state: Mapping[str, Matrix], **extra: Any
    ) -> Path:
        """Write everything and let the snapshot appear; return its path. Raises SnapshotError."""
        order = np.argsort(-self.state["row_counts"], kind="stable").astype(np.int32)
        writer.add("words.txt", [self._words(order)])
        writer.add("vectors.npy", vectors.chunks(order))
        writer.add_array("counts.npy", self._counts("row_counts", order))
        writer.add_array("count_errors.npy", self._counts("row_errors", order))
        for name, matrix in state.items():
            writer.add(f"{STATE_FOLDER}/{name}.npy", matrix.chunks(order))
        for name, array in {"rows": order, **self.state}.items():
            writer.add_array(f"{STATE_FOLDER}/{name}.npy", array)
        return writer.publish({**self.manifest, **extra})

    def _words(self, order: NDArray[np.int32]) -> memoryview:
        lines = np.empty(
            kernels.copy_words(self.vocabulary, order, np.empty(0, np.uint8)), np.uint8
        )
        kernels.copy_words(self.vocabulary, order, lines)
        return lines.data

    def _counts(self, name: str, order: NDArray[np.int32]) -> NDArray[Any]:
        """Counts as snapshots hold them: whole numbers unless they decay."""
        counts: NDArray[np.float64] = self.state[name] / self.state["sums"][kernels.WEIGHT]
        counts = counts[order]
        return counts.astype(np.int64) if self.has_whole_counts else counts
