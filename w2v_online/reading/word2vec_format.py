"""The word2vec file formats, text and binary: read and written without loss.

Text is a header ``V D`` and a line a word: the word, a space, D numbers with spaces between. Binary
has the same header, then per word its bytes, a space and D little-endian float32. word2vec.c,
gensim and fastText (``.vec``) differ in line ends and trailing spaces; GloVe leaves out the header.
Neither format holds counts: the order of the words is all that is known of them.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import FileFormatError

_SNIFFED_BYTES = 4096
_MAX_WORD_BYTES = 65_536
_MAX_VECTOR_SIZE = 100_000
_FIRST_ROWS = 4096
_WRITTEN_ROWS = 4096

_File = io.BufferedReader | gzip.GzipFile


def read_word2vec(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Words and vectors (float32[V, D]) of a word2vec file, text or binary, also gzipped (.gz).

    A word that comes twice keeps its first vector; bytes that are not UTF-8 become U+FFFD.
    Raises FileFormatError, which names the file, the line or word, and what is wrong there.
    """
    try:
        with _open(path) as file:
            head = file.peek(_SNIFFED_BYTES)[:_SNIFFED_BYTES]
            shape = _header(head)
            if shape is None:
                return _read_text(path, file, None)
            if not 0 < shape[1] <= _MAX_VECTOR_SIZE:
                raise FileFormatError(f"{path}: its header says vectors of {shape[1]} numbers")
            file.readline()
            if _is_text(head, shape[1]):
                return _read_text(path, file, shape)
            return _read_binary(path, file, shape)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileFormatError(f"{path} cannot be read: {reason}") from error


def _open(path: Path) -> _File:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _header(head: bytes) -> tuple[int, int] | None:
    """V and D, or None if the first line is not a header."""
    fields = head.split(b"\n", 1)[0].split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    return int(fields[0]), int(fields[1])


def _is_text(head: bytes, vector_size: int) -> bool:
    """Whether numbers in digits follow the first word."""
    line = head.partition(b"\n")[2].split(b"\n", 1)[0].rstrip()
    fields = line.rsplit(b" ", vector_size)
    if len(line) < _SNIFFED_BYTES // 2 and len(fields) == vector_size + 1:
        return _all_numbers(fields[1:])
    # A long line may be cut off: then its last field is left out.
    fields = line.split(b" ")[1:-1]
    return len(fields) > 1 and _all_numbers(fields[-8:])


def _all_numbers(fields: list[bytes]) -> bool:
    try:
        for field in fields:
            float(field)
    except ValueError:
        return False
    return True


class _Rows:
    """Words and vectors as they are read, in memory that grows."""

    def __init__(self, shape: tuple[int, int]) -> None:
        # The header is somebody's claim: memory is taken as rows really come.
        self.vectors = np.empty((min(shape[0], _FIRST_ROWS), shape[1]), np.float32)
        self.rows: dict[str, int] = {}

    def add(self, word: bytes, vector: NDArray[np.float32]) -> None:
        text = word.decode(errors="replace")
        row = len(self.rows)
        if self.rows.setdefault(text, row) < row:
            return
        if row == len(self.vectors):
            grown = np.empty((2 * row, self.vectors.shape[1]), np.float32)
            grown[:row] = self.vectors
            self.vectors = grown
        self.vectors[row] = vector

    def finish(self) -> tuple[list[str], NDArray[np.float32]]:
        return list(self.rows), self.vectors[: len(self.rows)]


def _read_text(
    path: Path, file: _File, shape: tuple[int, int] | None
) -> tuple[list[str], NDArray[np.float32]]:
    declared = shape[0] if shape else None
    rows = _Rows(shape) if shape else None
    read = 0
    for number, line in enumerate(file, 2 if shape else 1):
        stripped = line.rstrip(b" \r\n")
        if not stripped:
            continue
        if read == declared:
            raise FileFormatError(f"{path}, line {number}: more words than its header says")
        if rows is None:
            rows = _Rows((1, stripped.count(b" ")))
        size = rows.vectors.shape[1]
        # From the right: a word may hold spaces of its own.
        fields = stripped.rsplit(b" ", size)
        try:
            vector = np.array(fields[1:], np.float64)
        except ValueError:
            vector = np.empty(0)
        if not size:
            raise FileFormatError(f"{path} is no word2vec file: it begins without numbers")
        if len(vector) != size:
            raise FileFormatError(f"{path}, line {number}: expected a word and {size} numbers")
        rows.add(fields[0], vector.astype(np.float32))
        read += 1
    if rows is None:
        raise FileFormatError(f"{path} is empty")
    if declared is not None and read < declared:
        raise FileFormatError(f"{path} ends after {read} of {declared} words")
    return rows.finish()


def _read_binary(
    path: Path, file: _File, shape: tuple[int, int]
) -> tuple[list[str], NDArray[np.float32]]:
    rows = _Rows(shape)
    row_bytes = 4 * shape[1]
    buffer = b""
    position = 0
    for read in range(shape[0]):
        while (end := buffer.find(b" ", position)) < 0 or end + 1 + row_bytes > len(buffer):
            more = file.read(1 << 20)
            if not more or len(buffer) - position > _MAX_WORD_BYTES + row_bytes:
                raise FileFormatError(f"{path} ends or is damaged after {read} of {shape[0]} words")
            buffer = buffer[position:] + more
            position = 0
        word = buffer[position:end].lstrip(b"\n")
        rows.add(word, np.frombuffer(buffer, "<f4", count=shape[1], offset=end + 1))
        position = end + 1 + row_bytes
    return rows.finish()


def holds(word: str) -> bool:
    """Whether the word2vec formats can hold a word: a space would end it."""
    return " " not in word and "\n" not in word


def text_lines(words: Iterable[str], vectors: NDArray[np.float32]) -> Iterator[bytes]:
    """A text file piece by piece; nine digits give every float32 back exactly."""
    kept = list(words)
    yield f"{len(kept)} {vectors.shape[1]}\n".encode()
    pattern = " ".join(["%s", *["%.9g"] * vectors.shape[1]]) + "\n"
    for first in range(0, len(kept), _WRITTEN_ROWS):
        rows = vectors[first : first + _WRITTEN_ROWS].tolist()
        lines = [
            pattern % (word, *row)
            for word, row in zip(kept[first : first + _WRITTEN_ROWS], rows, strict=True)
        ]
        yield "".join(lines).encode()


def binary_records(words: Iterable[str], vectors: NDArray[np.float32]) -> Iterator[bytes]:
    """A binary file piece by piece, as word2vec.c writes it."""
    kept = list(words)
    yield f"{len(kept)} {vectors.shape[1]}\n".encode()
    for first in range(0, len(kept), _WRITTEN_ROWS):
        rows = np.ascontiguousarray(vectors[first : first + _WRITTEN_ROWS], "<f4")
        yield b"".join(
            word.encode() + b" " + row.tobytes() + b"\n"
            for word, row in zip(kept[first : first + _WRITTEN_ROWS], rows, strict=True)
        )
