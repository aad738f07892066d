"""Word2vec files, text and binary, as other programs write them; and their vocabulary files.

Text is a header ``V D`` and a line a word: the word, a space, D numbers with spaces between. Binary
has the same header, then per word its bytes, a space and D little-endian float32. word2vec.c,
gensim and fastText (``.vec``) differ in line ends and trailing spaces; GloVe leaves out the header.
Neither holds counts: these are in a vocabulary file, a word and its count a line.

Which of the two a file is shows in its content, never in its name. What does not fit is refused:
no number of a text is ever taken for the bytes of a vector, nor the reverse.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import FileFormatError
from w2v_online.reading.compressed import HEAD_BYTES, open_plain

_log = logging.getLogger(__name__)

_MAX_WORD_BYTES = 65_536
_MAX_VECTOR_SIZE = 100_000
_MAX_DIGITS = 1000
"""Longer numbers are none: Python refuses to read such out of 4,300 digits."""

_FIRST_ROWS = 4096
_SAMPLED_LINES = 100
"""Lines whose majority tells whether a file is text, and how many numbers it has to a word."""

_CHECKED_ROWS = 65_536

_OTHERS = {
    b"\xba\x16\x4f\x2f": "a compressed fastText model; decompress it first",
    **dict.fromkeys(
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "a Python pickle, which is not opened because it can run code; let gensim write it anew "
        "with save_word2vec_format",
    ),
    b"PAR1": "a parquet file",
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "an array without words",
}
"""Other formats that vectors come in, by their first bytes."""


def read_word2vec(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Words and vectors (float32[V, D]) of a word2vec file, text or binary, also compressed.

    A word that comes twice keeps its first vector. Bytes that are not UTF-8 become lone
    surrogates, as in file names, so that every word keeps its bytes. Raises FileFormatError, which
    names the file, the line or word, and what is wrong there.
    """
    with open_plain(path) as (head, file):
        for magic, description in _OTHERS.items():
            if head.startswith(magic):
                raise FileFormatError(f"{path} is {description}")
        if not head:
            raise FileFormatError(f"{path} is empty")
        header = _header(head)
        lines = head.split(b"\n")
        if len(head) == HEAD_BYTES:
            del lines[-1]  # cut off
        sample = [line for line in lines[header is not None :] if line.strip()][:_SAMPLED_LINES]
        if header is None:
            size = _usual_size(sample)
            if not size or _is_binary(head):
                raise FileFormatError(
                    f"{path} is no word2vec file: it begins with neither a header nor a word and "
                    "its numbers"
                )
            return _read_text(path, file, None, size)
        count, size = header
        if not 0 < size <= _MAX_VECTOR_SIZE:
            raise FileFormatError(f"{path}: its header announces vectors of {size} numbers")
        file.readline()
        read = sum(_parse(line, size) is not None for line in sample)
        if 2 * read <= len(sample) and _is_binary(head):
            return _read_binary(path, file, count, size)
        usual = _usual_size(sample)
        if usual > size and read:
            raise FileFormatError(
                f"{path}: its header announces {size} numbers per word, but its lines have {usual}"
            )
        return _read_text(path, file, count, size)


def _header(head: bytes) -> tuple[int, int] | None:
    """V and D, or None if the first line is not a header."""
    fields = head.split(b"\n", 1)[0].split()
    if len(fields) != 2 or not all(
        field.isdigit() and len(field) < _MAX_DIGITS for field in fields
    ):
        return None
    return int(fields[0]), int(fields[1])


def _is_binary(head: bytes) -> bool:
    """Whether there are bytes that no text has: NUL, or what is not UTF-8."""
    if b"\0" in head:
        return True
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # A character at the end may be cut off.
        return len(head) < HEAD_BYTES or error.start < len(head) - 4
    return False


def _usual_size(lines: Iterable[bytes]) -> int:
    """How many numbers most lines have behind their first field; 0 if most have none."""
    sizes: Counter[int] = Counter()
    for line in lines:
        size = 0
        for field in reversed(line.split()[1:]):
            if not _is_number(field):
                break
            size += 1
        sizes[size] += 1
    return sizes.most_common(1)[0][0] if sizes else 0


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _parse(line: bytes, size: int) -> tuple[bytes, NDArray[np.float64]] | None:
    """Word and numbers of a line, None if it has not so many numbers.

    From the right: a word may hold spaces of its own. Where single spaces do not fit, columns are
    what lies between any white space.
    """
    stripped = line.rstrip(b" \r\n")
    for fields in (stripped.rsplit(b" ", size), stripped.rsplit(None, size)):
        if len(fields) == size + 1:
            try:
                return fields[0].rstrip(b" "), np.array(fields[1:], np.float64)
            except ValueError:
                pass
    return None


class _Rows:
    """Words and vectors as they are read, in memory that grows."""

    def __init__(self, path: Path, expected: int, vector_size: int) -> None:
        self._path = path
        # The header is a claim: memory is taken as rows really come.
        self.vectors = np.empty((min(expected, _FIRST_ROWS), vector_size), np.float32)
        self.rows: dict[str, int] = {}
        self._repeated = 0

    def add(self, word: bytes, vector: NDArray[np.floating]) -> None:
        text = word.decode(errors="surrogateescape")
        row = len(self.rows)
        if self.rows.setdefault(text, row) < row:
            self._repeated += 1
            return
        if row == len(self.vectors):
            grown = np.empty((max(2 * row, 1), self.vectors.shape[1]), np.float32)
            grown[:row] = self.vectors
            self.vectors = grown
        with np.errstate(over="ignore"):
            self.vectors[row] = vector

    def finish(self) -> tuple[list[str], NDArray[np.float32]]:
        """What was read; FileFormatError if a number is not finite."""
        words, vectors = list(self.rows), self.vectors[: len(self.rows)]
        for first in range(0, len(words), _CHECKED_ROWS):
            finite = np.isfinite(vectors[first : first + _CHECKED_ROWS]).all(axis=1)
            if not finite.all():
                word = words[first + int(np.argmin(finite))]
                raise FileFormatError(
                    f"{self._path}: the vector of {word!r} has a number that is not finite in "
                    "float32"
                )
        if self._repeated:
            _log.warning(
                "%s: %d words come more than once; the first vector of each counts",
                self._path,
                self._repeated,
            )
        return words, vectors


def _read_text(
    path: Path, file: IO[bytes], count: int | None, size: int
) -> tuple[list[str], NDArray[np.float32]]:
    rows = _Rows(path, 1 if count is None else count, size)
    read = 0
    for number, line in enumerate(file, 1 if count is None else 2):
        if not line.strip():
            continue
        if read == count:
            raise FileFormatError(f"{path}, line {number}: more words than its header says")
        parsed = _parse(line, size)
        if parsed is None:
            raise FileFormatError(f"{path}, line {number}: expected a word and {size} numbers")
        rows.add(*parsed)
        read += 1
    if count is not None and read < count:
        raise FileFormatError(f"{path} ends after {read} of {count} words")
    return rows.finish()


def _read_binary(
    path: Path, file: IO[bytes], count: int, size: int
) -> tuple[list[str], NDArray[np.float32]]:
    rows = _Rows(path, count, size)
    row_bytes = 4 * size
    buffer = b""
    position = 0
    for read in range(count):
        while (end := buffer.find(b" ", position)) < 0 or end + 1 + row_bytes > len(buffer):
            more = file.read(1 << 20)
            if not more or len(buffer) - position > _MAX_WORD_BYTES + row_bytes:
                raise FileFormatError(f"{path} ends or is damaged after {read} of {count} words")
            buffer = buffer[position:] + more
            position = 0
        word = buffer[position:end].lstrip(b"\n")
        if b"\n" in word:
            raise FileFormatError(f"{path} is damaged after {read} of {count} words")
        rows.add(word, np.frombuffer(buffer, "<f4", count=size, offset=end + 1))
        position = end + 1 + row_bytes
    rest = (buffer[position:] + file.read(1)).strip(b" \r\n")
    if rest or file.read(1):
        raise FileFormatError(f"{path} goes on after the {count} words that its header says")
    return rows.finish()


def vocabulary_beside(path: Path) -> Path:
    """Where the vocabulary of a word2vec file is looked for."""
    return path.with_name(f"{path.name}.vocab")


def read_vocabulary(path: Path) -> dict[str, int]:
    """Words and counts of a vocabulary file, as ``word2vec -save-vocab`` and gensim write it.

    Raises FileFormatError, which names the line.
    """
    counts: dict[str, int] = {}
    with open_plain(path) as (_, file):
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            word, _, count = line.rstrip(b" \r\n").rpartition(b" ")
            if not count.isdigit():
                raise FileFormatError(f"{path}, line {number}: expected a word and its count")
            counts.setdefault(word.decode(errors="surrogateescape"), int(count))
    return counts


def counts_of(words: list[str], vocabulary: Path) -> NDArray[np.int64]:
    """int64[V]: the words' counts; FileFormatError if the vocabulary lacks one of them."""
    counts = read_vocabulary(vocabulary)
    missing = next((word for word in words if word not in counts), None)
    if missing is not None:
        raise FileFormatError(
            f"{vocabulary} does not belong to these vectors: it lacks {missing!r}"
        )
    return np.array([counts[word] for word in words], np.int64)
