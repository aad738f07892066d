"""Counts on their way between vocabularies, and the rows of words that others name.

A word goes by its bytes, for rows and hashes differ from process to process; only the hash that
says which shard a word belongs to is the same everywhere. Words come as lines: UTF-8, each followed
by a line feed, which no word contains.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.vocabulary import (
    N_ROWS,
    add_sent,
    admit,
    find,
    hash_token,
    new_candidate,
)
from w2v_online.simd import address_of

_SHARD_KEY = (
    np.uint64(0x243F6A8885A308D3),
    np.uint64(0x13198A2E03707344),
    np.uint64(0xA4093822299F31D0),
    np.uint64(0x082EFA98EC4E6C89),
)
"""Digits of pi: the same in every process."""

_LINE_FEED = np.uint8(10)


@inner
def _line_length(lines, position):
    length = 0
    while lines[position + length] != _LINE_FEED:
        length += 1
    return length


@kernel
def shards_of(vocabulary, entries, n_shards, shards):
    """Write to which of ``n_shards`` shards the words of ``entries`` belong.

    Parameters
    ----------
    vocabulary : VocabularyArrays
    entries : int32[n], rows and candidates
    n_shards : int, at most 65,536
    shards : uint16[n], written; a function of a word's bytes and of ``n_shards`` alone

    """
    arena_at = address_of(vocabulary.arena)
    for i in range(len(entries)):
        start = vocabulary.starts[entries[i]]
        length = np.int64(vocabulary.arena[start] & np.uint64(0xFFFFFFFF))
        hashed = hash_token(arena_at + 8 * (start + 1), length, _SHARD_KEY)
        shards[i] = np.uint16(((hashed >> np.uint64(32)) * np.uint64(n_shards)) >> np.uint64(32))


@kernel
def add_counts(vocabulary, lines, increments, max_rows, min_count):
    """Add what others counted, as if each word had been seen so often in a row.

    Parameters
    ----------
    vocabulary : VocabularyArrays, updated in place; weights must not decay
    lines : uint8[m + WORD_PADDING], the words
    increments : uint32[n], sightings of each
    max_rows, min_count : int, as the vocabulary was told

    What is added counts as known to others.

    """
    lines_at = address_of(lines)
    position = 0
    for i in range(len(increments)):
        length = _line_length(lines, position)
        hashed = hash_token(lines_at + position, length, vocabulary.secret)
        entry = find(vocabulary, hashed, lines_at + position, length)
        if entry < 0:
            entry = new_candidate(vocabulary, hashed, lines_at + position, length, max_rows)
        vocabulary.counts[entry] += np.float64(increments[i])
        add_sent(vocabulary, entry, np.float64(increments[i]))
        if (
            entry >= max_rows
            and vocabulary.counts[entry] >= min_count
            and vocabulary.numbers[N_ROWS] < max_rows
        ):
            admit(vocabulary, entry)
        position += length + 1


@kernel
def rows_of(vocabulary, lines, max_rows, is_entering, rows):
    """Find the rows of words.

    Parameters
    ----------
    vocabulary : VocabularyArrays
    lines : uint8[m + WORD_PADDING], the words
    max_rows : int, as the vocabulary was told
    is_entering : bool, whether words without a row get one as long as there are any
    rows : int32[n], written; -1 for a word without a row

    """
    lines_at = address_of(lines)
    position = 0
    for i in range(len(rows)):
        length = _line_length(lines, position)
        hashed = hash_token(lines_at + position, length, vocabulary.secret)
        entry = find(vocabulary, hashed, lines_at + position, length)
        if is_entering and vocabulary.numbers[N_ROWS] < max_rows:
            if entry < 0:
                entry = new_candidate(vocabulary, hashed, lines_at + position, length, max_rows)
            if entry >= max_rows:
                entry = admit(vocabulary, entry)
        rows[i] = np.int32(entry if entry < max_rows else -1)
        position += length + 1
