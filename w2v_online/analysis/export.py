"""Vectors as files for other programs: word2vec text and binary, gensim, npz, safetensors.

Words are in count order in all of them. A file appears complete or not at all, gensim's apart,
which gensim itself writes. What a format cannot hold is left out and counted, never altered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import ExportError
from w2v_online.reading import word2vec_format
from w2v_online.reading.table import VectorTable

Writer = Callable[[IO[bytes], list[str], NDArray[np.float32], NDArray[Any]], None]


def write(table: VectorTable, file_format: str, path: Path) -> int:
    """Write a table to ``path``; return how many words the format could not hold.

    Formats are the keys of FORMATS. Raises ExportError: a library is missing, or ``path`` cannot
    be written.
    """
    holds = _HOLDS.get(file_format)
    rows = None if holds is None else [r for r, word in enumerate(table.words) if holds(word)]
    if rows is None or len(rows) == len(table):
        words, vectors, counts = list(table.words), table.vectors, table.counts
    else:
        words = [table.words[row] for row in rows]
        vectors, counts = table.vectors[rows], table.counts[rows]
    try:
        if file_format == "gensim":
            _save_gensim(path, words, vectors, counts)
        else:
            _write_whole(path, FORMATS[file_format], words, vectors, counts)
    except ImportError as error:
        raise ExportError(
            f"format {file_format} needs {error.name}: pip install 'w2v-stream[export]'"
        ) from error
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}") from error
    return len(table) - len(words)


def _write_whole(path: Path, write_to: Writer, *content: Any) -> None:
    temporary = path.with_name(f".writing-{os.getpid()}-{path.name}")
    try:
        with temporary.open("wb") as file:
            write_to(file, *content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _pieces(pieces: Iterator[bytes], file: IO[bytes]) -> None:
    for piece in pieces:
        file.write(piece)


def _write_text(
    file: IO[bytes], words: list[str], vectors: NDArray[np.float32], _counts: NDArray[Any]
) -> None:
    _pieces(word2vec_format.text_lines(words, vectors), file)


def _write_binary(
    file: IO[bytes], words: list[str], vectors: NDArray[np.float32], _counts: NDArray[Any]
) -> None:
    _pieces(word2vec_format.binary_records(words, vectors), file)


def _write_npz(
    file: IO[bytes], words: list[str], vectors: NDArray[np.float32], counts: NDArray[Any]
) -> None:
    np.savez(file, words=np.array(words, np.str_), vectors=vectors, counts=counts)


def _write_safetensors(
    file: IO[bytes], words: list[str], vectors: NDArray[np.float32], counts: NDArray[Any]
) -> None:
    from safetensors.numpy import save

    lines = "".join(f"{word}\n" for word in words).encode()
    tensors = {
        "vectors": np.ascontiguousarray(vectors),
        "counts": np.ascontiguousarray(counts),
        "words": np.frombuffer(lines, np.uint8),
    }
    file.write(save(tensors, {"words": "UTF-8, each followed by a line feed"}))


def _save_gensim(
    path: Path, words: list[str], vectors: NDArray[np.float32], counts: NDArray[Any]
) -> None:
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(vectors.shape[1], count=0)
    keyed.add_vectors(words, np.array(vectors))
    keyed.expandos["count"] = np.array(counts)
    keyed.save(str(path))


def _ends_in_text(word: str) -> bool:
    return not word.endswith("\0")  # NumPy pads its strings with NUL


FORMATS: dict[str, Writer] = {
    "word2vec-text": _write_text,
    "word2vec-binary": _write_binary,
    "npz": _write_npz,
    "safetensors": _write_safetensors,
}
"""Formats that one file holds; ``gensim`` is another."""

FORMAT_NAMES = ("word2vec-text", "word2vec-binary", "gensim", "npz", "safetensors")

_HOLDS = {
    "word2vec-text": word2vec_format.holds,
    "word2vec-binary": word2vec_format.holds,
    "npz": _ends_in_text,
}
