"""Snapshots of arrays that no learner has learned, and damage to snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.learning.saving import publication
from w2v_online.snapshots.reader import STATE_FOLDER
from w2v_online.snapshots.writer import SnapshotWriter


def write_snapshot(
    folder: Path,
    *,
    words: bytes,
    vectors: NDArray[np.float32],
    counts: NDArray[Any],
    count_errors: NDArray[Any],
    state: Mapping[str, NDArray[Any]],
    manifest: dict[str, Any],
) -> Path:
    """Write a whole snapshot below ``folder`` and point LATEST at it; return its path.

    ``words`` is the content of words.txt, ``state`` the learner's arrays by name. Raises
    SnapshotError, and nothing is left of it then.
    """
    arrays = (vectors, counts, count_errors, *state.values())
    writer = SnapshotWriter(folder, 2 * len(words) + sum(a.nbytes + 4096 for a in arrays))
    try:
        publication.add_words(writer, words, len(vectors))
        publication.add_vectors(writer, [vectors] if vectors.size else [], vectors.shape)
        publication.add_counts(writer, counts, count_errors)
        for name, array in state.items():
            writer.add_array(f"{STATE_FOLDER}/{name}.npy", array)
        return writer.publish(manifest)
    except BaseException:
        writer.abort()
        raise


def flip_a_bit(file: Path) -> None:
    """Damage the last byte of a file, which is one of its numbers."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
