"""What a snapshot holds of a learner besides its matrices, as it is at one moment.

Arrays are views of the live learner, for writing at once, or copies, for writing while it goes on.
What can be computed from them (order, words, counts) is computed when it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.kernels.table import WEIGHT, VocabularyArrays
from w2v_online.learning.averages import averages_of
from w2v_online.learning.publishing import between, change_scores, deviations, shares
from w2v_online.learning.saving import publication
from w2v_online.learning.vocabulary import word_lines
from w2v_online.snapshots import npy
from w2v_online.snapshots.reader import (
    CHANGE_SCORES,
    OUTPUT_VECTORS,
    PUBLISHED_NORMS,
    PUBLISHED_VECTORS,
    STATE_FOLDER,
    SUBWORD_BUCKETS,
    SUBWORD_VECTORS,
)
from w2v_online.snapshots.writer import SnapshotWriter
from w2v_online.subwords.emphasis import Emphasis
from w2v_online.subwords.word_ngrams import WordNgrams

_BLOCK_ROWS = 8192

ROOM_FACTOR = 1.0625
"""Spare room in copies: what has to be copied grows between two of them."""


class Matrix(Protocol):
    """Rows of a matrix of ``vector_size`` columns, wherever they are."""

    @property
    def vector_size(self) -> int:
        """Columns that count."""

    def blocks(self, order: NDArray[np.int32]) -> Iterator[NDArray[np.float32]]:
        """The rows in this order, a block of them at a time; a block lasts until the next one."""

    def close(self) -> None:
        """Let go of files; nobody asks for rows any more."""


@dataclass(frozen=True)
class LiveMatrix:
    """A matrix that does not change meanwhile: float32[V, D]."""

    values: NDArray[np.float32]

    @property
    def vector_size(self) -> int:
        """See :class:`Matrix`."""
        return int(self.values.shape[1])

    def blocks(self, order: NDArray[np.int32]) -> Iterator[NDArray[np.float32]]:
        """See :class:`Matrix`."""
        for first in range(0, len(order), _BLOCK_ROWS):
            yield self.values[order[first : first + _BLOCK_ROWS]]

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(frozen=True)
class PublishedMatrix:
    """What readers get: rows between their averages and themselves, and others as they are."""

    vectors: Matrix
    averages: Matrix
    is_averaged: NDArray[np.bool_]
    shares: NDArray[np.float32]
    """float32[V], by row: see :func:`w2v_online.learning.publishing.shares`."""

    @property
    def vector_size(self) -> int:
        """See :class:`Matrix`."""
        return self.vectors.vector_size

    def blocks(self, order: NDArray[np.int32]) -> Iterator[NDArray[np.float32]]:
        """See :class:`Matrix`."""
        first = 0
        both = zip(self.vectors.blocks(order), self.averages.blocks(order), strict=True)
        for vectors, averages in both:
            rows = order[first : first + len(vectors)]
            chosen = self.is_averaged[rows]
            values = averages_of(vectors[chosen], averages[chosen])
            vectors[chosen] = between(vectors[chosen], values, self.shares[rows[chosen]])
            first += len(vectors)
            yield vectors

    def close(self) -> None:
        """Let go of both."""
        self.vectors.close()
        self.averages.close()


def _chunks(matrix: Matrix, order: NDArray[np.int32]) -> Iterator[bytes | memoryview]:
    """A ``.npy`` file of a matrix's rows in this order, a piece at a time."""
    yield npy.header(np.dtype(np.float32), (len(order), matrix.vector_size))
    for block in matrix.blocks(order):
        yield np.ascontiguousarray(block).data.cast("B")


def _code_chunks(
    averages: Matrix, order: NDArray[np.int32], columns: int
) -> Iterator[bytes | memoryview]:
    """A ``.npy`` file, int8[n, columns], of the codes of averages in this order."""
    yield npy.header(np.dtype(np.int8), (len(order), columns))
    for block in averages.blocks(order):
        codes = np.ascontiguousarray(block).view(np.int8)[:, :columns]
        yield np.ascontiguousarray(codes).data.cast("B")


def _mapped(file: Path) -> NDArray[Any]:
    """An array that was just written, mapped instead of read."""
    try:
        return np.asarray(np.load(file, mmap_mode="c"))
    except OSError as error:
        raise SnapshotError(f"{file} cannot be read: {error.strerror}") from error


class SavedMatrices(NamedTuple):
    """The matrices of a learner."""

    vectors: Matrix
    output_vectors: Matrix | None
    """None if only vectors are to be written."""
    averages: Matrix | None
    """Rows of ``Averages.words``; mean something where the state's ``averaged`` is above zero."""
    subwords: Matrix | None = None
    """Vectors of n-grams, by ``subword_buckets`` of the state."""


@dataclass
class Room:
    """Memory for copies, which a first copy makes ready: the system clears it at its first use."""

    arrays: dict[str, NDArray[np.uint8]] = field(default_factory=dict)

    def copy(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """A copy of the array."""
        memory = self.arrays.get(name)
        if memory is None or len(memory) < array.nbytes:
            memory = self.arrays[name] = np.zeros(int(array.nbytes * ROOM_FACTOR) + 4096, np.uint8)
        copied = memory[: array.nbytes].view(array.dtype).reshape(array.shape)
        copied[...] = array
        return copied


_FOR_READERS = (
    "arena",
    "row_counts",
    "row_errors",
    "sums",
    "updates0",
    "averaged",
    "subword_buckets",
    "subword_updates",
)
"""State that words, counts and vectors are computed from, or watched by while they are copied."""


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

    def for_readers(self) -> Image:
        """What is needed of it for a snapshot of vectors only."""
        kept = {name: self.state[name] for name in _FOR_READERS if name in self.state}
        return replace(self, state=kept)

    def for_scoring(self) -> Image:
        """What is needed of it to score text, too: all but the text that replay keeps."""
        kept = {name: a for name, a in self.state.items() if not name.startswith("replay")}
        return replace(self, state=kept)

    @property
    def nbytes(self) -> int:
        """Bytes of the files that :meth:`write` makes besides the matrices, about."""
        rows = len(self.state["row_counts"])
        return sum(array.nbytes + 4096 for array in self.state.values()) + 112 * rows

    def write(self, writer: SnapshotWriter, matrices: SavedMatrices, **extra: Any) -> Path:
        """Write everything and let the snapshot appear; return its path. Raises SnapshotError."""
        order = np.argsort(-self.state["row_counts"], kind="stable").astype(np.int32)
        publication.add_words(writer, word_lines(self.vocabulary, order), len(order))
        scores = self._change_scores(matrices, order)
        published = self._published(matrices, scores)
        shape = len(order), published.vector_size
        publication.add_vectors(writer, published.blocks(order), shape)
        if scores is not None:
            writer.add_array(CHANGE_SCORES, scores[order], is_summed=True)
        counts, errors = (self._counts(name, order) for name in ("row_counts", "row_errors"))
        publication.add_counts(writer, counts, errors)
        if matrices.subwords is not None:
            buckets = self.state["subword_buckets"]
            slots = np.arange(len(buckets), dtype=np.int32)
            writer.add(SUBWORD_VECTORS, _chunks(matrices.subwords, slots), is_summed=True)
            writer.add_array(SUBWORD_BUCKETS, buckets, is_summed=True)
            emphasis = self.emphasis(_mapped(writer.path / SUBWORD_VECTORS), order)
            publication.add_vectors(
                writer,
                emphasis.blocks(published.blocks(order)),
                shape,
                (PUBLISHED_VECTORS, PUBLISHED_NORMS),
            )
        if matrices.output_vectors is not None:
            self._write_state(writer, matrices, matrices.output_vectors, order)
        for matrix in matrices:
            if matrix is not None:
                matrix.close()
        return writer.publish({**self.manifest, **extra})

    def _change_scores(
        self, matrices: SavedMatrices, order: NDArray[np.int32]
    ) -> NDArray[np.float32] | None:
        """float32[V], by row: change scores, nan for rows without an average."""
        if matrices.averages is None:
            return None
        averaged = self.state["averaged"]
        is_averaged = averaged > 0
        scores = np.full(len(averaged), np.nan, np.float32)
        first = 0
        both = zip(matrices.vectors.blocks(order), matrices.averages.blocks(order), strict=True)
        for vectors, averages in both:
            rows = order[first : first + len(vectors)]
            chosen = is_averaged[rows]
            values = averages_of(vectors[chosen], averages[chosen])
            scores[rows[chosen]] = deviations(vectors[chosen], values)
            first += len(rows)
        scores[is_averaged] = change_scores(scores[is_averaged], averaged[is_averaged])
        return scores

    def _published(self, matrices: SavedMatrices, scores: NDArray[np.float32] | None) -> Matrix:
        if matrices.averages is None or scores is None:
            return matrices.vectors
        averaged = self.state["averaged"]
        share = shares(scores, averaged)
        return PublishedMatrix(matrices.vectors, matrices.averages, averaged > 0, share)

    def emphasis(self, subwords: NDArray[np.float32], order: NDArray[np.int32]) -> Emphasis:
        """Adds n-grams to the vectors of words in this order; ``subwords`` is float32[S, D]."""
        config = self.manifest["config"]
        ngrams = WordNgrams(
            self.vocabulary.arena,
            self.vocabulary.starts,
            (config["min_n"], config["max_n"], config["bucket"]),
            config["max_token_bytes"],
            self.state["subword_buckets"],
        )
        return Emphasis(ngrams, subwords, order)

    def _write_state(
        self,
        writer: SnapshotWriter,
        matrices: SavedMatrices,
        output_vectors: Matrix,
        order: NDArray[np.int32],
    ) -> None:
        """What only a learner needs that goes on from there."""
        if matrices.averages is not None:
            averaged = order[self.state["averaged"][order] > 0]
            raw = _chunks(matrices.vectors, averaged)
            writer.add(f"{STATE_FOLDER}/raw_vectors.npy", raw)
            codes = _code_chunks(matrices.averages, averaged, matrices.vectors.vector_size + 1)
            writer.add(f"{STATE_FOLDER}/averages.npy", codes)
        writer.add(OUTPUT_VECTORS, _chunks(output_vectors, order), is_summed=True)
        for name, array in {"rows": order, **self.state}.items():
            writer.add_array(f"{STATE_FOLDER}/{name}.npy", array)

    def _counts(self, name: str, order: NDArray[np.int32]) -> NDArray[Any]:
        """Counts as snapshots hold them: whole numbers unless they decay."""
        counts: NDArray[np.float64] = self.state[name] / self.state["sums"][WEIGHT]
        counts = counts[order]
        return counts.astype(np.int64) if self.has_whole_counts else counts
