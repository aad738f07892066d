"""fastText's binary model, and gensim's FastTextKeyedVectors: words, vectors and n-grams.

Both compose a word's vector as the mean of a row of its own and those of its n-grams. So what is
written for a word is the row that makes this mean its vector.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.analysis.export.selection import BLOCK_ROWS, Reason, Selection
from w2v_online.output import whole_file
from w2v_online.reading.fasttext_format import ARGUMENTS, DICTIONARY, ENTRY, MAGIC, MATRIX, VERSION

CANNOT_HOLD = (Reason.NUL,)
"""NUL ends a word."""

_SKIP_GRAM, _NEGATIVE_SAMPLING = 2, 2


def write(path: Path, selection: Selection) -> list[Path]:
    """Write a model that fastText and gensim's load_facebook_vectors read.

    It has a row for each bucket, used or not: 4 D bytes of each. Without n-grams it has none. Its
    output matrix is zeros, so training cannot go on from it.
    """
    subwords, size = selection.subwords, selection.table.vector_size
    bucket, min_n, max_n = (
        (0, 0, 0) if subwords is None else (subwords.bucket, subwords.min_n, subwords.max_n)
    )
    n_words = len(selection)
    counts = _whole_counts(selection)
    with whole_file(path) as file:
        file.write(struct.pack("<2i", MAGIC, VERSION))
        training = (5, 1, 1, 5, 1, _NEGATIVE_SAMPLING, _SKIP_GRAM)
        file.write(ARGUMENTS.pack(size, *training, bucket, min_n, max_n, 100, 1e-4))
        file.write(DICTIONARY.pack(n_words, n_words, 0, int(counts.sum()), -1))
        for word, count in zip(selection.words, counts.tolist(), strict=True):
            file.write(word.encode(errors="surrogateescape") + b"\0" + ENTRY.pack(count, 0))
        file.write(MATRIX.pack(False, n_words + bucket, size))
        for rows in _own_rows(selection):
            file.write(np.ascontiguousarray(rows, "<f4").data)
        if subwords is not None:
            for rows in subwords.blocks():
                file.write(np.ascontiguousarray(rows, "<f4").data)
        file.write(MATRIX.pack(False, n_words, size))
        zeros = bytes(4 * size * BLOCK_ROWS)
        for first in range(0, n_words, BLOCK_ROWS):
            file.write(zeros[: 4 * size * min(BLOCK_ROWS, n_words - first)])
    return [path]


def write_gensim(path: Path, selection: Selection) -> list[Path]:
    """Save a FastTextKeyedVectors, which gensim itself writes."""
    fasttext_keyed_vectors(selection).save(str(path))
    return [path]


def fasttext_keyed_vectors(selection: Selection) -> Any:
    """A FastTextKeyedVectors of all buckets, 4 D bytes each; ValueError without n-grams."""
    from gensim.models.fasttext import FastTextKeyedVectors

    subwords = selection.subwords
    if subwords is None:
        raise ValueError(f"{selection.table.name} has no n-grams: learn it with --subwords")
    size = selection.table.vector_size
    keyed = FastTextKeyedVectors(size, subwords.min_n, subwords.max_n, subwords.bucket)
    keyed.index_to_key = list(selection.words)
    keyed.key_to_index = {word: row for row, word in enumerate(selection.words)}
    if selection.table.has_counts:
        keyed.expandos["count"] = np.array(selection.counts)
    keyed.vectors_vocab = np.concatenate([*_own_rows(selection), np.zeros((0, size), np.float32)])
    keyed.vectors_ngrams = np.concatenate(list(subwords.blocks()))
    keyed.recalc_char_ngram_buckets()
    keyed.adjust_vectors()
    return keyed


def _own_rows(selection: Selection) -> Iterator[NDArray[np.float32]]:
    """Rows that make the words' vectors the means of these and the n-grams', in blocks."""
    subwords = selection.subwords
    for words, vectors, _ in selection.blocks():
        if subwords is None:
            yield vectors
            continue
        means, sizes = subwords.means_of_words(words)
        yield (vectors * (1 + sizes[:, None]) - means * sizes[:, None]).astype(np.float32)


def _whole_counts(selection: Selection) -> NDArray[np.int64]:
    """Counts as whole numbers of at least 1; in the order of the words where they are unknown."""
    if not selection.table.has_counts:
        return np.arange(len(selection), 0, -1)
    counts: NDArray[np.int64] = np.maximum(1, np.rint(selection.counts)).astype(np.int64)
    return counts
