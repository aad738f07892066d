"""A snapshot that is written at once, while nothing is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from w2v_online.learning.averages import Averages
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.saving.image import Image, LiveMatrix, SavedMatrices
from w2v_online.learning.subwords import Subwords
from w2v_online.snapshots.writer import SnapshotWriter


def write_snapshot(
    folder: Path,
    image: Image,
    embeddings: Embeddings,
    averages: Averages | None,
    subwords: Subwords | None,
    *,
    vectors_only: bool,
    with_output: bool,
    **extra: Any,
) -> Path:
    """Write a snapshot below ``folder``; ``extra`` goes into its manifest.

    See :meth:`w2v_online.OnlineWord2Vec.snapshot`.

    Returns its path. Raises SnapshotError, and leaves nothing of it then.
    """
    has_output = with_output or not vectors_only
    if vectors_only:
        image = image.for_scoring() if with_output else image.for_readers()
    matrices = SavedMatrices(
        LiveMatrix(embeddings.vectors),
        LiveMatrix(embeddings.output_vectors) if has_output else None,
        None if averages is None else LiveMatrix(averages.words[: len(embeddings)]),
        None
        if subwords is None
        else LiveMatrix(subwords.vectors[: len(subwords), : embeddings.vector_size]),
    )
    n_matrices = 3 if has_output else 1  # published, raw and output vectors
    needed_bytes = image.nbytes + n_matrices * embeddings.vectors.nbytes
    if subwords is not None:
        needed_bytes += len(subwords) * 4 * embeddings.vector_size + embeddings.vectors.nbytes
    writer = SnapshotWriter(folder, needed_bytes, vectors_only=vectors_only)
    try:
        return image.write(writer, matrices, **extra)
    except BaseException:
        writer.abort()
        raise
