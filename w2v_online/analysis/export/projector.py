"""A folder for TensorBoard's embedding projector: vectors and words as tab-separated text."""

from __future__ import annotations

from pathlib import Path

from w2v_online.analysis.export.selection import Reason, Selection
from w2v_online.output import whole_file

CANNOT_HOLD = (Reason.TAB, Reason.LINE_FEED, Reason.CARRIAGE_RETURN, Reason.NOT_UTF8)

_CONFIG = """embeddings {
  tensor_name: "words"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
}
"""


def write(path: Path, selection: Selection) -> list[Path]:
    """Write ``vectors.tsv``, ``metadata.tsv`` and ``projector_config.pbtxt`` into a folder.

    The first two can be loaded at projector.tensorflow.org; ``tensorboard --logdir`` takes all.
    """
    path.mkdir(parents=True, exist_ok=True)
    files = [path / name for name in ("vectors.tsv", "metadata.tsv", "projector_config.pbtxt")]
    with whole_file(files[0]) as file:
        pattern = "\t".join(["%.9g"] * selection.table.vector_size) + "\n"
        for _, vectors, _ in selection.blocks():
            file.write("".join(pattern % tuple(row) for row in vectors.tolist()).encode())
    with whole_file(files[1]) as file:
        file.write(b"word\tcount\n")
        for words, _, counts in selection.blocks():
            rows = zip(words, counts.tolist(), strict=True)
            file.write("".join(f"{word}\t{count:.17g}\n" for word, count in rows).encode())
    with whole_file(files[2]) as file:
        file.write(_CONFIG.encode())
    return files
