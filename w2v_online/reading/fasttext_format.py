"""fastText's binary models (``.bin``): read for their words, vectors and n-grams.

A header, the training arguments, the dictionary (each word, NUL, its count, its type), then the
input matrix: a row for each word and one for each bucket of n-grams; then the output matrix, which
is not read. A word's vector is the mean of its row and those of its n-grams. Integers are
little-endian. The file is mapped: n-grams stay in it.

What does not fit is refused before anything of a size that the file claims is allocated.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import FileFormatError
from w2v_online.reading.subwords import SubwordTable

MAGIC = 793712314
VERSION = 12
ARGUMENTS = struct.Struct("<12id")
"""dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t."""
DICTIONARY = struct.Struct("<3i2q")
"""Entries, words, labels, tokens, and the size of a pruned index, -1 for none."""
ENTRY = struct.Struct("<qb")
"""Behind a word and NUL: its count and its type, 0 for a word."""
MATRIX = struct.Struct("<?2q")
"""Whether it is quantized, rows, columns."""

_SUPERVISED = 3
_MAX_VECTOR_SIZE = 100_000
_MAX_NGRAM = 1_000
_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class FastTextFile:
    """What is read of a model."""

    words: list[str]
    counts: NDArray[np.int64]
    vectors: NDArray[np.float32]
    subwords: SubwordTable | None
    """None for a model without n-grams."""


def is_fasttext(path: Path) -> bool:
    """Whether a file begins as fastText's binary models do."""
    try:
        with path.open("rb") as file:
            return file.read(4) == MAGIC.to_bytes(4, "little")
    except OSError:
        return False


def read_fasttext(path: Path) -> FastTextFile:
    """Words, counts, vectors and n-grams; FileFormatError, which names the file and what is wrong.

    Bytes of words that are not UTF-8 become lone surrogates, as in file names.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from error
    return _Reader(path, content).read()


class _Reader:
    def __init__(self, path: Path, content: mmap.mmap) -> None:
        self._path = path
        self._content = content
        self._position = 0

    def read(self) -> FastTextFile:
        magic, version = self._take(struct.Struct("<2i"))
        if magic != MAGIC or version not in (11, VERSION):
            raise self._error(f"its version is {version}, and 11 and 12 can be read")
        size, _, _, _, _, _, _, model, bucket, min_n, max_n, _, _ = self._take(ARGUMENTS)
        if model == _SUPERVISED:
            raise self._error("it is a classifier, not a model of words")
        if not 0 < size <= _MAX_VECTOR_SIZE:
            raise self._error(f"its vectors have {size} numbers")
        if not (bucket >= 0 and 0 <= max_n <= _MAX_NGRAM and (max_n == 0 or 0 < min_n <= max_n)):
            raise self._error(f"it has n-grams of {min_n} to {max_n} letters in {bucket} buckets")
        words, counts = self._dictionary()
        rows = self._matrix(len(words) + bucket, size)
        self._skip_output(size)
        own, ngrams = rows[: len(words)], rows[len(words) :]
        for first in range(0, len(rows), _BLOCK_ROWS):
            if not np.isfinite(rows[first : first + _BLOCK_ROWS]).all():
                raise self._error("it is damaged: a number is not finite")
        if max_n == 0 or bucket == 0:
            return FastTextFile(words, counts, own.copy(), None)
        subwords = SubwordTable(ngrams, None, (min_n, max_n, bucket))
        means, sizes = subwords.means_of_words(words)
        means *= sizes[:, None]
        means += own
        means /= sizes[:, None] + np.float32(1)
        return FastTextFile(words, counts, means, subwords)

    def _dictionary(self) -> tuple[list[str], NDArray[np.int64]]:
        entries, n_words, n_labels, _, pruned = self._take(DICTIONARY)
        least = ENTRY.size + 2
        if not 0 <= n_words == entries <= (len(self._content) - self._position) // least:
            raise self._error(f"it cannot have {n_words} words and {n_labels} labels")
        if pruned > 0:
            raise self._error("its dictionary is pruned, which only classifiers' are")
        words: list[str] = []
        counts = np.zeros(n_words, np.int64)
        for row in range(n_words):
            end = self._content.find(b"\0", self._position)
            if end <= self._position:
                raise self._error(f"it is damaged after {row} of {n_words} words")
            words.append(self._content[self._position : end].decode(errors="surrogateescape"))
            self._position = end + 1
            counts[row], kind = self._take(ENTRY)
            if counts[row] < 0 or kind != 0:
                raise self._error(f"it is damaged after {row} of {n_words} words")
        if len(set(words)) < n_words:
            raise self._error("it is damaged: a word comes twice")
        return words, counts

    def _matrix(self, expected: int, size: int) -> NDArray[np.float32]:
        """float32[expected, size], mapped, perhaps not at a multiple of 4 bytes."""
        is_quantized, rows, columns = self._take(MATRIX)
        if is_quantized:
            raise self._error("it is quantized (.ftz), which loses the n-grams' vectors")
        if (rows, columns) != (expected, size):
            raise self._error(f"{rows} x {columns} numbers do not fit {expected} rows of {size}")
        self._check_rest(4 * rows * columns)
        start = self._position
        self._position += 4 * rows * columns
        return np.frombuffer(self._content, "<f4", rows * columns, start).reshape(rows, columns)

    def _skip_output(self, size: int) -> None:
        _, rows, columns = self._take(MATRIX)
        if rows < 0 or columns != size:
            raise self._error(f"its output matrix is of {rows} x {columns} numbers")
        self._check_rest(4 * rows * columns)
        if self._position + 4 * rows * columns < len(self._content):
            raise self._error("it goes on after its last matrix")

    def _check_rest(self, n_bytes: int) -> None:
        if n_bytes > (rest := len(self._content) - self._position):
            raise self._error(f"it ends {n_bytes - rest:,} bytes too early")

    def _take(self, fields: struct.Struct) -> tuple[int, ...]:
        self._check_rest(fields.size)
        found = fields.unpack_from(self._content, self._position)
        self._position += fields.size
        return found

    def _error(self, reason: str) -> FileFormatError:
        return FileFormatError(f"{self._path} is no fastText model that can be read: {reason}")
