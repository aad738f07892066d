"""Lines to vectors, many at once: the weighted mean of the vectors of a line's known tokens.

Knows arrays and bytes that are split into tokens already, nothing of snapshots or tokenizers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.lines import IndexedWords, add_vectors
from w2v_online.kernels.publication import index_words
from w2v_online.learning.vocabulary import SEPARATED, WHITESPACE, padded_text
from w2v_online.separators import split_tokens


@dataclass(frozen=True)
class EmbeddedLines:
    """What is known of n lines."""

    vectors: NDArray[np.float32]
    """float32[n, D]; zeros for a line without a known token."""
    tokens: NDArray[np.int64]
    """int64[n]: tokens of each line."""
    known_tokens: NDArray[np.int64]
    """int64[n]: those among them that have a vector."""
    inferred_tokens: NDArray[np.int64]
    """int64[n]: those among the others whose vector was inferred."""


def index_of(words: Sequence[str]) -> IndexedWords:
    """An index of words that come without one."""
    # No token has a line feed; what stands in its place is no UTF-8, so no token has it either.
    lines = [word.encode(errors="surrogateescape").replace(b"\n", b"\xff") for word in words]
    text = np.frombuffer(b"".join(line + b"\n" for line in lines), np.uint8)
    starts = np.zeros(len(words) + 1, np.int64)
    places = np.full(1 << (2 * len(words)).bit_length(), -1, np.int32)
    index_words(text, starts, places)
    return IndexedWords(text, starts, places)


def embed(
    tokens: bytes | bytearray,
    separated: bool,
    lines: NDArray[np.int64],
    n_lines: int,
    words: IndexedWords,
    weights: NDArray[np.float32],
    vectors: NDArray[np.float32],
    infer: Callable[[str], NDArray[np.float32]] | None = None,
) -> EmbeddedLines:
    """Vectors of ``n_lines`` lines.

    Parameters
    ----------
    tokens
        Records of tokens, split as a tokenizer does it.
    separated
        Whether tokens lie between ASCII's separators, or else between white space.
    lines
        int64[r]: the line that each record belongs to, from 0 on.
    words, weights, vectors
        The vocabulary, float32[V] and float32[V, D].
    infer
        Gives each token without a vector one, float32[D], or zeros; it weighs most.

    """
    sums = np.zeros((n_lines, vectors.shape[1]), np.float32)

    def add(
        index: IndexedWords, weights: NDArray[np.float32], vectors: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        counted = np.zeros((n_lines, 2), np.int64)
        add_vectors(
            padded_text(tokens),
            len(tokens),
            SEPARATED if separated else WHITESPACE,
            lines,
            IndexedWords(*(_read_only(array) for array in index)),
            _read_only(weights),
            _read_only(vectors),
            sums,
            counted,
        )
        return counted

    counted = add(words, weights, vectors)
    n_tokens, known = counted[:, 0].copy(), counted[:, 1].copy()
    inferred = np.zeros(n_lines, np.int64)
    if infer is not None and int(known.sum()) < int(n_tokens.sum()):
        index, found = _inferred(bytes(tokens), separated, infer)
        if len(found):
            inferred = add(index, np.ones(len(found), np.float32), found)[:, 1].copy()
    sums /= np.maximum(1, known + inferred)[:, None].astype(np.float32)
    return EmbeddedLines(sums, n_tokens, known, inferred)


def _inferred(
    tokens: bytes, separated: bool, infer: Callable[[str], NDArray[np.float32]]
) -> tuple[IndexedWords, NDArray[np.float32]]:
    """The tokens that have no vector and get one, and their vectors."""
    split = split_tokens(tokens, separated=separated)
    found = {}
    for token in dict.fromkeys(token.decode() for token in split):
        vector = infer(token)
        if vector.any():
            found[token] = vector
    return index_of(list(found)), np.array(list(found.values()), np.float32)


def _read_only(array: NDArray) -> NDArray:  # type: ignore[type-arg]
    """One type for the kernel, whether an array is mapped or in memory."""
    view = array.view()
    view.flags.writeable = False
    return view
