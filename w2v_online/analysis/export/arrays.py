"""NumPy's npz and Hugging Face's safetensors: the arrays vectors, counts and words."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from w2v_online.analysis.export.selection import Reason, Selection
from w2v_online.output import is_plain, whole_file

CANNOT_HOLD = (Reason.LINE_FEED, Reason.NOT_UTF8)
"""Of safetensors, which has no strings: words are lines of UTF-8 in an array of bytes."""


def write_npz(path: Path, selection: Selection) -> list[Path]:
    """Write ``words`` (str), ``vectors`` (float32) and ``counts``."""
    words = np.array(selection.words, np.str_)
    with whole_file(path) as file:
        # A device says that it can be sought in, and cannot.
        archive = file if is_plain(path) else io.BytesIO()
        np.savez(archive, words=words, vectors=selection.vectors, counts=selection.counts)
        if isinstance(archive, io.BytesIO):
            file.write(archive.getbuffer())
    return [path]


def write_safetensors(path: Path, selection: Selection) -> list[Path]:
    """Write ``words`` (uint8, a line each), ``vectors`` (float32) and ``counts``."""
    from safetensors.numpy import save

    lines = "".join(f"{word}\n" for word in selection.words).encode()
    tensors = {
        "vectors": np.ascontiguousarray(selection.vectors),
        "counts": np.ascontiguousarray(selection.counts),
        "words": np.frombuffer(lines, np.uint8),
    }
    with whole_file(path) as file:
        file.write(save(tensors, {"words": "UTF-8, each followed by a line feed"}))
    return [path]
