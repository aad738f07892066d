"""What readers get of a snapshot, as it is written: words, vectors and counts, each with its index.

Readers start fast because the work is done here, once, in the background: where each word lies, the
length of each vector. The meaning of each array is in docs/reference/snapshot-format.md. Knows no
learner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.publication import index_words, vector_norms
from w2v_online.snapshots import npy
from w2v_online.snapshots.reader import NORMS, VECTORS
from w2v_online.snapshots.writer import SnapshotWriter


def add_words(writer: SnapshotWriter, text: bytes | memoryview, count: int) -> None:
    """Write ``count`` words, a line feed after each, and their index; ValueError for others."""
    writer.add("words.txt", [text], is_summed=True)
    starts = np.zeros(count + 1, np.int64)
    places = np.full(1 << (2 * count).bit_length(), -1, np.int32)
    if index_words(np.frombuffer(text, np.uint8), starts, places) != count:
        raise ValueError(f"the text is not of {count} words")
    writer.add_array("word_starts.npy", starts, is_summed=True)
    writer.add_array("word_places.npy", places, is_summed=True)


def add_vectors(
    writer: SnapshotWriter,
    blocks: Iterable[NDArray[np.float32]],
    shape: tuple[int, int],
    names: tuple[str, str] = (VECTORS, NORMS),
) -> None:
    """Write vectors, float32[V, D], of which blocks come in order, and their lengths."""
    norms = np.zeros(shape[0], np.float32)

    def chunks() -> Iterator[bytes | memoryview]:
        yield npy.header(np.dtype(np.float32), shape)
        first = 0
        for block in blocks:
            rows = np.ascontiguousarray(block)
            vector_norms(rows, norms[first : first + len(rows)])
            first += len(rows)
            yield rows.data.cast("B")

    writer.add(names[0], chunks(), is_summed=True)
    writer.add_array(names[1], norms, is_summed=True)


def add_counts(writer: SnapshotWriter, counts: NDArray[Any], count_errors: NDArray[Any]) -> None:
    """Write how often each word was seen, and how many occurrences that may lack."""
    writer.add_array("counts.npy", counts, is_summed=True)
    writer.add_array("count_errors.npy", count_errors, is_summed=True)


def warm_up() -> None:
    """Load or compile the kernels."""
    index_words(np.empty(0, np.uint8), np.zeros(1, np.int64), np.full(1, -1, np.int32))
    vector_norms(np.zeros((0, 1), np.float32), np.zeros(0, np.float32))
