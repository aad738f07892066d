"""Counts on their way between vocabularies, and the rows of words that others name.

A word goes by its bytes, for rows and hashes differ from process to process; only the hash that
says which shard a word belongs to is the same everywhere. Words come as lines: UTF-8, each followed
by a line feed, which no word contains.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.assignment import admit, new_candidate
from w2v_online.kernels.hashing import hash_token
from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.table import LINE_FEED, N_ROWS, TABLE_BITS, add_sent, find, first_slot
from w2v_online.simd.memory import address_of, prefetch

_SHARD_KEY = (
    np.uint64(0x243F6A8885A308D3),
    np.uint64(0x13198A2E03707344),
    np.uint64(0xA4093822299F31D0),
    np.uint64(0x082EFA98EC4E6C89),
)
"""Digits of pi: the same in every process."""

BLOCK_WORDS = 64
"""Words that are looked for side by side, so that memory is waited for once, not for each."""


class Block(NamedTuple):
    """Working memory for some words."""

    starts: NDArray[np.int64]  # [BLOCK_WORDS], position in the lines
    lengths: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    entries: NDArray[np.int64]  # of the first word in the table with about this hash, or -1


@inner
def _split_block(vocabulary, lines, position, n_words, block):
    """Find and hash the next ``n_words`` lines; return where the line after them begins.

    Asks for the memory that a search for them will need: a stage for all words, then the next.
    """
    lines_at = address_of(lines)
    table_at = address_of(vocabulary.table)
    bits = vocabulary.numbers[TABLE_BITS]
    for i in range(n_words):
        length = 0
        while lines[position + length] != LINE_FEED:
            length += 1
        hashed = hash_token(lines_at + position, length, vocabulary.secret)
        prefetch(table_at + 8 * first_slot(hashed, bits))
        block.starts[i] = position
        block.lengths[i] = length
        block.hashes[i] = hashed
        position += length + 1
    starts_at = address_of(vocabulary.starts)
    counts_at = address_of(vocabulary.counts)
    for i in range(n_words):
        found = vocabulary.table[first_slot(block.hashes[i], bits)]
        entry = np.int64(found & np.uint64(0xFFFFFFFF)) - 1
        block.entries[i] = entry
        if entry >= 0:
            prefetch(starts_at + 8 * entry)
            prefetch(counts_at + 8 * entry)
    arena_at = address_of(vocabulary.arena)
    for i in range(n_words):
        if block.entries[i] >= 0:
            prefetch(arena_at + 8 * vocabulary.starts[block.entries[i]])
    return position


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
def add_counts(vocabulary, lines, increments, max_rows, min_count, block):
    """Add what others counted, as if each word had been seen so often in a row.

    Parameters
    ----------
    vocabulary : VocabularyArrays, updated in place; weights must not decay
    lines : uint8[m + WORD_PADDING], the words
    increments : uint32[n], occurrences of each
    max_rows, min_count : int, as the vocabulary was told
    block : Block, overwritten

    What is added counts as known to others.

    """
    lines_at = address_of(lines)
    position = 0
    for first in range(0, len(increments), BLOCK_WORDS):
        n_words = min(BLOCK_WORDS, len(increments) - first)
        position = _split_block(vocabulary, lines, position, n_words, block)
        for i in range(n_words):
            hashed, address = block.hashes[i], lines_at + block.starts[i]
            entry = find(vocabulary, hashed, address, block.lengths[i])
            if entry < 0:
                entry = new_candidate(vocabulary, hashed, address, block.lengths[i], max_rows)
            increment = np.float64(increments[first + i])
            vocabulary.counts[entry] += increment
            add_sent(vocabulary, entry, increment)
            if (
                entry >= max_rows
                and vocabulary.counts[entry] >= min_count
                and vocabulary.numbers[N_ROWS] < max_rows
            ):
                admit(vocabulary, entry)


@kernel
def rows_of(vocabulary, lines, max_rows, is_entering, rows, block):
    """Find the rows of words.

    Parameters
    ----------
    vocabulary : VocabularyArrays
    lines : uint8[m + WORD_PADDING], the words
    max_rows : int, as the vocabulary was told
    is_entering : bool, whether words without a row get one as long as there are any
    rows : int32[n], written; -1 for a word without a row
    block : Block, overwritten

    """
    lines_at = address_of(lines)
    position = 0
    for first in range(0, len(rows), BLOCK_WORDS):
        n_words = min(BLOCK_WORDS, len(rows) - first)
        position = _split_block(vocabulary, lines, position, n_words, block)
        for i in range(n_words):
            hashed, address = block.hashes[i], lines_at + block.starts[i]
            entry = find(vocabulary, hashed, address, block.lengths[i])
            if is_entering and vocabulary.numbers[N_ROWS] < max_rows:
                if entry < 0:
                    entry = new_candidate(vocabulary, hashed, address, block.lengths[i], max_rows)
                if entry >= max_rows:
                    entry = admit(vocabulary, entry)
            rows[first + i] = np.int32(entry if entry < max_rows else -1)
