"""Tokens of a text looked up in the vocabulary, without counting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.encode import RECORD_END, TOKEN_BYTE, TOKEN_END
from w2v_online.kernels.hashing import hash_token
from w2v_online.kernels.jit import kernel
from w2v_online.kernels.table import find
from w2v_online.simd.memory import address_of


class Tokens(NamedTuple):
    """Tokens of a text, in order, and where its records end."""

    starts: NDArray[np.int64]  # [n], position in the text
    lengths: NDArray[np.int64]  # [n], bytes
    entries: NDArray[np.int64]  # [n], the vocabulary's entry: a row, a candidate or -1
    record_ends: NDArray[np.int64]  # [records], tokens up to the end of each record


@kernel
def look_up(text, end, classes, vocabulary, max_token_bytes, tokens, used):
    """Find the tokens of ``text[:end]``; counts and vocabulary stay as they are.

    Parameters
    ----------
    text : uint8[n + WORD_PADDING]
    end : int, what of it to read
    classes : uint8[256], TOKEN_BYTE, TOKEN_END or RECORD_END for each byte
    vocabulary : VocabularyArrays
    max_token_bytes : int, longer tokens are not known
    tokens : Tokens, written; must have room
    used : int64[2], written: tokens and records

    """
    text_at = address_of(text)
    n_tokens = 0
    n_records = 0
    position = 0
    while position < end:
        kind = classes[text[position]]
        if kind == TOKEN_END:
            position += 1
        elif kind == RECORD_END:
            tokens.record_ends[n_records] = n_tokens
            n_records += 1
            position += 1
        else:
            start = position
            while position < end and classes[text[position]] == TOKEN_BYTE:
                position += 1
            length = position - start
            entry = np.int64(-1)
            if length <= max_token_bytes:
                hashed = hash_token(text_at + start, length, vocabulary.secret)
                entry = find(vocabulary, hashed, text_at + start, length)
            tokens.starts[n_tokens] = start
            tokens.lengths[n_tokens] = length
            tokens.entries[n_tokens] = entry
            n_tokens += 1
    if end > 0 and classes[text[end - 1]] != RECORD_END:
        tokens.record_ends[n_records] = n_tokens
        n_records += 1
    used[0] = n_tokens
    used[1] = n_records
