"""The table of a snapshot: its files mapped, and read where a question leads.

Nothing but sizes and types is looked at here, so opening takes no longer for a million words than
for ten. A snapshot without an index of its words, as older ones are, has them read whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from w2v_online.errors import SnapshotError
from w2v_online.reading.table import VectorTable
from w2v_online.reading.words import WordIndex, WordList
from w2v_online.snapshots.block_sums import CheckedArray
from w2v_online.snapshots.reader import (
    NORMS,
    PUBLISHED_NORMS,
    PUBLISHED_VECTORS,
    VECTORS,
    Snapshot,
)


def table_of(opened: Snapshot) -> VectorTable:
    """Words, counts and vectors; SnapshotError if its files do not belong together."""
    words, rows = _words(opened)
    files = opened.manifest["files"]
    vectors_name, norms_name = VECTORS, NORMS
    if PUBLISHED_VECTORS in files:
        vectors_name, norms_name = PUBLISHED_VECTORS, PUBLISHED_NORMS
    vectors = _array(opened, vectors_name, "float32 matrix", 2, "f4", is_shown=True)
    counts = _array(opened, "counts.npy", "list of numbers", 1, is_shown=True)
    norms = None
    if norms_name in files:
        norms = _array(opened, norms_name, "list of float32", 1, "f4")
    try:
        return VectorTable(words, vectors, counts, str(opened.path), rows, norms)
    except ValueError as error:
        raise SnapshotError(str(error)) from error


def _words(opened: Snapshot) -> tuple[Sequence[str], WordIndex | None]:
    """The words and their rows, where they lie if the snapshot has an index of them."""
    if not {"word_starts.npy", "word_places.npy"} <= set(opened.manifest["files"]):
        return opened.words(), None
    starts = _array(opened, "word_starts.npy", "list of int64", 1, "i8")
    places = _array(opened, "word_places.npy", "list of int32", 1, "i4")
    words = WordList(opened.path / "words.txt", opened.checked("words.txt"), starts)
    return words, WordIndex(words, places, opened.path / "word_places.npy")


def _array(
    opened: Snapshot,
    name: str,
    description: str,
    ndim: int,
    dtype: str | None = None,
    *,
    is_shown: bool = False,
) -> CheckedArray:
    """The array in a file, mapped; SnapshotError unless it is what it is to be."""
    array = opened.checked(name, is_shown=is_shown)
    if len(array.shape) != ndim or (dtype is not None and array.dtype != np.dtype(dtype)):
        raise SnapshotError(f"{opened.path / name} is not a {description}")
    return array
