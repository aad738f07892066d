"""Word2vec text and binary, with the counts in a vocabulary file beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v_online.analysis.export.selection import Reason, Selection
from w2v_online.output import is_plain, whole_file
from w2v_online.reading.word2vec_format import vocabulary_beside

CANNOT_HOLD = (Reason.SPACE, Reason.LINE_FEED)
"""A space ends a word."""

Block = tuple[list[str], NDArray[np.float32]]


def text_lines(blocks: Iterable[Block]) -> Iterator[bytes]:
    """The lines of a text file, a block at a time; nine digits give every float32 back exactly."""
    for words, vectors in blocks:
        pattern = " ".join(["%s", *["%.9g"] * vectors.shape[1]]) + "\n"
        lines = [pattern % (word, *row) for word, row in zip(words, vectors.tolist(), strict=True)]
        yield "".join(lines).encode(errors="surrogateescape")


def binary_records(blocks: Iterable[Block]) -> Iterator[bytes]:
    """The records of a binary file, a block at a time, as word2vec.c writes them."""
    for words, vectors in blocks:
        yield b"".join(
            word.encode(errors="surrogateescape") + b" " + row.tobytes() + b"\n"
            for word, row in zip(words, np.ascontiguousarray(vectors, "<f4"), strict=True)
        )


def write_text(path: Path, selection: Selection) -> list[Path]:
    """Write text; see :data:`w2v_online.analysis.export.FORMATS`."""
    return _write(path, selection, text_lines)


def write_binary(path: Path, selection: Selection) -> list[Path]:
    """Write binary; see :data:`w2v_online.analysis.export.FORMATS`."""
    return _write(path, selection, binary_records)


def _write(
    path: Path, selection: Selection, encode: Callable[[Iterable[Block]], Iterator[bytes]]
) -> list[Path]:
    """Write both files before one of them gets its name: counts are never of other vectors."""
    vocabulary = vocabulary_beside(path)
    if not is_plain(path) or not selection.table.has_counts:
        _write_vectors(path, selection, encode, former=vocabulary if is_plain(path) else None)
        return [path]
    with whole_file(vocabulary) as file:
        for words, _, counts in selection.blocks():
            # Whole numbers, as word2vec.c has them; decayed counts are rounded.
            lines = zip(words, np.rint(counts).astype(np.int64).tolist(), strict=True)
            file.write(_vocabulary_lines(lines))
        file.flush()
        _write_vectors(path, selection, encode)
    return [path, vocabulary]


def _write_vectors(
    path: Path,
    selection: Selection,
    encode: Callable[[Iterable[Block]], Iterator[bytes]],
    former: Path | None = None,
) -> None:
    """Write the vectors; ``former``, the vocabulary of those that they replace, is deleted."""
    with whole_file(path) as file:
        file.write(f"{len(selection)} {selection.table.vector_size}\n".encode())
        for piece in encode((words, vectors) for words, vectors, _ in selection.blocks()):
            file.write(piece)
        file.flush()  # what there is no room for is an error before anything is replaced
        if former is not None and former.is_file():
            former.unlink()


def _vocabulary_lines(counted: Iterable[tuple[str, int]]) -> bytes:
    text = "".join(f"{word} {count}\n" for word, count in counted)
    return text.encode(errors="surrogateescape")
