"""Vectors of lines: tokens looked up in a snapshot's own index, and their vectors added up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.encode import RECORD_END, TOKEN_BYTE
from w2v_online.kernels.jit import inner, kernel

_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3


class IndexedWords(NamedTuple):
    """Words and their hash table, as :func:`w2v_online.kernels.publication.index_words` makes it.

    Read-only, as snapshots are mapped.
    """

    text: NDArray[np.uint8]  # [n], words with a line feed after each
    starts: NDArray[np.int64]  # [V + 1], where each word begins, and n
    places: NDArray[np.int32]  # [T], T a power of two greater than V; -1 is none


@inner
def _row_of(text, start, end, words):
    """The row of the word ``text[start:end]``, -1 if it has none."""
    hashed = np.uint64(_FNV_OFFSET)
    for i in range(start, end):
        hashed = (hashed ^ np.uint64(text[i])) * np.uint64(_FNV_PRIME)
    mask = np.uint64(len(words.places) - 1)
    place = hashed & mask
    while True:
        row = words.places[place]
        # What is not in bounds is damage that no checksum covers: the word counts as unknown.
        if row < 0 or row >= len(words.starts) - 1:
            return np.int32(-1)
        begin = words.starts[row]
        if words.starts[row + 1] - begin - 1 == end - start and 0 <= begin < len(words.text):
            same = begin + end - start < len(words.text)
            i = 0
            while same and i < end - start:
                same = words.text[begin + i] == text[start + i]
                i += 1
            if same:
                return row
        place = (place + np.uint64(1)) & mask


@kernel
def add_vectors(text, end, classes, lines, words, weights, vectors, sums, tokens):
    """Add the weighted vectors of the tokens in ``text[:end]`` up, line by line.

    Parameters
    ----------
    text : uint8[n + WORD_PADDING]
    end : int, what of it to read
    classes : uint8[256], TOKEN_BYTE, TOKEN_END or RECORD_END for each byte
    lines : int64[r], the line that each record belongs to; records beyond these are left out
    words : IndexedWords
    weights : float32[V]
    vectors : float32[V, D], read-only
    sums : float32[n, D], by line; weight times vector of each known token is added
    tokens : int64[n, 2], by line; how many tokens there are, and how many are known, is added

    """
    position = 0
    record = 0
    while position < end and record < len(lines):
        kind = classes[text[position]]
        if kind == TOKEN_BYTE:
            start = position
            while position < end and classes[text[position]] == TOKEN_BYTE:
                position += 1
            line = lines[record]
            tokens[line, 0] += 1
            row = _row_of(text, start, position, words)
            if row >= 0:
                tokens[line, 1] += 1
                weight = weights[row]
                for j in range(vectors.shape[1]):
                    sums[line, j] += weight * vectors[row, j]
            continue
        record += kind == RECORD_END
        position += 1
